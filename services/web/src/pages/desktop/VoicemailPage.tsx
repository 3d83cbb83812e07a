import { Button, Group, Switch } from "@mantine/core";
import { IconRecordMail } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import { useNames } from "../../api/names.ts";
import type { Recording } from "../../api/types.ts";
import { durationSeconds } from "../../format/durations.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { mayEnter } from "../../session/roles.ts";
import { useSession } from "../../session/session.ts";
import { Confirm } from "../../ui/Confirm.tsx";
import { DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { Tag } from "../../ui/Note.tsx";
import { PageHeader } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { RowActions } from "../../ui/RowActions.tsx";
import { DateTime, Length } from "../../ui/Time.tsx";
import { Listen } from "../watch/RecordingPlayer.tsx";
import classes from "../watch/watch.module.css";

/** Facts about messages reach only those who may read recordings, so everybody looks again this often. */
const LOOK_AGAIN_MS = 20_000;

/** Messages that callers left for this agent and for the queues they serve; for everybody, where one may hear all. */
export default function VoicemailPage() {
  const t = useText();
  const language = useLanguage();
  const session = useSession();
  const role = session.status === "signedIn" ? session.user.role : undefined;
  const queries = useQueryClient();
  const [unheardOnly, setUnheardOnly] = useState(false);
  const [erasing, setErasing] = useState<Recording>();
  const [problem, setProblem] = useState<unknown>();
  const read = async (pageToken: string) => {
    const answer = await ask(
      api.GET("/v1/voicemails", { params: { query: { pageSize: 50, pageToken, unheardOnly } } }),
    );
    return { rows: answer.voicemails ?? [], next: answer.nextPageToken ?? "", unheard: answer.unheardCount };
  };
  const { query, rows } = usePages<Recording>(["voicemails", unheardOnly], read, LOOK_AGAIN_MS);
  const refresh = () => queries.invalidateQueries({ queryKey: ["voicemails"] });
  const unheard = unheardOf(query.data?.pages[0]);
  const mark = async (recordingId: string, heard: boolean) => {
    setProblem(undefined);
    try {
      const path = { recordingId };
      await ask(api.POST("/v1/voicemails/{recordingId}:mark-heard", { params: { path }, body: { heard } }));
      await refresh();
    } catch (error) {
      setProblem(error);
    }
  };
  const erase = async (recordingId: string) => {
    const path = { recordingId };
    await ask(api.POST("/v1/recordings/{recordingId}:erase", { params: { path }, body: {} }));
    await refresh();
  };
  return (
    <>
      <PageHeader
        title={t("nav.voicemail")}
        subtitle={
          unheard
            ? t("voicemail.unheardCount", { count: unheard, number: formatNumber(unheard, language) })
            : t("voicemail.lead")
        }
      />
      <div className={classes.filters}>
        <Switch
          label={t("voicemail.unheardOnly")}
          checked={unheardOnly}
          onChange={(event) => setUnheardOnly(event.currentTarget.checked)}
          data-testid="voicemail-unheard-only"
        />
      </div>
      <ProblemNote problem={problem} />
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState
            icon={IconRecordMail}
            title={unheardOnly ? t("voicemail.allHeard") : t("voicemail.none")}
          >
            {t("voicemail.noneBody")}
          </EmptyState>
        }
      >
        {(shown) => (
          <DataTable
            label={t("nav.voicemail")}
            rows={shown}
            keyOf={(row) => row.recordingId ?? ""}
            testId={(row) => `voicemail-${row.recordingId}`}
            columns={[
              { head: t("watch.caller"), cell: (row) => <From message={row} /> },
              { head: t("watch.began"), cell: (row) => <DateTime value={row.startTime} /> },
              { head: t("voicemail.mailbox"), cell: (row) => <Mailbox message={row} /> },
              { head: t("watch.length"), cell: (row) => <Length seconds={durationSeconds(row.duration)} /> },
              {
                head: t("watch.listen"),
                cell: (row) => (
                  <Listen
                    recording={row}
                    path={`/v1/voicemails/${row.recordingId}/audio`}
                    onPlay={row.heardTime ? undefined : () => void mark(row.recordingId ?? "", true)}
                  />
                ),
              },
              {
                head: t("common.actions"),
                cell: (row) => (
                  <Group gap={4} wrap="nowrap" justify="flex-end">
                    <Button
                      size="compact-sm"
                      variant="subtle"
                      onClick={() => void mark(row.recordingId ?? "", !row.heardTime)}
                      data-testid={`voicemail-mark-${row.recordingId}`}
                    >
                      {row.heardTime ? t("voicemail.markUnheard") : t("voicemail.markHeard")}
                    </Button>
                    {mayEnter(role, "billing") && (
                      <RowActions
                        name={row.callerNumber || t("common.anonymous")}
                        onDelete={() => setErasing(row)}
                        testId={`voicemail-${row.recordingId}`}
                      />
                    )}
                  </Group>
                ),
              },
            ]}
          />
        )}
      </PagedPanel>
      <Confirm
        opened={erasing !== undefined}
        title={t("voicemail.erase")}
        body={t("voicemail.eraseBody")}
        confirm={t("voicemail.erase")}
        onConfirm={() => erase(erasing?.recordingId ?? "")}
        onClose={() => setErasing(undefined)}
      />
    </>
  );
}

function unheardOf(page: object | undefined): number {
  return page && "unheard" in page && typeof page.unheard === "number" ? page.unheard : 0;
}

function From({ message }: { message: Recording }) {
  const t = useText();
  return (
    <Group gap={8} wrap="nowrap">
      <bdi dir={message.callerNumber ? "ltr" : undefined}>
        {message.callerNumber || t("common.anonymous")}
      </bdi>
      {!message.heardTime && (
        <Tag tone="info" dot>
          {t("voicemail.new")}
        </Tag>
      )}
    </Group>
  );
}

function Mailbox({ message }: { message: Recording }) {
  const names = useNames();
  return <bdi>{message.agentId ? names.user(message.agentId) : names.queue(message.queueId)}</bdi>;
}
