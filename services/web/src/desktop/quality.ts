/** How the call at hand sounds, as telephony tells it every few seconds and at once when somebody's media stalls. */
import { socket } from "../socket/live.ts";
import { createStore, useStore } from "../store.ts";
import { desktop } from "./desktop.ts";
import { type CallQuality, type LegQuality, qualityOf } from "./state.ts";

/** Hints may get lost: what nobody repeats is not true for ever. */
const GOOD_FOR_MS = 12_000;

const quality = createStore<CallQuality | undefined>(undefined);

let fading: ReturnType<typeof setTimeout> | undefined;

export function followQuality(): void {
  socket.onLive("call_quality", (data) => {
    quality.set(data as CallQuality);
    clearTimeout(fading);
    fading = setTimeout(() => quality.set(undefined), GOOD_FOR_MS);
  });
}

/** The customer's side of the call at hand, or with `agentId` that agent's. */
export function useQuality(agentId?: string): LegQuality | undefined {
  return qualityOf(useStore(quality), desktop.get().contact?.callId, agentId);
}
