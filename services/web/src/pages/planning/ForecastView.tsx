import { useMemo, useState } from "react";
import type { Forecast, ForecastInterval, ForecastRun, HistorySeries } from "../../api/types.ts";
import { formatDate, weekdayName } from "../../format/dates.ts";
import { formatNumber, formatShare } from "../../format/numbers.ts";
import { type Language, textOr, useLanguage, useText } from "../../i18n/index.ts";
import { DataTable } from "../../ui/DataTable.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { Note } from "../../ui/Note.tsx";
import { Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { Backtest } from "./Backtest.tsx";
import { dayOf, noonOf, ZONELESS } from "./days.ts";
import { Lines } from "./Lines.tsx";
import { Overrides } from "./Overrides.tsx";
import classes from "./planning.module.css";
import { isRunning, useForecast, weekFrom } from "./usePlanning.ts";
import { WeekBar } from "./WeekBar.tsx";

interface Props {
  run: ForecastRun;
  series: HistorySeries;
  zone: string;
  mayChange: boolean;
}

/** A week of a forecast beside what came, how good it would have been, and what is known better. */
export function ForecastView({ run, series, zone, mayChange }: Props) {
  const t = useText();
  const [first, setFirst] = useState(run.firstDay ?? "");
  const week = useMemo(() => weekFrom(first, zone), [first, zone]);
  const forecast = useForecast(run, series, week);
  const found = forecast.data;
  return (
    <div className={classes.stack}>
      {run.state === "FORECAST_RUN_STATE_CANCELLED" && <Note tone="warn">{t("planning.cancelled")}</Note>}
      <ProblemNote problem={forecast.error} onRetry={() => void forecast.refetch()} />
      {forecast.isPending && <Loading />}
      {found === null && !isRunning(run) && <Note tone="info">{t("planning.notInRun")}</Note>}
      {found && (
        <>
          <Warnings forecast={found} />
          <Panel label={t("planning.chart")} testId="forecast-panel">
            <div className={classes.head}>
              <h2 className={classes.title}>{t("planning.chart")}</h2>
              <WeekBar run={run} first={first} onChange={setFirst} />
            </div>
            <WeekSum forecast={found} />
            <Chart intervals={found.intervals ?? []} zone={zone} />
          </Panel>
          <Panel label={t("planning.byDay")} flush>
            <ByDay intervals={found.intervals ?? []} zone={zone} />
          </Panel>
          {found.backtest && <Backtest backtest={found.backtest} method={found.method ?? ""} />}
        </>
      )}
      <Overrides series={series} zone={zone} mayChange={mayChange} first={first} />
    </div>
  );
}

function Warnings({ forecast }: { forecast: Forecast }) {
  const language = useLanguage();
  return (forecast.warnings ?? []).map((each) => (
    <Note key={each.code} tone="warn" testId={`forecast-warning-${each.code}`}>
      {textOr("planningWarning", each.code ?? "", said(each.data ?? {}, language))}
    </Note>
  ));
}

/** What a warning's words need, in the reader's language. */
function said(data: Record<string, string>, language: Language): Record<string, string> {
  const names = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];
  const found: Record<string, string> = {};
  for (const [key, value] of Object.entries(data)) {
    if (key === "weekdays") {
      const days = value.split(",").map((name) => weekdayName(names.indexOf(name) + 1, language));
      found[key] = days.join(language === "fa" ? "، " : ", ");
    } else if (/^\d{4}-\d\d-\d\d$/.test(value)) {
      found[key] = formatDate(noonOf(value), language, ZONELESS);
    } else {
      found[key] = `${value.startsWith("+") ? "+" : ""}${formatNumber(value.replace("+", ""), language)}`;
    }
  }
  return found;
}

function WeekSum({ forecast }: { forecast: Forecast }) {
  const t = useText();
  const language = useLanguage();
  const intervals = forecast.intervals ?? [];
  const volume = intervals.reduce((sum, each) => sum + (each.volume ?? 0), 0);
  const work = intervals.reduce((sum, each) => sum + (each.volume ?? 0) * (each.ahtSeconds ?? 0), 0);
  return (
    <p className={classes.lead} data-testid="forecast-sum">
      {t("planning.weekSum", {
        volume: formatNumber(Math.round(volume), language),
        aht: formatNumber(volume ? Math.round(work / volume) : 0, language),
      })}{" "}
      {forecast.error !== undefined &&
        t("planning.error", {
          error: formatShare(forecast.error ?? 0, language, 1),
          copy: formatShare(forecast.lastWeekError ?? 0, language, 1),
        })}
    </p>
  );
}

function Chart({ intervals, zone }: { intervals: readonly ForecastInterval[]; zone: string }) {
  const t = useText();
  const drawn = useMemo(() => {
    const column = (of: (each: ForecastInterval) => number | null | undefined) =>
      intervals.map((each) => of(each) ?? null);
    return {
      times: intervals.map((each) => Date.parse(each.startTime ?? "") / 1000),
      lines: [
        { label: t("planning.volume"), values: column((each) => each.volume ?? 0), colour: "--m-info" },
        {
          label: t("planning.low"),
          values: column((each) => each.low ?? 0),
          colour: "--m-info",
          faint: true,
        },
        {
          label: t("planning.high"),
          values: column((each) => each.high ?? 0),
          colour: "--m-info",
          faint: true,
        },
        { label: t("planning.came"), values: column((each) => each.came), colour: "--m-warn", digits: 0 },
      ],
    };
  }, [intervals, t]);
  return <Lines label={t("planning.chart")} {...drawn} zone={zone} band={BAND} testId="forecast-chart" />;
}

const BAND = [1, 2] as const;

interface Day {
  day: string;
  volume: number;
  came: number | undefined;
  work: number;
}

/** The same as numbers, for who can't see the picture. */
function ByDay({ intervals, zone }: { intervals: readonly ForecastInterval[]; zone: string }) {
  const t = useText();
  const language = useLanguage();
  const days = new Map<string, Day>();
  for (const each of intervals) {
    const day = dayOf(each.startTime ?? "", zone);
    const sum = days.get(day) ?? { day, volume: 0, came: undefined, work: 0 };
    sum.volume += each.volume ?? 0;
    sum.work += (each.volume ?? 0) * (each.ahtSeconds ?? 0);
    if (each.came !== undefined) sum.came = (sum.came ?? 0) + (each.came ?? 0);
    days.set(day, sum);
  }
  const number = (value: number) => formatNumber(Math.round(value), language);
  return (
    <DataTable<Day>
      label={t("planning.byDay")}
      rows={[...days.values()]}
      keyOf={(row) => row.day}
      columns={[
        { head: t("planning.day"), cell: (row) => dayName(row.day, language) },
        { head: t("planning.volume"), cell: (row) => number(row.volume) },
        { head: t("planning.came"), cell: (row) => (row.came === undefined ? "–" : number(row.came)) },
        { head: t("planning.aht"), cell: (row) => (row.volume ? number(row.work / row.volume) : "–") },
      ]}
    />
  );
}

function dayName(day: string, language: Language): string {
  const date = noonOf(day);
  const weekday = weekdayName((((date?.getUTCDay() ?? 1) + 6) % 7) + 1, language);
  return `${weekday}${language === "fa" ? "، " : ", "}${formatDate(date, language, ZONELESS)}`;
}
