import { Button, Group } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import type { Definition, Flow } from "../../../api/types.ts";
import { durationSeconds, formatClock } from "../../../format/durations.ts";
import { type MessageKey, useLanguage, useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { TextField } from "../../../ui/fields.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Note, type Tone } from "../../../ui/Note.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { stepName } from "../steps.ts";
import { useFlows, usePrompts, useReleases } from "../useFlow.ts";
import { Inputs } from "./Inputs.tsx";
import { Pretended } from "./Pretended.tsx";
import classes from "./simulator.module.css";
import { Transcript } from "./Transcript.tsx";
import type { useSimulation } from "./useSimulation.ts";

const ENDS: Record<string, { tone: Tone; text: MessageKey }> = {
  flow_ended: { tone: "good", text: "simulator.flowEnded" },
  flow_failed: { tone: "bad", text: "simulator.flowFailed" },
  answered: { tone: "good", text: "simulator.agentAnswered" },
  hung_up: { tone: "neutral", text: "simulator.callerHungUp" },
  too_many_steps: { tone: "bad", text: "simulator.tooManySteps" },
};

interface Props {
  flow: Flow;
  draft: Definition;
  run: ReturnType<typeof useSimulation>;
  onClose: () => void;
}

/** A pretended call: what it heard, where it stands, and what may happen next. */
export function Simulator({ flow, draft, run, onClose }: Props) {
  const t = useText();
  const language = useLanguage();
  const flowId = flow.flowId ?? "";
  const releases = useReleases(flowId).data ?? [];
  const prompts = usePrompts().data ?? [];
  const flows = useFlows().data ?? [];
  const steps = draft.steps ?? [];
  const [keeping, setKeeping] = useState(false);
  const { simulation, trial } = run;
  const end = ENDS[simulation?.end ?? ""];
  const elapsed = durationSeconds(simulation?.elapsed);
  const waiting = simulation?.waiting;
  const mismatch = simulation?.mismatch;
  const log = useRef<HTMLDivElement>(null);
  const count = simulation?.visits?.length ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was heard last is what is read
  useEffect(() => {
    // Newer browsers answer with a promise, which is no clean-up.
    log.current?.scrollTo({ top: log.current.scrollHeight });
  }, [count, trial.inputs.length]);
  // What was pressed is gone with the step it belonged to: whoever uses the keyboard goes on where the call stands.
  const stand = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for everything that happens
  useEffect(() => {
    if (trial.inputs.length > 0 && document.activeElement === document.body) stand.current?.focus();
  }, [simulation]);
  return (
    <div className={classes.simulator}>
      <Pretended
        scenario={trial.scenario}
        onScenario={run.setScenario}
        releases={releases}
        releaseNumber={run.releaseNumber}
        onRelease={run.setReleaseNumber}
      />
      <ProblemNote problem={run.error} title={t("simulator.failed")} onRetry={run.retry} />
      {!simulation && !run.error && <Loading />}
      {simulation && (
        <>
          <section
            className={classes.log}
            ref={log}
            aria-label={t("simulator.transcript")}
            // biome-ignore lint/a11y/noNoninteractiveTabindex: a long transcript scrolls and must be reachable by keyboard
            tabIndex={0}
          >
            {count === 0 && <p className={classes.lead}>{t("simulator.nothing")}</p>}
            <Transcript
              simulation={simulation}
              inputs={trial.inputs}
              steps={steps}
              prompts={prompts}
              flows={flows}
            />
          </section>
          {elapsed > 0 && (
            <p className={classes.lead}>{t("simulator.elapsed", { time: formatClock(elapsed, language) })}</p>
          )}
          <div className={classes.stand} ref={stand} tabIndex={-1}>
            {mismatch && (
              <Note tone="warn" title={t("simulator.mismatch")} live testId="simulator-mismatch">
                <bdi>{mismatch.message}</bdi>
                <div style={{ marginBlockStart: 8 }}>
                  <Button size="xs" variant="default" onClick={() => run.keepUntil(mismatch.index ?? 0)}>
                    {t("simulator.dropRest")}
                  </Button>
                </div>
              </Note>
            )}
            {end && (
              <Note tone={end.tone} live testId="simulator-end">
                {t(end.text)}
              </Note>
            )}
            {waiting && !mismatch && (
              <>
                <p className={classes.waits} aria-live="polite" data-testid="simulator-waiting">
                  {t("simulator.waits", { step: stepName(steps, waiting.stepId) })}
                </p>
                <Inputs key={`${waiting.stepId}${trial.inputs.length}`} waiting={waiting} onGive={run.give} />
              </>
            )}
          </div>
        </>
      )}
      <Group gap={6}>
        <Button
          size="xs"
          variant="default"
          disabled={trial.inputs.length === 0}
          onClick={run.back}
          data-testid="simulator-back"
        >
          {t("simulator.back")}
        </Button>
        <Button
          size="xs"
          variant="default"
          disabled={trial.inputs.length === 0}
          onClick={run.restart}
          data-testid="simulator-restart"
        >
          {t("simulator.restart")}
        </Button>
        <Button
          size="xs"
          disabled={!simulation || Boolean(mismatch) || run.releaseNumber > 0}
          onClick={() => setKeeping(true)}
          data-testid="simulator-keep"
        >
          {t("simulator.keep")}
        </Button>
        <Button size="xs" variant="subtle" color="gray" onClick={onClose} data-testid="simulator-close">
          {t("common.close")}
        </Button>
      </Group>
      {keeping && simulation && (
        <KeepAsTest
          test={{ flowId, scenario: trial.scenario, inputs: [...trial.inputs], ...expected(simulation) }}
          onClose={() => setKeeping(false)}
        />
      )}
    </div>
  );
}

/** Not only where it ends and by which way: what it set is expected as well. */
function expected({ expectation }: NonNullable<Props["run"]["simulation"]>) {
  return expectation ? { expectation } : {};
}

function KeepAsTest(props: { test: object; onClose: () => void }) {
  const t = useText();
  const refresh = useRefresh("flowTests");
  const [requestId, setRequestId] = useState(newRequestId);
  const [displayName, setDisplayName] = useState("");
  const save = async () => {
    const flowId = (props.test as { flowId: string }).flowId;
    await ask(
      api.POST("/v1/flows/{test.flowId}/tests", {
        params: { path: { "test.flowId": flowId } },
        body: { requestId, test: { ...props.test, displayName } },
      }),
    );
    toast(t("flowTests.kept"));
    await refresh();
  };
  return (
    <FormModal title={t("simulator.keep")} onClose={props.onClose} onSave={save} testId="keep-test">
      <p className={classes.lead}>{t("flowTests.keepBody")}</p>
      <TextField
        label={t("common.name")}
        required
        data-autofocus
        maxLength={120}
        value={displayName}
        onChange={(event) => {
          setDisplayName(event.currentTarget.value);
          setRequestId(newRequestId());
        }}
        data-testid="keep-test-name"
      />
    </FormModal>
  );
}
