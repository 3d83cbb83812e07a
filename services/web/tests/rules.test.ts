import { i18n } from "@lingui/core";
import { describe, expect, it } from "vitest";
import { Problem } from "../src/api/problem.ts";
import type { RoutingRules } from "../src/api/types.ts";
import { t } from "../src/i18n/index.ts";
import { completionAt } from "../src/pages/admin/rules/completion.ts";
import { moved, neighbour, placeOf, reordered } from "../src/pages/admin/rules/levels.ts";
import { complaints, faultIn, partOf, saidOf, saidWithin } from "../src/pages/admin/rules/places.ts";
import { askedAfter, stagesOf } from "../src/rules/course.ts";
import { Fault, ofLevels, parsed, quoted, type SkillOf } from "../src/rules/requirements.ts";
import { byTurn, countedWait, worthOf } from "../src/rules/turns.ts";
import {
  askedWords,
  lengthWords,
  rejectionWords,
  requirementWords,
  type Speech,
} from "../src/rules/words.ts";
import examples from "./expressions.json";

const NAMES = ["French", "Sales", "Card disputes", "Trainee", 'Level "gold"'];
const skillOf: SkillOf = (name) => NAMES.find((each) => each.toLowerCase() === name.toLowerCase());
const speech: Speech = { t, language: "en", skill: (id) => id, queue: (id) => id };
const plain = (text: string) => text.replace(/[\u2068\u2069]/g, "");
const said = (expression: string) => plain(requirementWords(parsed(expression, skillOf), speech));

const catalogues = [await import("virtual:messages/en"), await import("virtual:messages/en/pages")];
i18n.load("en", Object.assign({}, ...catalogues.map((each) => each.default)));
i18n.activate("en");

describe("an expression of skills", () => {
  it.each(examples)("is read as routing reads it: $text", ({ text, means, wrong }) => {
    try {
      const read = parsed(text, skillOf).map((each) =>
        each.map(({ skill, least, most }) => [skill, least, most]),
      );
      expect(read).toEqual(means);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      expect(error.at === undefined ? null : error.at + 1).toBe(wrong);
    }
  });

  it("is said in words", () => {
    expect(said("")).toBe("anybody will do");
    expect(said("French >= 3 and not Trainee")).toBe("French at level 3 or better and without Trainee");
    expect(said("Sales = 2 or French <= 2")).toBe(
      "French at level 2 at most, or without it; or Sales at level 2 exactly",
    );
    expect(said("French >= 2 and French <= 4")).toBe("French at level 2 to 4");
  });

  it("is completed with names at the caret, quoted where the language needs it", () => {
    expect(completionAt("Fr", 2, NAMES)).toEqual({ begin: 0, names: ["French"] });
    expect(completionAt('French and "card d', 18, NAMES)).toEqual({ begin: 11, names: ["Card disputes"] });
    expect(completionAt("French and (disp", 16, NAMES).names).toEqual(["Card disputes"]);
    expect(completionAt("French and", 10, NAMES).names).toEqual([]);
    expect(completionAt("French", 6, NAMES).names).toEqual([]);
    expect([quoted("Card disputes"), quoted("Sales"), quoted("not")]).toEqual([
      '"Card disputes"',
      "Sales",
      '"not"',
    ]);
  });
});

describe("the steps of a queue", () => {
  const rules: RoutingRules = {
    strategy: "STRATEGY_LIST",
    levels: [{ agentIds: ["a"], wait: "30s" }, { agentIds: ["b"], wait: "60s" }, { agentIds: ["c"] }],
    steps: [
      { afterWait: "60s", changes: [{ lower: { skillId: "French", proficiency: 2 } }] },
      { expectedWaitOver: "300s", changes: [{ removeSkillId: "French" }] },
      { afterWait: "90s", changes: [{ also: "Sales" }, { alsoQueueId: "Night shift" }] },
    ],
  };
  const first = parsed("French >= 4", skillOf);
  const words = (asked: Parameters<typeof askedWords>[0]) => plain(askedWords(asked, speech));

  it("are a line of time with what is asked for and how far the list has come", () => {
    const line = stagesOf(first, rules, skillOf);
    expect(line.map(({ after, levels, steps, asked }) => [after, levels, steps, words(asked)])).toEqual([
      [0, 1, [], "French at level 4 or better"],
      [30, 2, [], "French at level 4 or better"],
      [60, 2, [0], "French at level 2 or better"],
      [90, 3, [0, 2], "French at level 2 or better; or Sales (agents of Night shift too)"],
    ]);
  });

  it("count from what the ones before left, also those that come by the expected wait", () => {
    expect(words(askedAfter(first, rules.steps?.slice(0, 2) ?? [], skillOf))).toBe("anybody will do");
    const swap = [
      { swap: { skillId: "French", otherSkillId: "Sales", proficiency: 3 } },
      { require: "Trainee" },
    ];
    expect(words(askedAfter(first, [{ changes: swap }], skillOf))).toBe(
      "Sales at level 3 or better and Trainee",
    );
    expect(words(askedAfter(first, [{ changes: [{ replace: "" }] }], skillOf))).toBe("anybody will do");
    expect(() => askedAfter(first, [{ changes: [{ also: "Klingon" }] }], skillOf)).toThrow(Fault);
  });

  it("begin with what the queue's list of skills asks for", () => {
    expect(ofLevels([{ skillId: "Sales" }, { skillId: "French", proficiency: 2 }])).toEqual(
      parsed("Sales and French >= 2", skillOf),
    );
  });
});

