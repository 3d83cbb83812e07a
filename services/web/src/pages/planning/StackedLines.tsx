import { useCallback } from "react";
import uPlot from "uplot";
import { formatDate, formatDateTime } from "../../format/dates.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { axisStyle, colour, type Plot, usePlot } from "../../ui/plot.ts";
import classes from "./planning.module.css";

const HEIGHT = 300;

export interface Layer {
  label: string;
  values: readonly number[];
}

interface Props {
  label: string;
  /** Beginnings of the intervals, in seconds. */
  times: readonly number[];
  /** Put on top of each other, the first at the bottom. */
  layers: readonly Layer[];
  /** Drawn over them. */
  line: Layer;
  /** Read out beside them, and drawn thin. */
  scheduled: Layer;
  zone: string;
  testId?: string;
}

/** Hues far apart for neighbours, the same for the same place. */
const hue = (at: number) => Math.round((212 + at * 137.5) % 360);

/** Numbers of groups stacked over time, with lines to hold them against. */
export function StackedLines({ label, times, layers, line, scheduled, zone, testId }: Props) {
  const t = useText();
  const language = useLanguage();
  const build = useCallback((): Plot => {
    const axis = axisStyle();
    const stepped = uPlot.paths.stepped?.({ align: 1 });
    const steps = stepped ? { paths: stepped } : {};
    const heaps: number[][] = [];
    for (const layer of layers) {
      const below = heaps.at(-1);
      heaps.push(layer.values.map((value, at) => value + (below?.[at] ?? 0)));
    }
    const said = (value: number | null | undefined) =>
      value === null || value === undefined ? "–" : formatNumber(value, language, 0);
    // The highest first: those below are drawn over it.
    const order = layers.map((_, at) => layers.length - 1 - at);
    const filled = order.map((at) => ({
      label: layers[at]?.label ?? "",
      stroke: `hsl(${hue(at)} 55% 48%)`,
      fill: `hsl(${hue(at)} 55% 62%)`,
      width: 1,
      points: { show: false },
      ...steps,
      value: (_: uPlot, __: number | null, ___: number, row: number | null) =>
        said(row === null ? null : layers[at]?.values[row]),
    }));
    const drawn = [
      { ...line, stroke: colour("--m-warn"), width: 2 },
      { ...scheduled, stroke: colour("--m-muted"), width: 1 },
    ].map(({ label: name, stroke, width }) => ({
      label: name,
      stroke,
      width,
      points: { show: false },
      ...steps,
      value: (_: uPlot, value: number | null) => said(value),
    }));
    const options: Plot["options"] = {
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
      scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] } },
      axes: [
        {
          ...axis,
          space: 120,
          values: (_, ticks) => ticks.map((tick) => formatDate(new Date(tick * 1000), language, zone)),
          incrs: [86_400, 2 * 86_400, 7 * 86_400],
        },
        { ...axis, size: 48, values: (_, ticks) => ticks.map((tick) => formatNumber(tick, language)) },
      ],
      series: [
        {
          label: t("planning.time"),
          value: (_, value) =>
            value === null ? "–" : formatDateTime(new Date(value * 1000), language, zone),
        },
        ...filled,
        ...drawn,
      ],
    };
    const columns = [...order.map((at) => heaps[at] ?? []), line.values, scheduled.values];
    const data = [Array.from(times), ...columns.map((each) => Array.from(each))] as uPlot.AlignedData;
    return { options, data };
  }, [times, layers, line, scheduled, zone, language, t]);
  const box = usePlot(HEIGHT, build);
  return (
    <div ref={box} className={classes.chart} dir="ltr" role="img" aria-label={label} data-testid={testId} />
  );
}
