/**
 * What the list editor knows about a flow's steps: their kinds, an empty one of each, and where each leads.
 * A step has exactly one kind; validity is the server's business and is not decided here.
 */
import type { Definition, Step } from "../../api/types.ts";

export const KINDS = [
  "say",
  "play",
  "menu",
  "collect",
  "hours",
  "setAttribute",
  "httpRequest",
  "queue",
  "transfer",
  "voicemail",
  "callbackOffer",
  "hangUp",
] as const;
export type Kind = (typeof KINDS)[number];

export function kindOf(step: Step): Kind | undefined {
  return KINDS.find((kind) => step[kind] !== undefined && step[kind] !== null);
}

const EMPTY: { readonly [K in Kind]: () => NonNullable<Step[K]> } = {
  say: () => ({ utterance: { text: {} }, next: "" }),
  play: () => ({ promptId: "", next: "" }),
  menu: () => ({
    utterance: { text: {} },
    choices: [{ digit: "1", value: "", next: "" }],
    timeout: "5s",
    attempts: 3,
    noMatch: "",
  }),
  collect: () => ({
    utterance: { text: {} },
    attribute: "",
    minDigits: 1,
    maxDigits: 10,
    next: "",
    noMatch: "",
  }),
  hours: () => ({ businessHoursId: "", open: "", closed: "" }),
  setAttribute: () => ({ attribute: "", value: "", next: "" }),
  httpRequest: () => ({
    method: "GET",
    url: "",
    extract: {},
    timeout: "4s",
    retries: 1,
    next: "",
    failed: "",
  }),
  queue: () => ({ queueId: "", announceInterval: "30s", timedOut: "" }),
  transfer: () => ({ queueId: "", failed: "" }),
  voicemail: () => ({ utterance: { text: {} }, queueId: "", next: "" }),
  callbackOffer: () => ({ queueId: "", declined: "" }),
  hangUp: () => ({ utterance: { text: {} } }),
};

const TRANSFER_TARGETS = ["queueId", "agentId", "number", "flowId"] as const;
const MAILBOXES = ["queueId", "agentId"] as const;

/** Which kind of place a transfer leads to; nothing while none is chosen. */
export function transferTargetOf(transfer: NonNullable<Step["transfer"]>) {
  return TRANSFER_TARGETS.find((kind) => transfer[kind] !== undefined);
}

/** A transfer has one target: choosing another kind of place forgets the one before. */
export function sentTo(kind: ReturnType<typeof transferTargetOf>) {
  return oneOf(TRANSFER_TARGETS, kind);
}

/** Whether a message is an agent's or a queue's; nothing while that is not chosen. */
export function mailboxOf(voicemail: NonNullable<Step["voicemail"]>) {
  return MAILBOXES.find((kind) => voicemail[kind] !== undefined);
}

/** A message has one mailbox. */
export function ownedBy(kind: ReturnType<typeof mailboxOf>) {
  return oneOf(MAILBOXES, kind);
}

function oneOf<K extends string>(kinds: readonly K[], chosen: K | undefined) {
  return Object.fromEntries(kinds.map((kind) => [kind, kind === chosen ? "" : undefined])) as {
    [Key in K]?: string | undefined;
  };
}

/** What people call a step. */
export function stepName(steps: readonly Step[], stepId: string | undefined): string {
  return steps.find((step) => step.stepId === stepId)?.displayName || stepId || "";
}

const SHORT: Partial<Record<Kind, string>> = {
  setAttribute: "set",
  httpRequest: "request",
  callbackOffer: "callback",
};

/** A new step of a kind, with an id no other step has. */
export function newStep(kind: Kind, steps: readonly Step[]): Step {
  const taken = new Set(steps.map((step) => step.stepId));
  let number = 1;
  const base = SHORT[kind] ?? kind.toLowerCase();
  while (taken.has(number === 1 ? base : `${base}_${number}`)) number += 1;
  const stepId = number === 1 ? base : `${base}_${number}`;
  return { stepId, displayName: "", [kind]: EMPTY[kind]() };
}

/** Puts a step before or after its neighbour in the list; the way calls go is not changed by it. */
export function moveStep(steps: readonly Step[], index: number, by: 1 | -1): Step[] {
  const next = [...steps];
  const [step] = next.splice(index, 1);
  if (step) next.splice(index + by, 0, step);
  return next;
}

/** Every field of a step that names another step. */
export const TARGETS: { readonly [K in Kind]: readonly string[] } = {
  say: ["next"],
  play: ["next"],
  menu: ["noMatch"],
  collect: ["next", "noMatch"],
  hours: ["open", "closed"],
  setAttribute: ["next"],
  httpRequest: ["next", "failed"],
  queue: ["timedOut"],
  transfer: ["next", "failed"],
  voicemail: ["next"],
  callbackOffer: ["declined"],
  hangUp: [],
};

/** Renames a step and everything that leads to it. */
export function renameStep(definition: Definition, from: string, to: string): Definition {
  const follow = (target: unknown) => (target === from ? to : target);
  const steps = (definition.steps ?? []).map((step): Step => {
    const kind = kindOf(step);
    if (!kind) return step;
    const body = { ...(step[kind] as Record<string, unknown>) };
    for (const field of TARGETS[kind]) body[field] = follow(body[field]);
    if (Array.isArray(body.choices)) {
      body.choices = body.choices.map((choice: { next?: string }) => ({
        ...choice,
        next: follow(choice.next),
      }));
    }
    return { ...step, stepId: step.stepId === from ? to : step.stepId, [kind]: body };
  });
  return { ...definition, start: definition.start === from ? to : definition.start, steps };
}

/** Where a step leads, in the order a caller could go. */
export function targetsOf(step: Step): string[] {
  const kind = kindOf(step);
  if (!kind) return [];
  const body = step[kind] as Record<string, unknown>;
  const choices = Array.isArray(body.choices)
    ? (body.choices as { next?: string }[]).map((choice) => choice.next)
    : [];
  const named = TARGETS[kind].map((field) => body[field] as string | undefined);
  return [...choices, ...named].filter((target): target is string => Boolean(target));
}
