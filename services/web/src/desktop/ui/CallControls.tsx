import { Button, Popover } from "@mantine/core";
import {
  IconDialpad,
  IconMicrophone,
  IconMicrophoneOff,
  IconPhoneOff,
  IconPlayerPause,
  IconPlayerPlay,
} from "@tabler/icons-react";
import { useText } from "../../i18n/index.ts";
import { useMe } from "../../session/session.ts";
import { useSocketStatus } from "../../socket/live.ts";
import { useStore } from "../../store.ts";
import uiClasses from "../../ui/ui.module.css";
import { hangUp, hold, leg, resume, sendDigits, setMuted, useDesktop } from "../desktop.ts";
import { isMuted, phaseOf } from "../state.ts";
import classes from "./dock.module.css";
import { Keypad } from "./Keypad.tsx";
import { SHORTCUTS } from "./shortcuts.ts";

/** Mute, hold, keypad, hang up. */
export function CallControls() {
  const t = useText();
  const state = useDesktop();
  const muted = isMuted(state, useMe());
  const phase = phaseOf(state);
  const held = phase === "held";
  const deaf = useSocketStatus() !== "open"; // nobody would hear of what is pressed
  const waiting = phase === "connecting" || deaf;
  return (
    <>
      <HearingLevel />
      <Button
        variant={muted ? "filled" : "default"}
        disabled={waiting}
        aria-pressed={muted}
        leftSection={
          muted ? <IconMicrophoneOff size={18} aria-hidden /> : <IconMicrophone size={18} aria-hidden />
        }
        onClick={() => void setMuted(!muted)}
        data-testid="call-mute"
      >
        {t("desktop.mute")}
        <Key name={SHORTCUTS.mute} />
      </Button>
      <Button
        variant={held ? "filled" : "default"}
        disabled={waiting}
        leftSection={
          held ? <IconPlayerPlay size={18} aria-hidden /> : <IconPlayerPause size={18} aria-hidden />
        }
        onClick={() => void (held ? resume() : hold())}
        data-testid={held ? "call-resume" : "call-hold"}
      >
        {held ? t("desktop.resume") : t("desktop.hold")}
        <Key name={SHORTCUTS.hold} />
      </Button>
      <Popover position="top" withArrow trapFocus>
        <Popover.Target>
          <Button
            variant="default"
            disabled={waiting}
            leftSection={<IconDialpad size={18} aria-hidden />}
            data-testid="call-keypad"
          >
            {t("desktop.keypad")}
          </Button>
        </Popover.Target>
        <Popover.Dropdown>
          <Keypad onKey={(digit) => void sendDigits(digit)} />
        </Popover.Dropdown>
      </Popover>
      <Button
        color="#b42318"
        disabled={deaf}
        leftSection={<IconPhoneOff size={18} aria-hidden />}
        onClick={() => void hangUp()}
        data-testid="call-hangup"
      >
        {t("desktop.hangUp")}
        <Key name={SHORTCUTS.end} />
      </Button>
    </>
  );
}

function Key({ name }: { name: string }) {
  return <kbd className={`${uiClasses.kbd} ${classes.shortcut}`}>{name}</kbd>;
}

/** What comes in from the customer, so that silence can be told from a dead line. */
function HearingLevel() {
  const t = useText();
  const { hearing, figures } = useStore(leg.state);
  if (!figures) return null;
  const share = Math.min(1, Math.sqrt(hearing) * 1.4);
  return (
    <div className={uiClasses.level} role="img" aria-label={t("desktop.level")} data-testid="call-level">
      <div className={uiClasses.levelBar} style={{ inlineSize: `${Math.round(share * 100)}%` }} />
    </div>
  );
}
