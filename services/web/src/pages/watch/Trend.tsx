import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import type uPlot from "uplot";
import { api, ask } from "../../api/client.ts";
import type { QueueInterval, Wallboard } from "../../api/types.ts";
import { formatTime } from "../../format/dates.ts";
import { formatNumber } from "../../format/numbers.ts";
import { type Language, useLanguage, useText } from "../../i18n/index.ts";
import { Panel } from "../../ui/Page.tsx";
import { axisStyle, colour, type Plot, usePlot } from "../../ui/plot.ts";
import classes from "./watch.module.css";

const QUARTER_S = 900;

/** Offered, answered and abandoned by quarter hour over all queues: times in seconds, gaps filled with zeros. */
function trendOf(intervals: readonly QueueInterval[], now: number): uPlot.AlignedData {
  const sums = new Map<number, [number, number, number]>();
  for (const interval of intervals) {
    const start = Math.floor(Date.parse(interval.startTime ?? "") / 1000 / QUARTER_S) * QUARTER_S;
    const sum = sums.get(start) ?? [0, 0, 0];
    sum[0] += Number(interval.offered ?? 0);
    sum[1] += Number(interval.answered ?? 0);
    sum[2] += Number(interval.abandoned ?? 0);
    sums.set(start, sum);
  }
  const last = Math.floor(now / 1000 / QUARTER_S) * QUARTER_S;
  const first = Math.min(last - 8 * QUARTER_S, ...sums.keys());
  const times: number[] = [];
  for (let time = first; time <= last; time += QUARTER_S) times.push(time);
  const column = (index: 0 | 1 | 2) => times.map((time) => sums.get(time)?.[index] ?? 0);
  return [times, column(0), column(1), column(2)];
}

export function Trend({ board }: { board: Wallboard }) {
  const t = useText();
  const language = useLanguage();
  // Read again whenever something was counted; the figures themselves are the server's.
  const counted = `${board.total?.offered}/${board.total?.answered}/${board.total?.abandoned}`;
  const { data } = useQuery({
    queryKey: ["queueIntervals", counted],
    queryFn: async () => (await ask(api.GET("/v1/queueIntervals"))).intervals ?? [],
    placeholderData: (previous) => previous,
    refetchInterval: 60_000,
  });
  const build = useCallback(() => {
    const labels = [t("watch.time"), t("watch.offered"), t("watch.answered"), t("watch.abandoned")];
    return { options: options(labels, language), data: trendOf(data ?? [], Date.now()) };
  }, [data, language, t]);
  const box = usePlot(190, data && build);
  return (
    <Panel label={t("watch.trend")}>
      <h2 className={classes.title}>{t("watch.trend")}</h2>
      <div ref={box} className={classes.chart} dir="ltr" data-testid="wallboard-trend" />
    </Panel>
  );
}

function options(labels: string[], language: Language): Plot["options"] {
  const axis = axisStyle();
  const series = (label: string, stroke: string, fill?: string): uPlot.Series => ({
    label,
    stroke,
    fill,
    width: 2,
    points: { show: false },
    value: (_, value) => (value === null ? "–" : formatNumber(value, language)),
  });
  return {
    scales: { y: { range: (_, __, max) => [0, Math.max(4, Math.ceil(max * 1.15))] } },
    axes: [
      {
        ...axis,
        space: 70,
        values: (_, ticks) => ticks.map((tick) => formatTime(new Date(tick * 1000), language)),
      },
      {
        ...axis,
        size: 36,
        values: (_, ticks) => ticks.map((tick) => formatNumber(tick, language)),
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
      },
    ],
    series: [
      {
        label: labels[0] ?? "",
        value: (_, value) => (value === null ? "–" : formatTime(new Date(value * 1000), language)),
      },
      series(labels[1] ?? "", colour("--m-info"), `${colour("--m-info-soft")}aa`),
      series(labels[2] ?? "", "#2b9a62"),
      series(labels[3] ?? "", "#d1493d"),
    ],
  };
}
