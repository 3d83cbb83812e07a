import { Anchor } from "@mantine/core";
import { IconPhone } from "@tabler/icons-react";
import { Link } from "wouter";
import { api, ask } from "../../api/client.ts";
import { customersNumber, useNames } from "../../api/names.ts";
import { durationSeconds } from "../../format/durations.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { Tag } from "../../ui/Note.tsx";
import { PageHeader, Panel } from "../../ui/Page.tsx";
import { DateTime, Elapsed, Length } from "../../ui/Time.tsx";
import { agentsIn, SuperviseMenus, useLiveCalls } from "./SuperviseMenu.tsx";
import { useRefreshOn } from "./useRefreshOn.ts";
import classes from "./watch.module.css";

/** Live calls first, then one line for every call that is over: its CDR. */
export default function CallsPage() {
  const t = useText();
  const names = useNames();
  const { query, rows } = usePages(["cdrs"], async (pageToken) => {
    const answer = await ask(api.GET("/v1/cdrs", { params: { query: { pageSize: 50, pageToken } } }));
    return { rows: answer.cdrs ?? [], next: answer.nextPageToken ?? "" };
  });
  useRefreshOn(["cdrs"], "CallEnded");
  return (
    <>
      <PageHeader title={t("nav.calls")} subtitle={t("watch.calls.lead")} />
      <LiveCalls />
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState icon={IconPhone} title={t("watch.calls.none")}>
            {t("watch.calls.noneBody")}
          </EmptyState>
        }
      >
        {(shown) => (
          <DataTable
            label={t("nav.calls")}
            rows={shown}
            keyOf={(row) => row.cdrId ?? ""}
            testId={(row) => `cdr-${row.callId}`}
            columns={[
              {
                head: t("watch.began"),
                cell: (row) => (
                  <Anchor component={Link} href={`/calls/${row.callId}`}>
                    <DateTime value={row.startTime} />
                  </Anchor>
                ),
              },
              {
                head: t("watch.caller"),
                cell: (row) =>
                  row.callerNumber ? (
                    <span className="m-ltr">{row.callerNumber}</span>
                  ) : (
                    t("common.anonymous")
                  ),
              },
              { head: t("watch.dialed"), cell: (row) => <span className="m-ltr">{row.dialedNumber}</span> },
              { head: t("desktop.brand"), cell: (row) => <bdi>{names.brand(row.brandId)}</bdi> },
              { head: t("role.ROLE_AGENT"), cell: (row) => <bdi>{names.user(row.agentId)}</bdi> },
              { head: t("watch.length"), cell: (row) => <Length seconds={durationSeconds(row.duration)} /> },
              {
                head: t("watch.talk"),
                cell: (row) => <Length seconds={durationSeconds(row.talkDuration)} />,
              },
              { head: t("watch.ended"), cell: (row) => textOr("endParty", row.endParty ?? "") },
            ]}
          />
        )}
      </PagedPanel>
    </>
  );
}

function LiveCalls() {
  const t = useText();
  const names = useNames();
  const { data } = useLiveCalls();
  if (!data || data.length === 0) return null;
  return (
    <div style={{ marginBottom: 18 }}>
      <Panel flush label={t("watch.calls.live")} testId="live-calls">
        <h2 className={`${classes.title} ${classes.padTitle}`}>{t("watch.calls.live")}</h2>
        <DataTable
          label={t("watch.calls.live")}
          rows={data}
          keyOf={(row) => row.callId ?? ""}
          columns={[
            {
              head: t("watch.caller"),
              cell: (row) => (
                <Anchor component={Link} href={`/calls/${row.callId}`}>
                  <bdi>{row.callerName || customersNumber(row) || t("common.anonymous")}</bdi>
                </Anchor>
              ),
            },
            {
              head: t("watch.state"),
              cell: (row) => (
                <Tag tone={row.state === "CALL_STATE_TALKING" ? "good" : "info"} dot>
                  {textOr("callState", row.state ?? "")}
                </Tag>
              ),
            },
            { head: t("desktop.brand"), cell: (row) => <bdi>{names.brand(row.brandId)}</bdi> },
            {
              head: t("role.ROLE_AGENT"),
              cell: (row) => <bdi>{agentsIn(row).map(names.user).join(", ") || names.user(row.agentId)}</bdi>,
            },
            { head: t("watch.length"), cell: (row) => <Elapsed since={row.startTime} /> },
            {
              head: t("common.actions"),
              quiet: true,
              cell: (row) => <SuperviseMenus call={row} nameOf={names.user} />,
            },
          ]}
        />
      </Panel>
    </div>
  );
}
