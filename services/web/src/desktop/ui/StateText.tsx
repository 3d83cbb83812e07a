import type { Agent } from "../../api/types.ts";
import { textOr, useText } from "../../i18n/index.ts";
import type { Tone } from "../../ui/Note.tsx";
import { reasonText } from "../reasons.ts";

/** "AGENT_STATE_NOT_READY" and "NOT_READY" are one: the wallboard leaves the prefix out. */
export function shortState(state: string | undefined): string {
  return (state ?? "").replace(/^AGENT_STATE_/, "") || "OFFLINE";
}

/** The state that comes once the contact at hand is over, when that isn't AVAILABLE. */
export function pendingState(agent: Agent | undefined): string | undefined {
  const next = agent?.nextState;
  return next && !next.endsWith("UNSPECIFIED") ? shortState(next) : undefined;
}

export function stateTone(state: string | undefined): Tone {
  const short = shortState(state);
  if (short === "AVAILABLE") return "good";
  if (short === "ON_CONTACT" || short === "OFFERED") return "info";
  if (short === "WRAP_UP" || short === "NOT_READY") return "warn";
  return "neutral";
}

export function StateText({ agent }: { agent: Pick<Agent, "state" | "reason"> | undefined }) {
  useText();
  const state = shortState(agent?.state);
  const reason = state === "NOT_READY" ? reasonText(agent?.reason) : "";
  const text = textOr("state", state);
  return <>{reason ? `${text} · ${reason}` : text}</>;
}
