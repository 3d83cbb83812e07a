/** Days and shifts as they are drawn. Times are the company's, whatever the clock of the browser. */
import type { MyWeek, WorkShift } from "../../api/types.ts";
import { formatTime } from "../../format/dates.ts";
import { isolated } from "../../format/isolated.ts";
import { formatNumber } from "../../format/numbers.ts";
import type { Language } from "../../i18n/languages.ts";
import { dayOf, daysLater } from "../planning/days.ts";
import { wallOf } from "../planning/schedules/time.ts";

const MINUTE_MS = 60_000;

/** The Monday of a day's week. */
export function mondayOf(day: string): string {
  const weekday = (new Date(`${day}T00:00Z`).getUTCDay() + 6) % 7;
  return daysLater(day, -weekday);
}

/** 0 (Monday) to 6. */
export function weekdayOf(day: string): number {
  return (new Date(`${day}T00:00Z`).getUTCDay() + 6) % 7;
}

export function weekOf(monday: string): string[] {
  return [0, 1, 2, 3, 4, 5, 6].map((each) => daysLater(monday, each));
}

/** "08:00–16:30". */
export function span(of: { startTime?: string; endTime?: string }, language: Language, zone: string): string {
  return isolated(`${formatTime(of.startTime, language, zone)}–${formatTime(of.endTime, language, zone)}`);
}

/** Work of a shift in hours: unpaid breaks are none. */
export function hoursOf(shift: WorkShift): number {
  const length = (of: { startTime?: string; endTime?: string }) =>
    Date.parse(of.endTime ?? "") - Date.parse(of.startTime ?? "");
  const rests = (shift.breaks ?? [])
    .filter((each) => !each.paid)
    .reduce((sum, each) => sum + length(each), 0);
  return (length(shift) - rests) / (60 * MINUTE_MS);
}

export function hours(value: number, language: Language): string {
  return formatNumber(Math.round(value * 100) / 100, language);
}

/** Minutes the clocks of the zone are past a day's midnight: also where they were changed since. */
export function minuteIn(time: string | undefined, day: string, zone: string): number {
  const wall = wallOf(Date.parse(time ?? ""), zone);
  return (Date.parse(`${wall.day}T00:00Z`) - Date.parse(`${day}T00:00Z`)) / MINUTE_MS + wall.minute;
}

/** First and last hour of the day that a week's shifts touch, with an hour around; a working day without any. */
export function hoursShown(shifts: readonly WorkShift[], zone: string): [number, number] {
  if (shifts.length === 0) return [8, 18];
  const starts = shifts.map((each) => minuteIn(each.startTime, each.day ?? "", zone) / 60);
  const ends = shifts.map((each) => minuteIn(each.endTime, each.day ?? "", zone) / 60);
  return [Math.max(0, Math.floor(Math.min(...starts) - 0.5)), Math.ceil(Math.max(...ends) + 0.5)];
}

/** What is worked at a moment, whichever day it began on; otherwise the shift of the day. */
export function shiftAt(weeks: readonly MyWeek[], now: number, day: string): WorkShift | undefined {
  const on = weeks
    .flatMap((each) => each.shifts ?? [])
    .find((each) => Date.parse(each.startTime ?? "") <= now && now < Date.parse(each.endTime ?? ""));
  return on ?? shiftOn(weeks, day);
}

export function shiftOn(weeks: readonly MyWeek[], day: string): WorkShift | undefined {
  return weeks.flatMap((each) => each.shifts ?? []).find((each) => each.day === day);
}

export function todayIn(zone: string, now: number): string {
  return dayOf(new Date(now), zone);
}
