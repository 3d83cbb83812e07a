/** How facts change what an agent has at hand: an offer, a talk, a wrap-up, and nothing of anybody else. */
import { expect, test } from "vitest";
import type { Contact, Offer } from "../src/api/types.ts";
import {
  applyFact,
  type DesktopState,
  EMPTY_DESKTOP,
  fromServer,
  isMuted,
  phaseOf,
  withCall,
} from "../src/desktop/state.ts";
import type { FactEvent } from "../src/socket/socket.ts";

const ME = "usr_me";
const CONTACT = {
  contactId: "con_1",
  callId: "call_1",
  state: "CONTACT_STATE_ON_CONTACT",
  agentId: ME,
} as Contact;
const OFFER = { offerId: "ofr_1", agentId: ME, contact: CONTACT } as Offer;
const IDLE: DesktopState = {
  ...EMPTY_DESKTOP,
  loaded: true,
  agent: { agentId: ME, state: "AGENT_STATE_AVAILABLE" } as DesktopState["agent"],
};

function fact(name: string, data: unknown): FactEvent {
  return { id: "evt_1", time: "2026-11-24T10:00:00Z", fact: name, data } as unknown as FactEvent;
}

function after(...facts: [string, unknown][]): DesktopState {
  return facts.reduce((state, [name, data]) => applyFact(state, fact(name, data), ME), IDLE);
}

test("nobody at a desk is off, and an available agent is idle", () => {
  expect(phaseOf(EMPTY_DESKTOP)).toBe("off");
  expect(phaseOf(IDLE)).toBe("idle");
});

test("a call goes from the offer over talk and hold to wrap-up and away", () => {
  const offered = after(["OfferMade", { offer: OFFER }]);
  expect(phaseOf(offered)).toBe("offered");
  const accepted = applyFact(offered, fact("OfferAccepted", { offer: OFFER }), ME);
  expect(phaseOf(accepted)).toBe("connecting");
  const talking = applyFact(
    accepted,
    fact("CallAnswered", { call: { callId: "call_1", state: "CALL_STATE_TALKING" } }),
    ME,
  );
  expect(phaseOf(talking)).toBe("talking");
  const held = applyFact(
    talking,
    fact("CallHeld", { call: { callId: "call_1", state: "CALL_STATE_HELD" } }),
    ME,
  );
  expect(phaseOf(held)).toBe("held");
  const ended = applyFact(
    held,
    fact("CallEnded", { cdr: { callId: "call_1", endParty: "END_PARTY_CUSTOMER" } }),
    ME,
  );
  expect(phaseOf(ended)).toBe("wrapUp");
  expect(ended.notice).toBe("customerLeft");
  const over = applyFact(ended, fact("ContactEnded", { contact: CONTACT, byTimer: true }), ME);
  expect(phaseOf(over)).toBe("idle");
  expect(over.notice).toBe("wrapUpOver");
});

test("a callback has no call until its customer is called, and then is that call's", () => {
  const waiting = { ...CONTACT, callId: "", kind: "CONTACT_KIND_CALLBACK" } as Contact;
  const accepted = after(["OfferAccepted", { offer: { ...OFFER, contact: waiting } }]);
  expect(phaseOf(accepted)).toBe("connecting");
  const called = applyFact(
    accepted,
    fact("ContactStarted", { contact: { ...waiting, callId: "call_1" } }),
    ME,
  );
  expect(called.contact?.callId).toBe("call_1");
  const dialing = { callId: "call_1", state: "CALL_STATE_DIALING" };
  expect(phaseOf(withCall(called, dialing as DesktopState["call"]))).toBe("dialing");
  expect(applyFact(called, fact("ContactStarted", { contact: called.contact }), ME)).toBe(called);
});

test("offers and calls of others change nothing", () => {
  const other = { ...OFFER, agentId: "usr_other" };
  expect(after(["OfferMade", { offer: other }])).toBe(IDLE);
  expect(after(["CallEnded", { cdr: { callId: "call_9" } }])).toBe(IDLE);
  expect(after(["AgentStateChanged", { agent: { agentId: "usr_other" } }])).toBe(IDLE);
});

