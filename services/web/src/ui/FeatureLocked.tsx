import { Anchor } from "@mantine/core";
import { Link } from "wouter";
import { lowestWith, planName, usePlans } from "../api/plan.ts";
import { textOr, useText } from "../i18n/index.ts";
import { mayEnter } from "../session/roles.ts";
import { useSession } from "../session/session.ts";
import { Note, type Tone } from "./Note.tsx";

/** A feature the plan lacks: which plan has it, and the way there for whoever may change the plan. */
export function FeatureLocked(props: { feature: string; tone?: Tone; title?: string; testId?: string }) {
  const t = useText();
  const session = useSession();
  const plan = lowestWith(usePlans().data?.plans ?? [], props.feature);
  const owner = session.status === "signedIn" && mayEnter(session.user.role, "billing");
  const feature = textOr("feature", props.feature);
  return (
    <Note
      tone={props.tone ?? "info"}
      title={props.title ?? feature}
      testId={props.testId ?? `locked-${props.feature}`}
      live={props.tone === "bad"}
    >
      <span>{t("problem.FEATURE_NOT_IN_PLAN", { feature, plan: planName(plan) })}</span>{" "}
      {owner ? (
        <Anchor
          component={Link}
          href="/admin/billing#plans"
          underline="always"
          inherit
          data-testid="to-plans"
        >
          {t("plan.seePlans")}
        </Anchor>
      ) : (
        <span>{t("plan.askOwner")}</span>
      )}
    </Note>
  );
}
