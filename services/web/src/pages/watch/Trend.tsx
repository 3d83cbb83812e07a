import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { api, ask } from "../../api/client.ts";
import type { QueueInterval, Wallboard } from "../../api/types.ts";
import { formatTime } from "../../format/dates.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { Panel } from "../../ui/Page.tsx";
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
  const box = useRef<HTMLDivElement>(null);
  // Read again whenever something was counted; the figures themselves are the server's.
  const counted = `${board.total?.offered}/${board.total?.answered}/${board.total?.abandoned}`;
  const { data } = useQuery({
    queryKey: ["queueIntervals", counted],
    queryFn: async () => (await ask(api.GET("/v1/queueIntervals"))).intervals ?? [],
    placeholderData: (previous) => previous,
    refetchInterval: 60_000,
  });
  useEffect(() => {
    const element = box.current;
    if (!element || !data) return;
    const labels = [t("watch.time"), t("watch.offered"), t("watch.answered"), t("watch.abandoned")];
    const plot = new uPlot(
      options(element.clientWidth, labels, language),
      trendOf(data, Date.now()),
      element,
    );
    const watch = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: 190 }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [data, language, t]);
  return (
    <Panel label={t("watch.trend")}>
      <h2 className={classes.title}>{t("watch.trend")}</h2>
      <div ref={box} className={classes.chart} dir="ltr" data-testid="wallboard-trend" />
    </Panel>
  );
}

function options(
  width: number,
  labels: string[],
  language: Parameters<typeof formatNumber>[1],
): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--m-muted"),
    grid: { stroke: colour("--m-line"), width: 1 },
    ticks: { show: false },
    font: `12px ${colour("--m-font") || "sans-serif"}`,
  };
  const series = (label: string, stroke: string, fill?: string): uPlot.Series => ({
    label,
    stroke,
    fill,
    width: 2,
    points: { show: false },
    value: (_, value) => (value === null ? "–" : formatNumber(value, language)),
  });
  return {
    width,
    height: 190,
    cursor: { drag: { x: false, y: false } },
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
