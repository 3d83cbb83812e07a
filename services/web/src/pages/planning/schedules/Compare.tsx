import { Modal, Select, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { Schedule, ScheduleDifference, ScheduleFigures } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { arrowOf } from "../../../i18n/languages.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Tag, type Tone } from "../../../ui/Note.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { SiteZone } from "../SiteZone.tsx";
import { useClocks } from "../useClocks.ts";
import classes from "./gantt.module.css";
import { barOf } from "./shifts.ts";
import { isMade, usePeopleNames, useSchedules } from "./useSchedules.ts";
import { barText, dayText, nearText } from "./words.ts";

const MOST = 200;
const TONES: Record<string, Tone> = { ADDED: "good", REMOVED: "bad", MOVED: "info", BREAKS: "neutral" };

/** What differs from one version to another of the same week. */
export function Compare({ schedule, onClose }: { schedule: Schedule; onClose: () => void }) {
  const t = useText();
  const language = useLanguage();
  const others = (useSchedules().data ?? []).filter(
    (each) => each.firstDay === schedule.firstDay && each.scheduleId !== schedule.scheduleId && isMade(each),
  );
  const [chosen, setChosen] = useState("");
  const other =
    others.find((each) => each.scheduleId === chosen) ??
    others.find((each) => each.scheduleId === schedule.baseScheduleId) ??
    others[0];
  const name = (each: Schedule) =>
    [t("schedules.number", { number: formatNumber(each.number ?? 0, language) }), each.displayName]
      .filter(Boolean)
      .join(" · ");
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={t("schedules.compareWith", { name: name(schedule) })}
      closeButtonProps={{ "aria-label": t("common.close") }}
      data-testid="compare"
    >
      <Stack>
        {others.length === 0 ? (
          <p className={classes.quiet}>{t("schedules.noOther")}</p>
        ) : (
          <Select
            label={t("schedules.other")}
            allowDeselect={false}
            data={others.map((each) => ({ value: each.scheduleId ?? "", label: name(each) }))}
            value={other?.scheduleId ?? null}
            onChange={(next) => next && setChosen(next)}
            data-testid="compare-other"
          />
        )}
        {other && <Differences one={other} other={schedule} zone={schedule.timeZone ?? "UTC"} />}
      </Stack>
    </Modal>
  );
}

function Differences({ one, other, zone }: { one: Schedule; other: Schedule; zone: string }) {
  const t = useText();
  const language = useLanguage();
  const nameOf = usePeopleNames();
  const zoneOf = useClocks(zone);
  const found = useQuery({
    queryKey: ["wfm", "differences", one.scheduleId, one.version, other.scheduleId, other.version],
    queryFn: () => {
      const path = { scheduleId: one.scheduleId ?? "", otherScheduleId: other.scheduleId ?? "" };
      return ask(
        api.GET("/v1/wfm/schedules/{scheduleId}/differences/{otherScheduleId}", { params: { path } }),
      );
    },
  });
  if (found.isPending) return <Loading />;
  const rows = found.data?.differences ?? [];
  const said = (shift: ScheduleDifference["before"], userId: string | undefined) =>
    shift ? (
      <>
        {barText(barOf(shift), zoneOf(userId), language, t)}
        <SiteZone zone={zoneOf(userId)} company={zone} at={shift.startTime} />
      </>
    ) : (
      "–"
    );
  const counts = ["MOVED", "BREAKS", "ADDED", "REMOVED"].map(
    (change) => [change, rows.filter((each) => each.change === change).length] as const,
  );
  return (
    <>
      <ProblemNote problem={found.error} onRetry={() => void found.refetch()} />
      <Figures before={found.data?.figures} after={found.data?.otherFigures} />
      <div className={classes.actions} data-testid="compare-counts">
        {counts.map(([change, count]) => (
          <Tag key={change} tone={TONES[change] ?? "neutral"}>
            {textOr("scheduleChange", change)}: {formatNumber(count, language)}
          </Tag>
        ))}
      </div>
      {rows.length === 0 ? (
        <p className={classes.quiet}>{t("schedules.same")}</p>
      ) : (
        <DataTable<ScheduleDifference>
          label={t("schedules.differences")}
          rows={rows.slice(0, MOST)}
          keyOf={(row) => `${row.userId}${row.day}`}
          columns={[
            { head: t("schedules.agent"), cell: (row) => <bdi>{nameOf(row.userId)}</bdi> },
            { head: t("planning.day"), cell: (row) => dayText(row.day ?? "", language) },
            {
              head: t("schedules.change"),
              cell: (row) => (
                <Tag tone={TONES[row.change ?? ""] ?? "neutral"}>
                  {textOr("scheduleChange", row.change ?? "")}
                </Tag>
              ),
            },
            { head: t("schedules.before"), cell: (row) => said(row.before, row.userId) },
            { head: t("schedules.after"), cell: (row) => said(row.after, row.userId) },
          ]}
        />
      )}
      {rows.length > MOST && (
        <p className={classes.quiet}>
          {t("schedules.more", { count: formatNumber(rows.length - MOST, language) })}
        </p>
      )}
    </>
  );
}

function Figures({
  before,
  after,
}: {
  before: ScheduleFigures | undefined;
  after: ScheduleFigures | undefined;
}) {
  const t = useText();
  const language = useLanguage();
  const hours = (of: keyof ScheduleFigures) =>
    [before, after]
      .map((each) => t("schedules.hoursShort", { hours: formatNumber(each?.[of] ?? 0, language, 1) }))
      .join(` ${arrowOf(language)} `);
  return (
    <dl className={classes.figures}>
      <div>
        <dt>{t("schedules.quality")}</dt>
        <dd>{[before, after].map((each) => nearText(each, language, t)).join(` ${arrowOf(language)} `)}</dd>
      </div>
      <div>
        <dt>{t("schedules.missing")}</dt>
        <dd>{hours("underHours")}</dd>
      </div>
      <div>
        <dt>{t("schedules.spare")}</dt>
        <dd>{hours("overHours")}</dd>
      </div>
    </dl>
  );
}
