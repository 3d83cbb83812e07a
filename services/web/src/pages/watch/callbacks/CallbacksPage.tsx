import { Anchor, Button, Group, Select } from "@mantine/core";
import { IconCalendarTime, IconPhoneCall, IconPlus, IconX } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { api, ask } from "../../../api/client.ts";
import { optionsOf, useNames, useQueues } from "../../../api/names.ts";
import type { Callback, CallbackState } from "../../../api/types.ts";
import { textOr, useText } from "../../../i18n/index.ts";
import { Confirm } from "../../../ui/Confirm.tsx";
import { DataTable } from "../../../ui/DataTable.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { PagedPanel, usePages } from "../../../ui/LoadMore.tsx";
import { Note, Tag, type Tone } from "../../../ui/Note.tsx";
import { PageHeader } from "../../../ui/Page.tsx";
import { IconAction } from "../../../ui/RowActions.tsx";
import { DateTime, Elapsed } from "../../../ui/Time.tsx";
import { useRefreshOn } from "../useRefreshOn.ts";
import classes from "../watch.module.css";
import { AddCallback, RescheduleCallback } from "./CallbackForms.tsx";

const STATES = ["SCHEDULED", "WAITING", "CALLING", "COMPLETED", "FAILED", "CANCELLED", "EXPIRED"] as const;
const FACTS = [
  "CallbackRequested",
  "CallbackRescheduled",
  "CallbackQueued",
  "CallbackHeld",
  "CallbackReleased",
  "CallbackAnswered",
  "CallbackAttempted",
  "CallbackCompleted",
  "CallbackFailed",
  "CallbackCancelled",
  "CallbackExpired",
];
const TONES: Record<string, Tone> = {
  SCHEDULED: "info",
  WAITING: "warn",
  CALLING: "good",
  COMPLETED: "good",
  FAILED: "bad",
  EXPIRED: "bad",
};

/** Customers who are to be called back, and what became of it. */
export default function CallbacksPage() {
  const t = useText();
  const names = useNames();
  const queues = useQueues().data ?? [];
  const queries = useQueryClient();
  const [queueId, setQueueId] = useState("");
  const [state, setState] = useState("");
  const [adding, setAdding] = useState(false);
  const [moving, setMoving] = useState<Callback>();
  const [cancelling, setCancelling] = useState<Callback>();
  const [known, setKnown] = useState("");
  const { query, rows } = usePages(["callbacks", queueId, state], async (pageToken) => {
    const states = state ? [`CALLBACK_STATE_${state}` as CallbackState] : undefined;
    const answer = await ask(
      api.GET("/v1/callbacks", {
        params: { query: { pageSize: 50, pageToken, queueId: queueId || undefined, states } },
      }),
    );
    return { rows: answer.callbacks ?? [], next: answer.nextPageToken ?? "" };
  });
  useRefreshOn(["callbacks"], ...FACTS);
  const refresh = () => queries.invalidateQueries({ queryKey: ["callbacks"] });
  const cancel = async (callbackId: string) => {
    await ask(api.POST("/v1/callbacks/{callbackId}:cancel", { params: { path: { callbackId } }, body: {} }));
    await refresh();
  };
  const saved = async (alreadyOpen = "") => {
    setKnown(alreadyOpen);
    await refresh();
  };
  return (
    <>
      <PageHeader
        title={t("nav.callbacks")}
        subtitle={t("callbacks.lead")}
        actions={
          <Button
            leftSection={<IconPlus size={16} aria-hidden />}
            onClick={() => setAdding(true)}
            data-testid="callback-add"
          >
            {t("callbacks.add")}
          </Button>
        }
      />
      {known && <Note tone="info">{t("callbacks.alreadyOpen", { number: `\u2066${known}\u2069` })}</Note>}
      <div className={classes.filters}>
        <Select
          label={t("desktop.queue")}
          clearable
          placeholder={t("watch.all")}
          data={optionsOf(queues, "queueId")}
          value={queueId || null}
          onChange={(value) => setQueueId(value ?? "")}
          data-testid="callbacks-queue"
        />
        <Select
          label={t("watch.state")}
          clearable
          placeholder={t("watch.all")}
          data={STATES.map((each) => ({ value: each, label: t(`callbackState.${each}`) }))}
          value={state || null}
          onChange={(value) => setState(value ?? "")}
          data-testid="callbacks-state"
        />
      </div>
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState
            icon={IconPhoneCall}
            title={t(queueId || state ? "callbacks.noneFiltered" : "callbacks.none")}
          >
            {t(queueId || state ? "callbacks.noneFilteredBody" : "callbacks.noneBody")}
          </EmptyState>
        }
      >
        {(shown) => (
          <DataTable
            label={t("nav.callbacks")}
            rows={shown}
            keyOf={(row) => row.callbackId ?? ""}
            testId={(row) => `callback-${row.callbackId}`}
            columns={[
              { head: t("watch.caller"), cell: (row) => <Customer callback={row} /> },
              { head: t("watch.state"), cell: (row) => <StateTag state={row.state} /> },
              { head: t("desktop.queue"), cell: (row) => <bdi>{names.queue(row.queueId)}</bdi> },
              { head: t("callbacks.due"), cell: (row) => <NextStep callback={row} /> },
              { head: t("callbacks.attempts"), cell: (row) => <Attempts callback={row} /> },
              {
                head: t("common.actions"),
                quiet: true,
                cell: (row) =>
                  isStill(row) && (
                    <Group gap={4} wrap="nowrap" justify="flex-end">
                      <IconAction
                        label={t("callbacks.rescheduleOf", { number: `\u2066${row.number}\u2069` })}
                        icon={IconCalendarTime}
                        onClick={() => setMoving(row)}
                        testId={`reschedule-${row.callbackId}`}
                      />
                      <IconAction
                        label={t("callbacks.cancelOf", { number: `\u2066${row.number}\u2069` })}
                        icon={IconX}
                        onClick={() => setCancelling(row)}
                        testId={`cancel-${row.callbackId}`}
                      />
                    </Group>
                  ),
              },
            ]}
          />
        )}
      </PagedPanel>
      {adding && <AddCallback queues={queues} onClose={() => setAdding(false)} onSaved={saved} />}
      {moving && (
        <RescheduleCallback callback={moving} onClose={() => setMoving(undefined)} onSaved={refresh} />
      )}
      <Confirm
        opened={cancelling !== undefined}
        title={t("callbacks.cancel")}
        body={t("callbacks.cancelBody", { number: `\u2066${cancelling?.number ?? ""}\u2069` })}
        confirm={t("callbacks.cancel")}
        onConfirm={() => cancel(cancelling?.callbackId ?? "")}
        onClose={() => setCancelling(undefined)}
      />
    </>
  );
}

