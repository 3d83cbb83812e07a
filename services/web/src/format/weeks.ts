/** Hours of the week: minutes of the day as clocks show them, and a week of them in words. */
import type { OpenInterval } from "../api/types.ts";
import type { Language } from "../i18n/languages.ts";
import { weekdayName } from "./dates.ts";
import { localDigits } from "./numbers.ts";

export const WEEK = [1, 2, 3, 4, 5, 6, 7];
const officeHours = (startMinute: number, endMinute: number): OpenInterval[] =>
  WEEK.slice(0, 5).map((weekday) => ({ weekday, startMinute, endMinute }));
export const NINE_TO_SIX = officeHours(540, 1080);
export const EIGHT_TO_SIX = officeHours(480, 1080);

function clock(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}

/** "09:30" for 570; midnight at the end of the day shows as 24:00, which time inputs can't, so as 23:59. Later ones are
 * on the next day. */
export function clockOf(minute: number): string {
  return clock(Math.min(ofItsDay(minute), 1439));
}

/** The minute on its own day of one that may be on the next. */
const ofItsDay = (minute: number) => (minute > 1440 ? minute - 1440 : minute);

/** An interval with an end that is not before its start: else it is on the next day. */
export function spanning(interval: OpenInterval): OpenInterval {
  const { startMinute = 0, endMinute = 0 } = interval;
  const end = ofItsDay(endMinute);
  return { ...interval, endMinute: end > startMinute ? end : end + 1440 };
}

export const isOvernight = ({ endMinute = 0 }: OpenInterval): boolean => endMinute > 1440;

export function minuteOf(clock: string, end = false): number {
  const [hours = 0, minutes = 0] = clock.split(":").map(Number);
  const minute = hours * 60 + minutes;
  return end && minute === 1439 ? 1440 : minute;
}

/** "Monday–Friday 08:00–18:00, Saturday 10:00–14:00": days in a row with the same hours are told together. */
export function weekText(intervals: readonly OpenInterval[], language: Language): string {
  // In a right-to-left text a word says which is first; elsewhere a dash, in one line by its word joiners.
  const to = language === "fa" ? "\u00a0تا\u00a0" : "\u2060–\u2060";
  const comma = language === "fa" ? "، " : ", ";
  const hours = (weekday: number) =>
    intervals
      .filter((each) => each.weekday === weekday)
      .map((each) => [each.startMinute ?? 0, each.endMinute ?? 0] as const)
      .sort(([a], [b]) => a - b)
      .map(([start, end]) => localDigits(`${clock(start)}${to}${clock(ofItsDay(end))}`, language))
      .join(comma);
  const runs: { first: number; last: number; hours: string }[] = [];
  for (const weekday of WEEK) {
    const told = hours(weekday);
    const before = runs.at(-1);
    if (before && before.last === weekday - 1 && before.hours === told) before.last = weekday;
    else if (told) runs.push({ first: weekday, last: weekday, hours: told });
  }
  return runs
    .map(({ first, last, hours: told }) => {
      const days = [first, ...(last > first ? [last] : [])].map((day) => weekdayName(day, language));
      return `${days.join("–")} ${told}`;
    })
    .join(comma);
}
