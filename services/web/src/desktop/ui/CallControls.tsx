import { ActionIcon, Button, Menu, Popover } from "@mantine/core";
import {
  IconArrowForwardUp,
  IconDialpad,
  IconDotsVertical,
  IconMicrophone,
  IconMicrophoneOff,
  IconParking,
  IconPhoneOff,
  IconPlayerPause,
  IconPlayerPlay,
} from "@tabler/icons-react";
import { useText } from "../../i18n/index.ts";
import { useMe } from "../../session/session.ts";
import { useSocketStatus } from "../../socket/live.ts";
import { useStore } from "../../store.ts";
import uiClasses from "../../ui/ui.module.css";
import { end, handingOn, hangUp, hold, park, resume, sendDigits, setMuted } from "../calls.ts";
import { leg, useDesktop } from "../desktop.ts";
import { consultOf, customerOf, legOf, takesKeys, wayOut } from "../parties.ts";
import { isMuted, type Phase } from "../state.ts";
import classes from "./dock.module.css";
import { Keypad } from "./Keypad.tsx";
import { SHORTCUTS } from "./shortcuts.ts";

const END_TEXT = {
  hangUp: "desktop.hangUp",
  leave: "desktop.leave",
  cancelConsult: "desktop.cancelConsult",
} as const;

/** Mute, hold, keypad, handing on, and the way out. What concerns a question to somebody else stands above them. */
export function CallControls({ phase }: { phase: Phase }) {
  const t = useText();
  const state = useDesktop();
  const me = useMe();
  const muted = isMuted(state, me);
  const deaf = useSocketStatus() !== "open"; // nobody would hear of what is pressed
  const waiting = phase === "connecting" || deaf;
  const asked = consultOf(state.call, me);
  const led = !asked && !legOf(state.call, me)?.consulted;
  const keypad = led || asked?.party === "participant";
  const quiet = waiting || phase === "dialing";
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
      {led && <Hold disabled={quiet} />}
      {keypad && (
        <Popover position="top" withArrow trapFocus>
          <Popover.Target>
            <ActionIcon
              variant="default"
              size={36}
              disabled={deaf || !takesKeys(state.call, me)}
              aria-label={t("desktop.keypad")}
              data-testid="call-keypad"
            >
              <IconDialpad size={18} aria-hidden />
            </ActionIcon>
          </Popover.Target>
          <Popover.Dropdown>
            <Keypad onKey={(digit) => void sendDigits(digit)} />
          </Popover.Dropdown>
        </Popover>
      )}
      {led && (
        <>
          <Button
            variant="default"
            disabled={quiet}
            leftSection={<IconArrowForwardUp size={18} aria-hidden className="m-flip" />}
            onClick={() => handingOn.set(true)}
            data-testid="call-transfer"
          >
            {t("desktop.transfer")}
            <Key name={SHORTCUTS.transfer} />
          </Button>
          <More disabled={quiet} />
        </>
      )}
      <Button
        color="#b42318"
        disabled={deaf}
        leftSection={<IconPhoneOff size={18} aria-hidden />}
        onClick={() => void end()}
        data-testid="call-hangup"
      >
        {t(END_TEXT[wayOut(state.call, me)])}
        <Key name={SHORTCUTS.end} />
      </Button>
    </>
  );
}

function Hold({ disabled }: { disabled: boolean }) {
  const t = useText();
  const { call } = useDesktop();
  const held = customerOf(call)?.held ?? call?.state === "CALL_STATE_HELD";
  return (
    <Button
      variant={held ? "filled" : "default"}
      disabled={disabled}
      leftSection={
        held ? <IconPlayerPlay size={18} aria-hidden /> : <IconPlayerPause size={18} aria-hidden />
      }
      onClick={() => void (held ? resume() : hold())}
      data-testid={held ? "call-resume" : "call-hold"}
    >
      {held ? t("desktop.resume") : t("desktop.hold")}
      <Key name={SHORTCUTS.hold} />
    </Button>
  );
}

/** What is done more rarely, or ends more than our own part. */
function More({ disabled }: { disabled: boolean }) {
  const t = useText();
  const { call } = useDesktop();
  const others = wayOut(call, useMe()) === "leave";
  return (
    <Menu position="top-end" withArrow>
      <Menu.Target>
        <ActionIcon
          variant="default"
          size={36}
          disabled={disabled}
          aria-label={t("desktop.more")}
          data-testid="call-more"
        >
          <IconDotsVertical size={18} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          leftSection={<IconParking size={18} aria-hidden />}
          onClick={() => void park()}
          data-testid="call-park"
        >
          {t("desktop.park")}
        </Menu.Item>
        {others && (
          <Menu.Item
            color="red"
            leftSection={<IconPhoneOff size={18} aria-hidden />}
            onClick={() => void hangUp()}
            data-testid="call-end-all"
          >
            {t("desktop.endForAll")}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

export function Key({ name }: { name: string }) {
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
