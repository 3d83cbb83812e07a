import { Anchor, Button, Select } from "@mantine/core";
import { IconCalendarTime, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "wouter";
import { api, ask } from "../../../api/client.ts";
import type { Schedule } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { Confirm } from "../../../ui/Confirm.tsx";
import { DataTable } from "../../../ui/DataTable.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { RowActions } from "../../../ui/RowActions.tsx";
import { DateTime } from "../../../ui/Time.tsx";
import planning from "../planning.module.css";
import { weekText } from "../weeks.ts";
import classes from "./gantt.module.css";
import { Making } from "./Making.tsx";
import { NewSchedule } from "./NewSchedule.tsx";
import { StateTag } from "./StateTag.tsx";
import { isMade, isRunning, usePeopleNames, useRefreshSchedules, useSchedules } from "./useSchedules.ts";
import { agentHours, nearText } from "./words.ts";

/** Versions of weeks: what state they are in and how good they are; making another. */
export function Versions({ mayChange }: { mayChange: boolean }) {
  const t = useText();
  const language = useLanguage();
  const refresh = useRefreshSchedules();
  const nameOf = usePeopleNames();
  const { data, error, refetch } = useSchedules();
  const [week, setWeek] = useState("");
  const [making, setMaking] = useState(false);
  const [removing, setRemoving] = useState<Schedule>();
  const weeks = [...new Set((data ?? []).map((each) => each.firstDay ?? ""))].sort().reverse();
  const rows = (data ?? []).filter((each) => !week || each.firstDay === week);
  const running = (data ?? []).filter(isRunning);
  const add = mayChange && (
    <Button
      leftSection={<IconPlus size={16} aria-hidden />}
      onClick={() => setMaking(true)}
      data-testid="schedule-new"
    >
      {t("schedules.new")}
    </Button>
  );
  const name = (each: Schedule) =>
    t("schedules.title", {
      day: weekText(each.firstDay, language),
      number: formatNumber(each.number ?? 0, language),
    });
  return (
    <div className={planning.stack}>
      <ProblemNote problem={error} onRetry={() => void refetch()} />
      {!data && !error && <Loading />}
      {data && data.length === 0 && (
        <Panel>
          <EmptyState icon={IconCalendarTime} title={t("schedules.none")} action={add}>
            {t("schedules.noneBody")}
          </EmptyState>
        </Panel>
      )}
      {data && data.length > 0 && (
        <div className={planning.bar}>
          <Select
            label={t("schedules.weekOf")}
            clearable
            placeholder={t("schedules.allWeeks")}
            data={weeks.map((each) => ({ value: each, label: weekText(each, language) }))}
            value={week || null}
            onChange={(next) => setWeek(next ?? "")}
            data-testid="schedules-week"
          />
          {add}
        </div>
      )}
      {running.map((each) => (
        <div key={each.scheduleId}>
          <h2 className={planning.title}>
            <Anchor component={Link} href={`/planning/schedules/${each.scheduleId}`}>
              {name(each)}
            </Anchor>
          </h2>
          <Making schedule={each} mayChange={mayChange} />
        </div>
      ))}
      {rows.length > 0 && (
        <Panel label={t("schedules.tab")} flush>
          <DataTable<Schedule>
            label={t("schedules.tab")}
            rows={rows}
            keyOf={(row) => row.scheduleId ?? ""}
            testId={(row) => `schedule-${row.scheduleId}`}
            columns={[
              {
                head: t("schedules.version"),
                cell: (row) => (
                  <>
                    <Anchor component={Link} href={`/planning/schedules/${row.scheduleId}`}>
                      {name(row)}
                    </Anchor>
                    {row.displayName && (
                      <div className={classes.quiet}>
                        <bdi>{row.displayName}</bdi>
                      </div>
                    )}
                  </>
                ),
              },
              { head: t("schedules.state"), cell: (row) => <StateTag schedule={row} /> },
              {
                head: t("schedules.quality"),
                cell: (row) => (row.figures ? nearText(row.figures, language, t) : "–"),
              },
              {
                head: t("schedules.missing"),
                cell: (row) =>
                  row.figures
                    ? t("schedules.hoursShort", { hours: agentHours(row.figures.underHours, language) })
                    : "–",
              },
              {
                head: t("schedules.violations"),
                cell: (row) => (isMade(row) ? formatNumber(row.violationCount ?? 0, language) : "–"),
              },
              {
                head: t("schedules.published"),
                cell: (row) =>
                  row.publishTime ? (
                    <>
                      <DateTime value={row.publishTime} />
                      {row.publisher && (
                        <div className={classes.quiet}>
                          <bdi>{nameOf(row.publisher)}</bdi>
                        </div>
                      )}
                    </>
                  ) : (
                    "–"
                  ),
              },
              {
                head: t("common.actions"),
                quiet: true,
                cell: (row) => (
                  <RowActions
                    name={name(row)}
                    testId={`schedule-${row.scheduleId}`}
                    onDelete={mayChange && mayGo(row) ? () => setRemoving(row) : undefined}
                  />
                ),
              },
            ]}
          />
        </Panel>
      )}
      {making && <NewSchedule onClose={() => setMaking(false)} />}
      <Confirm
        opened={removing !== undefined}
        title={`${t("common.delete")}: ${removing ? name(removing) : ""}`}
        body={t("schedules.deleteBody")}
        confirm={t("common.delete")}
        onConfirm={async () => {
          const path = { scheduleId: removing?.scheduleId ?? "" };
          await ask(api.DELETE("/v1/wfm/schedules/{scheduleId}", { params: { path } }));
          await refresh();
        }}
        onClose={() => setRemoving(undefined)}
      />
    </div>
  );
}

/** Nobody ever worked by it. */
const mayGo = ({ state }: Schedule): boolean =>
  ["DRAFT", "CANCELLED", "FAILED"].some((each) => state === `SCHEDULE_STATE_${each}`);
