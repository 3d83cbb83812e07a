import { useQueries, useQuery } from "@tanstack/react-query";
import { api, ask } from "../../api/client.ts";
import { useNames } from "../../api/names.ts";
import type { Call, CallMoment, Cdr, Contact, Decision, Recording, Run } from "../../api/types.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { TimeOfDay } from "../../ui/Time.tsx";
import { useFlows } from "../flows/useFlow.ts";
import { agentsOf, contactIdsOf, contactMoments, keptMoments, legMoments, type Moment } from "./moments.ts";
import classes from "./watch.module.css";

interface Props {
  call: Call;
  contact: Contact | undefined;
  cdr: Cdr | undefined;
  recordings: readonly Recording[];
  kept: readonly CallMoment[];
}

/** What happened to a call, in order, put together from what each service keeps about it. */
export function CallTimeline(props: Props) {
  const t = useText();
  const known = useNames();
  const flows = useFlows().data ?? [];
  // A name first in a sentence would turn the sentence to its own direction.
  const names = {
    user: (id: string | undefined) => isolated(known.user(id)),
    queue: (id: string | undefined) => isolated(known.queue(id)),
    disposition: (id: string | undefined) => isolated(known.disposition(id)),
    flow: (id: string | undefined) =>
      isolated(flows.find((each) => each.flowId === id)?.displayName ?? id ?? "–"),
  };
  const { call, contact, cdr, recordings } = props;
  const runId = call.runId ?? "";
  const run = useQuery({
    queryKey: ["run", runId],
    queryFn: (): Promise<Run> => ask(api.GET("/v1/runs/{runId}", { params: { path: { runId } } })),
    enabled: runId !== "",
    retry: false,
  });
  const contacts = useContacts(call, contact);
  const decisions = useDecisions(contactIdsOf(call));
  const moments: Moment[] = [];
  const add = (time: string | undefined, text: string) => time && moments.push({ time, text });
  add(call.startTime, t("moment.started"));
  for (const step of run.data?.steps ?? []) add(...stepMoment(step, t("moment.step")));
  decisions.forEach((decision, at) => {
    const rang = rangAt(decision);
    const agent = (rang.length > 0 ? rang : [undefined]).map((each) => names.user(each)).join(", ");
    // Another decision on the same contact was only needed because nobody took this offer.
    const taken = decisions[at + 1]?.contactId !== decision.contactId;
    add(decision.createTime, taken ? t("moment.offered", { agent }) : t("moment.offeredInVain", { agent }));
  });
  add(call.answerTime, t("moment.answered", { agent: names.user(agentsOf(call)[0] ?? call.agentId) }));
  for (const recording of recordings) add(recording.startTime, t("moment.recording"));
  moments.push(...contactMoments(contacts, t, names), ...legMoments(call, t, names));
  // A transfer to who was queued for is told by its contact already.
  for (const seen of keptMoments(props.kept, t, names))
    if (!moments.some((each) => each.text === seen.text && near(each, seen))) moments.push(seen);
  add(call.endTime, t("moment.ended", { party: textOr("endParty", cdr?.endParty ?? "") }));
  add(
    contact?.wrapUpEndTime,
    t("moment.wrapUpOver", { disposition: names.disposition(contact?.dispositionId) }),
  );
  moments.sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
  return (
    <ol className={classes.timeline} data-testid="call-timeline">
      {moments.map((moment) => (
        <li key={moment.time + moment.text}>
          <TimeOfDay value={moment.time} seconds />
          <span>{moment.text}</span>
        </li>
      ))}
    </ol>
  );
}

/** Whatever its direction is, it stays where it stands (Unicode UAX 9, FSI and PDI). */
/** At whom it rang: the one chosen, and whoever rang along. */
function rangAt({ candidates = [] }: Decision): (string | undefined)[] {
  const rang = candidates.filter(({ rejection }) => !rejection || rejection === "rings_too");
  return (rang.length > 0 ? rang : candidates.slice(0, 1)).map(({ agentId }) => agentId);
}

const isolated = (text: string): string => `\u2068${text}\u2069`;

const NEAR_MS = 3000;
const near = (one: Moment, other: Moment): boolean =>
  Math.abs(Date.parse(one.time) - Date.parse(other.time)) < NEAR_MS;

/** The contacts of all who took part, one after the other or beside each other. */
function useContacts(call: Call, known: Contact | undefined): Contact[] {
  const ids = contactIdsOf(call).filter((id) => id !== known?.contactId);
  const found = useQueries({
    queries: ids.map((contactId) => ({
      queryKey: ["contact", contactId],
      queryFn: (): Promise<Contact> =>
        ask(api.GET("/v1/contacts/{contactId}", { params: { path: { contactId } } })),
      retry: false,
    })),
  });
  return [known, ...found.map((each) => each.data)].filter((each): each is Contact => each !== undefined);
}

/** How agents were found, contact by contact, first offer first. */
function useDecisions(contactIds: readonly string[]): Decision[] {
  const found = useQueries({
    queries: contactIds.map((contactId) => ({
      queryKey: ["decisions", contactId],
      queryFn: async (): Promise<Decision[]> => {
        const path = { contactId };
        const { decisions } = await ask(api.GET("/v1/contacts/{contactId}/decisions", { params: { path } }));
        return [...(decisions ?? [])].sort(
          (a, b) => Date.parse(a.createTime ?? "") - Date.parse(b.createTime ?? ""),
        );
      },
      retry: false,
    })),
  });
  return found.flatMap((each) => each.data ?? []);
}

type RunStep = NonNullable<Run["steps"]>[number];

function stepMoment(step: RunStep, label: string): [string | undefined, string] {
  const outcome = step.outcome ? ` → ${step.outcome}` : "";
  return [step.createTime, `${label} ${step.stepId ?? ""}${outcome}`];
}
