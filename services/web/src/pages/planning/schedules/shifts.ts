/** A shift as the editor moves it: by quarters of an hour, with its breaks, on its own day. */
import type { Shift, ShiftPattern } from "../../../api/types.ts";
import { atMinute, type Day, QUARTER, wallOf } from "./time.ts";

export interface Rest {
  start: number;
  end: number;
  paid: boolean;
}

export interface Bar {
  userId: string;
  /** Local day it begins on. */
  day: string;
  start: number;
  end: number;
  rests: readonly Rest[];
  /** Which group is covered from when on. */
  work: readonly { start: number; group: number }[];
  patternId: string;
  locked: boolean;
}

const SHORTEST = 4 * QUARTER;
const LONGEST = 64 * QUARTER;

export const keyOf = (of: { userId: string; day: string }): string => `${of.userId} ${of.day}`;

export function barOf(shift: Shift): Bar {
  const at = (text: string | undefined) => Date.parse(text ?? "");
  return {
    userId: shift.userId ?? "",
    day: shift.day ?? "",
    start: at(shift.startTime),
    end: at(shift.endTime),
    rests: (shift.breaks ?? []).map((each) => ({
      start: at(each.startTime),
      end: at(each.endTime),
      paid: each.paid ?? false,
    })),
    work: (shift.work ?? []).map((each) => ({ start: at(each.startTime), group: each.group ?? 0 })),
    patternId: shift.shiftPatternId ?? "",
    locked: shift.locked ?? false,
  };
}

export function shiftOf(bar: Bar): Shift {
  const text = (at: number) => new Date(at).toISOString();
  return {
    userId: bar.userId,
    day: bar.day,
    startTime: text(bar.start),
    endTime: text(bar.end),
    breaks: bar.rests.map(({ start, end, paid }) => ({ startTime: text(start), endTime: text(end), paid })),
  };
}

/** Whether two shifts have the same times and breaks, whatever is locked. */
export function sameTimes(one: Bar, other: Bar): boolean {
  return (
    one.start === other.start &&
    one.end === other.end &&
    one.rests.length === other.rests.length &&
    one.rests.every((rest, at) => {
      const there = other.rests[at];
      return there?.start === rest.start && there.end === rest.end && there.paid === rest.paid;
    })
  );
}

/** Work in minutes: unpaid breaks are none. */
export function workedMinutes(bar: Bar): number {
  const rests = bar.rests.reduce((sum, { start, end, paid }) => sum + (paid ? 0 : end - start), 0);
  return (bar.end - bar.start - rests) / 60_000;
}

/** The whole shift later or earlier, but not off its day. */
export function moved(bar: Bar, quarters: number, day: Day): Bar {
  const least = Math.ceil((day.start - bar.start) / QUARTER);
  const most = Math.floor((day.end - QUARTER - bar.start) / QUARTER);
  return shifted(bar, Math.min(most, Math.max(least, quarters)) * QUARTER);
}

function shifted(bar: Bar, by: number): Bar {
  const later = <T extends { start: number }>(each: T): T => ({ ...each, start: each.start + by });
  return {
    ...bar,
    start: bar.start + by,
    end: bar.end + by,
    rests: bar.rests.map((each) => ({ ...later(each), end: each.end + by })),
    work: bar.work.map(later),
  };
}

/** The shift on another day, at the same time by the clocks on the wall. */
export function onDay(bar: Bar, day: Day, zone: string): Bar {
  const start = atMinute(day.day, wallOf(bar.start, zone).minute, zone);
  return { ...shifted(bar, start - bar.start), day: day.day };
}

/** The start later or earlier; breaks stay where they can. */
export function startMoved(bar: Bar, quarters: number, day: Day): Bar {
  const start = bar.start + quarters * QUARTER;
  const least = Math.max(day.start, bar.end - LONGEST);
  const most = Math.min(day.end - QUARTER, bar.end - SHORTEST);
  return within({ ...bar, start: Math.min(most, Math.max(least, start)) });
}

/** The end later or earlier; breaks stay where they can. */
export function endMoved(bar: Bar, quarters: number): Bar {
  const end = bar.end + quarters * QUARTER;
  return within({ ...bar, end: Math.min(bar.start + LONGEST, Math.max(bar.start + SHORTEST, end)) });
}

/** One of the breaks later or earlier, between its neighbours. */
export function restMoved(bar: Bar, at: number, quarters: number): Bar {
  const rest = bar.rests[at];
  if (!rest) return bar;
  const length = rest.end - rest.start;
  const least = (bar.rests[at - 1]?.end ?? bar.start) + QUARTER;
  const most = (bar.rests[at + 1]?.start ?? bar.end) - QUARTER - length;
  if (most < least) return bar;
  const start = Math.min(most, Math.max(least, rest.start + quarters * QUARTER));
  return {
    ...bar,
    rests: bar.rests.map((each, place) => (place === at ? { ...each, start, end: start + length } : each)),
  };
}

/** Breaks pushed into their shift; those it has no room for any more go. */
function within(bar: Bar): Bar {
  const rests: Rest[] = [];
  let latest = bar.end - QUARTER;
  for (const rest of [...bar.rests].reverse()) {
    const length = rest.end - rest.start;
    const start = Math.min(rest.start, latest - length);
    rests.unshift({ ...rest, start, end: start + length });
    latest = start - QUARTER;
  }
  let earliest = bar.start + QUARTER;
  const kept: Rest[] = [];
  for (const rest of rests) {
    const length = rest.end - rest.start;
    const start = Math.max(rest.start, earliest);
    if (start + length > bar.end - QUARTER) continue;
    kept.push({ ...rest, start, end: start + length });
    earliest = start + length + QUARTER;
  }
  return { ...bar, rests: kept };
}

/** A shift for a day without one: the first of the patterns that may begin that day, else nine to five. */
export function fresh(
  userId: string,
  day: Day,
  weekday: number,
  patterns: readonly ShiftPattern[],
  zone: string,
): Bar {
  const pattern = patterns.find(({ weekdays = [] }) => weekdays.length === 0 || weekdays.includes(weekday));
  const start = atMinute(day.day, pattern?.firstStartMinute ?? 540, zone);
  const length = (pattern?.minLengthMinutes ?? 480) * 60_000;
  const rests = (pattern?.breaks ?? []).map((each) => {
    const begins = start + (each.earliestMinute ?? 0) * 60_000;
    return { start: begins, end: begins + (each.lengthMinutes ?? 0) * 60_000, paid: each.paid ?? false };
  });
  return {
    userId,
    day: day.day,
    start,
    end: start + length,
    rests,
    work: [],
    patternId: "",
    locked: true,
  };
}
