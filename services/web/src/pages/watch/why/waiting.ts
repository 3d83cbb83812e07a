/** Who waits, and in which turn; the order is routing's (`rules/turns.ts`), read again as things happen. */
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../../api/client.ts";
import { useQueues } from "../../../api/names.ts";
import type { Contact, Queue } from "../../../api/types.ts";
import { byTurn, worthOf } from "../../../rules/turns.ts";
import { serverNow } from "../../../socket/live.ts";
import { useRefreshOn } from "../useRefreshOn.ts";

const RECHECK_MS = 5000;
const PAGE_SIZE = 200;
/** More than so many pages nobody reads. */
const MOST_PAGES = 5;
const STATES = ["CONTACT_STATE_QUEUED" as const, "CONTACT_STATE_OFFERED" as const];

/** Somebody who waits; `position` counts from 1 in their queue. */
export interface Waiter {
  contact: Contact;
  position: number;
}

export const waits = (contact: Pick<Contact, "state">): boolean =>
  STATES.some((state) => state === contact.state);

/** Whether it is over and no agent ever had it: how it stood then was kept. */
export const leftUnanswered = (contact: Pick<Contact, "state" | "answerTime">): boolean =>
  !contact.answerTime &&
  (contact.state === "CONTACT_STATE_ABANDONED" || contact.state === "CONTACT_STATE_ENDED");

/** Everybody who waits, queue by queue in their turns; `now` in ms since the epoch. */
export function inTurns(contacts: readonly Contact[], queues: readonly Queue[], now: number): Waiter[] {
  const byQueue = new Map<string, Contact[]>();
  for (const contact of contacts) {
    const queueId = contact.queueId ?? "";
    byQueue.set(queueId, [...(byQueue.get(queueId) ?? []), contact]);
  }
  return [...byQueue].flatMap(([queueId, line]) => {
    const rules = queues.find((queue) => queue.queueId === queueId)?.rules;
    return byTurn(line, worthOf(rules), now).map((contact, index) => ({ contact, position: index + 1 }));
  });
}

export function useWaiters() {
  const queues = useQueues().data ?? [];
  useRefreshOn(
    ["whoWaits"],
    "ContactQueued",
    "ContactChanged",
    "OfferMade",
    "OfferMissed",
    "OfferAccepted",
    "ContactAbandoned",
    "ContactDequeued",
  );
  const query = useQuery({ queryKey: ["whoWaits"], queryFn: readWaiting, refetchInterval: RECHECK_MS });
  return { ...query, waiters: inTurns(query.data ?? [], queues, serverNow()) };
}

/** Page by page, as the list begins with whoever came last. */
async function readWaiting(): Promise<Contact[]> {
  const contacts: Contact[] = [];
  let pageToken: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const query = { states: STATES, pageSize: PAGE_SIZE, pageToken };
    const answer = await ask(api.GET("/v1/contacts", { params: { query } }));
    contacts.push(...(answer.contacts ?? []));
    pageToken = answer.nextPageToken;
    if (!pageToken) break;
  }
  return contacts;
}
