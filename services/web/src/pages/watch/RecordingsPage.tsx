import { Anchor, TextInput } from "@mantine/core";
import { IconPlayerPlay, IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "wouter";
import { api, ask } from "../../api/client.ts";
import { useCustomer, useNames } from "../../api/names.ts";
import type { Recording } from "../../api/types.ts";
import { durationSeconds } from "../../format/durations.ts";
import { useText } from "../../i18n/index.ts";
import { DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { PageHeader } from "../../ui/Page.tsx";
import { DateTime, Length } from "../../ui/Time.tsx";
import { Listen } from "./RecordingPlayer.tsx";
import { useRefreshOn } from "./useRefreshOn.ts";
import classes from "./watch.module.css";

export default function RecordingsPage() {
  const t = useText();
  const names = useNames();
  const [search, setSearch] = useState("");
  const callId = search.trim().startsWith("call_") ? search.trim() : "";
  const { query, rows } = usePages(["recordings", callId], async (pageToken) => {
    const answer = await ask(
      api.GET("/v1/recordings", {
        params: { query: { pageSize: 50, pageToken, callId, kind: "RECORDING_KIND_CALL" } },
      }),
    );
    return { rows: answer.recordings ?? [], next: answer.nextPageToken ?? "" };
  });
  useRefreshOn(["recordings"], "RecordingStored", "RecordingStarted");
  const wanted = search.trim().toLocaleLowerCase();
  const matches = (recording: Recording) =>
    callId !== "" ||
    [
      names.user(recording.agentId),
      names.queue(recording.queueId),
      names.brand(recording.brandId),
      recording.recordingId,
    ]
      .join(" ")
      .toLocaleLowerCase()
      .includes(wanted);
  return (
    <>
      <PageHeader title={t("nav.recordings")} subtitle={t("watch.recordings.lead")} />
      <div className={classes.filters}>
        <TextInput
          label={t("common.search")}
          placeholder={t("watch.recordings.search")}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          style={{ flex: 1, maxWidth: 420 }}
          data-testid="recordings-search"
        />
      </div>
      <PagedPanel
        query={query}
        rows={rows.filter((row) => wanted === "" || matches(row))}
        empty={
          <EmptyState
            icon={IconPlayerPlay}
            title={wanted ? t("watch.nothingFound") : t("watch.recordings.none")}
          >
            {wanted ? t("watch.nothingFoundBody") : t("watch.recordings.noneBody")}
          </EmptyState>
        }
      >
        {(shown) => (
          <DataTable
            label={t("nav.recordings")}
            rows={shown}
            keyOf={(row) => row.recordingId ?? ""}
            testId={(row) => `recording-${row.recordingId}`}
            columns={[
              {
                head: t("watch.began"),
                cell: (row) => (
                  <Anchor component={Link} href={`/calls/${row.callId}`}>
                    <DateTime value={row.startTime} />
                  </Anchor>
                ),
              },
              { head: t("watch.customer"), cell: (row) => <CustomerName customerId={row.customerId} /> },
              { head: t("desktop.brand"), cell: (row) => <bdi>{names.brand(row.brandId)}</bdi> },
              { head: t("desktop.queue"), cell: (row) => <bdi>{names.queue(row.queueId)}</bdi> },
              { head: t("role.ROLE_AGENT"), cell: (row) => <bdi>{names.user(row.agentId)}</bdi> },
              { head: t("watch.length"), cell: (row) => <Length seconds={durationSeconds(row.duration)} /> },
              { head: t("watch.listen"), cell: (row) => <Listen recording={row} /> },
            ]}
          />
        )}
      </PagedPanel>
    </>
  );
}

function CustomerName({ customerId }: { customerId: string | undefined }) {
  const t = useText();
  const { data } = useCustomer(customerId);
  if (!customerId || !data) return <>–</>;
  return (
    <Anchor component={Link} href={`/customers/${customerId}`}>
      <bdi>{data.displayName || data.numbers?.[0] || t("common.anonymous")}</bdi>
    </Anchor>
  );
}
