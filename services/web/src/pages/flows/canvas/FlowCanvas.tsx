import { IconSitemap } from "@tabler/icons-react";
import {
  Background,
  type Connection,
  type EdgeTypes,
  type FinalConnectionState,
  MiniMap,
  type NodeTypes,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
} from "@xyflow/react";
import { type DragEvent, type RefObject, useEffect, useMemo, useRef, useState } from "react";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { directionOf } from "../../../i18n/languages.ts";
import { announce } from "../../../ui/announce.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import type { Kind } from "../steps.ts";
import "@xyflow/react/dist/base.css";
import { type Asked, AskStep } from "./AskStep.tsx";
import classes from "./canvas.module.css";
import { DetourLine } from "./DetourLine.tsx";
import { connect, drawable, reconnect, START } from "./graph.ts";
import type { Place } from "./history.ts";
import { canvasKeys, stepElement } from "./keys.ts";
import { LoopLine } from "./LoopLine.tsx";
import { type CanvasEdge, type CanvasNode, lineOf } from "./nodes.ts";
import { draggedKind, dragsKind, Palette } from "./Palette.tsx";
import { GRID, mirrored, WIDTH } from "./places.ts";
import { StartMark, StepNode } from "./StepNode.tsx";
import { StepPanel } from "./StepPanel.tsx";
import { Toolbar } from "./Toolbar.tsx";
import { type CanvasProps, KEYS_ID, useCanvas, useSteady, type View } from "./useCanvas.ts";
import type { Wanted } from "./view.ts";

const NODE_TYPES: NodeTypes = { step: StepNode, start: StartMark };
const EDGE_TYPES: EdgeTypes = { loop: LoopLine, detour: DetourLine };
const SNAP: [number, number] = [GRID, GRID];
const MAP = { width: 152, height: 100 };
const WHOLE = { duration: 250, padding: 0.1, maxZoom: 1 };
/** Below this zoom nobody reads a step: a flow that is larger is opened where a call begins. */
const LEGIBLE = 0.5;

interface Props extends CanvasProps {
  /** Step to be shown. */
  wanted?: Wanted | undefined;
}

/** The flow as boxes and lines. The list edits the same draft, and says all of it to who doesn't see this. */
export default function FlowCanvas(props: Props) {
  const rtl = directionOf(useLanguage()) === "rtl";
  // Exits change sides with the direction of writing, and are measured once.
  return (
    <ReactFlowProvider key={String(rtl)}>
      <Canvas {...props} rtl={rtl} />
    </ReactFlowProvider>
  );
}

