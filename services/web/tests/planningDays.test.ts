import { expect, test } from "vitest";
import { dayOf, daysLater, instantOf } from "../src/pages/planning/days.ts";

test("a day of the zone begins when its clocks say so, also on days of 23 and 25 hours", () => {
  expect(instantOf("2026-03-29T00:00", "Europe/Berlin").toISOString()).toBe("2026-03-28T23:00:00.000Z");
  expect(instantOf("2026-03-30T00:00", "Europe/Berlin").toISOString()).toBe("2026-03-29T22:00:00.000Z");
  expect(instantOf("2026-10-26T00:00", "Europe/Berlin").toISOString()).toBe("2026-10-25T23:00:00.000Z");
  expect(instantOf("2026-06-01T09:30", "Asia/Tehran").toISOString()).toBe("2026-06-01T06:00:00.000Z");
});

test("an instant lies in the day its zone's clocks show", () => {
  expect(dayOf("2026-03-28T23:00:00Z", "Europe/Berlin")).toBe("2026-03-29");
  expect(dayOf("2026-03-28T22:59:59Z", "Europe/Berlin")).toBe("2026-03-28");
  expect(daysLater("2026-02-27", 3)).toBe("2026-03-02");
});
