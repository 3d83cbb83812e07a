/**
 * What can be undone: every state of a draft since the page was opened. Typing in one field is one change for as long
 * as it goes on, whichever view it is typed in.
 */
import type { Definition, Flow } from "../../../api/types.ts";
import { targetsOf } from "../steps.ts";

export interface Place {
  x: number;
  y: number;
}
/** Where steps stand on the canvas, by step id, as drawn from left to right. */
export type Layout = Readonly<Record<string, Place>>;

/** All that the editor edits. */
export interface Draft {
  name: string;
  definition: Definition;
  layout: Layout;
}

export interface History {
  past: readonly Draft[];
  present: Draft;
  future: readonly Draft[];
  /** When the present began or was last typed in, ms. */
  at: number;
}

const LONGEST = 200;
/** A pause in typing that ends a change, ms. */
const PAUSE = 1000;

export function draftOf(flow: Flow): Draft {
  const layout = Object.fromEntries(
    Object.entries(flow.layout ?? {}).map(([id, place]) => [id, { x: place.x ?? 0, y: place.y ?? 0 }]),
  );
  return { name: flow.displayName ?? "", definition: flow.draft ?? {}, layout };
}

export function begun(present: Draft): History {
  return { past: [], present, future: [], at: 0 };
}

/** The history after a change made at `now` (ms); what had been undone can't be redone any more. */
export function changed(history: History, next: Draft, now: number): History {
  const { past, present, future, at } = history;
  if (same(present, next)) return history;
  const followed = { ...next, layout: kept(next.definition, follow(present.definition, next)) };
  const before = past.at(-1);
  const goesOn =
    before !== undefined &&
    future.length === 0 &&
    now - at < PAUSE &&
    where(before, present) !== undefined &&
    where(before, present) === where(present, followed);
  return {
    past: goesOn ? past : [...past, present].slice(-LONGEST),
    present: followed,
    future: [],
    at: now,
  };
}

export function undone(history: History): History {
  const present = history.past.at(-1);
  if (!present) return history;
  return { past: history.past.slice(0, -1), present, future: [history.present, ...history.future], at: 0 };
}

export function redone(history: History): History {
  const [present, ...future] = history.future;
  if (!present) return history;
  return { past: [...history.past, history.present], present, future, at: 0 };
}

/** Where two drafts differ, if it is one place that can be typed in or pushed: a name, a step's fields, places. */
function where(before: Draft, after: Draft): string | undefined {
  const places: string[] = [];
  if (before.name !== after.name) places.push("name");
  if (before.definition !== after.definition) {
    const steps = changedSteps(before.definition, after.definition);
    if (steps === undefined || before.definition.start !== after.definition.start) return undefined;
    places.push(`steps ${steps.join()}`);
  }
  if (!same(before.layout, after.layout)) {
    const ids = Object.keys({ ...before.layout, ...after.layout });
    places.push(`places ${ids.filter((id) => !same(before.layout[id], after.layout[id])).join()}`);
  }
  return places.length === 1 ? places[0] : undefined;
}

/** Ids of the steps whose fields differ; undefined when steps came, went or lead elsewhere. */
function changedSteps(before: Definition, after: Definition): string[] | undefined {
  const old = before.steps ?? [];
  const now = after.steps ?? [];
  if (old.length !== now.length) return undefined;
  const found: string[] = [];
  for (const [place, step] of now.entries()) {
    const was = old[place];
    if (was === step) continue;
    if (!was || was.stepId !== step.stepId || targetsOf(was).join() !== targetsOf(step).join())
      return undefined;
    found.push(step.stepId ?? "");
  }
  return found;
}

/** A step that was renamed keeps its place. */
function follow(before: Definition, { definition, layout }: Draft): Layout {
  const old = before.steps ?? [];
  const now = definition.steps ?? [];
  if (old.length !== now.length) return layout;
  const renamed = now.flatMap((step, at) => (step.stepId !== old[at]?.stepId ? [at] : []));
  const [at] = renamed;
  if (renamed.length !== 1 || at === undefined) return layout;
  const from = old[at]?.stepId ?? "";
  const to = now[at]?.stepId ?? "";
  const { [from]: place, ...rest } = layout;
  return place ? { ...rest, [to]: place } : layout;
}

/** The places of the steps that are there. */
function kept(definition: Definition, layout: Layout): Layout {
  const there = new Set((definition.steps ?? []).map((step) => step.stepId));
  const places = Object.entries(layout);
  const left = places.filter(([id]) => there.has(id));
  return left.length === places.length ? layout : Object.fromEntries(left);
}

/** Whether two values are the same data; a field that is undefined is a field that isn't there. */
export function same(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const left = one as Record<string, unknown>;
  const right = other as Record<string, unknown>;
  return Object.keys({ ...left, ...right }).every((key) => same(left[key], right[key]));
}