test.each([
  ["OfferMissed", "missed"],
  ["OfferDeclined", "declined"],
  ["OfferRescinded", "rescinded"],
])("%s takes the offer away and says so", (name, notice) => {
  const state = after(["OfferMade", { offer: OFFER }], [name, { offer: OFFER }]);
  expect(state.offer).toBeUndefined();
  expect(state.notice).toBe(notice);
});

test.each([
  ["RESCIND_REASON_TAKEN", "taken"],
  ["RESCIND_REASON_CONTACT_LEFT", "rescinded"],
] as const)("an offer taken back for %s says so", (rescindReason, notice) => {
  const state = after(
    ["OfferMade", { offer: OFFER }],
    ["OfferRescinded", { offer: { ...OFFER, rescindReason } }],
  );
  expect(state.offer).toBeUndefined();
  expect(state.notice).toBe(notice);
});

test("the end of an older offer leaves the newer one ringing", () => {
  const newer = { ...OFFER, offerId: "ofr_2" };
  const state = after(["OfferMade", { offer: newer }], ["OfferRescinded", { offer: OFFER }]);
  expect(state.offer?.offerId).toBe("ofr_2");
});

test("a repeated acceptance does not forget the call's state", () => {
  const state = after(
    ["OfferMade", { offer: OFFER }],
    ["OfferAccepted", { offer: OFFER }],
    ["CallAnswered", { call: { callId: "call_1", state: "CALL_STATE_TALKING" } }],
    ["OfferAccepted", { offer: OFFER }],
  );
  expect(phaseOf(state)).toBe("talking");
});

test("a reload takes what the server says, and a finished contact is none", () => {
  const reloaded = fromServer(EMPTY_DESKTOP, { contact: CONTACT } as Parameters<typeof fromServer>[1]);
  expect(reloaded.contact?.contactId).toBe("con_1");
  const ended = { ...CONTACT, state: "CONTACT_STATE_ENDED" } as unknown as Contact;
  expect(
    fromServer(reloaded, { contact: ended } as Parameters<typeof fromServer>[1]).contact,
  ).toBeUndefined();
});

test("what was known of the call before the answer doesn't undo the answer, however late it arrives", () => {
  const talking = { callId: "call_1", state: "CALL_STATE_TALKING", version: "4" } as const;
  const state = after(["OfferMade", { offer: OFFER }], ["OfferAccepted", { offer: OFFER }]);
  const answered = applyFact(state, fact("CallAnswered", { call: talking }), ME);
  expect(withCall(answered, { ...talking, state: "CALL_STATE_QUEUED", version: "3" })).toBe(answered);
  expect(phaseOf(withCall(answered, { ...talking, state: "CALL_STATE_HELD", version: "5" }))).toBe("held");
});

test("muting in one tab reaches the others, and an older word of it doesn't come after", () => {
  const leg = { legId: "leg_2", agentId: ME, muted: false };
  const call = { callId: "call_1", state: "CALL_STATE_TALKING", version: "4", legs: [leg] };
  const talking = after(
    ["OfferMade", { offer: OFFER }],
    ["OfferAccepted", { offer: OFFER }],
    ["CallAnswered", { call }],
  );
  const told = (muted: boolean, callVersion: string) =>
    fact("LegMediaChanged", { callId: "call_1", leg: { ...leg, muted }, callVersion });
  const muted = applyFact(talking, told(true, "5"), ME);
  expect(isMuted(muted, ME)).toBe(true);
  expect(isMuted(applyFact(muted, told(false, "4"), ME), ME)).toBe(true);
  expect(isMuted(applyFact(muted, told(false, "6"), ME), ME)).toBe(false);
});

test("a missed offer says whose it was", () => {
  const offer = { ...OFFER, contact: { ...CONTACT, callerName: "Carla" } };
  expect(after(["OfferMade", { offer }], ["OfferMissed", { offer }]).noticeCaller).toBe("Carla");
});

test("muted is what the server says of the agent's own leg", () => {
  const call = { callId: "call_1", legs: [{ agentId: ME, muted: true }] } as DesktopState["call"];
  expect(isMuted({ ...IDLE, call }, ME)).toBe(true);
  expect(isMuted({ ...IDLE, call }, "usr_other")).toBe(false);
});

