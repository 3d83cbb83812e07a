import { Button } from "@mantine/core";
import { language, type MessageKey, type Text, useText } from "../../i18n/index.ts";
import { myId } from "../../session/session.ts";
import { useAway } from "../../socket/live.ts";
import { useStore } from "../../store.ts";
import { Note } from "../../ui/Note.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import {
  commandProblem,
  leg,
  moveSoundHere,
  retrySound,
  takeStation,
  useDesktop,
  useOwnership,
  waitingForSound,
} from "../desktop.ts";
import { useQuality } from "../quality.ts";
import { type LegQuality, phaseOf } from "../state.ts";
import { stationWanted } from "../stationMemory.ts";
import classes from "./dock.module.css";

/** What stands between the agent and being heard, above the dock's row, each with its way out. */
export function DockNotes() {
  const t = useText();
  const problem = useStore(commandProblem);
  const state = useStore(leg.state);
  const ownership = useOwnership();
  const desktop = useDesktop();
  const { agent } = desktop;
  const away = useAway() && ["connecting", "talking", "held"].includes(phaseOf(desktop));
  const waiting = useStore(waitingForSound);
  const [mine, customer] = [useQuality(myId()), useQuality()];
  const onCall = ["talking", "held"].includes(phaseOf(desktop));
  const wanted = stationWanted();
  const elsewhere = state.status === "heldElsewhere";
  const onDuty = agent?.state !== undefined && agent.state !== "AGENT_STATE_OFFLINE";
  const notes = [
    away && (
      <Note key="away" tone="warn" live testId="call-away">
        {t("desktop.away")}
      </Note>
    ),
    problem?.reason === "UNCONFIRMED" ? (
      <Note key="late" tone="warn" live testId="command-unconfirmed">
        {t("desktop.unconfirmed")}
      </Note>
    ) : (
      problem && (
        <ProblemNote
          key="command"
          problem={problem}
          onClose={() => commandProblem.set(undefined)}
          testId="command-problem"
        />
      )
    ),
    waiting && (
      <Note key="waiting" tone="info" live testId="sound-waiting">
        {t("desktop.waitingForSound")}
      </Note>
    ),
    state.stalled && (
      <Note key="stall" tone="bad" live testId="call-stalled">
        {t("desktop.stalled")}
      </Note>
    ),
    state.relayRefused !== undefined && (
      <Note key="relay" tone="bad" live testId="relay-refused">
        {t("desktop.relayRefused", { code: state.relayRefused })}{" "}
        <Again onClick={retrySound} label={t("common.retry")} testId="relay-retry" />
      </Note>
    ),
    onCall && customer?.stalled && (
      <Note key="customer" tone="warn" live testId="customer-stalled">
        {t("desktop.customerStalled")}
      </Note>
    ),
    onCall && poor(t, "desktop.poor.mine", mine, "line-poor"),
    onCall && !customer?.stalled && poor(t, "desktop.poor.customer", customer, "customer-line-poor"),
    state.microphone && (
      <Note
        key="mic"
        tone="bad"
        live
        title={t(`mic.${state.microphone}.title`)}
        testId={`mic-${state.microphone}`}
      >
        {t(`mic.${state.microphone}.body`)}{" "}
        <Again onClick={retrySound} label={t("common.retry")} testId="mic-retry" />
      </Note>
    ),
    state.status === "failed" && state.problem && (
      <ProblemNote key="leg" title={t("desktop.legFailed")} problem={state.problem} onRetry={retrySound} />
    ),
    state.status === "lost" && (
      <Note key="lost" tone="warn" live testId="station-lost">
        {t("desktop.legLost")}
      </Note>
    ),
    onDuty && (elsewhere || !wanted) && (
      <Note key="elsewhere" tone="warn" live testId="station-elsewhere">
        {t("desktop.elsewhere")}{" "}
        <Again onClick={() => takeStation(true)} label={t("desktop.moveHere")} testId="station-take" />
      </Note>
    ),
    onDuty && wanted && !elsewhere && ownership !== "owner" && (
      <Note key="tab" tone="info" testId="sound-in-other-tab">
        {t("desktop.otherTab")}{" "}
        <Again onClick={moveSoundHere} label={t("desktop.moveHere")} testId="sound-take" />
      </Note>
    ),
  ].filter(Boolean);
  return notes.length > 0 ? <div className={classes.strip}>{notes}</div> : null;
}

/** What is wrong with a party's line, in words. */
function poor(t: Text, text: MessageKey, leg: LegQuality | undefined, testId: string) {
  if (!leg?.warnings?.length) return null;
  const words = leg.warnings.map((warning) => t(`desktop.poor.${warning}` as MessageKey));
  return (
    <Note key={testId} tone="warn" live testId={testId}>
      {t(text, { what: new Intl.ListFormat(language()).format(words) })}
    </Note>
  );
}

function Again({ onClick, label, testId }: { onClick: () => void; label: string; testId?: string }) {
  return (
    <Button size="compact-sm" variant="default" onClick={onClick} ml={6} data-testid={testId}>
      {label}
    </Button>
  );
}
