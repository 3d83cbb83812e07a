import { BaseEdge, type EdgeProps } from "@xyflow/react";
import type { CanvasEdge } from "./nodes.ts";

/** A line that goes round the steps between its ends. */
export function DetourLine(line: EdgeProps<CanvasEdge>) {
  const { sourceX, sourceY, targetX, targetY, markerEnd, interactionWidth, data } = line;
  const sign = data?.rtl ? -1 : 1;
  const { from = 0, to = 0, y = 0 } = data?.detour ?? {};
  // While an end is dragged past where the way round begins, that is where it is dragged to.
  const near = sign * Math.max(sign * sourceX, from);
  const far = sign * Math.min(sign * targetX, to);
  const [out, back] = [(sourceX + near) / 2, (far + targetX) / 2];
  const path = [
    `M ${sourceX} ${sourceY} C ${out} ${sourceY} ${out} ${y} ${near} ${y}`,
    `L ${far} ${y} C ${back} ${y} ${back} ${targetY} ${targetX} ${targetY}`,
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
