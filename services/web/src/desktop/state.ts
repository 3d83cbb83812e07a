/** What the agent has at hand, and how facts change it. Pure: facts in, state out. */
import type { Agent, Call, Cdr, Contact, Desktop, Disposition, Leg, Offer, ScreenPop } from "../api/types.ts";
import type { FactEvent } from "../socket/socket.ts";
import { talkOf } from "./parties.ts";

export interface DesktopState {
  loaded: boolean;
  agent: Agent | undefined;
  offer: Offer | undefined;
  contact: Contact | undefined;
  call: Call | undefined;
  screenPop: ScreenPop | undefined;
  dispositions: readonly Disposition[];
  /** How the newest offer or contact ended, for the live region and the quiet note on screen. */
  notice: DesktopNotice | undefined;
  /** Who it was that was missed. */
  noticeCaller: string | undefined;
  /** Contact whose call goes on without us. */
  left: string | undefined;
}

export type DesktopNotice =
  | "missed"
  | "declined"
  | "rescinded"
  | "taken"
  | "customerLeft"
  | "callLost"
  | "wrapUpOver"
  | Unreached
  | LeftReason
  | "notTaken";
/** Why a number that was rung didn't answer, by the call's end cause. */
export type Unreached = "BUSY" | "NO_ANSWER" | "REJECTED" | "UNREACHABLE";
/** Why our part of a call is over while the call goes on. */
export type LeftReason = "TRANSFERRED" | "LEFT" | "DROPPED" | "CONSULT_OVER" | "TAKEN_OVER" | "PARKED";

const UNREACHED: readonly string[] = ["BUSY", "NO_ANSWER", "REJECTED", "UNREACHABLE"] satisfies Unreached[];

export const EMPTY_DESKTOP: DesktopState = {
  loaded: false,
  agent: undefined,
  offer: undefined,
  contact: undefined,
  call: undefined,
  screenPop: undefined,
  dispositions: [],
  notice: undefined,
  noticeCaller: undefined,
  left: undefined,
};

/** The server's whole answer replaces what facts told us, except the screen pop of the same contact. */
export function fromServer(state: DesktopState, desktop: Desktop): DesktopState {
  const contact = isOpen(desktop.contact) ? desktop.contact : undefined;
  const contactId = contact?.contactId ?? desktop.offer?.contact?.contactId;
  const same = contactId !== undefined && contactId === currentContactId(state);
  return {
    ...state,
    loaded: true,
    agent: desktop.agent ?? undefined,
    offer: desktop.offer?.offerId ? desktop.offer : undefined,
    contact,
    call: same ? state.call : undefined,
    screenPop: same ? state.screenPop : undefined,
    dispositions: desktop.dispositions ?? [],
  };
}

function isOpen(contact: Contact | undefined): contact is Contact {
  return contact?.state === "CONTACT_STATE_ON_CONTACT" || contact?.state === "CONTACT_STATE_WRAP_UP";
}

function currentContactId(state: DesktopState): string | undefined {
  return state.contact?.contactId ?? state.offer?.contact?.contactId;
}

export function currentCustomerId(state: DesktopState): string | undefined {
  return (
    state.screenPop?.customer?.customerId || (state.contact ?? state.offer?.contact)?.customerId || undefined
  );
}

type Data = {
  offer?: Offer;
  contact?: Contact;
  agent?: Agent;
  call?: Call;
  cdr?: Cdr;
};

