import { Button } from "@mantine/core";
import { IconPhoneIncoming } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import { useColleagues, useNames, useQueues } from "../../api/names.ts";
import { asProblem, type Problem } from "../../api/problem.ts";
import type { Contact, Queue } from "../../api/types.ts";
import { pickUp } from "../../desktop/calls.ts";
import { useDesktop } from "../../desktop/desktop.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { useMe } from "../../session/session.ts";
import { Tag } from "../../ui/Note.tsx";
import { Panel } from "../../ui/Page.tsx";
import { Elapsed } from "../../ui/Time.tsx";
import classes from "./desktop.module.css";
import { Refused } from "./Refused.tsx";

const FRESH_MS = 2000;

/** Customers who ring at a colleague or wait in one of our queues, to be picked up. */
export function WaitingContacts() {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const colleagues = useColleagues().data;
  const [problem, setProblem] = useState<Problem>();
  const { shown, refetch } = useWaiting();
  const take = async (contactId: string) => {
    setProblem(undefined);
    await pickUp(contactId).catch((error) => setProblem(asProblem(error)));
    void refetch();
  };
  const nameOf = (id: string | undefined) =>
    colleagues?.find((each) => each.agentId === id)?.displayName ?? t("role.ROLE_AGENT");
  const ringsAt = ({ agentId, ringingCount = 0 }: Contact) => {
    const name = nameOf(agentId);
    return ringingCount > 1
      ? t("dial.ringsAtMore", { name, more: formatNumber(ringingCount - 1, language) })
      : t("dial.ringsAt", { name });
  };
  return (
    <Panel label={t("dial.ringing")} testId="waiting-contacts">
      <h2 className={classes.sectionTitle}>
        <IconPhoneIncoming size={18} aria-hidden style={{ verticalAlign: "-3px" }} /> {t("dial.ringing")}
      </h2>
      <Refused problem={problem} testId="pick-up-problem" />
      {shown.length === 0 && <p className={classes.quiet}>{t("dial.noneRinging")}</p>}
      <ul className={classes.waiting}>
        {shown.map((contact) => (
          <li key={contact.contactId} data-testid={`waiting-${contact.contactId}`}>
            <span className={classes.grow}>
              <span>
                <bdi>{contact.callerName || contact.callerNumber || t("common.anonymous")}</bdi>
              </span>
              <span className={classes.quiet}>
                <bdi>{names.queue(contact.queueId)}</bdi> · <Elapsed since={contact.queueTime} />
              </span>
            </span>
            {contact.state === "CONTACT_STATE_OFFERED" && (
              <Tag tone="info" dot>
                {ringsAt(contact)}
              </Tag>
            )}
            <Button size="xs" variant="default" onClick={() => void take(contact.contactId ?? "")}>
              {t("dial.pickUp")}
            </Button>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function useWaiting() {
  const me = useMe();
  const { agent, offer } = useDesktop();
  const queues = useQueues().data ?? [];
  const { data = [], refetch } = useQuery({
    queryKey: ["waitingContacts"],
    queryFn: async (): Promise<Contact[]> => {
      const states = ["CONTACT_STATE_OFFERED" as const, "CONTACT_STATE_QUEUED" as const];
      return (
        (await ask(api.GET("/v1/contacts", { params: { query: { states, pageSize: 100 } } }))).contacts ?? []
      );
    },
    refetchInterval: FRESH_MS,
  });
  const shown = data
    // What rings here is in the bar below, also where a colleague is the first of those it rings at.
    .filter((each) => each.agentId !== me && each.contactId !== offer?.contact?.contactId)
    .filter((each) => mayTake(each, me, agent?.queueIds ?? [], queues))
    .sort((a, b) => Number(isOffered(b)) - Number(isOffered(a)));
  return { shown, refetch };
}

const isOffered = (contact: Contact): boolean => contact.state === "CONTACT_STATE_OFFERED";

/** The server decides; what it would refuse anyway isn't shown. */
function mayTake(
  { targetAgentId, queueId = "", consultingAgentId }: Contact,
  me: string,
  served: readonly string[],
  queues: readonly Queue[],
): boolean {
  if (consultingAgentId === me) return false;
  if (targetAgentId) return targetAgentId === me;
  return served.includes(queueId) || queues.some((queue) => queue.queueId === queueId && queue.openToAll);
}
