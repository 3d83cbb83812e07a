import { BaseEdge, type EdgeProps } from "@xyflow/react";
import type { CanvasEdge } from "./nodes.ts";

/** How far a line keeps off the step it goes round, and how its corners are rounded, px. */
const OFF = 26;
const ROUND = 10;
/** From the entry of a step up to its upper edge, px. */
const ABOVE = 34;

/** The line of a step that leads to itself: over the step, since straight back it would be hidden behind it. */
export function LoopLine(line: EdgeProps<CanvasEdge>) {
  const { sourceX, sourceY, targetX, targetY, markerEnd, interactionWidth } = line;
  // Away from the step at its exit, which is on the left where a page reads from right to left.
  const out = sourceX > targetX ? 1 : -1;
  const right = sourceX + out * OFF;
  const left = targetX - out * OFF;
  const top = targetY - ABOVE - OFF;
  const path = [
    `M ${sourceX} ${sourceY}`,
    `L ${right - out * ROUND} ${sourceY} Q ${right} ${sourceY} ${right} ${sourceY - ROUND}`,
    `L ${right} ${top + ROUND} Q ${right} ${top} ${right - out * ROUND} ${top}`,
    `L ${left + out * ROUND} ${top} Q ${left} ${top} ${left} ${top + ROUND}`,
    `L ${left} ${targetY - ROUND} Q ${left} ${targetY} ${left + out * ROUND} ${targetY}`,
    `L ${targetX} ${targetY}`,
  ];
  return (
    <BaseEdge
      id={line.id}
      path={path.join(" ")}
      {...(markerEnd && { markerEnd })}
      interactionWidth={interactionWidth ?? 20}
    />
  );
}
