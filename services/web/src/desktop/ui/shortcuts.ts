/** Function keys: the same on every keyboard layout and script, and free in the browsers we support. */
import { useEffect } from "react";
import { t } from "../../i18n/index.ts";
import { myId } from "../../session/session.ts";
import { socket } from "../../socket/live.ts";
import { announce } from "../../ui/announce.tsx";
import { acceptOffer, declineOffer, desktop, hangUp, hold, resume, setMuted } from "../desktop.ts";
import { isMuted, phaseOf } from "../state.ts";

export const SHORTCUTS = { answer: "F2", end: "F4", mute: "F8", hold: "F9", finish: "Ctrl+Enter" } as const;

const CALL_KEYS: readonly string[] = [SHORTCUTS.end, SHORTCUTS.mute, SHORTCUTS.hold];

function act(key: string): boolean {
  const state = desktop.get();
  const phase = phaseOf(state);
  if (phase === "offered") {
    if (key === SHORTCUTS.answer) return run(acceptOffer());
    if (key === SHORTCUTS.end) return run(declineOffer());
  }
  const onCall = phase === "talking" || phase === "held";
  if (onCall && socket.status !== "open" && CALL_KEYS.includes(key)) {
    announce(t("desktop.away"), true);
    return true;
  }
  if (onCall && key === SHORTCUTS.end) return run(hangUp());
  if (phase === "held" && key === SHORTCUTS.hold) return run(resume());
  if (phase === "talking" && key === SHORTCUTS.hold) return run(hold());
  if (onCall && key === SHORTCUTS.mute) return run(setMuted(!isMuted(state, myId())));
  return false;
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
