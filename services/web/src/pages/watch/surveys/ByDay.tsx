import { useCallback } from "react";
import type uPlot from "uplot";
import type { SurveyQuestion } from "../../../api/types.ts";
import { formatDate } from "../../../format/dates.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { type Language, useLanguage, useText } from "../../../i18n/index.ts";
import { axisStyle, colour, type Plot, usePlot } from "../../../ui/plot.ts";
import watch from "../watch.module.css";

const HEIGHT = 180;

/** The average of each day on which somebody answered, over the whole period. */
export function ByDay({ question, days }: { question: SurveyQuestion; days: number }) {
  const t = useText();
  const language = useLanguage();
  const build = useCallback(() => {
    const labels = [t("surveys.day"), t("surveys.average"), t("surveys.count")];
    return { options: options(question, labels, language), data: seriesOf(question, days, new Date()) };
  }, [question, days, language, t]);
  const box = usePlot(HEIGHT, build);
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
  { lowest = 0, highest = 0 }: SurveyQuestion,
  [day = "", average = "", count = ""]: string[],
  language: Language,
): Plot["options"] {
  const axis = axisStyle();
  const date = (seconds: number) => formatDate(new Date(seconds * 1000), language);
  const said = (_: uPlot, value: number | null, fraction?: number) =>
    value === null ? "–" : formatNumber(value, language, fraction);
  return {
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
