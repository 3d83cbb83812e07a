import { Anchor, Select, Table } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "wouter";
import { api, ask } from "../../api/client.ts";
import { useNames, useQueues } from "../../api/names.ts";
import type { Contact, ContactState } from "../../api/types.ts";
import { secondsBetween } from "../../format/durations.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { Tag, type Tone } from "../../ui/Note.tsx";
import { PageHeader, TableWrap } from "../../ui/Page.tsx";
import { DateTime, Elapsed, Length } from "../../ui/Time.tsx";
import { useRefreshOn } from "./useRefreshOn.ts";
import classes from "./watch.module.css";

const STATES = ["QUEUED", "OFFERED", "ON_CONTACT", "WRAP_UP", "ENDED", "ABANDONED"] as const;
const FACTS = [
  "ContactQueued",
  "OfferAccepted",
  "WrapUpStarted",
  "ContactEnded",
  "ContactAbandoned",
  "ContactDequeued",
];

export default function ContactsPage() {
  const t = useText();
  const queues = useQueues().data ?? [];
  const [queueId, setQueueId] = useState("");
  const [state, setState] = useState("");
  const { query, rows } = usePages(["contacts", queueId, state], async (pageToken) => {
    const states = state ? [`CONTACT_STATE_${state}` as ContactState] : undefined;
    const answer = await ask(
      api.GET("/v1/contacts", {
        params: { query: { pageSize: 50, pageToken, queueId: queueId || undefined, states } },
      }),
    );
    return { rows: answer.contacts ?? [], next: answer.nextPageToken ?? "" };
  });
  useRefreshOn(["contacts"], ...FACTS);
  return (
    <>
      <PageHeader title={t("nav.contacts")} subtitle={t("watch.contacts.lead")} />
      <div className={classes.filters}>
        <Select
          label={t("desktop.queue")}
          clearable
          placeholder={t("watch.all")}
          data={queues.map((queue) => ({ value: queue.queueId ?? "", label: queue.displayName ?? "" }))}
          value={queueId || null}
          onChange={(value) => setQueueId(value ?? "")}
        />
        <Select
          label={t("watch.state")}
          clearable
          placeholder={t("watch.all")}
          data={STATES.map((each) => ({ value: each, label: t(`contactState.${each}`) }))}
          value={state || null}
          onChange={(value) => setState(value ?? "")}
        />
      </div>
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState icon={IconHistory} title={t("watch.contacts.none")}>
            {t("watch.contacts.noneBody")}
          </EmptyState>
        }
      >
        {(shown) => (
          <TableWrap label={t("nav.contacts")}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t("watch.began")}</Table.Th>
                  <Table.Th>{t("watch.caller")}</Table.Th>
                  <Table.Th>{t("watch.state")}</Table.Th>
                  <Table.Th>{t("desktop.queue")}</Table.Th>
                  <Table.Th>{t("role.ROLE_AGENT")}</Table.Th>
                  <Table.Th>{t("desktop.waited")}</Table.Th>
                  <Table.Th>{t("desktop.disposition")}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {shown.map((contact) => (
                  <ContactRow key={contact.contactId} contact={contact} />
                ))}
              </Table.Tbody>
            </Table>
          </TableWrap>
        )}
      </PagedPanel>
    </>
  );
}

const TONES: Record<string, Tone> = {
  QUEUED: "warn",
  OFFERED: "info",
  ON_CONTACT: "good",
  WRAP_UP: "info",
  ABANDONED: "bad",
};

function ContactRow({ contact }: { contact: Contact }) {
  const t = useText();
  const names = useNames();
  const state = (contact.state ?? "").replace("CONTACT_STATE_", "");
  const waitEnd = contact.answerTime ?? contact.endTime;
  return (
    <Table.Tr data-testid={`contact-${contact.contactId}`}>
      <Table.Td>
        <Anchor component={Link} href={`/calls/${contact.callId}`}>
          <DateTime value={contact.queueTime} />
        </Anchor>
      </Table.Td>
      <Table.Td>
        {contact.customerId ? (
          <Anchor component={Link} href={`/customers/${contact.customerId}`}>
            <bdi>{contact.callerName || contact.callerNumber || t("common.anonymous")}</bdi>
          </Anchor>
        ) : (
          <bdi>{contact.callerName || contact.callerNumber || t("common.anonymous")}</bdi>
        )}
      </Table.Td>
      <Table.Td>
        <Tag tone={TONES[state] ?? "neutral"}>{textOr("contactState", state)}</Tag>
      </Table.Td>
      <Table.Td>
        <bdi>{names.queue(contact.queueId)}</bdi>
      </Table.Td>
      <Table.Td>
        <bdi>{names.user(contact.agentId)}</bdi>
      </Table.Td>
      <Table.Td>
        {waitEnd ? (
          <Length seconds={secondsBetween(contact.queueTime, Date.parse(waitEnd))} />
        ) : (
          <Elapsed since={contact.queueTime} />
        )}
      </Table.Td>
      <Table.Td>
        <bdi>{names.disposition(contact.dispositionId)}</bdi>
      </Table.Td>
    </Table.Tr>
  );
}
