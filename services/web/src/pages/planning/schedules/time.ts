/** A local week in instants: its days, which may have 23 or 25 hours, and what clocks show in them. */
import { daysLater, instantOf } from "../days.ts";

export const QUARTER = 900_000;
/** Milliseconds of a quarter of an hour, by which everything in a schedule is placed. */

export interface Day {
  /** "2026-03-29". */
  day: string;
  /** Milliseconds of the epoch, as all instants here. */
  start: number;
  end: number;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

function clock(zone: string): Intl.DateTimeFormat {
  let found = clocks.get(zone);
  if (!found) {
    found = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
    });
    clocks.set(zone, found);
  }
  return found;
}

/** The day and the time of day clocks of a zone show. */
export function wallOf(at: number, zone: string): { day: string; minute: number } {
  const parts = clock(zone).formatToParts(at);
  const of = (type: string) => parts.find((part) => part.type === type)?.value ?? "0";
  return {
    day: `${of("year")}-${of("month")}-${of("day")}`,
    minute: Number(of("hour")) * 60 + Number(of("minute")),
  };
}

/** The first instant of a day, as the server counts: where clocks skip midnight the one after the gap, where they show
 * it twice the earlier. */
export function midnightOf(day: string, zone: string): number {
  let at = instantOf(`${day}T00:00`, zone).getTime();
  while (wallOf(at - QUARTER, zone).day === day) at -= QUARTER;
  while (wallOf(at, zone).day < day) at += QUARTER;
  return at;
}

/** Days in a row from one on. */
export function daysFrom(first: string, count: number, zone: string): Day[] {
  const names = Array.from({ length: count + 1 }, (_, at) => daysLater(first, at));
  const starts = names.map((day) => midnightOf(day, zone));
  return names.slice(0, count).map((day, at) => ({ day, start: starts[at] ?? 0, end: starts[at + 1] ?? 0 }));
}

/** The Monday of a day's week. */
export function mondayOf(day: string): string {
  const weekday = (new Date(`${day}T12:00:00Z`).getUTCDay() + 6) % 7;
  return daysLater(day, -weekday);
}

/** The instant that has the time of day of `minute` (up to 2880: of the day after) on a day, by the clocks on the wall. */
export function atMinute(day: string, minute: number, zone: string): number {
  const of = daysLater(day, Math.floor(minute / 1440));
  const rest = minute % 1440;
  const text = `${String(Math.floor(rest / 60)).padStart(2, "0")}:${String(rest % 60).padStart(2, "0")}`;
  return rest === 0 ? midnightOf(of, zone) : instantOf(`${of}T${text}`, zone).getTime();
}

/** Instants of a stretch at which clocks show full hours, with the hour: one that clocks skip is missing, one that they
 * show twice is there twice. */
export function hoursOf(start: number, end: number, zone: string): { at: number; hour: number }[] {
  const found: { at: number; hour: number }[] = [];
  for (let at = start; at < end; at += QUARTER) {
    const { minute } = wallOf(at, zone);
    if (minute % 60 === 0) found.push({ at, hour: minute / 60 });
  }
  return found;
}

/** Quarters of an hour a stretch has. */
export const quartersOf = (start: number, end: number): number => Math.round((end - start) / QUARTER);

/** Hours one zone is ahead of another at an instant; what a planner elsewhere has to add in mind. */
export function hoursAhead(zone: string, other: string, at: number): number {
  const minutes = ({ day, minute }: { day: string; minute: number }) =>
    Date.parse(`${day}T00:00Z`) / 60_000 + minute;
  return (minutes(wallOf(at, zone)) - minutes(wallOf(at, other))) / 60;
}
