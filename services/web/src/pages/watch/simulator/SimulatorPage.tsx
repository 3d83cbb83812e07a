import { Button, Loader } from "@mantine/core";
import { IconFlask, IconPlayerPlay } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useQueues } from "../../../api/names.ts";
import { t as text, useText } from "../../../i18n/index.ts";
import { useSession } from "../../../session/session.ts";
import { useStore } from "../../../store.ts";
import { announce } from "../../../ui/announce.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { Form } from "../../../ui/Form.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Note } from "../../../ui/Note.tsx";
import { PageHeader, Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { Elapsed } from "../../../ui/Time.tsx";
import { DayFields } from "./DayFields.tsx";
import { OutcomePanel } from "./OutcomePanel.tsx";
import { hoursOf, requestOf } from "./plan.ts";
import { belongsTo, cancel, play, sheet } from "./running.ts";
import { ProblemContext } from "./saying.ts";
import classes from "./simulator.module.css";
import { Variants } from "./VariantFields.tsx";

/** A day played under other rules before anybody works by them. */
export default function SimulatorPage() {
  const t = useText();
  const session = useSession();
  const userId = session.status === "signedIn" ? (session.user.userId ?? "") : "";
  useEffect(() => belongsTo(userId), [userId]);
  const { plan, since, outcome, stale, problem, userId: owner } = useStore(sheet);
  const queues = useQueues();
  const client = useQueryClient();
  const run = async () => {
    if (plan.kind === "synthetic" && hoursOf(plan).length === 0) return;
    announce(text("simulator.running"));
    if (await play(requestOf(plan, client.getQueryData(["queues"]) ?? []))) announce(text("simulator.done"));
    document.getElementById("simulator-outcome")?.scrollIntoView({ block: "start" });
  };
  return (
    <>
      <PageHeader title={t("nav.simulator")} subtitle={t("simulator.pageLead")} />
      {queues.error && <ProblemNote problem={queues.error} onRetry={() => void queues.refetch()} />}
      {queues.isPending && <Loading />}
      {queues.data && queues.data.length === 0 && (
        <EmptyState icon={IconFlask} title={t("simulator.noQueue")}>
          {t("simulator.noQueueBody")}
        </EmptyState>
      )}
      {queues.data && queues.data.length > 0 && owner === userId && (
        <ProblemContext value={problem}>
          <Form onSubmit={() => void run()} className={classes.page}>
            <DayFields plan={plan} queues={queues.data} />
            <Variants plan={plan} queues={queues.data} />
            <div className={classes.run}>
              <Button
                type="submit"
                disabled={since !== undefined}
                leftSection={<IconPlayerPlay size={17} aria-hidden />}
                data-testid="simulator-run"
              >
                {t("simulator.run")}
              </Button>
              {since !== undefined && <Running since={since} />}
            </div>
          </Form>
          <div id="simulator-outcome" className={classes.outcome}>
            <ProblemNote problem={problem} title={t("simulator.runFailed")} />
            {outcome ? (
              <>
                {stale && <Note tone="info">{t("simulator.stale")}</Note>}
                <OutcomePanel outcome={outcome} />
              </>
            ) : (
              <Panel>
                <EmptyState icon={IconFlask} title={t("simulator.empty")}>
                  {t("simulator.emptyBody")}
                </EmptyState>
              </Panel>
            )}
          </div>
        </ProblemContext>
      )}
    </>
  );
}

function Running({ since }: { since: number }) {
  const t = useText();
  return (
    <>
      <span className={classes.running} data-testid="simulator-running">
        <Loader size="xs" aria-hidden /> {t("simulator.running")}{" "}
        <Elapsed since={new Date(since).toISOString()} />
      </span>
      <Button variant="default" onClick={cancel} data-testid="simulator-cancel">
        {t("common.cancel")}
      </Button>
    </>
  );
}
