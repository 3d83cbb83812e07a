import { expect, test } from "vitest";
import { instantOf } from "../src/pages/planning/days.ts";
import { wallOf } from "../src/pages/planning/intraday/walls.ts";

test("a field of date and time shows the zone's clocks and gives the same instant back", () => {
  expect(wallOf("2026-03-28T23:00:00Z", "Europe/Berlin")).toBe("2026-03-29T00:00");
  expect(wallOf("2026-06-01T06:00:00Z", "Asia/Tehran")).toBe("2026-06-01T09:30");
  for (const time of ["2026-03-29T00:59:00.000Z", "2026-10-25T12:30:00.000Z", "2026-12-31T23:45:00.000Z"]) {
    for (const zone of ["Europe/Berlin", "Asia/Tehran", "UTC", "Etc/GMT+11"]) {
      expect(instantOf(wallOf(time, zone), zone).toISOString()).toBe(time);
    }
  }
});
