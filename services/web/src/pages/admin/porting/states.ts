/** What states of a port order mean, to the eye and in words. */
import type { PortLane, PortOrder, PortState } from "../../../api/types.ts";
import { textOr } from "../../../i18n/index.ts";
import type { Tone } from "../../../ui/Note.tsx";

export const STEPS = ["check", "details", "documents", "date", "review"] as const;
export type Step = (typeof STEPS)[number];

const TONES: Partial<Record<PortState, Tone>> = {
  PORT_STATE_PORTED: "good",
  PORT_STATE_EXCEPTION: "bad",
  PORT_STATE_IN_PROCESS: "info",
  PORT_STATE_SUBMITTED: "info",
};
const BEFORE = new Set<string>([
  "PORT_STATE_PORTABILITY_CHECK",
  "PORT_STATE_DRAFT",
  "PORT_STATE_DOCUMENTS",
  "PORT_STATE_FOC_DATE",
]);

export function toneOf(state: PortState | undefined): Tone {
  return (state && TONES[state]) ?? "neutral";
}

export function stateName(state: PortState | undefined): string {
  return textOr("portState", (state ?? "").replace("PORT_STATE_", ""));
}

export function channelName(lane: Pick<PortLane, "channel">): string {
  return textOr("portChannel", (lane.channel ?? "").replace("PORT_CHANNEL_", ""));
}

/** Whether it hasn't been sent off: then it is a form still. */
export function isDraft(order: PortOrder): boolean {
  return (order.lanes ?? []).some(({ state }) => state !== undefined && BEFORE.has(state));
}

/** Whether the company can correct it after it stopped. */
export function isStopped(order: PortOrder): boolean {
  return (order.lanes ?? []).some(({ state }) => state === "PORT_STATE_EXCEPTION");
}

export function isOver(order: PortOrder): boolean {
  return (order.lanes ?? []).every(
    ({ state }) => state === "PORT_STATE_PORTED" || state === "PORT_STATE_CANCELLED",
  );
}

/** The step of the form that is next. */
export function nextStep(order: PortOrder): Step {
  const [lane] = order.lanes ?? [];
  if (lane?.state === "PORT_STATE_PORTABILITY_CHECK") return "check";
  const missing = new Set(order.missing);
  if (missing.has("details")) return "details";
  if (missing.has("LETTER_OF_AUTHORIZATION") || missing.has("BILL")) return "documents";
  return missing.has("wanted_date") ? "date" : "review";
}

/** The first numbers of an order, and how many more there are. */
export function numbersInShort(order: PortOrder): string {
  const [first = "", ...more] = (order.numbers ?? []).map(({ number }) => number ?? "");
  return more.length > 0 ? `${first} (+${more.length})` : first;
}
