import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { SurveyQuestion } from "../../../api/types.ts";
import { formatDate } from "../../../format/dates.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import watch from "../watch.module.css";

const HEIGHT = 180;

/** The average of each day on which somebody answered, over the whole period. */
export function ByDay({ question, days }: { question: SurveyQuestion; days: number }) {
  const t = useText();
  const language = useLanguage();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const plot = new uPlot(
      options(
        element.clientWidth,
        question,
        [t("surveys.day"), t("surveys.average"), t("surveys.count")],
        language,
      ),
      seriesOf(question, days, new Date()),
      element,
    );
    const resized = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      plot.destroy();
    };
  }, [question, days, language, t]);
  return <div ref={box} className={watch.chart} dir="ltr" data-testid="survey-by-day" />;
}

/** Noons of the period's days in seconds, with averages and counts; a day without answers is a gap. */
export function seriesOf({ days: told = [] }: SurveyQuestion, days: number, now: Date): uPlot.AlignedData {
  const known = new Map(told.map((each) => [each.date ?? "", each]));
  const dates = Array.from(
    { length: days },
    (_, place) => new Date(now.getFullYear(), now.getMonth(), now.getDate() - days + 1 + place, 12),
  );
  const key = (date: Date) =>
    [date.getFullYear(), date.getMonth() + 1, date.getDate()]
      .map((part) => String(part).padStart(2, "0"))
      .join("-");
  return [
    dates.map((date) => date.getTime() / 1000),
    dates.map((date) => known.get(key(date))?.average ?? null),
    dates.map((date) => Number(known.get(key(date))?.count ?? 0)),
  ];
}

function options(
  width: number,
  { lowest = 0, highest = 0 }: SurveyQuestion,
  [day = "", average = "", count = ""]: string[],
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
  const date = (seconds: number) => formatDate(new Date(seconds * 1000), language);
  const said = (_: uPlot, value: number | null, fraction?: number) =>
    value === null ? "–" : formatNumber(value, language, fraction);
  return {
    width,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: [lowest, Math.max(highest, lowest + 1)] }, many: { range: [0, 1], auto: false } },
    axes: [
      { ...axis, space: 110, values: (_, ticks) => ticks.map(date) },
      { ...axis, size: 36, values: (_, ticks) => ticks.map((tick) => formatNumber(tick, language)) },
    ],
    series: [
      { label: day, value: (_, value) => (value === null ? "–" : date(value)) },
      {
        label: average,
        stroke: colour("--m-info"),
        width: 2,
        points: { show: true, size: 7, fill: colour("--m-info") },
        value: (plot, value) => said(plot, value, 2),
      },
      // Told beside the average, not drawn: it has no place on the scale of answers.
      {
        label: count,
        scale: "many",
        show: true,
        width: 0,
        points: { show: false },
        value: (plot, value) => said(plot, value),
      },
    ],
  };
}
