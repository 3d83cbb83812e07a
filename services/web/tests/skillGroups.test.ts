import { describe, expect, test } from "vitest";
import { servedGroups } from "../src/pages/planning/schedules/coverage.ts";
import { weeksOf, wholeWeeksOf } from "../src/pages/planning/weeks.ts";

const member = (queueId: string) => ({ queueId });
const APART = [{ members: [member("sales")] }, { members: [member("help"), member("care")] }];
const PLANNED = [
  { members: [member("sales")], queueIds: ["sales"] },
  { members: [member("sales"), member("help")], queueIds: ["help", "sales"] },
  { members: [member("help")], queueIds: ["night"] },
  { members: [member("mail")] },
];

describe("who covers a group of a schedule", () => {
  test("queue by queue, whoever serves one of its queues", () => {
    expect(servedGroups(APART, ["sales", "care"])).toEqual([0, 1]);
    expect(servedGroups(APART, [])).toEqual([0, 1]);
    expect(servedGroups(APART, ["other"])).toEqual([]);
  });
  test("of a skill plan, who serves exactly its queues of the plan, and work that can wait beside it", () => {
    expect(servedGroups(PLANNED, ["sales"])).toEqual([0]);
    expect(servedGroups(PLANNED, ["sales", "help"])).toEqual([1]);
    expect(servedGroups(PLANNED, ["sales", "mail", "unplanned"])).toEqual([0, 3]);
    expect(servedGroups(PLANNED, [])).toEqual([1, 3]);
    expect(servedGroups(PLANNED, ["help"])).toEqual([]);
  });
  test("of a group that only helps after a while, its own agents", () => {
    expect(servedGroups(PLANNED, ["night"])).toEqual([2]);
  });
});

test("a run's whole weeks are those it forecasts every day of", () => {
  const run = { firstDay: "2026-03-04", days: 20 };
  expect(weeksOf(run)).toEqual(["2026-03-02", "2026-03-09", "2026-03-16", "2026-03-23"]);
  expect(wholeWeeksOf(run)).toEqual(["2026-03-09", "2026-03-16"]);
  expect(wholeWeeksOf({ firstDay: "2026-03-04", days: 7 })).toEqual([]);
});
