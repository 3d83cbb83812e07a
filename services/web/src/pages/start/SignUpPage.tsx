import { Anchor, Button } from "@mantine/core";
import { useState } from "react";
import { Link, Redirect } from "wouter";
import { usePlans } from "../../api/plan.ts";
import type { Plan } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { useSession } from "../../session/session.ts";
import { Loading } from "../../ui/LoadMore.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { AccountForm } from "./AccountForm.tsx";
import { PlanCards } from "./PlanCards.tsx";
import { Lead, StartFrame } from "./StartFrame.tsx";

/** Plans first, then the account. Prices and limits are the catalogue's, never this page's. */
export default function SignUpPage() {
  const t = useText();
  const session = useSession();
  const [plan, setPlan] = useState<Plan>();
  const [signingUp, setSigningUp] = useState(false);
  const plans = usePlans();
  if (session.status === "signedIn" && !signingUp) return <Redirect to="/" replace />;
  const signIn = (
    <Anchor component={Link} href="/sign-in" size="sm" data-testid="to-sign-in">
      {t("start.haveAccount")}
    </Anchor>
  );
  if (plan) {
    return (
      <StartFrame width="medium" actions={signIn}>
        <AccountForm plan={plan} onBack={() => setPlan(undefined)} onSending={setSigningUp} />
      </StartFrame>
    );
  }
  return (
    <StartFrame actions={signIn}>
      <Lead title={t("start.plans.title")}>{t("start.plans.lead")}</Lead>
      {plans.isPending && <Loading />}
      <ProblemNote problem={plans.error} onRetry={() => void plans.refetch()} />
      <PlanCards
        plans={plans.data?.plans ?? []}
        action={(each) => (
          <Button fullWidth onClick={() => setPlan(each)} data-testid={`signup-plan-${each.planId}`}>
            {t("start.plans.choose")}
          </Button>
        )}
      />
    </StartFrame>
  );
}
