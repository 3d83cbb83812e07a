/** `window.__merkez`: a reading-only view of what goes on, for tests, the demo and support. See README.md. */

import { isRinging } from "../media/ring.ts";
import { session } from "../session/session.ts";
import { socket } from "../socket/live.ts";
import { desktop, leg, ownership } from "./desktop.ts";
import { latencies, noteBack, noteLeaving } from "./latencies.ts";
import { phaseOf } from "./state.ts";

function snapshot() {
  const { agent, offer, contact, call } = desktop.get();
  const state = leg.state.get();
  const signedIn = session.get();
  return {
    userId: signedIn.status === "signedIn" ? signedIn.user.userId : undefined,
    socket: socket.status,
    clockOffsetMs: socket.clockOffset,
    ownership: ownership.get(),
    ringing: isRinging(),
    phase: phaseOf(desktop.get()),
    agentState: agent?.state,
    agentReason: agent?.reason,
    offerId: offer?.offerId,
    contactId: contact?.contactId,
    callId: contact?.callId,
    callState: call?.state,
    station: {
      status: state.status,
      stalled: state.stalled,
      attachTime: state.attachTime,
      media: state.figures,
      relayRefused: state.relayRefused,
    },
    latencies: { ...latencies },
  };
}

export function exposeDiagnostics(): void {
  const reading = {
    get state() {
      return snapshot();
    },
    dominantFrequency: () => leg.listening.dominantFrequency(),
    level: () => leg.listening.level(),
  };
  Object.defineProperty(window, "__merkez", { value: Object.freeze(reading), configurable: true });
  const onCall = () => ["talking", "held"].includes(phaseOf(desktop.get()));
  window.addEventListener("pagehide", () => noteLeaving(onCall()));
  const stop = leg.state.subscribe(() => {
    if (leg.state.get().status !== "attached") return;
    stop();
    void noteBack(leg.listening);
  });
}
