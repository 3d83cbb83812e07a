import { Select, Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import type uPlot from "uplot";
import { api, ask } from "../../../api/client.ts";
import type { CurrentUsage, MeterUsage } from "../../../api/types.ts";
import { formatDate } from "../../../format/dates.ts";
import { formatNumber, roundDecimal } from "../../../format/numbers.ts";
import { type Language, useLanguage, useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { axisStyle, colour, type Plot, usePlot } from "../../../ui/plot.ts";
import { useRefreshOn } from "../../watch/useRefreshOn.ts";
import watch from "../../watch/watch.module.css";
import { Cost } from "./parts.tsx";
import { type Point, pointsOf } from "./usagePoints.ts";
import { useMeterNames } from "./useMeterNames.ts";

const HEIGHT = 220;

const keyOf = (usage: MeterUsage) => `${usage.meter}/${usage.rateId}`;

/** How the period's usage grows towards what the plan includes, and where it is going; as a table too. */
export default function UsageCharts() {
  const t = useText();
  const { data, error, refetch } = useQuery({
    queryKey: ["currentUsage"],
    queryFn: () => ask(api.GET("/v1/usage:current")),
  });
  useRefreshOn(["currentUsage"], "UsageRated");
  const called = useMeterNames();
  const meters = data?.meters ?? [];
  const [chosen, setChosen] = useState<string>();
  const usage = meters.find((each) => keyOf(each) === chosen) ?? meters[0];
  if (error) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!data) return null;
  const several = (meter: string | undefined) => meters.filter((each) => each.meter === meter).length > 1;
  const nameOf = (each: MeterUsage) =>
    called(each.meter ?? "") + (several(each.meter) ? ` (${each.rateId})` : "");
  return (
    <Panel label={t("usageChart.title")} testId="usage-charts">
      <h2 className={watch.title}>{t("usageChart.title")}</h2>
      {!usage && <p className={watch.faint}>{t("usageChart.none")}</p>}
      {usage && (
        <>
          <Select
            label={t("usageChart.meter")}
            data={meters.map((each) => ({ value: keyOf(each), label: nameOf(each) }))}
            value={keyOf(usage)}
            allowDeselect={false}
            onChange={(next) => setChosen(next ?? undefined)}
            style={{ maxWidth: 360, marginBottom: 12 }}
            data-testid="usage-chart-meter"
          />
          <Standing usage={usage} name={nameOf(usage)} period={data} />
        </>
      )}
    </Panel>
  );
}

function Standing({ usage, name, period }: { usage: MeterUsage; name: string; period: CurrentUsage }) {
  const t = useText();
  const language = useLanguage();
  const shown = (value: string | number | undefined) =>
    formatNumber(roundDecimal(String(value || "0"), 2), language);
  const allowance = Number(usage.allowance ?? 0);
  const end = period.periodEndTime ?? "";
  const points = useMemo(() => pointsOf(usage, end), [usage, end]);
  const lastDay = formatDate(new Date(Date.parse(end) - 1), language);
  const said = [
    t("usageChart.used", { count: shown(usage.quantity) }),
    allowance > 0 ? t("usageChart.included", { count: shown(usage.allowance) }) : t("usageChart.nothing"),
    t("usageChart.going", { count: shown(usage.projectedQuantity), date: lastDay }),
  ].join(" ");
  return (
    <>
      <p style={{ margin: "0 0 8px" }} data-testid="usage-chart-said">
        {said} {t("usageChart.cost")} <Cost money={usage.amount} />
      </p>
      {points.length > 1 && <Chart points={points} allowance={allowance} label={`${name}. ${said}`} />}
      <details data-testid="usage-chart-table">
        <summary style={{ cursor: "pointer", paddingBlock: 8 }}>{t("usageChart.asTable")}</summary>
        <DataTable
          label={`${t("usageChart.title")}: ${name}`}
          rows={points}
          keyOf={(point) => String(point.time)}
          columns={[
            {
              head: t("usageChart.day"),
              cell: (point) => formatDate(new Date(point.time * 1000), language),
            },
            {
              head: t("usageChart.ofDay"),
              cell: (point) => (point.ofDay === undefined ? "–" : shown(point.ofDay)),
            },
            {
              head: t("usageChart.soFar"),
              cell: (point) => (point.soFar === null ? "–" : shown(point.soFar)),
            },
            {
              head: t("usageChart.forecast"),
              cell: (point) => (point.forecast === null ? "–" : shown(point.forecast)),
            },
          ]}
          foot={
            allowance > 0 && (
              <Table.Tr role="row">
                <Table.Th role="rowheader" colSpan={2}>
                  {t("usageChart.allowance")}
                </Table.Th>
                <Table.Td role="cell" colSpan={2}>
                  {shown(usage.allowance)}
                </Table.Td>
              </Table.Tr>
            )
          }
        />
      </details>
    </>
  );
}

function Chart({ points, allowance, label }: { points: Point[]; allowance: number; label: string }) {
  const t = useText();
  const language = useLanguage();
  const build = useCallback(() => {
    const labels = (["day", "soFar", "forecast", "allowance"] as const).map((each) =>
      t(`usageChart.${each}`),
    );
    return {
      options: options(labels, allowance, language),
      data: [
        points.map((each) => each.time),
        points.map((each) => each.soFar),
        points.map((each) => each.forecast),
        points.map(() => (allowance > 0 ? allowance : null)),
      ] satisfies uPlot.AlignedData,
    };
  }, [points, allowance, language, t]);
  const box = usePlot(HEIGHT, build);
  return (
    <div role="img" aria-label={label}>
      <div ref={box} className={watch.chart} dir="ltr" data-testid="usage-chart" />
    </div>
  );
}

function options(labels: string[], allowance: number, language: Language): Plot["options"] {
  const axis = axisStyle();
  const number = (value: number) => formatNumber(roundDecimal(value.toFixed(4), 2), language);
  const date = (seconds: number) => formatDate(new Date(seconds * 1000), language);
  const line = (label: string | undefined, stroke: string, dash?: number[]): uPlot.Series => ({
    label,
    stroke,
    dash,
    width: 2,
    spanGaps: true,
    points: { show: false },
    value: (_, value) => (value === null ? "–" : number(value)),
  });
  return {
    scales: { y: { range: (_, __, max) => [0, Math.max(1, max ?? 1, allowance) * 1.1] } },
    axes: [
      { ...axis, space: 110, values: (_, ticks) => ticks.map(date) },
      { ...axis, size: 56, values: (_, ticks) => ticks.map(number) },
    ],
    series: [
      { label: labels[0], value: (_, value) => (value === null ? "–" : date(value)) },
      line(labels[1], colour("--m-info")),
      line(labels[2], colour("--m-info"), [6, 5]),
      line(labels[3], "#d1493d", [2, 4]),
    ],
  };
}
