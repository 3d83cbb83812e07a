import { Button } from "@mantine/core";
import { useText } from "../../i18n/index.ts";
import { useStore } from "../../store.ts";
import { Note } from "../../ui/Note.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { commandProblem, leg, moveSoundHere, takeStation, useDesktop, useOwnership } from "../desktop.ts";
import { stationWanted } from "../stationMemory.ts";
import classes from "./dock.module.css";

/** What stands between the agent and being heard, above the dock's row, each with its way out. */
export function DockNotes() {
  const t = useText();
  const problem = useStore(commandProblem);
  const state = useStore(leg.state);
  const ownership = useOwnership();
  const { agent } = useDesktop();
  const onDuty = agent?.state !== undefined && agent.state !== "AGENT_STATE_OFFLINE";
  const notes = [
    problem && (
      <ProblemNote
        key="command"
        problem={problem}
        onClose={() => commandProblem.set(undefined)}
        testId="command-problem"
      />
    ),
    state.stalled && (
      <Note key="stall" tone="bad" live testId="call-stalled">
        {t("desktop.stalled")}
      </Note>
    ),
    state.microphone && (
      <Note
        key="mic"
        tone="bad"
        live
        title={t(`mic.${state.microphone}.title`)}
        testId={`mic-${state.microphone}`}
      >
        {t(`mic.${state.microphone}.body`)} <Again onClick={() => takeStation()} label={t("common.retry")} />
      </Note>
    ),
    state.status === "failed" && state.problem && (
      <ProblemNote
        key="leg"
        title={t("desktop.legFailed")}
        problem={state.problem}
        onRetry={() => takeStation()}
      />
    ),
    state.status === "lost" && (
      <Note key="lost" tone="warn" live testId="station-lost">
        {t("desktop.legLost")}
      </Note>
    ),
    state.status === "heldElsewhere" && (
      <Note key="elsewhere" tone="warn" live testId="station-elsewhere">
        {t("desktop.elsewhere")} <Again onClick={() => takeStation(true)} label={t("desktop.moveHere")} />
      </Note>
    ),
    onDuty && stationWanted() && ownership !== "owner" && (
      <Note key="tab" tone="info" testId="sound-in-other-tab">
        {t("desktop.otherTab")}{" "}
        <Again onClick={moveSoundHere} label={t("desktop.moveHere")} testId="sound-take" />
      </Note>
    ),
  ].filter(Boolean);
  return notes.length > 0 ? <div className={classes.strip}>{notes}</div> : null;
}

function Again({ onClick, label, testId }: { onClick: () => void; label: string; testId?: string }) {
  return (
    <Button size="compact-sm" variant="default" onClick={onClick} ml={6} data-testid={testId}>
      {label}
    </Button>
  );
}
