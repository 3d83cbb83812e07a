import { Anchor, Table, TextInput } from "@mantine/core";
import { IconPlayerPlay, IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "wouter";
import { api, ask } from "../../api/client.ts";
import { useNames } from "../../api/names.ts";
import type { Recording } from "../../api/types.ts";
import { durationSeconds } from "../../format/durations.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { Tag } from "../../ui/Note.tsx";
import { PageHeader, TableWrap } from "../../ui/Page.tsx";
import { DateTime, Length } from "../../ui/Time.tsx";
import { RecordingPlayer } from "./RecordingPlayer.tsx";
import { useRefreshOn } from "./useRefreshOn.ts";
import classes from "./watch.module.css";

export default function RecordingsPage() {
  const t = useText();
  const names = useNames();
  const [search, setSearch] = useState("");
  const callId = search.trim().startsWith("call_") ? search.trim() : "";
  const { query, rows } = usePages(["recordings", callId], async (pageToken) => {
    const answer = await ask(
      api.GET("/v1/recordings", { params: { query: { pageSize: 50, pageToken, callId } } }),
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
          <TableWrap label={t("nav.recordings")}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t("watch.began")}</Table.Th>
                  <Table.Th>{t("desktop.brand")}</Table.Th>
                  <Table.Th>{t("desktop.queue")}</Table.Th>
                  <Table.Th>{t("role.ROLE_AGENT")}</Table.Th>
                  <Table.Th>{t("watch.length")}</Table.Th>
                  <Table.Th style={{ minWidth: 280 }}>{t("watch.listen")}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {shown.map((recording) => (
                  <RecordingRow key={recording.recordingId} recording={recording} names={names} />
                ))}
              </Table.Tbody>
            </Table>
          </TableWrap>
        )}
      </PagedPanel>
    </>
  );
}

function RecordingRow({ recording, names }: { recording: Recording; names: ReturnType<typeof useNames> }) {
  return (
    <Table.Tr data-testid={`recording-${recording.recordingId}`}>
      <Table.Td>
        <Anchor component={Link} href={`/calls/${recording.callId}`}>
          <DateTime value={recording.startTime} />
        </Anchor>
      </Table.Td>
      <Table.Td>
        <bdi>{names.brand(recording.brandId)}</bdi>
      </Table.Td>
      <Table.Td>
        <bdi>{names.queue(recording.queueId)}</bdi>
      </Table.Td>
      <Table.Td>
        <bdi>{names.user(recording.agentId)}</bdi>
      </Table.Td>
      <Table.Td>
        <Length seconds={durationSeconds(recording.duration)} />
      </Table.Td>
      <Table.Td>
        {recording.state === "RECORDING_STATE_STORED" ? (
          <RecordingPlayer recording={recording} />
        ) : (
          <Tag tone={recording.state === "RECORDING_STATE_RECORDING" ? "bad" : "neutral"} dot>
            {textOr("recordingState", recording.state ?? "")}
          </Tag>
        )}
      </Table.Td>
    </Table.Tr>
  );
}
