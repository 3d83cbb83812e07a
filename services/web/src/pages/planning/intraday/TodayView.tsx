import { Select } from "@mantine/core";
import { IconChartBar } from "@tabler/icons-react";
import { useState } from "react";
import { useNames } from "../../../api/names.ts";
import type { HistorySeries, Intraday, IntradayInterval } from "../../../api/types.ts";
import { formatTime } from "../../../format/dates.ts";
import { formatNumber, formatShare } from "../../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { serverNow } from "../../../socket/live.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { TextField } from "../../../ui/fields.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Note } from "../../../ui/Note.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { dayOf } from "../days.ts";
import { keyOf, useSeries } from "../usePlanning.ts";
import { Changes } from "./Changes.tsx";
import { AgentsChart, VolumeChart } from "./DayCharts.tsx";
import { Figure } from "./Figure.tsx";
import classes from "./intraday.module.css";
import { Scenarios } from "./Scenarios.tsx";
import { useIntraday } from "./useToday.ts";

/** A day of a queue: what came against what was planned, what the rest will bring, and what would help. */
export function TodayView() {
  const t = useText();
  const known = useSeries();
  const [chosen, setChosen] = useState("");
  const [said, setSaid] = useState("");
  if (!known.data) return known.error ? <ProblemNote problem={known.error} /> : <Loading />;
  const { series, zone } = known.data;
  const one = series.find((each) => keyOf(each) === chosen) ?? series[0];
  const day = said || dayOf(new Date(serverNow()), zone);
  if (!one) {
    return (
      <Panel>
        <EmptyState icon={IconChartBar} title={t("planning.none")}>
          {t("planning.noneBody")}
        </EmptyState>
      </Panel>
    );
  }
  return (
    <div className={classes.stack}>
      <div className={classes.bar}>
        <Select
          label={t("planning.series")}
          searchable
          allowDeselect={false}
          data={series.map((each) => ({
            value: keyOf(each),
            label: `${each.queueName || each.queueId} · ${channelName(each.channel)}`,
          }))}
          value={keyOf(one)}
          onChange={(next) => next && setChosen(next)}
          data-testid="today-series"
        />
        <TextField
          type="date"
          label={t("adherence.dayField")}
          value={day}
          onChange={(event) => setSaid(event.currentTarget.value)}
          data-testid="today-day"
        />
      </div>
      <OneDay key={`${day} ${keyOf(one)}`} day={day} series={one} />
      <Changes key={day} day={day} zone={zone} />
    </div>
  );
}

function channelName(channel: string | undefined): string {
  return textOr("planningChannel", (channel ?? "CHANNEL_VOICE").replace("CHANNEL_", ""));
}

function OneDay({ day, series }: { day: string; series: HistorySeries }) {
  const t = useText();
  const names = useNames();
  const found = useIntraday(day, series);
  const data = found.data;
  if (!data) {
    return found.error ? (
      <ProblemNote problem={found.error} onRetry={() => void found.refetch()} />
    ) : (
      <Loading />
    );
  }
  const shared = (data.sharedWith ?? []).map(
    (each) => `${names.queue(each.queueId)} · ${channelName(each.channel)}`,
  );
  return (
    <>
      <ProblemNote problem={found.error} onRetry={() => void found.refetch()} />
      <DayFigures data={data} />
      {!data.scheduleId && <Note tone="info">{t("intraday.notPublished")}</Note>}
      {shared.length > 0 && <Note tone="info">{t("intraday.shared", { queues: shared.join(", ") })}</Note>}
      <Panel label={t("intraday.volume")} testId="today-volume">
        <h2 className={classes.title}>{t("intraday.volume")}</h2>
        <VolumeChart data={data} />
      </Panel>
      <Panel label={t("intraday.agents")} testId="today-agents">
        <h2 className={classes.title}>{t("intraday.agents")}</h2>
        <AgentsChart data={data} />
      </Panel>
      <ByInterval data={data} />
      <Scenarios day={day} series={series} asItStands={data.outcome} />
    </>
  );
}

function DayFigures({ data }: { data: Intraday }) {
  const t = useText();
  const language = useLanguage();
  const rows = data.intervals ?? [];
  const over = data.overCount ?? 0;
  const sum = (part: readonly IntradayInterval[], of: (each: IntradayInterval) => number | undefined) =>
    part.reduce((total, each) => total + (of(each) ?? 0), 0);
  const [came, forecast] = [
    sum(rows.slice(0, over), (each) => each.came ?? 0),
    sum(rows.slice(0, over), (each) => each.forecast),
  ];
  const whole = came + sum(rows.slice(over), (each) => each.expected);
  const planned = sum(rows, (each) => each.forecast);
  const number = (value: number) => formatNumber(Math.round(value), language);
  const percent = (value: number, of: number) =>
    of > 0
      ? t("intraday.against", {
          share: `${value >= of ? "+" : ""}${formatShare(value / of - 1, language)}`,
        })
      : "";
  const level = data.outcome?.serviceLevel;
  const missing = data.outcome?.missingHours ?? 0;
  return (
    <div className={classes.figures} data-testid="today-figures">
      <Figure
        label={t("intraday.cameSoFar")}
        value={number(came)}
        note={percent(came, forecast)}
        testId="today-came"
      />
      <Figure
        label={t("intraday.wholeDay")}
        value={number(whole)}
        note={percent(whole, planned)}
        testId="today-whole"
      />
      <Figure
        label={t("intraday.levelRest")}
        value={level === undefined || level === null ? "–" : formatShare(level, language)}
      />
      <Figure
        label={t("intraday.missing")}
        value={formatNumber(missing, language, 1)}
        bad={missing >= 1}
        testId="today-missing"
      />
      <Figure label={t("intraday.spare")} value={formatNumber(data.outcome?.spareHours ?? 0, language, 1)} />
    </div>
  );
}

/** The same as numbers, for who can't see the pictures. */
function ByInterval({ data }: { data: Intraday }) {
  const t = useText();
  const language = useLanguage();
  const zone = data.timeZone || "UTC";
  const number = (value: number | null | undefined, digits = 1) =>
    value === undefined || value === null ? "–" : formatNumber(value, language, digits);
  const rows = (data.intervals ?? []).filter((each) => (each.forecast ?? 0) > 0 || (each.came ?? 0) > 0);
  return (
    <details className={classes.details} data-testid="today-numbers">
      <summary>{t("intraday.numbers")}</summary>
      <DataTable<IntradayInterval>
        label={t("intraday.numbers")}
        rows={rows}
        keyOf={(row) => row.startTime ?? ""}
        columns={[
          { head: t("intraday.interval"), cell: (row) => formatTime(row.startTime, language, zone) },
          { head: t("intraday.forecast"), cell: (row) => number(row.forecast) },
          { head: t("intraday.came"), cell: (row) => number(row.came, 0) },
          { head: t("intraday.expected"), cell: (row) => number(row.expected) },
          { head: t("intraday.required"), cell: (row) => number(row.requiredAgents) },
          { head: t("intraday.staffed"), cell: (row) => number(row.staffedAgents) },
          { head: t("intraday.present"), cell: (row) => number(row.presentAgents) },
        ]}
      />
    </details>
  );
}
