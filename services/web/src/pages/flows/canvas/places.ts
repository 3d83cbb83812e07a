/**
 * Where steps stand. Places that were chosen are kept; what has none is laid out, from left to right in the order a
 * call goes. All of it is drawn from left to right here; a page that reads the other way is mirrored when it is drawn.
 */
import dagre from "@dagrejs/dagre";
import type { Definition, Step } from "../../../api/types.ts";
import { drawable, exitsOf, type Line, linesOf, reachable, START } from "./graph.ts";
import type { Layout, Place } from "./history.ts";

/** Sizes of what `canvas.module.css` draws, px. */
export const WIDTH = 232;
export const START_WIDTH = 136;
export const START_HEIGHT = 40;
const HEAD = 58;
const ROW = 26;
const FOOT = 8;
/** From a step's upper edge down to where lines end. */
export const ENTRY = 34;
const GAP_ACROSS = 72;
const GAP_DOWN = 40;
/** Steps stand on this grid, px. */
export const GRID = 8;
const FARTHEST = 100_000;
/** Lines to one step that its place is found by: with all of them, steps that everything leads to take seconds. */
const LEADING = 6;

/** How tall a step is drawn without the problems that are shown below its exits. */
export function heightOf(step: Step): number {
  return HEAD + ROW + exitsOf(step).length * ROW + FOOT;
}

/** Where lines begin and end at a step, from its corner, before it was ever drawn. */
export function joinsOf(
  step: Step,
  rtl: boolean,
): { id: string | null; type: "source" | "target"; x: number; y: number }[] {
  const exits = exitsOf(step).map((exit, at) => ({
    id: exit.id,
    type: "source" as const,
    x: rtl ? 0 : WIDTH,
    y: HEAD + ROW + at * ROW + ROW / 2,
  }));
  return [{ id: null, type: "target", x: rtl ? WIDTH : 0, y: ENTRY }, ...exits];
}

/** A place for every step: its own, or one that is laid out. The start stands before the step calls begin with. */
export function placesOf(definition: Definition, layout: Layout): Map<string, Place> {
  const steps = drawable(definition);
  const chosen = steps.filter((step) => layout[step.stepId ?? ""]);
  const places = chosen.length === 0 ? arranged(definition, steps) : withMissing(definition, steps, layout);
  places.set(START, beforeFirst(places.get(definition.start ?? "")));
  return places;
}

function arranged(definition: Definition, steps: readonly Step[]): Map<string, Place> {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", ranksep: GAP_ACROSS, nodesep: GAP_DOWN, edgesep: 16 });
  graph.setDefaultEdgeLabel(() => ({}));
  const lines = linesOf(definition);
  for (const step of asCalled(definition, steps, lines)) {
    graph.setNode(step.stepId ?? "", { width: WIDTH, height: heightOf(step) });
  }
  const leading = new Map<string, number>();
  for (const { from, exit, to } of lines) {
    const others = leading.get(to) ?? 0;
    // A line back to the step itself needs no room and only pushes others away.
    if (from === START || from === to || others >= LEADING) continue;
    leading.set(to, others + 1);
    graph.setEdge(from, to, {}, exit);
  }
  dagre.layout(graph);
  return new Map(
    steps.map((step) => {
      const at = graph.node(step.stepId ?? "") as { x: number; y: number; width: number; height: number };
      return [step.stepId ?? "", onGrid({ x: at.x - at.width / 2, y: at.y - at.height / 2 })];
    }),
  );
}

/** The steps a call gets to first, in the order it does: neighbours are then laid out as they are listed. */
function asCalled(definition: Definition, steps: readonly Step[], lines: readonly Line[]): Step[] {
  const reached = reachable(definition);
  const order = new Map([...reached].map((id, at) => [id, at]));
  const leading = new Set(lines.map((line) => line.to));
  const rank = (step: Step) =>
    order.get(step.stepId ?? "") ?? steps.length + (leading.has(step.stepId ?? "") ? 1 : 0);
  return [...steps].sort((one, other) => rank(one) - rank(other));
}

