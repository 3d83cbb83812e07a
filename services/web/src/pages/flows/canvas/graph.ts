/**
 * A flow as a graph: what leads out of a step and where to, and the changes that lines between steps stand for.
 * Every change gives a new definition; what is valid is the server's business and is not decided here.
 */
import type { Definition, Step } from "../../../api/types.ts";
import type { MessageKey } from "../../../i18n/index.ts";
import { type Kind, kindOf, newStep, TARGETS, targetsOf, type Way, waysOf, withWays } from "../steps.ts";

/** The mark a call begins at. No step can have this id: a step's has letters, digits, - and _ only. */
export const START = ":start";

/** One way out of a step. Its id is the field that says where it leads, or `choice.<place in the list>`. */
export interface Exit {
  id: string;
  /** Step it leads to; empty when the call ends there. */
  target: string;
  /** What it is called; a menu's choice is called by its digit and meaning instead. */
  label?: MessageKey;
  digit?: string;
  meaning?: string;
}

const LABELS: Readonly<Record<string, MessageKey>> = {
  next: "flows.next",
  noMatch: "flows.noMatch",
  open: "flows.whenOpen",
  closed: "flows.whenClosed",
  failed: "flows.failed",
  timedOut: "flows.timedOut",
  declined: "flows.callbackDeclined",
  otherwise: "flowSteps.otherwise",
  notFound: "flowSteps.notFound",
  several: "flowSteps.several",
  noAnswer: "flowSteps.noAnswer",
};
const QUEUE_LABELS: Readonly<Record<string, MessageKey>> = {
  timedOut: "flows.timedOut",
  closed: "flows.whenClosed",
  nobodyStaffed: "flows.nobodyStaffed",
  full: "flows.full",
  noMatch: "flowSteps.nobodyThere",
  noAnswer: "flowSteps.noAnswer",
  abandoned: "flowSteps.abandoned",
  afterAgent: "flowSteps.afterAgent",
};
const TRANSFER_LABELS: Readonly<Record<string, MessageKey>> = {
  next: "flows.afterTalk",
  failed: "flows.notTaken",
};
const CHOICE = /^choice\.(\d+)$/;

/** The ways out of a step, in the order its fields stand in. */
export function exitsOf(step: Step): Exit[] {
  const kind = kindOf(step);
  if (!kind) return [];
  const body = step[kind] as Record<string, unknown>;
  const choices = waysOf(step).map((way, place) => ({
    id: `choice.${place}`,
    target: way.next ?? "",
    ...signOf(kind, way),
  }));
  const fields = TARGETS[kind].filter(
    (field) => (field !== "next" || goesOn(step)) && shown(kind, body, field),
  );
  const named = fields.map((field) => ({
    id: field,
    target: (body[field] as string | undefined) ?? "",
    label: (kind === "transfer" ? TRANSFER_LABELS : kind === "queue" ? QUEUE_LABELS : LABELS)[field],
  }));
  return [...choices, ...named];
}

/** What stands before a way out, and what it is called. */
function signOf(kind: Kind, way: Way): { digit?: string; meaning: string } {
  if (kind === "menu") return { digit: way.digit ?? "", meaning: way.value ?? "" };
  if (kind === "split") return { digit: `${way.percent ?? 0}%`, meaning: way.name ?? "" };
  return { meaning: way.name || way.condition || "" };
}

/** A queue's rarer exits are drawn once they lead somewhere: most queues have none. */
function shown(kind: Kind, body: Record<string, unknown>, field: string): boolean {
  return kind !== "queue" || ALWAYS_DRAWN.includes(field) || Boolean(body[field]);
}
const ALWAYS_DRAWN = ["timedOut", "afterAgent"];

/** Only a talk with an outside number comes back to the flow; whoever is handed to a queue or an agent stays there. */
function goesOn(step: Step): boolean {
  return !step.transfer || step.transfer.number !== undefined || Boolean(step.transfer.next);
}

/** Steps that can be drawn: those with an id of their own. Of two with the same the server says what to do. */
export function drawable(definition: Definition): Step[] {
  const seen = new Set<string>();
  return (definition.steps ?? []).filter((step) => {
    const id = step.stepId ?? "";
    if (!id || seen.has(id)) return false;
    seen.add(id);
    return true;
  });
}

export interface Line {
  from: string;
  exit: string;
  to: string;
}

/** Every line that leads to a step that is there, the one from the start first. */
export function linesOf(definition: Definition): Line[] {
  const steps = drawable(definition);
  const there = new Set(steps.map((step) => step.stepId ?? ""));
  const lines = steps.flatMap((step) =>
    exitsOf(step).map((exit) => ({ from: step.stepId ?? "", exit: exit.id, to: exit.target })),
  );
  return [{ from: START, exit: "next", to: definition.start ?? "" }, ...lines].filter((line) =>
    there.has(line.to),
  );
}

