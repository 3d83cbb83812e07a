/** What can be given to a simulation, and how what was given is worded. Pure: the flow itself runs on the server. */
import type { SimulationInput, Visit, Waiting } from "../../../api/types.ts";
import type { Text } from "../../../i18n/index.ts";

export const OUTCOME_KINDS = ["queue", "transfer", "voicemail", "hours", "callback"] as const;
export type OutcomeKind = (typeof OUTCOME_KINDS)[number];

const OUTCOMES = {
  queue: [
    "answered",
    "no_agents",
    "max_wait",
    "no_answer",
    "abandoned",
    "waiting",
    "closed",
    "nobody_staffed",
    "full",
  ],
  transfer: ["answered", "busy", "no_answer", "failed"],
  voicemail: ["left", "nothing"],
  hours: ["open", "closed"],
  callback: ["offered", "not_offered", "refused", "asked_before"],
} as const satisfies Record<OutcomeKind, readonly string[]>;

export type Outcome = { [K in OutcomeKind]: `${K}.${(typeof OUTCOMES)[K][number]}` }[OutcomeKind];

/** An outcome as the API names it: ("queue", "no_agents") is QUEUE_OUTCOME_NO_AGENTS. */
export function outcomeInput(outcome: Outcome, more: SimulationInput = {}): SimulationInput {
  const [kind = "", name = ""] = outcome.split(".");
  return { ...more, [kind]: `${kind.toUpperCase()}_OUTCOME_${name.toUpperCase()}` };
}

/** The outcomes that fit what is waited for, in the order they are offered. */
export function outcomesFor(waiting: Waiting): Outcome[] {
  return OUTCOME_KINDS.filter((kind) => waiting.kinds?.includes(kind)).flatMap((kind) =>
    OUTCOMES[kind]
      .filter((name) => !waiting.outcomes?.length || waiting.outcomes.includes(name))
      .map((name) => `${kind}.${name}` as Outcome),
  );
}

/** The outcome an input holds, if it holds one. */
export function outcomeOf(input: SimulationInput): Outcome | undefined {
  for (const kind of OUTCOME_KINDS) {
    const value = input[kind];
    const name = OUTCOMES[kind].find(
      (each) => value === `${kind.toUpperCase()}_OUTCOME_${each.toUpperCase()}`,
    );
    if (name) return `${kind}.${name}` as Outcome;
  }
  return undefined;
}

/** What looking for a customer can come to, beside finding one. */
export const MISSING = ["not_found", "several", "failed"] as const;
type Missing = (typeof MISSING)[number];

/** How a queue stands, as the API reads it; without an expected wait it can't be told. */
export function standingOf(
  numbers: Readonly<Record<string, number | string>>,
  closed = false,
  holiday = "",
): string {
  const parts = Object.entries(numbers)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}=${value}`);
  if (closed) parts.push("closed");
  // The name goes to the end, whatever is in it.
  if (holiday.trim()) parts.push(`holiday=${holiday.trim()}`);
  return parts.join(" ");
}

/** One thing that happened, in words. */
export function wordsFor(input: SimulationInput, t: Text): string {
  const outcome = outcomeOf(input);
  if (outcome) return t(`simulator.${outcome}`);
  if (input.digits !== undefined) return t("simulator.pressed", { digits: input.digits });
  if (input.text !== undefined) return t("simulator.said", { text: input.text });
  if (input.timedOut) return t("simulator.timedOutAfter", { digits: input.timedOut });
  if (input.timedOut !== undefined) return t("simulator.timedOut");
  if (input.httpAnswer !== undefined) return t("simulator.httpAnswered");
  if (input.httpFailure !== undefined) return t("simulator.httpFailed");
  if (input.split !== undefined) return t("simulator.drew", { name: input.split });
  if (input.queueStanding !== undefined)
    return input.queueStanding === "failed"
      ? t("flowSteps.notTold")
      : t("simulator.stood", { standing: input.queueStanding });
  if (input.numberLists !== undefined)
    return input.numberLists === "none"
      ? t("simulator.inNoList")
      : t("simulator.inLists", { keys: input.numberLists });
  if (input.customer !== undefined)
    return input.customer.startsWith("{")
      ? t("simulator.customer.found")
      : t(`simulator.customer.${input.customer as Missing}`);
  return t("simulator.hungUp");
}

/** Whether these digits are all that is waited for, so that nobody has to say so. */
export function complete(digits: string, waiting: Waiting): boolean {
  const most = waiting.maxDigits ?? 0;
  const ended = Boolean(waiting.terminator) && digits.endsWith(waiting.terminator ?? "");
  return ended || (most > 0 && digits.length >= most);
}

/** Attributes a step set or changed, by what they were before. */
export function setBy(visits: readonly Visit[], place: number): [string, string][] {
  const before = place > 0 ? (visits[place - 1]?.attributes ?? {}) : {};
  const after = visits[place]?.attributes ?? {};
  if (place === 0) return [];
  return Object.entries(after).filter(([name, value]) => before[name] !== value);
}
