import { Button } from "@mantine/core";
import { IconArrowRight } from "@tabler/icons-react";
import { Link } from "wouter";
import { useText } from "../../i18n/index.ts";
import { useSession } from "../../session/session.ts";
import { Loading } from "../../ui/LoadMore.tsx";
import { Note } from "../../ui/Note.tsx";
import { PageHeader } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { ReadyLinks } from "./ReadyLinks.tsx";
import { nextStep, useProgress } from "./setUp.ts";

/** The owner's first page: what is still missing before a customer can call, and the ways onward. */
export default function HomePage() {
  const t = useText();
  const session = useSession();
  const { data, error, refetch } = useProgress();
  const name = session.status === "signedIn" ? (session.user.displayName ?? "") : "";
  const missing = data && nextStep(data);
  return (
    <>
      <PageHeader title={t("home.title", { name })} subtitle={data?.tenant.displayName} />
      {error && <ProblemNote problem={error} onRetry={() => void refetch()} />}
      {!data && !error && <Loading />}
      {missing && missing !== "invite" && (
        <div style={{ marginBottom: 18 }}>
          <Note tone="info" title={t("home.unfinished.title")} testId="home-unfinished">
            {t("home.unfinished.body", { step: t(`setUp.step.${missing}`) })}
            <div style={{ marginTop: 10 }}>
              <Button
                component={Link}
                href="/set-up"
                size="sm"
                rightSection={<IconArrowRight size={16} aria-hidden className="m-flip" />}
                data-testid="home-continue"
              >
                {t("home.unfinished.action")}
              </Button>
            </div>
          </Note>
        </div>
      )}
      {data && (!missing || missing === "invite") && <ReadyLinks progress={data} />}
    </>
  );
}
