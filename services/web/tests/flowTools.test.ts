import { describe, expect, it } from "vitest";
import type { Visit } from "../src/api/types.ts";
import { kindOfKey, leadsToStep, partsOf, stepNames } from "../src/pages/flows/diff/fields.ts";
import {
  complete,
  outcomeInput,
  outcomeOf,
  outcomesFor,
  setBy,
  standingOf,
} from "../src/pages/flows/simulator/inputs.ts";
import { localTime, momentOf } from "../src/pages/flows/simulator/moments.ts";

describe("a pretended call", () => {
  it("offers only the outcomes that fit where it stands", () => {
    const waiting = { kinds: ["queue"], outcomes: ["answered", "max_wait"] };
    expect(outcomesFor(waiting)).toEqual(["queue.answered", "queue.max_wait"]);
    expect(outcomesFor({ kinds: ["hours"], outcomes: [] })).toEqual(["hours.open", "hours.closed"]);
    expect(outcomesFor({ kinds: ["digits", "timed_out"] })).toEqual([]);
  });

  it("names an outcome as the API does, and reads it back", () => {
    const input = outcomeInput("queue.no_agents", { position: 2 });
    expect(input).toEqual({ queue: "QUEUE_OUTCOME_NO_AGENTS", position: 2 });
    expect(outcomeOf(input)).toBe("queue.no_agents");
    expect(outcomeOf({ digits: "1" })).toBeUndefined();
  });

  it("says how a queue stands, its holiday last whatever it is called", () => {
    expect(standingOf({ waiting: 3, free: "" })).toBe("waiting=3");
    expect(standingOf({ agents: 1 }, true, " New Year = 1 ")).toBe("agents=1 closed holiday=New Year = 1");
    expect(standingOf({}, false, " ")).toBe("");
  });

  it("takes keys as pressed once a flow has all it asked for", () => {
    expect(complete("1", { maxDigits: 1 })).toBe(true);
    expect(complete("12", { maxDigits: 4 })).toBe(false);
    expect(complete("12#", { maxDigits: 4, terminator: "#" })).toBe(true);
    expect(complete("1", {})).toBe(false);
  });

  it("shows what a step set, not what was there before", () => {
    const visits: Visit[] = [
      { attributes: { a: "1" } },
      { attributes: { a: "1", b: "2" } },
      { attributes: { a: "3", b: "2" } },
    ];
    expect([0, 1, 2].map((place) => setBy(visits, place))).toEqual([[], [["b", "2"]], [["a", "3"]]]);
  });

  it("comes at a time of this device's clock, or at none", () => {
    expect(localTime(momentOf("2026-03-01T09:30"))).toBe("2026-03-01T09:30");
    expect([localTime(undefined), momentOf("")]).toEqual(["", undefined]);
  });
});

describe("a diff of flows", () => {
  it("words the keys it knows and keeps languages and digits", () => {
    expect(partsOf("choices[1].next")).toEqual([
      { label: "flows.choices", text: "choices" },
      { text: "1" },
      { label: "flows.next", text: "next" },
    ]);
    expect(partsOf("constructor")).toEqual([{ text: "constructor" }]);
  });

  it("calls steps by their names, after the change where both sides have one", () => {
    const definition = { steps: [{ stepId: "a", displayName: "Old" }, { stepId: "b" }] };
    const names = stepNames(definition, { steps: [{ stepId: "a", displayName: "New" }] });
    expect([names.get("a"), names.get("b")]).toEqual(["New", "b"]);
    expect([leadsToStep("choices[1].next"), leadsToStep("start"), leadsToStep("text.en")]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it("knows the list editor's kinds by a file's keys", () => {
    expect([kindOfKey("set_attribute"), kindOfKey("hang_up"), kindOfKey("dance")]).toEqual([
      "setAttribute",
      "hangUp",
      undefined,
    ]);
  });
});