/** Steps without a place stand after one that leads to them, or below all others. */
function withMissing(definition: Definition, steps: readonly Step[], layout: Layout): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const step of steps) {
    const place = layout[step.stepId ?? ""];
    if (place) places.set(step.stepId ?? "", place);
  }
  const lines = linesOf(definition);
  for (const step of steps) {
    const id = step.stepId ?? "";
    if (places.has(id)) continue;
    const leading = lines.find((line) => line.to === id && line.from !== START && places.has(line.from));
    const before = leading && places.get(leading.from);
    const wanted = before ? { x: before.x + WIDTH + GAP_ACROSS, y: before.y } : below(steps, places);
    places.set(id, freePlace(wanted, step, steps, places));
  }
  return places;
}

function below(steps: readonly Step[], places: ReadonlyMap<string, Place>): Place {
  const standing = steps.flatMap((step) => {
    const place = places.get(step.stepId ?? "");
    return place ? [{ x: place.x, bottom: place.y + heightOf(step) }] : [];
  });
  if (standing.length === 0) return { x: 0, y: 0 };
  return {
    x: Math.min(...standing.map((each) => each.x)),
    y: Math.max(...standing.map((each) => each.bottom)) + GAP_DOWN,
  };
}

/** The wanted place, or the next one further down where the step covers no other. */
export function freePlace(
  wanted: Place,
  step: Step,
  steps: readonly Step[],
  places: ReadonlyMap<string, Place>,
): Place {
  const height = heightOf(step);
  let { x, y } = onGrid(wanted);
  for (;;) {
    const covered = steps.find((other) => {
      const place = other.stepId === step.stepId ? undefined : places.get(other.stepId ?? "");
      if (!place || Math.abs(place.x - x) >= WIDTH + GRID) return false;
      return y < place.y + heightOf(other) + GRID && place.y < y + height + GRID;
    });
    const place = covered && places.get(covered.stepId ?? "");
    if (!place || y > FARTHEST) return onGrid({ x, y });
    ({ x, y } = onGrid({ x, y: place.y + heightOf(covered) + GAP_DOWN }));
  }
}

/** On the grid, and no farther than the contract lets a place be. */
export function onGrid({ x, y }: Place): Place {
  const snap = (value: number) =>
    Math.max(-FARTHEST, Math.min(FARTHEST, Math.round(value / GRID) * GRID)) + 0;
  return { x: snap(x), y: snap(y) };
}

function beforeFirst(first: Place | undefined): Place {
  const at = first ?? { x: 0, y: 0 };
  return { x: at.x - START_WIDTH - 56, y: at.y + (HEAD - START_HEIGHT) / 2 };
}

/** Where a thing of this width stands on a page that reads from right to left; the same call leads back. */
export function mirrored(place: Place, width: number): Place {
  return { x: -place.x - width, y: place.y };
}

export type Direction = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

/** The nearest of other places in a direction; what lies straight ahead counts as nearer than what lies aside. */
export function nearest(
  from: string,
  direction: Direction,
  places: ReadonlyMap<string, Place>,
): string | undefined {
  const here = places.get(from);
  if (!here) return undefined;
  const sideways = direction === "ArrowLeft" || direction === "ArrowRight";
  const sign = direction === "ArrowLeft" || direction === "ArrowUp" ? -1 : 1;
  let best: { id: string; distance: number } | undefined;
  for (const [id, place] of places) {
    const ahead = sign * (sideways ? place.x - here.x : place.y - here.y);
    const aside = Math.abs(sideways ? place.y - here.y : place.x - here.x);
    if (id === from || ahead < GRID) continue;
    const distance = ahead + 2 * aside;
    if (!best || distance < best.distance) best = { id, distance };
  }
  return best?.id;
}
