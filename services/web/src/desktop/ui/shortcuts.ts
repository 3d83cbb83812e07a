/** Function keys: the same on every keyboard layout and script, and free in the browsers we support. */
import { useEffect } from "react";
import { t } from "../../i18n/index.ts";
import { myId } from "../../session/session.ts";
import { socket } from "../../socket/live.ts";
import { announce } from "../../ui/announce.tsx";
import { complete, end, handingOn, hold, join, resume, setMuted, swap } from "../calls.ts";
import { acceptOffer, declineOffer, desktop } from "../desktop.ts";
import { consultOf, customerOf, isThere } from "../parties.ts";
import { type DesktopState, isMuted, isOnCall, phaseOf } from "../state.ts";
import {
  MODES,
  type Supervision,
  stopSupervising,
  supervise,
  supervision,
  takeOver,
} from "../supervision.ts";

/** The first ones take turns: what they do in a question and beside an agent's call stands on their buttons. */
export const SHORTCUTS = {
  answer: "F2",
  end: "F4",
  mute: "F8",
  hold: "F9",
  transfer: "F10",
  finish: "Ctrl+Enter",
} as const;
/** While somebody is asked; the question is ended as a call is. */
export const CONSULT_KEYS = { complete: "F2", swap: "F9", join: "F10" } as const;
/** Beside an agent's call, in the order of the modes. */
export const MODE_KEYS = ["F8", "F9", "F10"] as const;
export const SUPERVISOR_KEYS = { takeOver: "F2", stop: "F4" } as const;

const CALL_KEYS: readonly string[] = [
  SHORTCUTS.end,
  SHORTCUTS.mute,
  SHORTCUTS.hold,
  SHORTCUTS.transfer,
  CONSULT_KEYS.complete,
];

function act(key: string): boolean {
  const state = desktop.get();
  const phase = phaseOf(state);
  if (phase === "offered") {
    if (key === SHORTCUTS.answer) return run(acceptOffer());
    if (key === SHORTCUTS.end) return run(declineOffer());
  }
  if (!isOnCall(phase)) return watching(key);
  if (socket.status !== "open" && CALL_KEYS.includes(key)) {
    announce(t("desktop.away"), true);
    return true;
  }
  if (phase === "connecting") return false;
  if (key === SHORTCUTS.end) return run(end());
  if (key === SHORTCUTS.mute) return run(setMuted(!isMuted(state, myId())));
  return phase === "dialing" ? false : inCall(state, key);
}

function inCall(state: DesktopState, key: string): boolean {
  const asked = consultOf(state.call, myId());
  if (asked) {
    if (!isThere(asked)) return false;
    if (key === CONSULT_KEYS.swap) return run(swap());
    if (key === CONSULT_KEYS.join) return run(join());
    return key === CONSULT_KEYS.complete ? run(complete()) : false;
  }
  if (key === SHORTCUTS.transfer) {
    handingOn.set(true);
    return true;
  }
  const held = customerOf(state.call)?.held ?? phaseOf(state) === "held";
  return key === SHORTCUTS.hold ? run(held ? resume() : hold()) : false;
}

function watching(key: string): boolean {
  const now: Supervision | undefined = supervision.get();
  if (!now) return false;
  const mode = MODES[MODE_KEYS.indexOf(key as (typeof MODE_KEYS)[number])];
  if (mode) return run(supervise({ ...now, mode }));
  if (key === SUPERVISOR_KEYS.takeOver) return run(takeOver(now.callId, now.agentId));
  return key === SUPERVISOR_KEYS.stop ? run(stopSupervising()) : false;
}

function run(work: Promise<void>): boolean {
  void work;
  return true;
}

export function useShortcuts(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
      if (act(event.key)) event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}