describe("the list of agents", () => {
  const levels = [{ agentIds: ["a", "b"], wait: "30s" }, { agentIds: ["c"] }];

  it("moves an agent by one, over the edge of a level into the next", () => {
    expect(neighbour(levels, { level: 0, index: 0 }, -1)).toBeUndefined();
    const down = neighbour(levels, { level: 0, index: 1 }, 1);
    expect(moved(levels, { level: 0, index: 1 }, down ?? { level: 0, index: 0 })).toEqual([
      { agentIds: ["a"], wait: "30s" },
      { agentIds: ["b", "c"] },
    ]);
    const within = neighbour(levels, { level: 0, index: 0 }, 1);
    expect(moved(levels, { level: 0, index: 0 }, within ?? { level: 0, index: 0 })[0]?.agentIds).toEqual([
      "b",
      "a",
    ]);
    expect(neighbour(levels, { level: 1, index: 0 }, 1)).toBeUndefined();
  });

  it("takes whoever is dropped before another, and puts steps in another order", () => {
    expect(moved(levels, { level: 1, index: 0 }, { level: 0, index: 1 })[0]?.agentIds).toEqual([
      "a",
      "c",
      "b",
    ]);
    expect(placeOf(levels, "c")).toEqual({ level: 1, index: 0 });
    expect(reordered([1, 2, 3], 0, 1)).toEqual([2, 1, 3]);
    expect(reordered([1, 2, 3], 0, -1)).toEqual([1, 2, 3]);
  });
});

describe("what the server says of rules", () => {
  const field = "queue.rules.steps[1].changes[0].also";
  const problem = new Problem(400, "INVALID_INPUT", "", [
    { field, description: "at character 3: no skill is named x" },
  ]);

  it("is shown at the place it names", () => {
    expect(saidWithin(problem, "rules.steps[1].changes[0]")).toContain("character 3");
    expect(saidWithin(problem, "rules.steps[1].changes[0].a", "rules.steps[0]")).toBeUndefined();
    expect(saidOf(problem, "rules.steps[1]")).toBeUndefined();
    expect(faultIn(saidWithin(problem, "rules.steps"))).toEqual({ at: 2, what: "no skill is named x" });
    expect(partOf(problem)).toBe("skills");
  });

  it("has its place also where it came as a sentence", () => {
    const gone = new Problem(
      404,
      "AGENT_NOT_FOUND",
      "queue.rules.levels[0].agent_ids[0] names an agent who left",
    );
    expect(complaints(gone)).toEqual([
      { field: "queue.rules.levels[0].agent_ids[0]", description: "names an agent who left" },
    ]);
    expect([partOf(gone), partOf(undefined)]).toEqual(["choice", undefined]);
  });
});

describe("priority", () => {
  it("counts as waiting, an hour a point unless the queue says otherwise", () => {
    expect(countedWait(60, 2, worthOf(undefined))).toBe(7260);
    expect(countedWait(600, 0, worthOf({ pointWait: "60s", pointsPerMinute: 0.5, mostPoints: 3 }))).toBe(780);
  });

  it("decides whose turn it is", () => {
    const now = Date.parse("2030-01-01T00:10:00Z");
    const contact = (contactId: string, minute: string, priority = 0, offerCount = 0) => ({
      contactId,
      queueTime: `2030-01-01T00:${minute}:00Z`,
      priority,
      offerCount,
    });
    const line = [contact("late", "08", 2), contact("first", "01"), contact("missed", "01", 0, 1)];
    const order = (rules: RoutingRules) => byTurn(line, worthOf(rules), now).map((each) => each.contactId);
    expect(order({ pointWait: "60s" })).toEqual(["missed", "first", "late"]);
    expect(order({})).toEqual(["late", "missed", "first"]);
  });
});

describe("words", () => {
  it("say lengths by their two largest units", () => {
    const length = (seconds: number) => lengthWords(seconds, t, "en");
    expect([0, 1, 90, 3600, 5400, 93_600].map(length)).toEqual([
      "0 seconds",
      "1 second",
      "1 minute 30 seconds",
      "1 hour",
      "1 hour 30 minutes",
      "1 day 2 hours",
    ]);
  });

  it("say what keeps an agent from a contact", () => {
    const why = (rejection: string) => plain(rejectionWords(rejection, speech));
    expect(why("")).toBe("would take it now");
    expect(why("state:NOT_READY:lunch")).toBe("Not ready · Lunch");
    expect(why("proficiency_too_low:French")).toBe("level of French too low");
    expect(why("something_new")).toBe("something_new");
  });
});
