import { IconCalendarTime, IconReportAnalytics } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import { useNames } from "../../../api/names.ts";
import type { AgentAdherence } from "../../../api/types.ts";
import { formatNumber, formatShare } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { serverNow } from "../../../socket/live.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { TextField } from "../../../ui/fields.tsx";
import { PagedPanel, usePages } from "../../../ui/LoadMore.tsx";
import { IconAction } from "../../../ui/RowActions.tsx";
import { dayOf, daysLater } from "../days.ts";
import { AgentDay } from "./AgentDay.tsx";
import classes from "./intraday.module.css";
import { shareOf, useBoard } from "./useAdherence.ts";

/** Adherence and conformance of agents over days. */
export function AdherenceReport() {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const zone = useBoard().data?.timeZone || "UTC";
  const today = dayOf(new Date(serverNow()), zone);
  const [said, setSaid] = useState<{ first?: string; last?: string }>({});
  const [looking, setLooking] = useState<string>();
  const [firstDay, lastDay] = [said.first ?? daysLater(today, -6), said.last ?? today];
  const found = usePages<AgentAdherence>(["adherence", "report", firstDay, lastDay], async (pageToken) => {
    const query = { firstDay, lastDay, pageSize: 100, pageToken };
    const answer = await ask(api.GET("/v1/wfm/adherence", { params: { query } }));
    return { rows: answer.agents ?? [], next: answer.nextPageToken ?? "" };
  });
  const share = (row: AgentAdherence, which: "adherence" | "conformance") => {
    const value = shareOf(row.figures, which);
    return value === undefined ? "–" : formatShare(value, language, 1);
  };
  const hours = (seconds: number | undefined) => formatNumber((seconds ?? 0) / 3600, language, 1);
  return (
    <div className={classes.stack}>
      <div className={classes.bar}>
        <TextField
          type="date"
          label={t("adherence.firstDay")}
          value={firstDay}
          onChange={(event) => setSaid({ ...said, first: event.currentTarget.value || firstDay })}
          data-testid="report-first"
        />
        <TextField
          type="date"
          label={t("adherence.lastDay")}
          value={lastDay}
          onChange={(event) => setSaid({ ...said, last: event.currentTarget.value || lastDay })}
          data-testid="report-last"
        />
      </div>
      <PagedPanel
        {...found}
        empty={
          <EmptyState icon={IconReportAnalytics} title={t("adherence.noReport")}>
            {t("adherence.noReportBody")}
          </EmptyState>
        }
      >
        {(rows) => (
          <DataTable<AgentAdherence>
            label={t("intraday.tab.report")}
            rows={rows}
            keyOf={(row) => row.userId ?? ""}
            testId={(row) => `report-${row.userId}`}
            columns={[
              { head: t("adherence.agent"), cell: (row) => <bdi>{names.user(row.userId)}</bdi> },
              { head: t("adherence.days"), cell: (row) => formatNumber(row.days?.length ?? 0, language) },
              { head: t("adherence.adherence"), cell: (row) => share(row, "adherence") },
              { head: t("adherence.conformance"), cell: (row) => share(row, "conformance") },
              { head: t("adherence.scheduledHours"), cell: (row) => hours(row.figures?.scheduledSeconds) },
              { head: t("adherence.workedHours"), cell: (row) => hours(row.figures?.workedSeconds) },
              { head: t("adherence.excusedHours"), cell: (row) => hours(row.figures?.excusedSeconds) },
              {
                head: t("adherence.actions"),
                quiet: true,
                cell: (row) => (
                  <IconAction
                    icon={IconCalendarTime}
                    label={`${t("adherence.day")}: ${names.user(row.userId)}`}
                    onClick={() => setLooking(row.userId)}
                  />
                ),
              },
            ]}
          />
        )}
      </PagedPanel>
      {looking && (
        <AgentDay userId={looking} today={lastDay} company={zone} onClose={() => setLooking(undefined)} />
      )}
    </div>
  );
}
