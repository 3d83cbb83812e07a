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
  "test",
  "split",
  "checkQueue",
  "entryRules",
  "findCustomer",
  "callFlow",
  "chooseLanguage",
  "survey",
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
  test: () => ({ branches: [{ name: "", condition: "", next: "" }], otherwise: "" }),
  split: () => ({
    shares: [
      { name: "A", percent: 50, next: "" },
      { name: "B", percent: 50, next: "" },
    ],
  }),
  checkQueue: () => ({
    queueId: "",
    branches: [{ name: "", condition: "queue.free > 0", next: "" }],
    otherwise: "",
    failed: "",
  }),
  entryRules: () => ({
    rules: [{ name: "", condition: "", queueId: "", priority: 0 }],
    next: "",
    otherwise: "",
  }),
  findCustomer: () => ({
    by: "number",
    value: "{caller_number}",
    extract: {},
    next: "",
    notFound: "",
    several: "",
    failed: "",
  }),
  callFlow: () => ({ flowId: "", inputs: {}, outputs: {}, next: "", failed: "" }),
  chooseLanguage: () => ({
    utterance: { text: {} },
    choices: [
      { digit: "1", language: "en" },
      { digit: "2", language: "tr" },
    ],
    next: "",
    noMatch: "",
  }),
  survey: () => ({
    utterance: { text: {} },
    questionId: "",
    lowest: 1,
    highest: 5,
    next: "",
    noMatch: "",
  }),
};

/** The list of a step each of whose items leads to a step of its own. */
export const WAYS = { menu: "choices", split: "shares", test: "branches", checkQueue: "branches" } as const;

/** One item of such a list. */
export interface Way {
  next?: string;
  name?: string;
  condition?: string;
  percent?: number;
  digit?: string;
  value?: string;
}

/** The items of a step that lead to steps of their own. */
export function waysOf(step: Step): readonly Way[] {
  const kind = kindOf(step);
  const list = kind && listOf(kind);
  return list ? (((step[kind] as Record<string, unknown>)[list] as Way[] | undefined) ?? []) : [];
}

/** The step with other such items. */
export function withWays(step: Step, change: (way: Way, place: number) => Way): Step {
  const kind = kindOf(step);
  const list = kind && listOf(kind);
  if (!list) return step;
  return { ...step, [kind]: { ...step[kind], [list]: waysOf(step).map(change) } };
}

function listOf(kind: Kind): string | undefined {
  return kind in WAYS ? WAYS[kind as keyof typeof WAYS] : undefined;
}

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

const BASES: { readonly [K in Kind]?: string } = {
  setAttribute: "set",
  httpRequest: "request",
  callbackOffer: "callback",
  checkQueue: "look_at_queue",
  entryRules: "rules",
  findCustomer: "find",
  callFlow: "call",
  chooseLanguage: "language",
};

/** A new step of a kind, with an id no other step has. */
export function newStep(kind: Kind, steps: readonly Step[]): Step {
  const taken = new Set(steps.map((step) => step.stepId));
  let number = 1;
  const base = BASES[kind] ?? kind.toLowerCase();
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
  queue: ["timedOut", "closed", "nobodyStaffed", "full", "noMatch", "noAnswer", "abandoned", "afterAgent"],
  transfer: ["next", "failed"],
  voicemail: ["next"],
  callbackOffer: ["declined"],
  hangUp: [],
  test: ["otherwise"],
  split: [],
  checkQueue: ["otherwise", "failed"],
  entryRules: ["next", "otherwise"],
  findCustomer: ["next", "notFound", "several", "failed"],
  callFlow: ["next", "failed"],
  chooseLanguage: ["next", "noMatch"],
  survey: ["next", "noMatch"],
};

/** Renames a step and everything that leads to it. */
export function renameStep(definition: Definition, from: string, to: string): Definition {
  const follow = (target: unknown) => (target === from ? to : target);
  const steps = (definition.steps ?? []).map((each): Step => {
    const kind = kindOf(each);
    if (!kind) return each;
    const step = withWays(each, (way) => (way.next === from ? { ...way, next: to } : way));
    const body = { ...(step[kind] as Record<string, unknown>) };
    for (const field of TARGETS[kind]) if (body[field] !== undefined) body[field] = follow(body[field]);
    return { ...step, stepId: step.stepId === from ? to : step.stepId, [kind]: body };
  });
  return { ...definition, start: definition.start === from ? to : definition.start, steps };
}

/** Where a step leads, in the order a caller could go. */
export function targetsOf(step: Step): string[] {
  const kind = kindOf(step);
  if (!kind) return [];
  const body = step[kind] as Record<string, unknown>;
  const named = TARGETS[kind].map((field) => body[field] as string | undefined);
  return [...waysOf(step).map((way) => way.next), ...named].filter((target): target is string =>
    Boolean(target),
  );
}
