/** What is asked of the simulator, and what is better or worse of what came of it. */
import { expect, test } from "vitest";
import type { Queue, SimulatedDay } from "../src/api/types.ts";
import {
  distinct,
  FIGURES,
  type Figure,
  figuresOf,
  queuesOf,
  rowOf,
  rowsOf,
} from "../src/pages/watch/simulator/outcome.ts";
import {
  beginOf,
  emptyPlan,
  hoursOf,
  newCrew,
  newTraffic,
  type Plan,
  requestOf,
  withHours,
} from "../src/pages/watch/simulator/plan.ts";

const SALES: Queue = {
  queueId: "que_1",
  displayName: "Sales",
  offerTimeout: "20s",
  rules: { strategy: "STRATEGY_SKILLS" },
};

function madeUp(part: Partial<Plan> = {}): Plan {
  const plan = { ...emptyPlan(new Date(2026, 2, 3, 15)), kind: "synthetic" as const, opens: 9, closes: 12 };
  return { ...plan, traffic: [newTraffic("que_1")], crews: [newCrew(["que_1"], plan)], ...part };
}

test("the simulator begins with yesterday, from midnight of the person's own clock on", () => {
  const plan = emptyPlan(new Date(2026, 2, 1, 8));
  expect([plan.date, plan.time]).toEqual(["2026-02-28", "00:00"]);
  expect(requestOf(plan, [])).toEqual({
    recordedFromTime: new Date(2026, 1, 28).toISOString(),
    variants: [],
  });
  expect(beginOf({ ...plan, date: "" })).toBeUndefined();
});

test("a made-up day asks by its own hours, whatever the clock says when it opens", () => {
  const plan = madeUp();
  const [first] = plan.traffic;
  if (!first) throw new Error("no traffic");
  const hours = first.hours.map((_, hour) => hour);
  const asked = requestOf({ ...plan, traffic: [{ ...first, same: false, hours, patienceSeconds: "" }] }, []);
  expect(asked.synthetic?.traffic?.[0]).toEqual({
    queueId: "que_1",
    channel: "CHANNEL_VOICE",
    contactsPerHour: [9, 10, 11],
    handleTime: "240s",
  });
  expect(asked.synthetic?.crews?.[0]).toMatchObject({ startHour: 0, endHour: 3, count: 3 });
  expect(requestOf(plan, []).synthetic?.traffic?.[0]).toMatchObject({
    contactsPerHour: [30, 30, 30],
    patience: "120s",
  });
});

test("a day that closes before it opens has no hours", () => {
  expect(hoursOf(madeUp({ opens: 17, closes: 9 }))).toEqual([]);
  expect(hoursOf(madeUp({ opens: 22, closes: 30 }))).toEqual([22, 23]);
});

test("a crew that is there all day still is when the day is made longer; others keep their hours", () => {
  const early = { ...newCrew([], madeUp()), to: 10 };
  const plan = madeUp({ crews: [newCrew([], madeUp()), early] });
  const crews = withHours(plan, 8, 14).crews?.map(({ from, to }) => [from, to]);
  expect(crews).toEqual([
    [8, 14],
    [8, 10],
  ]);
});

test("a changed queue is sent whole with its other rules, and one that was deleted is left out", () => {
  const rules = { strategy: "STRATEGY_LONGEST_IDLE" as const };
  const queues = [
    { queueId: "que_gone", rules },
    { queueId: "que_1", rules },
  ];
  const variants = [{ key: 1, name: " idle ", extraAgents: -2, queues }];
  expect(requestOf(madeUp({ variants }), [SALES]).variants).toEqual([
    { name: "idle", extraAgents: -2, queues: [{ ...SALES, rules }] },
  ]);
});

const NOW: SimulatedDay = {
  whole: {
    offered: 100,
    answered: 80,
    abandoned: 20,
    serviceLevel: 0.5,
    averageAnswerTime: "30s",
    expectedWaitError: "9s",
    expectedWaitInRange: 0.6,
  },
  queues: [{ queueId: "que_1", offered: 10, answered: 0, abandoned: 10, serviceLevel: 0 }],
  occupancy: 0.95,
  agents: 3,
  fewestContacts: 25,
  mostContacts: 30,
};
const MORE: SimulatedDay = {
  ...NOW,
  name: "Two more",
  whole: { ...NOW.whole, answered: 95, abandoned: 5, serviceLevel: 0.9, averageAnswerTime: "30.01s" },
  occupancy: 0.7,
  mostContacts: 45,
};

function row(name: Figure["name"], queueId = "") {
  const figure = FIGURES.find((each) => each.name === name);
  if (!figure) throw new Error(name);
  return rowOf(figure, [NOW, MORE], queueId);
}

test("more service level is better, more abandons and more spread are worse, and occupancy is neither", () => {
  expect(row("serviceLevel")[1]).toMatchObject({ verdict: "better", bar: 0.9 });
  expect(row("abandoned").map((cell) => cell.value)).toEqual([0.2, 0.05]);
  expect(row("abandoned")[1]?.verdict).toBe("better");
  expect(row("spread").map(({ value, verdict }) => [value, verdict])).toEqual([
    [5, "other"],
    [20, "worse"],
  ]);
  expect(row("occupancy")[1]?.verdict).toBe("other");
});

test("what would be written as no difference is none", () => {
  expect(row("answerTime")[1]?.verdict).toBe("same");
});

test("where nobody was answered there is no speed of answer, and nothing to compare it with", () => {
  expect(figuresOf(NOW, "que_1")?.offered).toBe(10);
  expect(row("answerTime", "que_1")[1]).toMatchObject({ value: undefined, difference: undefined, bar: 0 });
  expect(row("waitError", "que_1")[0]?.value).toBeUndefined();
});

test("variants of one name can be told apart", () => {
  expect(distinct(["As it is", "More", "More"])).toEqual(["As it is", "More", "More (2)"]);
});

test("what was sent on is told only where anything was, and a queue that only other rules send to can be picked", () => {
  const sales = { queueId: "que_1", offered: 10, answered: 6 };
  const asItIs: SimulatedDay = { whole: { ...sales, queueId: "" }, queues: [sales] };
  const other: SimulatedDay = {
    name: "overflow",
    whole: { ...sales, queueId: "", overflowed: 4 },
    queues: [
      { ...sales, overflowed: 4 },
      { queueId: "que_2", offered: 4, answered: 4 },
    ],
  };
  const names = (days: SimulatedDay[], queueId: string) =>
    rowsOf(days, queueId).map((row) => row.figure.name);
  expect(names([asItIs], "")).not.toContain("overflowed");
  expect(names([asItIs, other], "")).toContain("overflowed");
  expect(names([asItIs, other], "")).not.toContain("left");
  expect(names([asItIs, other], "que_1")).not.toContain("occupancy");
  expect(queuesOf([asItIs, other])).toEqual(["que_1", "que_2"]);
});
