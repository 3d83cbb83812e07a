import { expect, test } from "vitest";
import { clocksOf } from "../src/pages/planning/clocks.ts";

const SITES = [{ siteId: "sit-1", timeZone: "Asia/Tehran" }];

test("an agent of a site goes by its clocks, everybody else by the company's", () => {
  const planned = [
    { userId: "usr-1", siteId: "sit-1" },
    { userId: "usr-2" },
    { userId: "usr-3", siteId: "" },
  ];
  const zoneOf = clocksOf(planned, SITES, "Europe/Istanbul");
  expect(zoneOf("usr-1")).toBe("Asia/Tehran");
  for (const userId of ["usr-2", "usr-3", "usr-4", undefined]) expect(zoneOf(userId)).toBe("Europe/Istanbul");
});

test("whose site isn't read yet goes by the company's clocks until it is", () => {
  expect(clocksOf([{ userId: "usr-1", siteId: "sit-1" }], [], "Europe/Istanbul")("usr-1")).toBe(
    "Europe/Istanbul",
  );
});
