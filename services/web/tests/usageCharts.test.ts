import { expect, test } from "vitest";
import { pointsOf } from "../src/pages/admin/billing/usagePoints.ts";

const days = ["2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"].map((startTime, place) => ({
  startTime,
  quantity: String(place + 1),
}));
const end = "2026-04-01T00:00:00Z";

test("minutes add up day by day, and the forecast goes on from the last of them to the period's end", () => {
  const found = pointsOf({ meter: "voice_inbound_minute", days, projectedQuantity: "46.5" }, end);
  expect(found.map((each) => each.soFar)).toEqual([1, 3, null]);
  expect(found.map((each) => each.forecast)).toEqual([null, 3, 46.5]);
});

test("seats are what there was, not a sum of days", () => {
  const found = pointsOf({ meter: "seat_month", days, projectedQuantity: "2" }, end);
  expect(found.map((each) => each.soFar)).toEqual([1, 2, null]);
});

test("a period without a day yet has nothing to draw", () => {
  expect(pointsOf({ meter: "seat_month", days: [], projectedQuantity: "0" }, end)).toEqual([]);
});
