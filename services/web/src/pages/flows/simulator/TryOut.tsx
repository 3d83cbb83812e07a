import { Button } from "@mantine/core";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import type { Definition, Flow, FlowTest } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { Panel } from "../../../ui/Page.tsx";
import { FlowTests } from "./FlowTests.tsx";
import { Simulator } from "./Simulator.tsx";
import classes from "./simulator.module.css";
import { useSimulation } from "./useSimulation.ts";

interface Props {
  flow: Flow;
  draft: Definition;
  /** Why the flow was not published: failed tests are then run and shown. */
  failure: unknown;
  /** Tells which step of the flow the pretended call has come to; empty for none. */
  onCurrent: (stepId: string) => void;
}

/** Runs the draft without a call, and keeps runs as tests. */
export function TryOut({ flow, draft, failure, onCurrent }: Props) {
  const t = useText();
  const [open, setOpen] = useState(false);
  const [loads, setLoads] = useState(0);
  const run = useSimulation(flow.flowId ?? "", draft, open);
  const last = run.simulation?.visits?.at(-1);
  const current = open && last && !last.flowId && !run.releaseNumber ? (last.stepId ?? "") : "";
  useEffect(() => {
    onCurrent(current);
    // Beside the steps it is followed; below them it would run away from whoever presses.
    if (current && matchMedia("(min-width: 1001px)").matches) {
      document.getElementById(`step-${current}`)?.scrollIntoView({ block: "nearest" });
    }
  }, [current, onCurrent]);
  const load = (test: FlowTest) => {
    run.load({ scenario: test.scenario ?? {}, inputs: test.inputs ?? [] });
    setLoads(loads + 1);
    setOpen(true);
  };
  return (
    <>
      <Panel label={t("simulator.title")} testId="simulator">
        <h2 className={classes.title}>{t("simulator.title")}</h2>
        {open ? (
          <Simulator key={loads} flow={flow} draft={draft} run={run} onClose={() => setOpen(false)} />
        ) : (
          <>
            <p className={classes.lead}>{t("simulator.lead")}</p>
            <Button
              variant="default"
              leftSection={<IconPlayerPlay size={17} aria-hidden />}
              onClick={() => setOpen(true)}
              data-testid="simulator-open"
            >
              {t("simulator.start")}
            </Button>
          </>
        )}
      </Panel>
      <FlowTests flow={flow} draft={draft} failure={failure} onOpen={load} />
    </>
  );
}
