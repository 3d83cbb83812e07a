import { Anchor, Select, Tabs } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import { Suspense, useState } from "react";
import { Link, useLocation, useSearch } from "wouter";
import { api, ask } from "../../api/client.ts";
import { optionsOf, useNames, useQueues } from "../../api/names.ts";
import type { Contact, ContactState } from "../../api/types.ts";
import { secondsBetween } from "../../format/durations.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { Loading, PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { lazyPage } from "../../ui/lazyPage.ts";
import { Tag, type Tone } from "../../ui/Note.tsx";
import { PageHeader } from "../../ui/Page.tsx";
import { DateTime, Elapsed, Length } from "../../ui/Time.tsx";
import { useRefreshOn } from "./useRefreshOn.ts";
import classes from "./watch.module.css";
import { useWhy, WhyButton } from "./why/WhyButton.tsx";
import { waits } from "./why/waiting.ts";

const STATES = ["QUEUED", "OFFERED", "ON_CONTACT", "WRAP_UP", "ENDED", "ABANDONED"] as const;
const FACTS = [
  "ContactQueued",
  "OfferAccepted",
  "WrapUpStarted",
  "ContactEnded",
  "ContactAbandoned",
  "ContactDequeued",
];

const Surveys = lazyPage(() => import("./surveys/Surveys.tsx"));

/** Work with customers, and what they thought of it. */
export default function ContactsPage() {
  const t = useText();
  const [, go] = useLocation();
  const tab = new URLSearchParams(useSearch()).get("tab") === "surveys" ? "surveys" : "contacts";
  return (
    <Tabs
      value={tab}
      onChange={(next) => go(next === "surveys" ? "/contacts?tab=surveys" : "/contacts")}
      keepMounted={false}
    >
      <Tabs.List mb="lg">
        <Tabs.Tab value="contacts">{t("nav.contacts")}</Tabs.Tab>
        <Tabs.Tab value="surveys" data-testid="tab-surveys">
          {t("surveys.tab")}
        </Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value={tab}>
        {tab === "surveys" ? (
          <Suspense fallback={<Loading />}>
            <Surveys />
          </Suspense>
        ) : (
          <Contacts />
        )}
      </Tabs.Panel>
    </Tabs>
  );
}

function Contacts() {
  const t = useText();
  const names = useNames();
  const queues = useQueues().data ?? [];
  const why = useWhy();
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
          data={optionsOf(queues, "queueId")}
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
          <DataTable
            label={t("nav.contacts")}
            rows={shown}
            keyOf={(row) => row.contactId ?? ""}
            testId={(row) => `contact-${row.contactId}`}
            columns={[
              {
                head: t("watch.began"),
                cell: (row) =>
                  row.callId ? (
                    <Anchor component={Link} href={`/calls/${row.callId}`}>
                      <DateTime value={row.queueTime} />
                    </Anchor>
                  ) : (
                    <DateTime value={row.queueTime} />
                  ),
              },
              { head: t("watch.caller"), cell: (row) => <Caller contact={row} /> },
              { head: t("watch.state"), cell: (row) => <StateTag state={row.state} /> },
              { head: t("desktop.queue"), cell: (row) => <bdi>{names.queue(row.queueId)}</bdi> },
              { head: t("role.ROLE_AGENT"), cell: (row) => <bdi>{names.user(row.agentId)}</bdi> },
              { head: t("desktop.waited"), cell: (row) => <Waited contact={row} /> },
              {
                head: t("desktop.disposition"),
                cell: (row) => <bdi>{names.disposition(row.dispositionId)}</bdi>,
              },
              {
                head: t("why.open"),
                quiet: true,
                // How an agent was found is told where the server looked for one.
                cell: (row) =>
                  (waits(row) || row.queueId || row.targetAgentId) && (
                    <WhyButton contact={row} onAsk={why.ask} />
                  ),
              },
            ]}
          />
        )}
      </PagedPanel>
      {why.dialog}
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

function Caller({ contact }: { contact: Contact }) {
  const t = useText();
  const caller = <bdi>{contact.callerName || contact.callerNumber || t("common.anonymous")}</bdi>;
  if (!contact.customerId) return caller;
  return (
    <Anchor component={Link} href={`/customers/${contact.customerId}`}>
      {caller}
    </Anchor>
  );
}

function StateTag({ state }: { state: ContactState | undefined }) {
  useText();
  const short = (state ?? "").replace("CONTACT_STATE_", "");
  return <Tag tone={TONES[short] ?? "neutral"}>{textOr("contactState", short)}</Tag>;
}

function Waited({ contact }: { contact: Contact }) {
  const end = contact.answerTime ?? contact.endTime;
  if (!end) return <Elapsed since={contact.queueTime} />;
  return <Length seconds={secondsBetween(contact.queueTime, Date.parse(end))} />;
}
