import { useMemo } from "react";
import type { SkillGroup, SkillPlan } from "../../api/types.ts";
import { formatNumber, formatShare } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { type Column, DataTable } from "../../ui/DataTable.tsx";
import { Note } from "../../ui/Note.tsx";
import classes from "./planning.module.css";
import { type Layer, StackedLines } from "./StackedLines.tsx";
import { type GroupSum, groupSums, type LineSum, lineSums } from "./skillPlans.ts";
import { useSeries } from "./usePlanning.ts";

/** What a plan came to: how many of each group by interval, and which promises hold. */
export function SkillPlanResult({ plan, zone }: { plan: SkillPlan; zone: string }) {
  const t = useText();
  const language = useLanguage();
  const series = useSeries();
  const names = useMemo(
    () => new Map((series.data?.series ?? []).map((each) => [each.queueId ?? "", each.queueName ?? ""])),
    [series.data],
  );
  const count = (value: number, digits = 0) => formatNumber(value, language, digits);
  const queueName = (queueId: string | undefined) => names.get(queueId ?? "") || queueId || "";
  const nameOf = (group: SkillGroup): string => {
    const served = group.queueIds ?? [];
    const every = new Set((plan.lines ?? []).map((each) => each.queueId));
    if (group.displayName) return group.displayName;
    if (every.size > 1 && [...every].every((each) => served.includes(each ?? ""))) return t("skill.all");
    return served.map(queueName).join(" + ");
  };
  const groups = plan.groups ?? [];
  const labels = groups.map(nameOf);
  const said = labels.join("\n");
  const drawn = useMemo(() => {
    const rows = plan.intervals ?? [];
    const layers: Layer[] = said.split("\n").map((label, at) => ({
      label,
      values: rows.map((each) => each.agents?.[at] ?? 0),
    }));
    return {
      times: rows.map((each) => Date.parse(each.startTime ?? "") / 1000),
      layers,
      line: { label: t("skill.apart"), values: rows.map((each) => each.roundedApart ?? 0) },
      scheduled: { label: t("planning.scheduled"), values: rows.map((each) => each.scheduled ?? 0) },
    };
  }, [plan, said, t]);
  const hours = plan.scheduledHours ?? 0;
  const apart = plan.roundedApartHours ?? 0;
  const saved = Math.round(apart - hours);
  const broken = plan.brokenCount ?? 0;
  const outcomes: Column<LineSum>[] = [
    {
      head: t("skill.queue"),
      cell: ({ line }) =>
        `${queueName(line.queueId)} · ${textOr("planningChannel", (line.channel ?? "").replace("CHANNEL_", ""))}`,
    },
    {
      head: t("skill.promise"),
      cell: ({ line }) =>
        line.canWait ? t("skill.canWait") : formatShare(line.rule?.serviceLevel ?? 0, language),
    },
    { head: t("skill.lowest"), cell: (row) => (row.line.canWait ? "–" : formatShare(row.lowest, language)) },
    {
      head: t("skill.wait"),
      cell: (row) => (row.line.canWait ? "–" : t("skill.seconds", { seconds: count(row.wait) })),
    },
    {
      head: t("skill.abandon"),
      cell: (row) => (row.line.canWait ? "–" : formatShare(row.abandoned, language)),
    },
    { head: t("skill.breaks"), cell: (row) => count(row.broken), testId: "skill-plan-breaks" },
  ];
  const helps = (group: SkillGroup) =>
    (group.reaches ?? [])
      .map((each) =>
        t("skill.helps", { queues: queueName(each.queueId), seconds: count(each.afterSeconds ?? 0) }),
      )
      .join("; ");
  const who: Column<GroupSum>[] = [
    {
      head: t("skill.group"),
      cell: ({ group, at }) => (
        <>
          {labels[at]}
          {helps(group) && <div className={classes.hint}>{helps(group)}</div>}
        </>
      ),
    },
    {
      head: t("skill.there"),
      cell: ({ group }) => (group.agentCount ? count(group.agentCount) : t("skill.asMany")),
    },
    { head: t("skill.most"), cell: (row) => count(row.most) },
    { head: t("skill.hours"), cell: (row) => count(row.hours) },
    { head: t("skill.busy"), cell: (row) => (row.hours ? formatShare(row.busy, language) : "–") },
  ];
  return (
    <div className={classes.stack} data-testid="skill-plan-made">
      <p className={classes.lead} data-testid="skill-plan-sum">
        {t(saved > 0 ? "skill.saves" : "skill.costs", {
          hours: count(Math.round(hours)),
          apart: count(Math.round(apart)),
          saved: count(Math.max(0, saved)),
        })}
      </p>
      {broken > 0 ? (
        <Note tone="warn">{t("skill.broken", { count: language === "en" ? broken : count(broken) })}</Note>
      ) : (
        <Note tone="info">{t("skill.kept")}</Note>
      )}
      <StackedLines label={t("skill.chart")} {...drawn} zone={zone} testId="skill-plan-chart" />
      <h3 className={classes.title}>{t("skill.outcomes")}</h3>
      <DataTable
        label={t("skill.outcomes")}
        columns={outcomes}
        rows={lineSums(plan)}
        keyOf={({ line }) => `${line.queueId}/${line.channel}`}
        testId={() => "skill-plan-line"}
      />
      <h3 className={classes.title}>{t("skill.groups")}</h3>
      <DataTable
        label={t("skill.groups")}
        columns={who}
        rows={groupSums(plan)}
        keyOf={({ at }) => String(at)}
        testId={() => "skill-plan-who"}
      />
    </div>
  );
}