/** Applies one fact; facts about somebody else (a supervisor sees them all) change nothing. */
export function applyFact(state: DesktopState, event: FactEvent, me: string): DesktopState {
  const { offer, contact, agent, call, cdr } = event.data as Data;
  switch (event.fact) {
    case "OfferMade":
      if (offer?.agentId !== me) return state;
      return { ...state, offer, screenPop: event.screenPop as ScreenPop | undefined, notice: undefined };
    case "OfferAccepted":
      if (offer?.agentId !== me || state.contact?.contactId === offer.contact?.contactId) return state;
      return { ...state, offer: undefined, contact: offer.contact, notice: undefined };
    case "ContactStarted":
      return contact?.agentId === me ? begin(state, contact) : state;
    case "ContactDequeued":
      return contact?.consultingAgentId === me ? { ...state, notice: "notTaken" } : state;
    case "OfferDeclined":
      return endOffer(state, offer, "declined");
    case "OfferMissed":
      return endOffer(state, offer, "missed");
    case "OfferRescinded":
      return endOffer(state, offer, offer?.rescindReason?.endsWith("TAKEN") ? "taken" : "rescinded");
    case "AgentStateChanged":
    case "AgentChanged":
      return agent?.agentId === me ? { ...state, agent } : state;
    case "CallStarted":
    case "CallAnswered":
    case "CallHeld":
    case "CallTransferred":
    case "CallParked":
    case "AnswerDetected":
    case "ParkExpired":
    case "CallMoved":
      return withCall(state, call);
    case "CallResumed":
      return { ...withCall(state, call), notice: isOfParty(state.notice) ? undefined : state.notice };
    case "LegChanged":
      return withParty(withCall(state, call), event.data as { call?: Call; leg?: Leg });
    case "AgentLeft":
      return leave(
        state,
        event.data as { agentId?: string; contactId?: string; reason?: LeftReason | "HUNG_UP" },
        me,
      );
    case "LegMediaChanged":
      return withLeg(state, event.data as { callId?: string; leg?: Leg; callVersion?: string });
    case "CallEnded":
      return endCall(state, cdr);
    case "WrapUpStarted":
    case "WrapUpChanged":
      return contact?.agentId === me ? { ...state, contact } : state;
    case "ContactEnded":
      return endContact(state, contact, (event.data as { byTimer?: boolean }).byTimer === true);
    default:
      return state;
  }
}

/** A contact without an offer: we called somebody, or took a call over. Or the customer of a callback is called. */
export function begin(state: DesktopState, contact: Contact): DesktopState {
  if (state.contact?.contactId === contact.contactId)
    return state.contact?.callId === contact.callId ? state : { ...state, contact };
  const call = state.call?.callId === contact.callId ? state.call : undefined;
  return { ...state, offer: undefined, contact, call, screenPop: undefined, notice: undefined };
}

/** The contact's call as it is told now, unless something newer is known: answers and facts overtake each other. */
export function withCall(state: DesktopState, call: Call | undefined): DesktopState {
  const older = versionOf(call) < versionOf(state.call);
  return !call?.callId || call.callId !== state.contact?.callId || older ? state : { ...state, call };
}

/** Somebody who was rung as one more party: what became of it when they don't come. */
function withParty(state: DesktopState, { call, leg }: { call?: Call; leg?: Leg }): DesktopState {
  if (!call?.callId || call.callId !== state.contact?.callId || leg?.party !== "participant") return state;
  if (leg.state !== "LEG_STATE_ENDED") {
    return { ...state, notice: isOfParty(state.notice) ? undefined : state.notice };
  }
  const cause = leg.q850Cause ?? NORMAL_CLEARING;
  return cause === NORMAL_CLEARING ? state : { ...state, notice: CAUSES[cause] ?? "UNREACHABLE" };
}

/** ITU-T Q.850. */
const NORMAL_CLEARING = 16;
const CAUSES: Record<number, Unreached> = { 17: "BUSY", 18: "NO_ANSWER", 19: "NO_ANSWER", 21: "REJECTED" };

/** Whether a notice is about somebody who was asked for in a call that goes on. */
const isOfParty = (notice: DesktopNotice | undefined): boolean =>
  notice !== undefined && (notice === "notTaken" || UNREACHED.includes(notice));

function withLeg(
  state: DesktopState,
  { callId, leg, callVersion }: { callId?: string; leg?: Leg; callVersion?: string },
): DesktopState {
  const { call } = state;
  const version = Number(callVersion ?? 0);
  if (!call || !leg || call.callId !== callId || (version && version < versionOf(call))) return state;
  const legs = call.legs?.map((each) => (each.legId === leg.legId ? leg : each));
  return { ...state, call: { ...call, legs, version: String(Math.max(version, versionOf(call))) } };
}

