import { Anchor, Table } from "@mantine/core";
import { IconPhone } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { api, ask } from "../../api/client.ts";
import { useNames } from "../../api/names.ts";
import type { Call, Cdr } from "../../api/types.ts";
import { durationSeconds } from "../../format/durations.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { Tag } from "../../ui/Note.tsx";
import { PageHeader, Panel, TableWrap } from "../../ui/Page.tsx";
import { DateTime, Elapsed, Length } from "../../ui/Time.tsx";
import { useRefreshOn } from "./useRefreshOn.ts";
import classes from "./watch.module.css";

const FACTS = ["CallStarted", "CallAnswered", "CallHeld", "CallResumed", "CallEnded"];

/** Live calls first, then one line for every call that is over: its CDR. */
export default function CallsPage() {
  const t = useText();
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
          <TableWrap label={t("nav.calls")}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t("watch.began")}</Table.Th>
                  <Table.Th>{t("watch.caller")}</Table.Th>
                  <Table.Th>{t("watch.dialed")}</Table.Th>
                  <Table.Th>{t("desktop.brand")}</Table.Th>
                  <Table.Th>{t("role.ROLE_AGENT")}</Table.Th>
                  <Table.Th>{t("watch.length")}</Table.Th>
                  <Table.Th>{t("watch.talk")}</Table.Th>
                  <Table.Th>{t("watch.ended")}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {shown.map((cdr) => (
                  <CdrRow key={cdr.cdrId} cdr={cdr} />
                ))}
              </Table.Tbody>
            </Table>
          </TableWrap>
        )}
      </PagedPanel>
    </>
  );
}

function CdrRow({ cdr }: { cdr: Cdr }) {
  const t = useText();
  const names = useNames();
  return (
    <Table.Tr data-testid={`cdr-${cdr.callId}`}>
      <Table.Td>
        <Anchor component={Link} href={`/calls/${cdr.callId}`}>
          <DateTime value={cdr.startTime} />
        </Anchor>
      </Table.Td>
      <Table.Td>
        {cdr.callerNumber ? <span className="m-ltr">{cdr.callerNumber}</span> : t("common.anonymous")}
      </Table.Td>
      <Table.Td>
        <span className="m-ltr">{cdr.dialedNumber}</span>
      </Table.Td>
      <Table.Td>
        <bdi>{names.brand(cdr.brandId)}</bdi>
      </Table.Td>
      <Table.Td>
        <bdi>{names.user(cdr.agentId)}</bdi>
      </Table.Td>
      <Table.Td>
        <Length seconds={durationSeconds(cdr.duration)} />
      </Table.Td>
      <Table.Td>
        <Length seconds={durationSeconds(cdr.talkDuration)} />
      </Table.Td>
      <Table.Td>{textOr("endParty", cdr.endParty ?? "")}</Table.Td>
    </Table.Tr>
  );
}

function LiveCalls() {
  const t = useText();
  const names = useNames();
  const { data } = useQuery({
    queryKey: ["liveCalls"],
    queryFn: async (): Promise<Call[]> =>
      (await ask(api.GET("/v1/calls", { params: { query: { live: true, pageSize: 100 } } }))).calls ?? [],
    refetchInterval: 15_000,
  });
  useRefreshOn(["liveCalls"], ...FACTS);
  if (!data || data.length === 0) return null;
  return (
    <div style={{ marginBottom: 18 }}>
      <Panel flush label={t("watch.calls.live")} testId="live-calls">
        <h2 className={`${classes.title} ${classes.padTitle}`}>{t("watch.calls.live")}</h2>
        <TableWrap label={t("watch.calls.live")}>
          <Table>
            <Table.Tbody>
              {data.map((call) => (
                <Table.Tr key={call.callId}>
                  <Table.Td>
                    <Anchor component={Link} href={`/calls/${call.callId}`}>
                      <bdi>{call.callerName || call.callerNumber || t("common.anonymous")}</bdi>
                    </Anchor>
                  </Table.Td>
                  <Table.Td>
                    <Tag tone={call.state === "CALL_STATE_TALKING" ? "good" : "info"} dot>
                      {textOr("callState", call.state ?? "")}
                    </Tag>
                  </Table.Td>
                  <Table.Td>
                    <bdi>{names.brand(call.brandId)}</bdi>
                  </Table.Td>
                  <Table.Td>
                    <bdi>{names.user(call.agentId)}</bdi>
                  </Table.Td>
                  <Table.Td>
                    <Elapsed since={call.startTime} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </TableWrap>
      </Panel>
    </div>
  );
}
