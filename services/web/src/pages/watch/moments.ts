/** What happened in a call, from what is kept of its legs and contacts. Pure: rows in, sentences out. */
import type { Call, CallMoment, Contact, Leg } from "../../api/types.ts";
import type { Text } from "../../i18n/index.ts";
import { causeText } from "./causes.ts";

export interface Moment {
  time: string;
  text: string;
}

export interface Names {
  user: (id: string | undefined) => string;
  queue: (id: string | undefined) => string;
  flow: (id: string | undefined) => string;
}

const moment = (time: string | undefined, text: string): Moment[] => (time ? [{ time, text }] : []);

/** The ids of every contact a call is known to have had. */
export function contactIdsOf(call: Call): string[] {
  const ids = [call.contactId, ...(call.legs ?? []).map((leg) => leg.contactId)];
  return [...new Set(ids)].filter((id): id is string => Boolean(id));
}

/** Every agent who talked in a call, in the order they came. */
export function agentsOf(call: Call): string[] {
  const came = (call.legs ?? []).filter((leg) => leg.party === "agent" && leg.agentId && leg.joinTime);
  return [...new Set(came.map((leg) => leg.agentId ?? ""))];
}

/** How each contact of the call came about. */
export function contactMoments(contacts: readonly Contact[], t: Text, names: Names): Moment[] {
  const byId = new Map(contacts.map((each) => [each.contactId ?? "", each]));
  return contacts.flatMap((contact) => {
    const agent = names.user(contact.agentId);
    switch (contact.kind) {
      case "CONTACT_KIND_OUTBOUND":
        return moment(contact.queueTime, t("moment.dialled", { agent, number: ltr(contact.callerNumber) }));
      case "CONTACT_KIND_CONSULT":
        return consulted(contact, t, names);
      case "CONTACT_KIND_TRANSFER": {
        const from = names.user(byId.get(contact.previousContactId ?? "")?.agentId);
        if (!contact.queueId && !contact.targetAgentId)
          return moment(contact.answerTime, t("moment.took", { agent }));
        const to = contact.targetAgentId ? names.user(contact.targetAgentId) : names.queue(contact.queueId);
        return moment(contact.queueTime, t("moment.handedOn", { agent: from, target: to }));
      }
      default:
        return moment(contact.queueTime, t("moment.queued", { queue: names.queue(contact.queueId) }));
    }
  });
}

function consulted(contact: Contact, t: Text, names: Names): Moment[] {
  const agent = names.user(contact.consultingAgentId);
  const target = contact.targetAgentId ? names.user(contact.targetAgentId) : names.queue(contact.queueId);
  const asked = moment(contact.queueTime, t("moment.asked", { agent, target }));
  const vain = contact.answerTime ? [] : moment(contact.endTime, t("moment.notTaken", { target }));
  return [...asked, ...vain];
}

/** Who came and went, and why. */
export function legMoments(call: Call, t: Text, names: Names): Moment[] {
  return (call.legs ?? []).flatMap((leg) => {
    switch (leg.party) {
      case "customer":
        return moment(leg.leaveTime, because(t("moment.customerLeft"), leg));
      case "supervisor":
        return supervised(leg, t, names);
      default:
        return comings(call, leg, t, names);
    }
  });
}

function comings(call: Call, leg: Leg, t: Text, names: Names): Moment[] {
  const address = ltr(leg.address);
  const found = leg.party === "sought" && leg.address ? `${names.user(leg.agentId)} ${address}` : undefined;
  const party = found ?? (leg.agentId ? names.user(leg.agentId) : address);
  // The first answer has a sentence of its own, and at the end everybody leaves.
  const first = leg.agentId && leg.joinTime === call.answerTime;
  const joined = first ? [] : moment(leg.joinTime, t("moment.joined", { party }));
  if (!leg.leaveTime || leg.leaveTime === call.endTime) return joined;
  const key = leg.joinTime ? "moment.left" : "moment.notReached";
  return [...joined, ...moment(leg.leaveTime, because(t(key, { party }), leg))];
}

function supervised(leg: Leg, t: Text, names: Names): Moment[] {
  const supervisor = names.user(leg.agentId);
  const agent = names.user(leg.supervisedAgentId);
  const mode = leg.mode ?? "SUPERVISION_MODE_LISTEN";
  return [
    ...moment(leg.joinTime, t(`moment.${mode}`, { supervisor, agent })),
    ...moment(leg.leaveTime, t("moment.stopped", { supervisor })),
  ];
}

/** A number stands as it is dialled also among letters that run the other way (Unicode UAX 9, LRI and PDI). */
const ltr = (number: string | undefined): string => (number ? `\u2066${number}\u2069` : "–");

function because(text: string, leg: Leg): string {
  const cause = causeText(leg);
  return cause ? `${text} · ${cause}` : text;
}

/** What telephony keeps of a call besides its legs: holds, transfers, parks, moves. */
export function keptMoments(kept: readonly CallMoment[], t: Text, names: Names): Moment[] {
  return kept.flatMap((each) => moment(each.happenTime, happened(each, t, names)));
}

function happened(kept: CallMoment, t: Text, names: Names): string {
  const agent = names.user(kept.agentId);
  switch (kept.happening) {
    case "HAPPENING_HELD":
      return t("moment.held");
    case "HAPPENING_RESUMED":
      return t("moment.resumed");
    case "HAPPENING_PARKED":
      return t("moment.parked", { agent, code: kept.target ?? "" });
    case "HAPPENING_PARK_EXPIRED":
      return t("moment.parkExpired", {
        target: kept.target ? targetText(kept, t, names) : t("moment.parkEnded"),
      });
    case "HAPPENING_MOVED":
      return t("moment.moved", { node: kept.target ?? "" });
    case "HAPPENING_TRANSFERRED":
      return t("moment.handedOn", { agent, target: targetText(kept, t, names) });
    case "HAPPENING_FORWARDED":
      return t("moment.forwarded", { agent, target: targetText(kept, t, names) });
    case "HAPPENING_TAKEN_OVER":
      return t("moment.tookOver", { supervisor: names.user(kept.target), agent });
    case "HAPPENING_AFTER_AGENT":
      return t("moment.afterAgent", { agent });
    default:
      return kept.happening ?? "";
  }
}

function targetText({ targetKind, target }: CallMoment, t: Text, names: Names): string {
  switch (targetKind) {
    case "agent":
      return names.user(target);
    case "queue":
      return names.queue(target);
    case "flow":
      return names.flow(target);
    case "voicemail":
      return t("moment.voicemailOf", { agent: names.user(target) });
    default:
      return ltr(target);
  }
}
