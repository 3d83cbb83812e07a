/** What is drawn, worked out from the definition: one node a step, one edge a line. */
import { type Edge, MarkerType, type Node, Position } from "@xyflow/react";
import type { Definition, FlowProblem, Step } from "../../../api/types.ts";
import { type Box, type Detour, detourOf } from "./detours.ts";
import { drawable, type Exit, exitsOf, type Line, linesOf, reachable, START } from "./graph.ts";
import { type Place, same } from "./history.ts";
import { ENTRY, heightOf, joinsOf, mirrored, START_HEIGHT, START_WIDTH, WIDTH } from "./places.ts";
import { type Names, summaryOf } from "./summaries.ts";

export type StepNode = Node<
  {
    step: Step;
    exits: Exit[];
    summary: string;
    isStart: boolean;
    /** Whether a call can get here. */
    reached: boolean;
    problems: FlowProblem[];
    lit: boolean;
    rtl: boolean;
  },
  "step"
>;
export type StartNode = Node<{ rtl: boolean }, "start">;
export type CanvasNode = StepNode | StartNode;
export type CanvasEdge = Edge<{ detour: Detour | undefined; rtl: boolean }, "default" | "loop" | "detour">;

const ORIGIN: Place = { x: 0, y: 0 };

interface Seen {
  definition: Definition;
  places: ReadonlyMap<string, Place>;
  problems: readonly FlowProblem[];
  names: Names;
  highlighted: string | undefined;
  rtl: boolean;
  /** What a screen reader says of a step. */
  describe: (data: StepNode["data"]) => string;
  /** What else it says of every step. */
  attributes: StepNode["domAttributes"];
}

/** Nodes in the order of the list, which is the order Tab goes through them. */
export function nodesOf(seen: Seen): CanvasNode[] {
  const { definition, places, problems, names, highlighted, rtl } = seen;
  const reached = reachable(definition);
  const position = (id: string, width: number) => {
    const place = places.get(id) ?? ORIGIN;
    return rtl ? mirrored(place, width) : place;
  };
  const start: StartNode = {
    id: START,
    type: "start",
    position: position(START, START_WIDTH),
    measured: { width: START_WIDTH, height: START_HEIGHT },
    handles: [
      {
        id: "next",
        type: "source",
        x: rtl ? 0 : START_WIDTH,
        y: START_HEIGHT / 2,
        width: 1,
        height: 1,
        position: rtl ? Position.Left : Position.Right,
      },
    ],
    data: { rtl },
    draggable: false,
    selectable: false,
    deletable: false,
    focusable: false,
  };
  const steps = drawable(definition).map((step): StepNode => {
    const id = step.stepId ?? "";
    const data: StepNode["data"] = {
      step,
      exits: exitsOf(step),
      summary: summaryOf(step, definition.language, names),
      isStart: id === definition.start,
      reached: reached.has(id),
      problems: problems.filter((problem) => problem.stepId === id),
      lit: highlighted === id,
      rtl,
    };
    return {
      id,
      type: "step",
      position: position(id, WIDTH),
      measured: { width: WIDTH, height: heightOf(step) },
      // With size and joins a step out of view has lines and a place in the overview, though it isn't drawn itself.
      handles: joinsOf(step, rtl).map((join) => ({
        ...join,
        width: 1,
        height: 1,
        position: (join.type === "source") === rtl ? Position.Left : Position.Right,
      })),
      data,
      ariaLabel: seen.describe(data),
      domAttributes: seen.attributes,
    };
  });
  return [start, ...steps];
}

/** What lines are worked out from, beside the definition. */
interface Ways {
  places: ReadonlyMap<string, Place>;
  rtl: boolean;
  /** What a screen reader says of a line. */
  describe: (line: Line) => string;
}

