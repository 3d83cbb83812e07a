/** Where instants stand on a line of time as wide as there is room, in pixels from where reading begins. */
import type { Bar } from "./shifts.ts";
import { type Day, hoursOf, QUARTER } from "./time.ts";

export interface Axis {
  start: number;
  end: number;
  width: number;
  /** Days it shows, the last of which it may go on after. */
  days: readonly Day[];
}

const HOUR_LEAST = 34;
const DAY_LEAST = 120;

/** A line of days; of one day it is as long as its latest shift, which may end the day after. `others`: the same days
 * by the clocks of sites in other zones, which begin and end elsewhere on it. */
export function axisOf(
  days: readonly Day[],
  bars: Iterable<Bar>,
  room: number,
  others: Iterable<readonly Day[]> = [],
): Axis {
  let start = days[0]?.start ?? 0;
  let end = days.at(-1)?.end ?? start;
  for (const own of others) {
    start = Math.min(start, own[0]?.start ?? start);
    end = Math.max(end, own.at(-1)?.end ?? end);
  }
  if (days.length === 1) {
    for (const bar of bars) if (bar.day === days[0]?.day) end = Math.max(end, bar.end);
    end = start + Math.ceil((end - start) / (4 * QUARTER)) * 4 * QUARTER;
  }
  const least = days.length === 1 ? ((end - start) / (4 * QUARTER)) * HOUR_LEAST : days.length * DAY_LEAST;
  return { start, end, days, width: Math.max(room, Math.ceil(least)) };
}

/** Pixels from the line's beginning, which is on the right in Persian; of what lies outside its ends. */
export function placeOf(at: number, axis: Axis): number {
  const share = (at - axis.start) / (axis.end - axis.start);
  return Math.min(1, Math.max(0, share)) * axis.width;
}

/** Quarters of an hour that a pointer's way to the right is worth. */
export function quartersIn(pixels: number, axis: Axis, direction: "ltr" | "rtl"): number {
  const way = direction === "rtl" ? -pixels : pixels;
  return Math.round(((way / axis.width) * (axis.end - axis.start)) / QUARTER);
}

/** Rows to draw: those in sight and a few around. */
export function rowsInSight(
  top: number,
  height: number,
  row: number,
  count: number,
  around = 6,
): [first: number, end: number] {
  const first = Math.max(0, Math.floor(top / row) - around);
  const end = Math.min(count, Math.ceil((top + height) / row) + around);
  return [Math.min(first, end), end];
}

/** Hours to write above the line: every one of a day, of a week none but the days'. */
export function ticksOf(axis: Axis, zone: string): { at: number; hour: number }[] {
  return axis.days.length === 1 ? hoursOf(axis.start, axis.end, zone) : [];
}
