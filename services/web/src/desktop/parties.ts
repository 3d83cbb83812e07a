/** Who is in a call, seen by one of them. Pure: what the server says of the legs, in the words of the screen. */
import type { Call, Leg } from "../api/types.ts";

export const isLive = (leg: Leg): boolean => leg.state !== "LEG_STATE_ENDED";
export const isRinging = (leg: Leg): boolean => leg.state === "LEG_STATE_RINGING";
/** Somebody is there: neither rung nor gone. */
export const isThere = (leg: Leg): boolean => isLive(leg) && !isRinging(leg);

const talks = (leg: Leg): boolean => leg.party !== "supervisor" && leg.party !== "sought";

/** Everybody in the conversation: who supervises it is not of it, nor a telephone that is rung to find somebody. */
export function partiesOf(call: Call | undefined): Leg[] {
  return (call?.legs ?? []).filter((leg) => isLive(leg) && talks(leg));
}

export function legOf(call: Call | undefined, me: string): Leg | undefined {
  return partiesOf(call).find((leg) => leg.agentId === me);
}

export function customerOf(call: Call | undefined): Leg | undefined {
  return partiesOf(call).find((leg) => leg.party === "customer");
}

/** Whom we are asking while the customer waits: not whom another one of a conference asks, as long as they are there. */
export function consultOf(call: Call | undefined, me: string): Leg | undefined {
  const parties = partiesOf(call);
  const asker = (asked: Leg) => parties.find((leg) => leg.legId === asked.askingLegId);
  return parties.find((leg) => leg.consulted && leg.agentId !== me && (asker(leg)?.agentId ?? me) === me);
}

/** Whether the customer has somebody to talk to when we leave. */
function othersStay(call: Call | undefined, me: string): boolean {
  return partiesOf(call).some((leg) => isThere(leg) && leg.party !== "customer" && leg.agentId !== me);
}

/** More than the customer and one agent, or a customer who was muted among more and would stay so: worth a list. */
export function wantsList(call: Call | undefined): boolean {
  return partiesOf(call).length > 2 || (customerOf(call)?.muted ?? false);
}

/** How our side of a call stands: with nobody to hear it is on hold. */
export function talkOf(call: Call | undefined, me: string): "connecting" | "dialing" | "talking" | "held" {
  if (call?.state === "CALL_STATE_DIALING") return "dialing";
  if (call?.state !== "CALL_STATE_TALKING" && call?.state !== "CALL_STATE_HELD") return "connecting";
  if (!call.legs?.length) return call.state === "CALL_STATE_HELD" ? "held" : "talking";
  const mine = legOf(call, me);
  if (!mine || isRinging(mine)) return "connecting";
  const heard = partiesOf(call).some((leg) => leg !== mine && isThere(leg) && !leg.held);
  return mine.held || !heard ? "held" : "talking";
}

/** What ends our part: our question, our place among others, or the call itself. */
export function wayOut(call: Call | undefined, me: string): "cancelConsult" | "leave" | "hangUp" {
  const mine = legOf(call, me);
  if (mine?.consulted) return "leave";
  if (consultOf(call, me)) return "cancelConsult";
  return othersStay(call, me) ? "leave" : "hangUp";
}

/**
 * Whether what we press on the keypad is for somebody: whoever the customer's side is, also a menu that speaks before the
 * number we dialled has answered, or a number we ask; a colleague has no menu.
 */
export function takesKeys(call: Call | undefined, me: string): boolean {
  if (talkOf(call, me) === "connecting") return false;
  const asked = consultOf(call, me);
  return asked ? asked.party === "participant" : !legOf(call, me)?.consulted;
}

export interface Groups {
  /** They hear each other. */
  talking: Leg[];
  /** They hear music. */
  waiting: Leg[];
  ringing: Leg[];
}

export function groupsOf(call: Call | undefined): Groups {
  const parties = partiesOf(call);
  return {
    talking: parties.filter((leg) => isThere(leg) && !leg.held),
    waiting: parties.filter((leg) => isThere(leg) && leg.held),
    ringing: parties.filter(isRinging),
  };
}
