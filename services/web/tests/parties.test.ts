/** Who hears whom as the screen shows it, and what the one button at the end of the row does. */
import { expect, test } from "vitest";
import type { Call, Leg } from "../src/api/types.ts";
import {
  consultOf,
  groupsOf,
  partiesOf,
  takesKeys,
  talkOf,
  wantsList,
  wayOut,
} from "../src/desktop/parties.ts";

const ME = "usr_me";

function leg(legId: string, more: Partial<Leg> = {}): Leg {
  return { legId, party: "agent", agentId: legId, state: "LEG_STATE_CONNECTED", ...more } as Leg;
}

const CUSTOMER = leg("customer", { party: "customer", agentId: "" });
const MINE = leg(ME);
const RINGING = leg("usr_b", { state: "LEG_STATE_RINGING", consulted: true });
const ASKED = leg("usr_b", { consulted: true });
const HELD = { ...CUSTOMER, held: true };

const call = (state: string, ...legs: Leg[]): Call =>
  ({ callId: "call_1", state: `CALL_STATE_${state}`, legs }) as Call;

test("a call between two is no list, and the last button ends it for both", () => {
  const both = call("TALKING", CUSTOMER, MINE);
  expect(wantsList(both)).toBe(false);
  expect(talkOf(both, ME)).toBe("talking");
  expect(wayOut(both, ME)).toBe("hangUp");
});

test("who asks a colleague talks with them while the customer waits, and can only give the question up", () => {
  const ringing = call("HELD", HELD, MINE, RINGING);
  expect(talkOf(ringing, ME)).toBe("held");
  expect(consultOf(ringing, ME)?.legId).toBe("usr_b");
  const asking = call("HELD", HELD, MINE, ASKED);
  expect(talkOf(asking, ME)).toBe("talking");
  expect(wayOut(asking, ME)).toBe("cancelConsult");
  const { talking, waiting } = groupsOf(asking);
  expect(talking.map(({ legId }) => legId)).toEqual([ME, "usr_b"]);
  expect(waiting.map(({ legId }) => legId)).toEqual(["customer"]);
});

test("who is asked leaves when they press the last button, and waits when the other swaps to the customer", () => {
  expect(talkOf(call("HELD", HELD, MINE, RINGING), "usr_b")).toBe("connecting");
  expect(consultOf(call("HELD", HELD, MINE, ASKED), "usr_b")).toBeUndefined();
  expect(wayOut(call("HELD", HELD, MINE, ASKED), "usr_b")).toBe("leave");
  const swapped = call("TALKING", CUSTOMER, MINE, { ...ASKED, held: true });
  expect(talkOf(swapped, "usr_b")).toBe("held");
  expect(talkOf(swapped, ME)).toBe("talking");
});

test("keys are for the menu of a number also before it answers, and for no colleague", () => {
  const dialled = leg("customer", { party: "customer", agentId: "", state: "LEG_STATE_RINGING" });
  expect(takesKeys(call("DIALING", dialled, MINE), ME)).toBe(true);
  expect(takesKeys(call("TALKING", CUSTOMER, MINE), ME)).toBe(true);
  expect(takesKeys(call("QUEUED", CUSTOMER), ME)).toBe(false);
  expect(takesKeys(call("HELD", HELD, MINE, ASKED), ME)).toBe(false);
  const number = leg("number", { party: "participant", agentId: "", consulted: true });
  expect(takesKeys(call("HELD", HELD, MINE, number), ME)).toBe(true);
  expect(takesKeys(call("HELD", HELD, MINE, ASKED), "usr_b")).toBe(false);
});

test("a customer who was muted in a conference can be unmuted by the agent who is left with them", () => {
  expect(wantsList(call("TALKING", { ...CUSTOMER, muted: true }, MINE))).toBe(true);
});

test("in a conference the last button leaves the others to it", () => {
  const joined = call("TALKING", CUSTOMER, MINE, leg("usr_b"));
  expect(wantsList(joined)).toBe(true);
  expect(wayOut(joined, ME)).toBe("leave");
  const stillRinging = call(
    "TALKING",
    CUSTOMER,
    MINE,
    leg("+15550199", { party: "participant", state: "LEG_STATE_RINGING" }),
  );
  expect(wayOut(stillRinging, ME)).toBe("hangUp");
});

test("while one of a conference asks somebody the others have no question to give up, and can leave", () => {
  const asked = leg("+15550199", {
    party: "participant",
    agentId: "",
    consulted: true,
    askingLegId: "usr_a",
  });
  const asking = call("HELD", HELD, MINE, leg("usr_a"), asked);
  expect(consultOf(asking, ME)).toBeUndefined();
  expect(wayOut(asking, ME)).toBe("leave");
  expect(wayOut(asking, "usr_a")).toBe("cancelConsult");
  const left = call("HELD", HELD, MINE, leg("usr_a", { state: "LEG_STATE_ENDED" }), asked);
  expect(consultOf(left, ME)?.legId).toBe("+15550199");
});

test("a customer who is alone on hold is heard by nobody, and a supervisor is of no conversation", () => {
  const held = call("HELD", HELD, MINE, leg("usr_s", { party: "supervisor" }));
  expect(talkOf(held, ME)).toBe("held");
  expect(partiesOf(held)).toHaveLength(2);
});

test("a number that is being rung is neither talk nor hold", () => {
  expect(talkOf(call("DIALING", { ...CUSTOMER, state: "LEG_STATE_RINGING" }, MINE), ME)).toBe("dialing");
});
