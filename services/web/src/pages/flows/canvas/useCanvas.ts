/** What the canvas holds while it is shown: what is drawn, what is selected, and the changes made by hand. */
import {
  applyEdgeChanges,
  applyNodeChanges,
  type EdgeChange,
  type NodeChange,
  type ReactFlowInstance,
} from "@xyflow/react";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { optionsOf, useQueues } from "../../../api/names.ts";
import type { Definition, FlowProblem, Step } from "../../../api/types.ts";
import { arrowOf, type Text, useLanguage, useText } from "../../../i18n/index.ts";
import { type Kind, kindOf, stepName } from "../steps.ts";
import { useAgents, useFlows, useHours, usePrompts } from "../useFlow.ts";
import { addStep, connect, cut, drawable, duplicate, type Line, removeSteps, START } from "./graph.ts";
import type { Layout, Place } from "./history.ts";
import {
  broughtTo,
  type CanvasEdge,
  type CanvasNode,
  edgesAround,
  edgesBroughtTo,
  edgesOf,
  lineOf,
  nodesOf,
  type StepNode,
} from "./nodes.ts";
import { freePlace, GRID, mirrored, onGrid, placesOf, WIDTH } from "./places.ts";
import type { Names } from "./summaries.ts";

export interface CanvasProps {
  definition: Definition;
  layout: Layout;
  problems: readonly FlowProblem[];
  /** Step to point at. */
  highlighted?: string | undefined;
  onEdit: (definition: Definition, layout?: Layout) => void;
}

/** Element that says which keys there are. */
export const KEYS_ID = "canvas-keys";

export type Drawing = ReturnType<typeof useCanvas>;
export type View = ReactFlowInstance<CanvasNode, CanvasEdge>;