export function edgesOf(definition: Definition, { places, rtl, describe }: Ways): CanvasEdge[] {
  const steps = new Map(drawable(definition).map((step) => [step.stepId ?? "", step]));
  const boxes = new Map([...steps].map(([id, step]) => [id, boxOf(step, places.get(id))]));
  return linesOf(definition).map((line, lane) => {
    const others = [...boxes].filter(([id]) => id !== line.from && id !== line.to).map(([, box]) => box);
    const [begin, end] = [beginOf(line, steps, places), endOf(line, places)];
    const detour = line.from === line.to ? undefined : detourOf(begin, end, others, lane % LANES);
    return {
      id: `${line.from}/${line.exit}`,
      source: line.from,
      sourceHandle: line.exit,
      target: line.to,
      type: line.from === line.to ? "loop" : detour ? "detour" : "default",
      data: { detour, rtl },
      ariaLabel: describe(line),
      markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14 },
    };
  });
}

/** Lines that run beside each other before they run upon each other. */
const LANES = 4;

function boxOf(step: Step, place: Place | undefined): Box {
  const { x, y } = place ?? ORIGIN;
  return { left: x, right: x + WIDTH, top: y, bottom: y + heightOf(step) };
}

function beginOf(line: Line, steps: ReadonlyMap<string, Step>, places: ReadonlyMap<string, Place>): Place {
  const { x, y } = places.get(line.from) ?? ORIGIN;
  const step = steps.get(line.from);
  if (!step) return { x: x + START_WIDTH, y: y + START_HEIGHT / 2 };
  const join = joinsOf(step, false).find((each) => each.id === line.exit);
  return { x: x + WIDTH, y: y + (join?.y ?? 0) };
}

function endOf(line: Line, places: ReadonlyMap<string, Place>): Place {
  const { x, y } = places.get(line.to) ?? ORIGIN;
  return { x, y: y + ENTRY };
}

export function lineOf(edge: { source: string; sourceHandle?: string | null; target: string }): Line {
  return { from: edge.source, exit: edge.sourceHandle ?? "", to: edge.target };
}

/**
 * What is drawn now, brought to what should be: selection and measures stay, what is being dragged stays under the
 * hand, and what is as it was stays the same object, so that nothing of it is drawn again.
 */
export function broughtTo<N extends CanvasNode>(
  drawn: readonly N[],
  wanted: readonly N[],
  selected?: ReadonlySet<string>,
): N[] {
  const before = new Map(drawn.map((node) => [node.id, node]));
  return wanted.map((node) => {
    const old = before.get(node.id);
    const chosen = selected ? selected.has(node.id) : (old?.selected ?? false);
    if (!old) return { ...node, selected: chosen };
    const position = old.dragging ? old.position : node.position;
    const unchanged =
      (old.selected ?? false) === chosen &&
      old.ariaLabel === node.ariaLabel &&
      same(old.position, position) &&
      sameData(old.data, node.data);
    return unchanged ? old : { ...old, ...node, measured: old.measured, position, selected: chosen };
  });
}

/** As `broughtTo`, of the lines. */
export function edgesBroughtTo(drawn: readonly CanvasEdge[], wanted: readonly CanvasEdge[]): CanvasEdge[] {
  const before = new Map(drawn.map((edge) => [edge.id, edge]));
  return wanted.map((edge) => {
    const old = before.get(edge.id);
    if (!old) return edge;
    const unchanged =
      old.type === edge.type &&
      old.target === edge.target &&
      old.ariaLabel === edge.ariaLabel &&
      same(old.data, edge.data);
    return unchanged ? old : { ...old, ...edge };
  });
}

/** Above the steps, which otherwise hide what passes beneath them. */
const ABOVE = 5;

/** The lines, those of the selected steps marked and above all steps. */
export function edgesAround(edges: readonly CanvasEdge[], selected: readonly Step[]): CanvasEdge[] {
  const chosen = new Set(selected.map((step) => step.stepId ?? ""));
  return edges.map((edge) =>
    chosen.has(edge.source) || chosen.has(edge.target)
      ? { ...edge, zIndex: ABOVE, className: "chosen" }
      : edge,
  );
}

/** Steps that weren't touched are the same object, so that most nodes are settled without looking into them. */
function sameData(old: CanvasNode["data"], now: CanvasNode["data"]): boolean {
  if ("step" in old && "step" in now && old.step !== now.step) return false;
  return same(old, now);
}