test("an agent who leaves a call that goes on wraps up, and what happens in it later is not theirs", () => {
  const talking = after(
    ["OfferMade", { offer: OFFER }],
    ["OfferAccepted", { offer: OFFER }],
    ["CallAnswered", { call: { callId: "call_1", state: "CALL_STATE_TALKING" } }],
  );
  const gone = applyFact(
    talking,
    fact("AgentLeft", { callId: "call_1", contactId: "con_1", agentId: ME, reason: "TAKEN_OVER" }),
    ME,
  );
  expect(phaseOf(gone)).toBe("wrapUp");
  expect(gone.notice).toBe("TAKEN_OVER");
  const hungUp = { callId: "call_1", contactId: "con_1", agentId: ME, reason: "HUNG_UP" };
  const asked = applyFact(talking, fact("AgentLeft", hungUp), ME);
  expect([phaseOf(asked), asked.notice]).toEqual(["wrapUp", undefined]);
  const ended = {
    cdr: { callId: "call_1", agentId: ME, endParty: "END_PARTY_CUSTOMER", endCause: "NORMAL" },
  };
  expect(applyFact(asked, fact("CallEnded", ended), ME)).toBe(asked);
  const other = fact("AgentLeft", { callId: "call_1", contactId: "con_2", agentId: "usr_other" });
  expect(applyFact(talking, other, ME)).toBe(talking);
});

test("a call that an agent began is theirs without an offer, and says why nobody answered", () => {
  const contact = { ...CONTACT, kind: "CONTACT_KIND_OUTBOUND" };
  const rung = { callId: "call_1", state: "CALL_STATE_DIALING", version: "1" };
  const ringing = after(["ContactStarted", { contact }], ["LegChanged", { call: rung }]);
  expect(phaseOf(ringing)).toBe("dialing");
  const legs = [{ legId: "leg_1", party: "customer", answeredBy: "ANSWERED_BY_MACHINE" }];
  const told = applyFact(ringing, fact("AnswerDetected", { call: { ...rung, version: "2", legs } }), ME);
  expect(told.call?.legs?.[0]?.answeredBy).toBe("ANSWERED_BY_MACHINE");
  const ended = applyFact(
    ringing,
    fact("CallEnded", { cdr: { callId: "call_1", endParty: "END_PARTY_CUSTOMER", endCause: "BUSY" } }),
    ME,
  );
  expect(phaseOf(ended)).toBe("wrapUp");
  expect(ended.notice).toBe("BUSY");
  expect(after(["ContactStarted", { contact: { ...contact, agentId: "usr_other" } }])).toBe(IDLE);
});

test("a question that nobody took is said to who asked", () => {
  const consult = { ...CONTACT, contactId: "con_2", kind: "CONTACT_KIND_CONSULT", consultingAgentId: ME };
  expect(after(["ContactDequeued", { contact: consult, reason: "offer_declined" }]).notice).toBe("notTaken");
  const mine = { contact: { ...consult, consultingAgentId: "usr_other" } };
  expect(after(["ContactDequeued", mine])).toBe(IDLE);
});

test("an agent who asks at a number is told what became of it, until they ring again or go back", () => {
  const call = { callId: "call_1", state: "CALL_STATE_HELD" };
  const party = (state: string, q850Cause?: number) => ({
    call,
    leg: { legId: "leg_3", party: "participant", address: "+902125550101", state, q850Cause },
  });
  const ringing = after(["OfferAccepted", { offer: OFFER }], ["LegChanged", party("LEG_STATE_RINGING")]);
  const busy = applyFact(ringing, fact("LegChanged", party("LEG_STATE_ENDED", 17)), ME);
  expect(busy.notice).toBe("BUSY");
  expect(applyFact(ringing, fact("LegChanged", party("LEG_STATE_ENDED", 1)), ME).notice).toBe("UNREACHABLE");
  expect(applyFact(ringing, fact("LegChanged", party("LEG_STATE_ENDED", 16)), ME).notice).toBeUndefined();
  expect(applyFact(busy, fact("LegChanged", party("LEG_STATE_RINGING")), ME).notice).toBeUndefined();
  expect(applyFact(busy, fact("CallResumed", { call }), ME).notice).toBeUndefined();
  const others = { ...party("LEG_STATE_ENDED", 17), call: { callId: "call_2" } };
  expect(applyFact(ringing, fact("LegChanged", others), ME).notice).toBeUndefined();
});
