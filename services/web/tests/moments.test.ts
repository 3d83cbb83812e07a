/** What a call's page tells of transfers, questions, other parties and supervisors. */
import { expect, test } from "vitest";
import type { Call, CallMoment, Contact, Leg } from "../src/api/types.ts";
import type { Text } from "../src/i18n/index.ts";
import { contactIdsOf, contactMoments, keptMoments, legMoments } from "../src/pages/watch/moments.ts";

/** Keys with their values: what is said, not how. */
const t: Text = (key, values) =>
  [key, ...Object.values(values ?? {})].join(" ").replace(/[\u2066-\u2069]/g, "");
const named = (id: string | undefined) => id || "–";
const names = { user: named, queue: named, flow: named };
const at = (minute: number) => `2026-11-24T10:0${minute}:00Z`;

test("a question, its vain end and a transfer are told with who and whom", () => {
  const contacts = [
    { contactId: "con_1", kind: "CONTACT_KIND_INBOUND", agentId: "anna", queueId: "front", queueTime: at(0) },
    {
      contactId: "con_2",
      kind: "CONTACT_KIND_CONSULT",
      consultingAgentId: "anna",
      targetAgentId: "ben",
      queueTime: at(1),
      endTime: at(2),
    },
    {
      contactId: "con_3",
      kind: "CONTACT_KIND_TRANSFER",
      previousContactId: "con_1",
      queueId: "billing",
      queueTime: at(3),
    },
    {
      contactId: "con_4",
      kind: "CONTACT_KIND_TRANSFER",
      previousContactId: "con_3",
      agentId: "sue",
      answerTime: at(4),
    },
  ] as Contact[];
  expect(contactMoments(contacts, t, names).map(({ text }) => text)).toEqual([
    "moment.queued front",
    "moment.asked anna ben",
    "moment.notTaken ben",
    "moment.handedOn anna billing",
    "moment.took sue",
  ]);
});

test("parties come and go with the reason, and what everybody does at the end is not repeated", () => {
  const call = {
    answerTime: at(1),
    endTime: at(9),
    contactId: "con_3",
    legs: [
      { legId: "1", party: "customer", leaveTime: at(9), q850Cause: 16 },
      {
        legId: "2",
        party: "agent",
        agentId: "anna",
        contactId: "con_1",
        joinTime: at(1),
        leaveTime: at(5),
        q850Cause: 16,
      },
      { legId: "3", party: "agent", agentId: "ben", contactId: "con_3", joinTime: at(4), leaveTime: at(9) },
      {
        legId: "4",
        party: "participant",
        address: "+15550199",
        leaveTime: at(3),
        q850Cause: 17,
        sipStatus: 486,
      },
      {
        legId: "5",
        party: "supervisor",
        agentId: "sue",
        supervisedAgentId: "ben",
        mode: "SUPERVISION_MODE_WHISPER",
        joinTime: at(6),
        leaveTime: at(7),
      },
    ] as Leg[],
  } as Call;
  expect(contactIdsOf(call)).toEqual(["con_3", "con_1"]);
  expect(legMoments(call, t, names).map(({ text }) => text)).toEqual([
    "moment.customerLeft",
    "moment.left anna",
    "moment.joined ben",
    "moment.notReached +15550199 · Q.850 17 · SIP 486",
    "moment.SUPERVISION_MODE_WHISPER sue ben",
    "moment.stopped sue",
  ]);
});

test("holds, transfers, parks and moves are told with who did it and where it went", () => {
  const told = (happening: string, more: Partial<CallMoment> = {}) =>
    keptMoments([{ happening, happenTime: at(2), ...more } as CallMoment], t, names).map(({ text }) => text);
  expect(told("HAPPENING_HELD")).toEqual(["moment.held"]);
  expect(told("HAPPENING_PARKED", { agentId: "anna", target: "701" })).toEqual(["moment.parked anna 701"]);
  expect(told("HAPPENING_PARK_EXPIRED", { targetKind: "queue", target: "front" })).toEqual([
    "moment.parkExpired front",
  ]);
  expect(told("HAPPENING_PARK_EXPIRED")).toEqual(["moment.parkExpired moment.parkEnded"]);
  expect(told("HAPPENING_MOVED", { target: "b" })).toEqual(["moment.moved b"]);
  const to = { agentId: "anna", targetKind: "flow", target: "night" };
  expect(told("HAPPENING_TRANSFERRED", to)).toEqual(["moment.handedOn anna night"]);
  expect(told("HAPPENING_FORWARDED", { ...to, targetKind: "voicemail" })).toEqual([
    "moment.forwarded anna moment.voicemailOf night",
  ]);
  expect(told("HAPPENING_TAKEN_OVER", { agentId: "ben", targetKind: "agent", target: "sue" })).toEqual([
    "moment.tookOver sue ben",
  ]);
  expect(told("HAPPENING_AFTER_AGENT", { agentId: "ben" })).toEqual(["moment.afterAgent ben"]);
});