const short = (state: CallbackState | undefined) => (state ?? "").replace("CALLBACK_STATE_", "");

/** Whether it may be cancelled or moved: nobody calls just now, and it is not over. */
function isStill({ state }: Callback): boolean {
  return ["SCHEDULED", "WAITING"].includes(short(state));
}

function Customer({ callback }: { callback: Callback }) {
  const { callerName, customerId, number } = callback;
  const who = (
    <>
      {callerName && <bdi>{callerName}</bdi>}
      {callerName && " "}
      <span className="m-ltr m-figures">{number}</span>
    </>
  );
  if (!customerId) return who;
  return (
    <Anchor component={Link} href={`/customers/${customerId}`}>
      {who}
    </Anchor>
  );
}

function StateTag({ state }: { state: CallbackState | undefined }) {
  useText();
  return <Tag tone={TONES[short(state)] ?? "neutral"}>{textOr("callbackState", short(state))}</Tag>;
}

/** When it gets in line, since when it waits, who calls or is kept, since when the customer is there, or when it was
 * over. */
function NextStep({ callback }: { callback: Callback }) {
  const t = useText();
  const names = useNames();
  switch (short(callback.state)) {
    case "SCHEDULED":
      return (
        <>
          {t("callbacks.dueAt")} <DateTime value={callback.dueTime} />
        </>
      );
    case "WAITING":
      return (
        <>
          {t("callbacks.waitsSince")} <Elapsed since={callback.placeTime} />
        </>
      );
    case "CALLING":
      if (callback.answerTime)
        return (
          <>
            {t("callbacks.onTheLine")} <Elapsed since={callback.answerTime} />
          </>
        );
      if (callback.order === "CALLBACK_ORDER_CUSTOMER_FIRST")
        return <bdi>{t("callbacks.ringsFor", { name: names.user(callback.agentId) })}</bdi>;
      return <bdi>{t("callbacks.calledBy", { name: names.user(callback.agentId) })}</bdi>;
    default:
      return <DateTime value={callback.endTime} />;
  }
}

function Attempts({ callback }: { callback: Callback }) {
  const t = useText();
  const attempts = callback.attempts ?? [];
  if (attempts.length === 0) return <>{t("callbacks.noAttempts")}</>;
  return (
    <>
      {attempts.map(({ contactId, callId, outcome }, place) => {
        const words = textOr("callbackOutcome", (outcome ?? "").replace("CALLBACK_OUTCOME_", ""));
        return (
          <span key={contactId}>
            {place > 0 && " · "}
            {callId ? (
              <Anchor component={Link} href={`/calls/${callId}`}>
                {words}
              </Anchor>
            ) : (
              words
            )}
          </span>
        );
      })}
    </>
  );
}