function Canvas(props: Props & { rtl: boolean }) {
  const { definition, problems, highlighted, wanted, rtl } = props;
  const t = useText();
  const view: View = useReactFlow();
  const canvas = useCanvas(props);
  const stage = useRef<HTMLDivElement>(null);
  const panel = useRef<HTMLElement>(null);
  const [asked, setAsked] = useState<Asked>();
  const steps = useMemo(() => drawable(definition), [definition]);

  const show = useSteady((stepId: string) => {
    const place = canvas.places.get(stepId);
    if (!place) return;
    const { x, y } = rtl ? mirrored(place, WIDTH) : place;
    void view.setCenter(x + WIDTH / 2, y + 70, { zoom: Math.max(view.getZoom(), 0.8), duration: 250 });
  });
  const find = useSteady((stepId: string) => {
    canvas.selectOnly([stepId]);
    show(stepId);
  });
  useEffect(() => {
    if (wanted) find(wanted.stepId);
  }, [wanted, find]);
  useEffect(() => {
    if (highlighted) show(highlighted);
  }, [highlighted, show]);

  useAnchoredEnd(stage, view, rtl);
  const [only, second] = canvas.selected;
  const onlyId = second ? undefined : only?.stepId;
  useEffect(() => {
    if (onlyId) afterNextFrame(() => reveal(view, stage.current, onlyId));
  }, [onlyId, view]);

  const focusStage = useSteady(() => stage.current?.focus({ preventScroll: true }));
  const focusNode = useSteady((_: unknown, node: CanvasNode) => focusOn(stage.current, node.id));
  const openFields = () => panel.current?.querySelector<HTMLElement>("input, textarea")?.focus();
  const remove = useSteady((stepId?: string) => {
    canvas.remove(stepId);
    focusStage();
  });
  const removeSelected = useSteady(() => remove());
  const close = useSteady(() => {
    focusOn(stage.current, canvas.selected[0]?.stepId);
    canvas.selectOnly([]);
  });
  const copy = useSteady(canvas.copy);
  const edit = useSteady(canvas.edit);
  const renamed = useSteady(canvas.selectWhenDrawn);

  /** Where on the canvas a point of the screen is, as drawn from left to right. */
  const placeAt = (point: Place): Place => {
    const at = view.screenToFlowPosition(point);
    return rtl ? mirrored(at, 0) : at;
  };
  const add = useSteady((kind: Kind, at?: Place) => {
    const before = canvas.places.get(canvas.selected[0]?.stepId ?? "");
    const { x, y } = placeAt(at ?? middleOf(stage.current));
    const around = { x: x - WIDTH / 2, y: y - 5 * GRID };
    const beside = before && { x: before.x + WIDTH + 10 * GRID, y: before.y };
    const stepId = canvas.add(kind, at ? around : (beside ?? around));
    announce(t("canvas.added", { name: t(`stepKind.${kind}`) }));
    if (!at) requestAnimationFrame(() => show(stepId));
  });
  const onConnect = useSteady((made: Connection) => {
    const line = lineOf(made);
    canvas.edit(connect(definition, line.from, line.exit, line.to));
  });
  const onReconnect = useSteady((edge: CanvasEdge, made: Connection) =>
    canvas.edit(reconnect(definition, lineOf(edge), lineOf(made))),
  );
  /** A line may be let go anywhere on a step; let go beside all of them it asks which step shall be there. */
  const onConnectEnd = useSteady((event: MouseEvent | TouchEvent, state: FinalConnectionState) => {
    if (state.isValid || state.fromHandle?.type !== "source" || !state.fromNode) return;
    const point = pointOf(event);
    const over = document.elementFromPoint(point.x, point.y);
    const from = { id: state.fromNode.id, exit: state.fromHandle.id ?? "" };
    const id = over?.closest<HTMLElement>(".react-flow__node")?.dataset.id;
    if (id && id !== START) canvas.edit(connect(definition, from.id, from.exit, id));
    const box = stage.current?.getBoundingClientRect();
    if (id || !box || !over?.closest(".react-flow__pane")) return;
    const { x, y } = placeAt(point);
    setAsked({ from, place: { x, y: y - 3 * GRID }, at: { x: point.x - box.left, y: point.y - box.top } });
  });
  const onDrop = (event: DragEvent) => {
    const kind = draggedKind(event.dataTransfer);
    if (!kind) return;
    event.preventDefault();
    add(kind, { x: event.clientX, y: event.clientY });
    focusStage();
  };
  const onDragOver = (event: DragEvent) => {
    if (dragsKind(event.dataTransfer)) event.preventDefault();
  };
  const onNodesDropped = useSteady((dropped: CanvasNode[]) => canvas.drop(dropped));
  const onNodeDragStop = useSteady((_: unknown, __: unknown, dropped: CanvasNode[]) =>
    onNodesDropped(dropped),
  );
  const onSelectionDragStop = useSteady((_: unknown, dropped: CanvasNode[]) => onNodesDropped(dropped));
  const fit = useSteady(() => void view.fitView(WHOLE));
  const arrange = useSteady(() => {
    canvas.arrange();
    afterNextFrame(fit);
  });
  const zoom = useSteady((by: "in" | "out") => {
    void (by === "in" ? view.zoomIn({ duration: 150 }) : view.zoomOut({ duration: 150 }));
  });
  const onInit = useSteady(() => openOn(view, stage.current, canvas.places.get(START), rtl));

  return (
    <div className={classes.frame} data-testid="flow-canvas">
      <Palette onAdd={add} />
      <div className={classes.middle}>
        <Toolbar steps={steps} onFind={find} onAdd={add} onArrange={arrange} onFit={fit} onZoom={zoom} />
        <div className={classes.stage}>
          <ReactFlow<CanvasNode, CanvasEdge>
            ref={stage}
            tabIndex={0}
            aria-label={t("canvas.label")}
            aria-describedby={KEYS_ID}
            onKeyDownCapture={canvasKeys({ canvas, rtl, remove, copy, openFields, show })}
            onDrop={onDrop}
            onDragOver={onDragOver}
            nodes={canvas.nodes}
            edges={canvas.edges}
            nodeTypes={NODE_TYPES}
            edgeTypes={EDGE_TYPES}
            onNodesChange={canvas.onNodesChange}
            onEdgesChange={canvas.onEdgesChange}
            onConnect={onConnect}
            onConnectEnd={onConnectEnd}
            onReconnect={onReconnect}
            onNodeDragStop={onNodeDragStop}
            onSelectionDragStop={onSelectionDragStop}
            onNodeClick={focusNode}
            onEdgeClick={focusStage}
            onPaneClick={focusStage}
            onInit={onInit}
            minZoom={0.08}
            maxZoom={1.6}
            snapToGrid
            snapGrid={SNAP}
            connectionRadius={28}
            reconnectRadius={14}
            deleteKeyCode={null}
            disableKeyboardA11y
            onlyRenderVisibleElements
            elevateEdgesOnSelect
            edgesFocusable={false}
            panOnScroll
            defaultMarkerColor={null}
          >
            <Background gap={3 * GRID} />
            <MiniMap
              className={classes.map ?? ""}
              pannable
              zoomable
              style={MAP}
              ariaLabel={t("canvas.map")}
              position={rtl ? "bottom-left" : "bottom-right"}
            />
          </ReactFlow>
          {steps.length === 0 && (
            <div className={classes.empty}>
              <EmptyState icon={IconSitemap} title={t("flows.noSteps")}>
                {t("flows.noStepsBody")}
              </EmptyState>
            </div>
          )}
          <AskStep
            asked={asked}
            onClose={() => setAsked(undefined)}
            onAdd={(kind, { from, place }) => canvas.add(kind, place, from)}
          />
        </div>
        <p id={KEYS_ID} className={classes.keys}>
          {t("canvas.keys")}
        </p>
      </div>
      {canvas.selected.length > 0 && (
        <StepPanel
          ref={panel}
          definition={definition}
          selected={canvas.selected}
          problems={problems}
          onChange={edit}
          onRenamed={renamed}
          onDuplicate={copy}
          onDelete={removeSelected}
          onClose={close}
        />
      )}
    </div>
  );
}

