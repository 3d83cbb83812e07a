import { Button } from "@mantine/core";
import { IconEar, IconMessageCircle, IconPhoneCall, IconUsersGroup } from "@tabler/icons-react";
import { useEffect } from "react";
import { useColleagues } from "../../api/names.ts";
import { useText } from "../../i18n/index.ts";
import { useSocketStatus } from "../../socket/live.ts";
import { useStore } from "../../store.ts";
import { announce } from "../../ui/announce.tsx";
import { connectSound } from "../calls.ts";
import { leg } from "../desktop.ts";
import {
  MODES,
  type Mode,
  type Supervision,
  stopSupervising,
  supervise,
  supervision,
  takeOver,
  wanted,
} from "../supervision.ts";
import { Key } from "./CallControls.tsx";
import classes from "./parties.module.css";
import { MODE_KEYS, SUPERVISOR_KEYS } from "./shortcuts.ts";

const ICONS = {
  SUPERVISION_MODE_LISTEN: IconEar,
  SUPERVISION_MODE_WHISPER: IconMessageCircle,
  SUPERVISION_MODE_BARGE: IconUsersGroup,
} as const;

/** The call a supervisor takes part in: with whom, who hears them, and one key for each way of it. */
export default function SupervisionBar() {
  const now = useStore(supervision);
  const wish = useStore(wanted);
  if (wish) return <SoundMissing wish={wish} />;
  return now ? <Watching now={now} /> : null;
}

function Watching({ now }: { now: Supervision }) {
  const t = useText();
  const deaf = useSocketStatus() !== "open";
  const name = useAgentName(now.agentId);
  const hint = t(`calls.whoHears.${now.mode}`, { name });
  useEffect(() => announce(hint), [hint]);
  return (
    <section
      className={classes.watch}
      aria-label={t("calls.supervision")}
      data-testid="supervision"
      data-mode={now.mode}
    >
      <div className={classes.watching}>
        <strong>{t(`calls.with.${now.mode}`, { name })}</strong>
        <span className={classes.hint}>{hint}</span>
      </div>
      <div className={classes.modes} role="group" aria-label={t("calls.mode")}>
        {MODES.map((mode, at) => (
          <ModeButton key={mode} mode={mode} at={at} now={now} disabled={deaf} />
        ))}
      </div>
      <Button
        size="sm"
        variant="default"
        disabled={deaf}
        leftSection={<IconPhoneCall size={16} aria-hidden />}
        onClick={() => void takeOver(now.callId, now.agentId)}
        data-testid="supervision-take-over"
      >
        {t("calls.takeOver")}
        <Key name={SUPERVISOR_KEYS.takeOver} />
      </Button>
      <Button
        size="sm"
        color="#b42318"
        disabled={deaf}
        onClick={() => void stopSupervising()}
        data-testid="supervision-stop"
      >
        {t("calls.stop")}
        <Key name={SUPERVISOR_KEYS.stop} />
      </Button>
    </section>
  );
}

interface ModeProps {
  mode: Mode;
  at: number;
  now: Supervision;
  disabled: boolean;
}

function ModeButton({ mode, at, now, disabled }: ModeProps) {
  const t = useText();
  const Sign = ICONS[mode];
  const chosen = now.mode === mode;
  return (
    <Button
      size="sm"
      variant={chosen ? "filled" : "default"}
      aria-pressed={chosen}
      disabled={disabled}
      leftSection={<Sign size={16} aria-hidden />}
      onClick={() => void supervise({ ...now, mode })}
      data-testid={`supervision-${mode}`}
    >
      {t(`calls.mode.${mode}`)}
      <Key name={MODE_KEYS[at] ?? ""} />
    </Button>
  );
}

/** Nobody listens without a softphone of their own. */
function SoundMissing({ wish }: { wish: Supervision }) {
  const t = useText();
  const { status } = useStore(leg.state);
  const busy = status === "attaching";
  const name = useAgentName(wish.agentId);
  return (
    <section className={classes.watch} aria-label={t("calls.supervision")} data-testid="supervision-sound">
      <div className={classes.watching} role="status">
        <strong>{t("calls.soundFirst")}</strong>
        <span className={classes.hint}>{t("calls.soundFirstBody", { name })}</span>
      </div>
      <Button size="sm" loading={busy} onClick={connectSound} data-testid="supervision-connect">
        {t("calls.connect")}
      </Button>
      <Button size="sm" variant="default" onClick={() => wanted.set(undefined)}>
        {t("common.cancel")}
      </Button>
    </section>
  );
}

function useAgentName(agentId: string): string {
  const t = useText();
  const found = useColleagues().data?.find((each) => each.agentId === agentId)?.displayName;
  return found ?? t("role.ROLE_AGENT");
}
