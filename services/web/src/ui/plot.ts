/** Charts over time: uPlot in a box of the page, in the theme's colours. Only lazy pages may import this. */
import { type RefObject, useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { isolated } from "../format/isolated.ts";

export interface Plot {
  options: Omit<uPlot.Options, "width" | "height" | "cursor">;
  data: uPlot.AlignedData;
}

/** The ref of a box that is filled with a plot, as wide as the box is; drawn anew when `build` is another one, so
 * that needs a `useCallback`. Without it the box stays empty. */
export function usePlot(height: number, build: (() => Plot) | undefined): RefObject<HTMLDivElement | null> {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = box.current;
    if (!element || !build) return;
    const { options, data } = build();
    const size = () => ({ width: element.clientWidth, height });
    const cursor = { drag: { x: false, y: false } };
    const axes = options.axes?.map(readable);
    const plot = new uPlot({ ...options, ...(axes && { axes }), ...size(), cursor }, data, element);
    const resized = new ResizeObserver(() => plot.setSize(size()));
    resized.observe(element);
    return () => {
      resized.disconnect();
      plot.destroy();
    };
  }, [height, build]);
  return box;
}

/** A canvas writes from the left: what its axis says in Persian, a date's day before its month, must keep its order. */
function readable(axis: uPlot.Axis): uPlot.Axis {
  const { values } = axis;
  if (typeof values !== "function") return axis;
  return {
    ...axis,
    values: (...told) => values(...told).map((each) => (each === null ? each : isolated(String(each)))),
  };
}

/** A colour of the theme by its name, "--m-info". */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** How both axes look. */
export function axisStyle(): uPlot.Axis {
  return {
    stroke: colour("--m-muted"),
    grid: { stroke: colour("--m-line"), width: 1 },
    ticks: { show: false },
    font: `12px ${colour("--m-font") || "sans-serif"}`,
  };
}