/** The steps a call can get to. */
export function reachable(definition: Definition): Set<string> {
  const steps = new Map(drawable(definition).map((step) => [step.stepId ?? "", step]));
  const reached = new Set<string>();
  const waiting = [definition.start ?? ""];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const step = steps.get(id);
    if (!step || reached.has(id)) continue;
    reached.add(id);
    waiting.push(...targetsOf(step));
  }
  return reached;
}

/** Lets an exit of a step lead to another step; to "" it ends the call. */
export function connect(definition: Definition, from: string, exit: string, to: string): Definition {
  if (from === START) return { ...definition, start: to };
  return withStep(definition, from, (step) => {
    const kind = kindOf(step);
    if (!kind) return step;
    const place = CHOICE.exec(exit)?.[1];
    if (place === undefined) return { ...step, [kind]: { ...step[kind], [exit]: to } };
    return withWays(step, (way, at) => (at === Number(place) ? { ...way, next: to } : way));
  });
}

/** Takes a line's end, or its beginning, elsewhere. */
export function reconnect(definition: Definition, before: Line, after: Line): Definition {
  const moved = before.from !== after.from || before.exit !== after.exit;
  const cut = moved ? connect(definition, before.from, before.exit, "") : definition;
  return connect(cut, after.from, after.exit, after.to);
}

export function cut(definition: Definition, lines: readonly Line[]): Definition {
  return lines.reduce((left, line) => connect(left, line.from, line.exit, ""), definition);
}

/** Takes steps away, and with them every line that led to them. */
export function removeSteps(definition: Definition, ids: readonly string[]): Definition {
  const gone = new Set(ids);
  const leading = linesOf(definition).filter((line) => gone.has(line.to) && !gone.has(line.from));
  const rest = cut(definition, leading);
  return { ...rest, steps: (rest.steps ?? []).filter((step) => !gone.has(step.stepId ?? "")) };
}

/** Takes away the step that stands at a place in the list; of two with one id only that one, and no line. */
export function removeAt(definition: Definition, index: number): Definition {
  const steps = definition.steps ?? [];
  const id = steps[index]?.stepId ?? "";
  if (steps.filter((step) => step.stepId === id).length === 1) return removeSteps(definition, [id]);
  return { ...definition, steps: steps.toSpliced(index, 1) };
}

/** A new step of a kind at the end of the list; the first of a flow is where calls begin. */
export function addStep(definition: Definition, kind: Kind): { definition: Definition; stepId: string } {
  const steps = definition.steps ?? [];
  const step = newStep(kind, steps);
  const stepId = step.stepId ?? "";
  return {
    definition: { ...definition, start: definition.start || stepId, steps: [...steps, step] },
    stepId,
  };
}

/** Copies of steps after the last of them. Lines among them are copied too; others lead where they led. */
export function duplicate(
  definition: Definition,
  ids: readonly string[],
): { definition: Definition; copies: Map<string, string> } {
  const steps = definition.steps ?? [];
  const chosen = new Set(ids);
  const taken = new Set(steps.map((step) => step.stepId ?? ""));
  const copies = new Map<string, string>();
  for (const step of drawable(definition)) {
    const id = step.stepId ?? "";
    if (!chosen.has(id)) continue;
    const copy = freeId(id, taken);
    taken.add(copy);
    copies.set(id, copy);
  }
  const copied = drawable(definition)
    .filter((step) => copies.has(step.stepId ?? ""))
    .map((step) => exitsOf(step).reduce((made, exit) => leadToCopy(made, exit, copies), step))
    .map((step) => ({ ...step, stepId: copies.get(step.stepId ?? "") ?? "" }));
  const last = steps.findLastIndex((step) => chosen.has(step.stepId ?? ""));
  return { definition: { ...definition, steps: steps.toSpliced(last + 1, 0, ...copied) }, copies };
}

function leadToCopy(step: Step, exit: Exit, copies: ReadonlyMap<string, string>): Step {
  const copy = copies.get(exit.target);
  if (copy === undefined) return step;
  return connect({ steps: [step] }, step.stepId ?? "", exit.id, copy).steps?.[0] ?? step;
}

function freeId(id: string, taken: ReadonlySet<string>): string {
  const base = id.replace(/_\d+$/, "").slice(0, 58);
  let number = 2;
  while (taken.has(`${base}_${number}`)) number += 1;
  return `${base}_${number}`;
}

function withStep(definition: Definition, id: string, change: (step: Step) => Step): Definition {
  const at = (definition.steps ?? []).findIndex((step) => step.stepId === id);
  const steps = (definition.steps ?? []).map((step, place) => (place === at ? change(step) : step));
  return { ...definition, steps };
}
