import { useCallback } from "react";
import uPlot from "uplot";
import { formatDate, formatDateTime, formatTime } from "../../format/dates.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { axisStyle, colour, type Plot, usePlot } from "../../ui/plot.ts";
import classes from "./planning.module.css";

const HEIGHT = 280;

export interface Line {
  label: string;
  values: readonly (number | null)[];
  colour: string;
  /** Drawn thin: a bound of another line. */
  faint?: boolean;
  /** In steps: what holds for a whole interval. */
  stepped?: boolean;
  digits?: number;
}

interface Props {
  label: string;
  /** Beginnings of the intervals, in seconds. */
  times: readonly number[];
  lines: readonly Line[];
  zone: string;
  /** Places of two lines between which the room is filled. */
  band?: readonly [number, number];
  testId?: string;
  /** Of one day: its axis says hours. */
  hours?: boolean;
}

/** Values of intervals as lines over time, read out beside the pointer. */
export function Lines({ label, times, lines, zone, band, testId, hours }: Props) {
  const t = useText();
  const language = useLanguage();
  const build = useCallback(() => {
    const axis = axisStyle();
    const stepped = uPlot.paths.stepped?.({ align: 1 });
    const options: Plot["options"] = {
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
      scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] } },
      axes: [
        {
          ...axis,
          space: hours ? 56 : 120,
          values: (_, ticks) =>
            ticks.map((tick) => (hours ? formatTime : formatDate)(new Date(tick * 1000), language, zone)),
          incrs: hours ? [3600, 7200, 10_800, 21_600] : [86_400, 2 * 86_400, 7 * 86_400],
        },
        { ...axis, size: 48, values: (_, ticks) => ticks.map((tick) => formatNumber(tick, language)) },
      ],
      series: [
        {
          label: t("planning.time"),
          value: (_, value) =>
            value === null ? "–" : formatDateTime(new Date(value * 1000), language, zone),
        },
        ...lines.map((line) => ({
          label: line.label,
          stroke: colour(line.colour),
          width: line.faint ? 1 : 2,
          points: { show: false },
          ...(line.stepped && stepped ? { paths: stepped } : {}),
          value: (_: uPlot, value: number | null) =>
            value === null ? "–" : formatNumber(value, language, line.digits ?? 1),
        })),
      ],
      bands: band
        ? [{ series: [band[1] + 1, band[0] + 1] as [number, number], fill: `${colour("--m-info")}22` }]
        : [],
    };
    const data = [Array.from(times), ...lines.map((line) => Array.from(line.values))] as uPlot.AlignedData;
    return { options, data };
  }, [times, lines, band, zone, hours, language, t]);
  const box = usePlot(HEIGHT, build);
  return (
    <div ref={box} className={classes.chart} dir="ltr" role="img" aria-label={label} data-testid={testId} />
  );
}
