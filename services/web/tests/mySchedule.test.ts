import { describe, expect, test } from "vitest";
import {
  hoursOf,
  hoursShown,
  minuteIn,
  mondayOf,
  shiftAt,
  shiftOn,
  span,
  weekdayOf,
  weekOf,
} from "../src/pages/mine/shifts.ts";

const shift = {
  day: "2026-03-28",
  startTime: "2026-03-28T07:00:00Z",
  endTime: "2026-03-28T15:30:00Z",
  breaks: [
    { startTime: "2026-03-28T11:00:00Z", endTime: "2026-03-28T11:30:00Z" },
    { startTime: "2026-03-28T13:00:00Z", endTime: "2026-03-28T13:15:00Z", paid: true },
  ],
};

describe("an agent's shifts", () => {
  test("weeks begin on Monday, also across a change of clocks", () => {
    expect(mondayOf("2026-03-29")).toBe("2026-03-23");
    expect(mondayOf("2026-03-30")).toBe("2026-03-30");
    expect(weekOf("2026-03-23").at(-1)).toBe("2026-03-29");
    expect([weekdayOf("2026-03-23"), weekdayOf("2026-03-29")]).toEqual([0, 6]);
  });

  test("unpaid breaks are no work and paid ones are", () => {
    expect(hoursOf(shift)).toBe(8);
  });

  test("times are the company's, whatever the browser's clock", () => {
    expect(span(shift, "en", "Europe/Berlin")).toContain("08:00–16:30");
    expect(span(shift, "en", "Asia/Tehran")).toContain("10:30–19:00");
    expect(minuteIn(shift.startTime, shift.day, "Europe/Berlin")).toBe(480);
  });

  test("the hours drawn hold every shift of the week", () => {
    expect(hoursShown([shift], "Europe/Berlin")).toEqual([7, 17]);
    expect(hoursShown([], "UTC")).toEqual([8, 18]);
  });

  test("a day on which clocks change is drawn by the clocks", () => {
    // Berlin: 2:00 is 3:00 on the 29th of March, and 3:00 is 2:00 on the 25th of October.
    expect(minuteIn("2026-03-29T06:00:00Z", "2026-03-29", "Europe/Berlin")).toBe(480);
    expect(minuteIn("2026-10-25T07:00:00Z", "2026-10-25", "Europe/Berlin")).toBe(480);
    expect(minuteIn("2026-03-29T04:00:00Z", "2026-03-28", "Europe/Berlin")).toBe(1440 + 360);
  });

  test("who works past midnight is at work, and it isn't a free day", () => {
    const night = { day: "2026-03-28", startTime: "2026-03-28T21:00:00Z", endTime: "2026-03-29T05:00:00Z" };
    const weeks = [{ shifts: [shift] }, { shifts: [night] }];
    expect(shiftAt(weeks, Date.parse("2026-03-29T02:00:00Z"), "2026-03-29")).toBe(night);
    expect(shiftAt(weeks, Date.parse("2026-03-29T05:00:00Z"), "2026-03-29")).toBeUndefined();
    expect(shiftAt(weeks, Date.parse("2026-03-28T06:00:00Z"), "2026-03-28")).toBe(shift);
  });

  test("a day has the shift that begins on it", () => {
    expect(shiftOn([{ shifts: [shift] }], "2026-03-28")).toBe(shift);
    expect(shiftOn([{ shifts: [shift] }], "2026-03-29")).toBeUndefined();
  });
});