/** The whole flow where it can be read as a whole, else the place where a call begins, at the edge reading begins. */
function openOn(view: View, stage: HTMLElement | null, start: Place | undefined, rtl: boolean): void {
  const whole = view.getNodesBounds(view.getNodes());
  const box = stage?.getBoundingClientRect();
  if (!box || !start || whole.width === 0) return;
  const fits = Math.min(box.width / (whole.width * 1.2), box.height / (whole.height * 1.2));
  if (fits >= LEGIBLE) {
    void view.fitView({ ...WHOLE, duration: 0 });
    return;
  }
  const zoom = 0.75;
  const left = rtl ? box.width - 24 + start.x * zoom : 24 - start.x * zoom;
  void view.setViewport({ x: left, y: box.height / 3 - start.y * zoom, zoom });
}

/** Brings a step that is selected into view, unless it is in somebody's hand. */
function reveal(view: View, stage: HTMLElement | null, stepId: string): void {
  const node = view.getNode(stepId);
  const box = stage?.getBoundingClientRect();
  if (!node || node.dragging || !box) return;
  const { x, y, zoom } = view.getViewport();
  const left = node.position.x * zoom + x;
  const top = node.position.y * zoom + y;
  const width = WIDTH * zoom;
  const inside = left >= 0 && left + width <= box.width && top >= 0 && top + 60 * zoom <= box.height;
  if (inside) return;
  void view.setCenter(node.position.x + WIDTH / 2, node.position.y + 70, { zoom, duration: 200 });
}

/** A page that reads from the right keeps what is drawn where it is from there when the stage gets wider or narrower. */
function useAnchoredEnd(stage: RefObject<HTMLElement | null>, view: View, rtl: boolean): void {
  useEffect(() => {
    const element = stage.current;
    if (!rtl || !element) return;
    let before = element.clientWidth;
    const watch = new ResizeObserver(() => {
      const { x, y, zoom } = view.getViewport();
      void view.setViewport({ x: x + element.clientWidth - before, y, zoom });
      before = element.clientWidth;
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, [stage, view, rtl]);
}

/** Once what was just changed is on the screen, and the stage as wide as the fields beside it leave it. */
function afterNextFrame(work: () => void): void {
  requestAnimationFrame(() => requestAnimationFrame(work));
}

function focusOn(stage: HTMLElement | null, stepId: string | undefined): void {
  ((stepId && stepElement(stage, stepId)) || stage)?.focus({ preventScroll: true });
}

function middleOf(element: HTMLElement | null): Place {
  const box = element?.getBoundingClientRect();
  return box ? { x: box.left + box.width / 2, y: box.top + box.height / 2 } : { x: 0, y: 0 };
}

function pointOf(event: MouseEvent | TouchEvent): Place {
  const touch = "changedTouches" in event ? event.changedTouches[0] : event;
  return { x: touch?.clientX ?? 0, y: touch?.clientY ?? 0 };
}
