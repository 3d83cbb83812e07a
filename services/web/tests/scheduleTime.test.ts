import { expect, test } from "vitest";
import { axisOf, placeOf, quartersIn, rowsInSight, ticksOf } from "../src/pages/planning/schedules/axis.ts";
import {
  atMinute,
  daysFrom,
  hoursAhead,
  hoursOf,
  midnightOf,
  mondayOf,
  QUARTER,
  quartersOf,
} from "../src/pages/planning/schedules/time.ts";

const HOUR = 4 * QUARTER;
const iso = (at: number) => new Date(at).toISOString();

test("a week has its days of 23 and 25 hours where clocks are changed", () => {
  const hours = (first: string, zone: string) =>
    daysFrom(first, 7, zone).map(({ start, end }) => (end - start) / HOUR);
  expect(hours("2026-03-23", "Europe/Berlin")).toEqual([24, 24, 24, 24, 24, 24, 23]);
  expect(hours("2026-10-19", "Europe/Berlin")).toEqual([24, 24, 24, 24, 24, 24, 25]);
  expect(hours("2026-10-19", "Europe/Istanbul")).toEqual([24, 24, 24, 24, 24, 24, 24]);
  expect(quartersOf(...span("2026-10-25", "Europe/Berlin"))).toBe(100);
});

function span(day: string, zone: string): [number, number] {
  const [of] = daysFrom(day, 1, zone);
  return [of?.start ?? 0, of?.end ?? 0];
}

test("an hour clocks skip isn't written above the day, and one they show twice is twice", () => {
  const hours = (day: string) =>
    hoursOf(...span(day, "Europe/Berlin"), "Europe/Berlin").map(({ hour }) => hour);
  expect(hours("2026-03-29").slice(0, 5)).toEqual([0, 1, 3, 4, 5]);
  expect(hours("2026-10-25").slice(0, 5)).toEqual([0, 1, 2, 2, 3]);
  expect(hours("2026-10-25")).toHaveLength(25);
});

test("a day begins as the server says where clocks are changed at midnight", () => {
  expect(iso(midnightOf("2026-09-06", "America/Santiago"))).toBe("2026-09-06T04:00:00.000Z"); // 00:00 is skipped
  expect(iso(midnightOf("2026-10-30", "Africa/Cairo"))).toBe("2026-10-29T22:00:00.000Z");
  expect(iso(midnightOf("2021-10-29", "Asia/Amman"))).toBe("2021-10-28T21:00:00.000Z"); // 00:00 comes twice
  expect(iso(midnightOf("2026-11-01", "America/Havana"))).toBe("2026-11-01T04:00:00.000Z");
});

test("a week goes over the end of a month and of a year", () => {
  expect(daysFrom("2026-12-28", 7, "Asia/Baku").map(({ day }) => day)).toEqual([
    "2026-12-28",
    "2026-12-29",
    "2026-12-30",
    "2026-12-31",
    "2027-01-01",
    "2027-01-02",
    "2027-01-03",
  ]);
  expect(mondayOf("2027-01-03")).toBe("2026-12-28");
  expect(mondayOf("2026-03-02")).toBe("2026-03-02");
});

test("a time of day is the clocks', also of the day after and of days that are short", () => {
  expect(iso(atMinute("2026-03-29", 540, "Europe/Berlin"))).toBe("2026-03-29T07:00:00.000Z");
  expect(iso(atMinute("2026-03-28", 1440 + 540, "Europe/Berlin"))).toBe("2026-03-29T07:00:00.000Z");
  expect(iso(atMinute("2026-06-01", 510, "Asia/Tehran"))).toBe("2026-06-01T05:00:00.000Z");
});

test("planners elsewhere are told how far their clocks are off", () => {
  const at = Date.parse("2026-07-01T12:00:00Z");
  expect(hoursAhead("Asia/Tehran", "UTC", at)).toBe(3.5);
  expect(hoursAhead("America/New_York", "Europe/Istanbul", at)).toBe(-7);
});

test("a place on the line is as far as time has passed, on a short day too", () => {
  const axis = axisOf(daysFrom("2026-03-29", 1, "Europe/Berlin"), [], 1150);
  expect(axis.width).toBe(1150);
  expect(placeOf(axis.start, axis)).toBe(0);
  expect(placeOf(atMinute("2026-03-29", 540, "Europe/Berlin"), axis)).toBeCloseTo((8 / 23) * 1150);
  expect(ticksOf(axis, "Europe/Berlin")).toHaveLength(23);
});

test("a day's line goes on to the end of its latest shift", () => {
  const [day] = daysFrom("2026-03-02", 1, "UTC");
  const start = (day?.start ?? 0) + 22 * HOUR;
  const night = {
    userId: "usr_1",
    day: "2026-03-02",
    start,
    end: start + 8 * HOUR + QUARTER,
    rests: [],
    work: [],
    patternId: "",
    locked: false,
  };
  const axis = axisOf(day ? [day] : [], [night], 0);
  expect((axis.end - axis.start) / HOUR).toBe(31);
});

test("a pointer that goes to the right goes back in time where reading goes to the left", () => {
  const axis = axisOf(daysFrom("2026-03-02", 1, "UTC"), [], 960);
  expect(quartersIn(40, axis, "ltr")).toBe(4);
  expect(quartersIn(40, axis, "rtl")).toBe(-4);
  expect(quartersIn(4, axis, "ltr")).toBe(0);
});

test("of five hundred rows those in sight are drawn and a few around", () => {
  expect(rowsInSight(0, 400, 40, 500, 2)).toEqual([0, 12]);
  expect(rowsInSight(4000, 400, 40, 500, 2)).toEqual([98, 112]);
  expect(rowsInSight(20_000, 400, 40, 500, 2)).toEqual([498, 500].map((each) => Math.min(each, 500)));
  expect(rowsInSight(0, 400, 40, 3, 2)).toEqual([0, 3]);
});
