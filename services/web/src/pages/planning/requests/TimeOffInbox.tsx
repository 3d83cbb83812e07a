import { SegmentedControl } from "@mantine/core";
import { IconInbox } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import { useNames } from "../../../api/names.ts";
import type { TimeOffRequest } from "../../../api/types.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { PagedPanel, usePages } from "../../../ui/LoadMore.tsx";
import { Tag } from "../../../ui/Note.tsx";
import { DateTime } from "../../../ui/Time.tsx";
import classes from "../../mine/mine.module.css";
import { amount, daysOf, Obstacles, stateOf } from "../../mine/TimeOff.tsx";
import { useKinds } from "../../mine/useMine.ts";
import { Balances } from "./Balances.tsx";
import { Decide } from "./Decide.tsx";

/** Requests that wait, in the order they were asked, or all. */
export function TimeOffInbox({ mayChange }: { mayChange: boolean }) {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const kinds = useKinds().data ?? [];
  const refresh = useRefresh("requests", "mine");
  const [which, setWhich] = useState("waiting");
  const state = which === "waiting" ? ("TIME_OFF_REQUEST_STATE_PENDING" as const) : undefined;
  const { query, rows } = usePages<TimeOffRequest>(["requests", "timeOff", which], async (pageToken) => {
    const answer = await ask(api.GET("/v1/wfm/timeOffRequests", { params: { query: { pageToken, state } } }));
    return { rows: answer.timeOffRequests ?? [], next: answer.nextPageToken ?? "" };
  });
  const kindOf = (row: TimeOffRequest) => kinds.find((each) => each.timeOffKindId === row.timeOffKindId);
  const decide = async (row: TimeOffRequest, approve: boolean, reason: string) => {
    const path = { timeOffRequestId: row.timeOffRequestId ?? "" };
    const body = { version: row.version ?? "0", approve, reason };
    await ask(api.POST("/v1/wfm/timeOffRequests/{timeOffRequestId}:decide", { params: { path }, body }));
    await refresh();
  };
  return (
    <div className={classes.stack}>
      <div>
        <SegmentedControl
          value={which}
          onChange={setWhich}
          data={(["waiting", "all"] as const).map((each) => ({ value: each, label: t(`requests.${each}`) }))}
        />
      </div>
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState icon={IconInbox} title={t("requests.none")}>
            {t("requests.noneBody")}
          </EmptyState>
        }
      >
        {(shown) => (
          <DataTable<TimeOffRequest>
            label={t("requests.tab.timeOff")}
            rows={shown}
            keyOf={(row) => row.timeOffRequestId ?? ""}
            testId={(row) => `inbox-${row.firstDay}`}
            columns={[
              { head: t("requests.who"), cell: (row) => <bdi>{names.user(row.userId)}</bdi> },
              {
                head: t("mine.days"),
                cell: (row) => (
                  <>
                    {daysOf(row, language)}
                    <p className={classes.quiet}>
                      <bdi>{kindOf(row)?.displayName ?? "–"}</bdi> ·{" "}
                      {amount(t, kindOf(row), row.amount, language)}
                    </p>
                    {row.note && (
                      <p>
                        <bdi>{row.note}</bdi>
                      </p>
                    )}
                  </>
                ),
              },
              { head: t("requests.asked"), cell: (row) => <DateTime value={row.createTime} /> },
              {
                head: t("mine.state"),
                cell: (row) =>
                  stateOf(row) === "PENDING" ? (
                    <Obstacles request={row} />
                  ) : (
                    <Tag tone={stateOf(row) === "APPROVED" ? "good" : "neutral"}>
                      {textOr("timeOffState", stateOf(row))}
                    </Tag>
                  ),
              },
              {
                head: t("common.actions"),
                quiet: true,
                cell: (row) =>
                  mayChange &&
                  stateOf(row) === "PENDING" && (
                    <Decide
                      what={`${names.user(row.userId)}, ${daysOf(row, language)}`}
                      testId={`inbox-${row.firstDay}`}
                      decide={(approve, reason) => decide(row, approve, reason)}
                    />
                  ),
              },
            ]}
          />
        )}
      </PagedPanel>
      <Balances mayChange={mayChange} kinds={kinds} />
    </div>
  );
}
