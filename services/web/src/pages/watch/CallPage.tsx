import { Anchor } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, Suspense } from "react";
import { Link, useParams } from "wouter";
import { api, ask } from "../../api/client.ts";
import { customersNumber, useNames } from "../../api/names.ts";
import type { Call, CallMoment, Cdr, Contact, Recording } from "../../api/types.ts";
import { durationSeconds } from "../../format/durations.ts";
import { formatNumber } from "../../format/numbers.ts";
import { type Language, type Text, textOr, useLanguage, useText } from "../../i18n/index.ts";
import { Loading } from "../../ui/LoadMore.tsx";
import { lazyPage } from "../../ui/lazyPage.ts";
import { Tag } from "../../ui/Note.tsx";
import { PageHeader, Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { Length } from "../../ui/Time.tsx";
import desktopClasses from "../desktop/desktop.module.css";
import { CallRecordings } from "./CallRecordings.tsx";
import { CallTimeline } from "./CallTimeline.tsx";
import { causeText } from "./causes.ts";
import { agentsOf, contactIdsOf } from "./moments.ts";
import { SuperviseMenus } from "./SuperviseMenu.tsx";
import { useRefreshOn } from "./useRefreshOn.ts";
import classes from "./watch.module.css";

const DecisionsPanel = lazyPage(() => import("./why/DecisionsPanel.tsx"));

interface CallStory {
  call: Call;
  cdr: Cdr | undefined;
  contact: Contact | undefined;
  recordings: Recording[];
  kept: CallMoment[];
}

async function readStory(callId: string): Promise<CallStory> {
  const [call, cdrs, recordings, happened] = await Promise.all([
    ask(api.GET("/v1/calls/{callId}", { params: { path: { callId } } })),
    ask(api.GET("/v1/cdrs", { params: { query: { callId } } })),
    ask(api.GET("/v1/recordings", { params: { query: { callId } } })),
    ask(api.GET("/v1/calls/{callId}/moments", { params: { path: { callId } } })),
  ]);
  const path = { contactId: call.contactId ?? "" };
  const contact = call.contactId
    ? await ask(api.GET("/v1/contacts/{contactId}", { params: { path } })).catch(() => undefined)
    : undefined;
  return {
    call,
    contact,
    cdr: cdrs.cdrs?.[0],
    recordings: recordings.recordings ?? [],
    kept: happened.moments ?? [],
  };
}

/** One call from start to end: what happened when, its CDR, its recording. */
export default function CallPage() {
  const t = useText();
  const names = useNames();
  const { callId } = useParams<{ callId: string }>();
  const { data, error, refetch } = useQuery({ queryKey: ["call", callId], queryFn: () => readStory(callId) });
  useRefreshOn(
    ["call"],
    "CallProgressed",
    "CallAnswered",
    "CallHeld",
    "CallResumed",
    "LegChanged",
    "CallTransferred",
    "CallParked",
    "AnswerDetected",
    "ParkExpired",
    "CallForwarded",
    "CallMoved",
    "SupervisionChanged",
    "CallEnded",
    "RecordingStored",
    "ContactEnded",
    "ContactAbandoned",
    "ContactDequeued",
  );
  if (error) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  const { call, recordings } = data;
  const caller = call.callerName || customersNumber(call) || t("common.anonymous");
  return (
    <>
      <PageHeader
        title={t("watch.call.title", { caller })}
        subtitle={<span className="m-ltr">{call.callId}</span>}
        actions={
          <>
            <Tag tone="info">{textOr("callState", call.state ?? "")}</Tag>
            <SuperviseMenus call={call} nameOf={names.user} />
          </>
        }
      />
      <div className={classes.two}>
        <div className={classes.stack}>
          <Panel label={t("watch.call.facts")}>
            <h2 className={classes.title}>{t("watch.call.facts")}</h2>
            <CallFacts story={data} />
          </Panel>
          {contactIdsOf(call).map((contactId) => (
            <Suspense key={contactId}>
              <DecisionsPanel
                contactId={contactId}
                known={data.contact?.contactId === contactId ? data.contact : undefined}
              />
            </Suspense>
          ))}
          <Panel label={t("nav.recordings")}>
            <h2 className={classes.title}>{t("nav.recordings")}</h2>
            <CallRecordings recordings={recordings} />
          </Panel>
        </div>
        <Panel label={t("watch.call.timeline")}>
          <h2 className={classes.title}>{t("watch.call.timeline")}</h2>
          <CallTimeline
            call={call}
            contact={data.contact}
            cdr={data.cdr}
            recordings={recordings}
            kept={data.kept}
          />
        </Panel>
      </div>
    </>
  );
}

function CallFacts({ story }: { story: CallStory }) {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const { call, cdr, contact } = story;
  const mos = (value: CdrMos) =>
    typeof value === "number" && value > 0 ? formatNumber(value, language, 1) : "–";
  const rows: [string, ReactNode][] = [
    [t("desktop.brand"), names.brand(call.brandId)],
    [
      t("watch.caller"),
      <span key="n" className="m-ltr">
        {call.callerNumber || "–"}
      </span>,
    ],
    [
      t("watch.dialed"),
      <span key="d" className="m-ltr">
        {call.dialedNumber || "–"}
      </span>,
    ],
    [t("desktop.queue"), names.queue(contact?.queueId)],
    [t("role.ROLE_AGENT"), agentsOf(call).map(names.user).join(", ") || "–"],
    [t("watch.length"), cdr ? <Length key="l" seconds={durationSeconds(cdr.duration)} /> : "–"],
    [t("watch.talk"), cdr ? <Length key="t" seconds={durationSeconds(cdr.talkDuration)} /> : "–"],
    [t("watch.hold"), cdr ? <Length key="h" seconds={durationSeconds(cdr.holdDuration)} /> : "–"],
    [t("watch.ended"), cdr ? endText(cdr) : "–"],
    ...(cdr ? answerRows(cdr, t, language) : []),
    [t("watch.mos"), cdr ? `${mos(cdr.customerMos)} / ${mos(cdr.agentMos)}` : "–"],
    [t("desktop.disposition"), names.disposition(contact?.dispositionId)],
    [
      t("watch.trace"),
      <span key="tr" className="m-ltr" style={{ fontSize: "0.8rem" }}>
        {call.traceId || "–"}
      </span>,
    ],
  ];
  return (
    <>
      <dl className={desktopClasses.facts}>
        {rows.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd style={{ overflowWrap: "anywhere" }}>{value}</dd>
          </div>
        ))}
      </dl>
      {contact?.note && (
        <p className={desktopClasses.historyNote}>
          <bdi>{contact.note}</bdi>
        </p>
      )}
      {contact?.customerId && (
        <p style={{ marginBottom: 0 }}>
          <Anchor component={Link} href={`/customers/${contact.customerId}`}>
            {t("desktop.openCustomer")}
          </Anchor>
        </p>
      )}
    </>
  );
}

/** Who answered, and after how many seconds that was told, where somebody listened for it. */
function answerRows(cdr: Cdr, t: Text, language: Language): [string, ReactNode][] {
  if (!cdr.answeredBy || cdr.answeredBy === "ANSWERED_BY_UNSPECIFIED") return [];
  const after = t("billing.seconds", {
    count: formatNumber(durationSeconds(cdr.detectionDuration), language, 1),
  });
  return [[t("calls.answeredBy"), `${textOr("answeredBy", cdr.answeredBy)} (${after})`]];
}

function endText(cdr: Cdr): string {
  const words = [
    textOr("endParty", cdr.endParty ?? ""),
    textOr("endCause", cdr.endCause ?? ""),
    causeText(cdr),
  ];
  return words.filter(Boolean).join(" · ");
}

type CdrMos = Cdr["customerMos"];
