import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../api/client.ts";
import { useNames } from "../../api/names.ts";
import type { Call, Cdr, Contact, Decision, Recording, Run } from "../../api/types.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { TimeOfDay } from "../../ui/Time.tsx";
import classes from "./watch.module.css";

interface Props {
  call: Call;
  contact: Contact | undefined;
  cdr: Cdr | undefined;
  recordings: readonly Recording[];
}

interface Moment {
  time: string;
  text: string;
}

/** What happened to a call, in order, put together from what each service keeps about it. */
export function CallTimeline(props: Props) {
  const t = useText();
  const names = useNames();
  const { call, contact, cdr, recordings } = props;
  const runId = call.runId ?? "";
  const run = useQuery({
    queryKey: ["run", runId],
    queryFn: (): Promise<Run> => ask(api.GET("/v1/runs/{runId}", { params: { path: { runId } } })),
    enabled: runId !== "",
    retry: false,
  });
  const decisions = useDecisions(call.contactId).data ?? [];
  const moments: Moment[] = [];
  const add = (time: string | undefined, text: string) => time && moments.push({ time, text });
  add(call.startTime, t("moment.started"));
  for (const step of run.data?.steps ?? []) add(...stepMoment(step, t("moment.step")));
  add(contact?.queueTime, t("moment.queued", { queue: names.queue(contact?.queueId) }));
  decisions.forEach((decision, at) => {
    const chosen = decision.candidates?.find((each) => !each.rejection) ?? decision.candidates?.[0];
    const agent = names.user(chosen?.agentId);
    // Another decision was only needed because nobody took this offer.
    const taken = at === decisions.length - 1;
    add(decision.createTime, taken ? t("moment.offered", { agent }) : t("moment.offeredInVain", { agent }));
  });
  add(call.answerTime, t("moment.answered", { agent: names.user(call.agentId) }));
  for (const recording of recordings) add(recording.startTime, t("moment.recording"));
  for (const leg of call.legs ?? []) {
    if (leg.party === "customer") add(leg.leaveTime, t("moment.customerLeft"));
  }
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
          <span>
            <bdi>{moment.text}</bdi>
          </span>
        </li>
      ))}
    </ol>
  );
}

/** How an agent was found, first offer first. */
function useDecisions(contactId: string | undefined) {
  return useQuery({
    queryKey: ["decisions", contactId],
    queryFn: async (): Promise<Decision[]> => {
      const path = { contactId: contactId ?? "" };
      const { decisions } = await ask(api.GET("/v1/contacts/{contactId}/decisions", { params: { path } }));
      return [...(decisions ?? [])].sort(
        (a, b) => Date.parse(a.createTime ?? "") - Date.parse(b.createTime ?? ""),
      );
    },
    enabled: Boolean(contactId),
    retry: false,
  });
}

type RunStep = NonNullable<Run["steps"]>[number];

function stepMoment(step: RunStep, label: string): [string | undefined, string] {
  const outcome = step.outcome ? ` → ${step.outcome}` : "";
  return [step.createTime, `${label} ${step.stepId ?? ""}${outcome}`];
}