const versionOf = (call: Call | undefined): number => Number(call?.version ?? 0);

function endOffer(state: DesktopState, offer: Offer | undefined, notice: DesktopNotice): DesktopState {
  if (!offer || offer.offerId !== state.offer?.offerId) return state;
  const caller = offer.contact?.callerName || offer.contact?.callerNumber;
  return { ...state, offer: undefined, screenPop: undefined, notice, noticeCaller: caller };
}

function endCall(state: DesktopState, cdr: Cdr | undefined): DesktopState {
  // Who has left hears no more of how it went on.
  const { contact } = state;
  if (!cdr?.callId || cdr.callId !== contact?.callId || state.left === contact.contactId) return state;
  const call = {
    ...state.call,
    callId: cdr.callId,
    state: "CALL_STATE_ENDED" as const,
    endTime: cdr.endTime,
  };
  return { ...state, call, notice: endNotice(cdr) ?? state.notice };
}

function endNotice({ endCause = "", endParty }: Cdr): DesktopNotice | undefined {
  if (UNREACHED.includes(endCause)) return endCause as Unreached;
  if (endParty === "END_PARTY_CUSTOMER") return "customerLeft";
  return endParty === "END_PARTY_SYSTEM" ? "callLost" : undefined;
}

function leave(
  state: DesktopState,
  { agentId, contactId, reason }: { agentId?: string; contactId?: string; reason?: LeftReason | "HUNG_UP" },
  me: string,
): DesktopState {
  if (agentId !== me || !contactId || contactId !== state.contact?.contactId) return state;
  return { ...state, left: contactId, notice: reason === "HUNG_UP" ? undefined : reason };
}

function endContact(state: DesktopState, contact: Contact | undefined, byTimer: boolean): DesktopState {
  if (!contact || contact.contactId !== state.contact?.contactId) return state;
  return {
    ...state,
    contact: undefined,
    call: undefined,
    screenPop: state.offer ? state.screenPop : undefined,
    notice: byTimer ? "wrapUpOver" : state.notice,
  };
}

/** What the dock shows. */
export type Phase = "off" | "idle" | "offered" | "connecting" | "dialing" | "talking" | "held" | "wrapUp";

const ON_CALL: readonly Phase[] = ["connecting", "dialing", "talking", "held"];
/** Somebody is on the line, or about to be. */
export const isOnCall = (phase: Phase): boolean => ON_CALL.includes(phase);

export function phaseOf(state: DesktopState): Phase {
  const { agent, offer, contact, call } = state;
  if (contact?.state === "CONTACT_STATE_WRAP_UP") return "wrapUp";
  if (contact) {
    if (call?.state === "CALL_STATE_ENDED" || state.left === contact.contactId) return "wrapUp";
    return talkOf(call, contact.agentId ?? "");
  }
  if (offer) return "offered";
  const off =
    !agent?.state || agent.state === "AGENT_STATE_OFFLINE" || agent.state === "AGENT_STATE_UNSPECIFIED";
  return off ? "off" : "idle";
}

/** Our own leg of the call: whether the server has us muted. */
export function isMuted(state: DesktopState, me: string): boolean {
  return state.call?.legs?.some((leg) => leg.agentId === me && leg.muted) ?? false;
}

/** merkez.telephony.v1.LegQuality */
export interface LegQuality {
  party?: string;
  agentId?: string;
  stalled?: boolean;
  warnings?: string[];
}

export interface CallQuality {
  callId?: string;
  legs?: LegQuality[];
}

/** How one party of this call sounds: an agent by id, else the customer; undefined while nothing is known. */
export function qualityOf(
  hint: CallQuality | undefined,
  callId: string | undefined,
  agentId?: string,
): LegQuality | undefined {
  if (!callId || hint?.callId !== callId) return undefined;
  return hint.legs?.find((leg) => (agentId ? leg.agentId === agentId : leg.party === "customer"));
}