export function useCanvas(props: CanvasProps & { rtl: boolean }) {
  const { definition, layout, problems, highlighted, rtl } = props;
  const names = useNamesOnCanvas();
  const places = useMemo(() => placesOf(definition, layout), [definition, layout]);
  const t = useText();
  const language = useLanguage();
  // biome-ignore lint/correctness/useExhaustiveDependencies: `t` speaks the language of the page
  const wantedNodes = useMemo(() => {
    const attributes = { "aria-roledescription": t("canvas.step"), "aria-describedby": KEYS_ID };
    const describe = (data: StepNode["data"]) => described(data, t);
    return nodesOf({ definition, places, problems, names, highlighted, rtl, describe, attributes });
  }, [definition, places, problems, names, highlighted, rtl, language]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `t` speaks the language of the page
  const wantedEdges = useMemo(() => {
    const steps = definition.steps ?? [];
    const named = (id: string) => (id === START ? t("canvas.begins") : stepName(steps, id));
    const describe = (line: Line) => `${named(line.from)} ${arrowOf(language)} ${named(line.to)}`;
    return edgesOf(definition, { places, rtl, describe });
  }, [definition, places, rtl, language]);
  const [nodes, setNodes] = useState<CanvasNode[]>(wantedNodes);
  const [edges, setEdges] = useState<CanvasEdge[]>(wantedEdges);
  const select = useRef<ReadonlySet<string>>(undefined);
  useLayoutEffect(() => {
    setNodes((drawn) => broughtTo(drawn, wantedNodes, select.current));
    select.current = undefined;
  }, [wantedNodes]);
  useLayoutEffect(() => setEdges((drawn) => edgesBroughtTo(drawn, wantedEdges)), [wantedEdges]);
  const selected = useSelected(nodes, definition);

  /** Every change on the canvas keeps all steps where they are seen, those that were laid out included. */
  const edit = (next: Definition, moved?: ReadonlyMap<string, Place>) => {
    const standing = [...places, ...(moved ?? [])].filter(([id]) => id !== START);
    props.onEdit(next, Object.fromEntries(standing));
  };
  const selectOnly = (ids: readonly string[]) => {
    const chosen = new Set(ids);
    setNodes((drawn) => broughtTo(drawn, drawn, chosen));
    setEdges((drawn) => drawn.map((edge) => (edge.selected ? { ...edge, selected: false } : edge)));
  };
  /** Where a node that is drawn stands, as drawn from left to right. */
  const placeOf = (node: CanvasNode) => onGrid(rtl ? mirrored(node.position, WIDTH) : node.position);

  const add = (kind: Kind, wanted: Place, from?: { id: string; exit: string }) => {
    const added = addStep(definition, kind);
    const next = from ? connect(added.definition, from.id, from.exit, added.stepId) : added.definition;
    const step = next.steps?.at(-1) as Step;
    select.current = new Set([added.stepId]);
    edit(next, new Map([[added.stepId, freePlace(wanted, step, drawable(next), places)]]));
    return added.stepId;
  };
  const copy = () => {
    const { definition: next, copies } = duplicate(
      definition,
      selected.map((step) => step.stepId ?? ""),
    );
    const moved = new Map<string, Place>();
    for (const [id, copied] of copies) {
      const place = places.get(id) ?? { x: 0, y: 0 };
      moved.set(copied, onGrid({ x: place.x + 5 * GRID, y: place.y + 5 * GRID }));
    }
    select.current = new Set(copies.values());
    edit(next, moved);
  };
  /** Takes away what is selected, or one step alone. */
  const remove = (stepId?: string) => {
    const lines = stepId ? [] : edges.filter((edge) => edge.selected).map(lineOf);
    const ids = stepId ? [stepId] : selected.map((step) => step.stepId ?? "");
    if (lines.length + ids.length > 0) edit(removeSteps(cut(definition, lines), ids));
  };
  const move = (ids: readonly string[], by: Place) => {
    const moved = new Map<string, Place>();
    for (const id of ids) {
      const place = places.get(id);
      if (place) moved.set(id, onGrid({ x: place.x + (rtl ? -by.x : by.x), y: place.y + by.y }));
    }
    edit(definition, moved);
  };
  const drawnEdges = useMemo(() => edgesAround(edges, selected), [edges, selected]);
  return {
    nodes,
    edges: drawnEdges,
    places,
    selected,
    edit,
    selectOnly,
    selectWhenDrawn: (id: string) => {
      select.current = new Set([id]);
    },
    add,
    copy,
    remove,
    move,
    /** Takes over where the dragged nodes were let go. */
    drop: (dropped: readonly CanvasNode[]) =>
      edit(definition, new Map(dropped.map((node) => [node.id, placeOf(node)]))),
    arrange: () => props.onEdit(definition, {}),
    onNodesChange: useCallback(
      (changes: NodeChange<CanvasNode>[]) => setNodes((drawn) => applyNodeChanges(changes, drawn)),
      [],
    ),
    onEdgesChange: useCallback(
      (changes: EdgeChange<CanvasEdge>[]) => setEdges((drawn) => applyEdgeChanges(changes, drawn)),
      [],
    ),
  };
}

function described({ step, reached, problems }: StepNode["data"], t: Text): string {
  const kind = kindOf(step);
  const said = [step.displayName || step.stepId, kind && t(`stepKind.${kind}`)];
  if (!reached) said.push(t("canvas.unreachable"));
  if (problems.length > 0) said.push(t("canvas.problems", { count: problems.length }));
  return said.filter(Boolean).join(", ");
}

/** The selected steps; the same array for as long as they are the same, so that dragging draws no panel anew. */
function useSelected(nodes: readonly CanvasNode[], definition: Definition): readonly Step[] {
  const ids = nodes.filter((node): node is StepNode => node.type === "step" && node.selected === true);
  const key = ids.map((node) => node.id).join("\n");
  return useMemo(() => {
    const chosen = new Set(key.split("\n"));
    return drawable(definition).filter((step) => chosen.has(step.stepId ?? ""));
  }, [key, definition]);
}

function useNamesOnCanvas(): Names {
  const queues = useQueues().data;
  const hours = useHours().data;
  const prompts = usePrompts().data;
  const agents = useAgents().data;
  const flows = useFlows().data;
  return useMemo(() => {
    const options = [
      ...optionsOf(queues ?? [], "queueId"),
      ...optionsOf(hours ?? [], "businessHoursId"),
      ...optionsOf(prompts ?? [], "promptId"),
      ...optionsOf(agents ?? [], "agentId"),
      ...optionsOf(flows ?? [], "flowId"),
    ];
    return new Map(options.map((option) => [option.value, option.label]));
  }, [queues, hours, prompts, agents, flows]);
}

/** The newest of a function under one name that never changes: what gets it is not drawn again for it. */
export function useSteady<A extends unknown[], R>(work: (...given: A) => R): (...given: A) => R {
  const newest = useRef(work);
  useEffect(() => {
    newest.current = work;
  });
  return useCallback((...given: A) => newest.current(...given), []);
}
