/** Local days of a zone and their instants. */

/** Milliseconds a zone is ahead of UTC at an instant. */
function offsetAt(time: number, zone: string): number {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  }).formatToParts(new Date(time));
  const of = (type: string) => Number(parts.find((part) => part.type === type)?.value ?? 0);
  const wall = Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"), of("second"));
  return wall - Math.floor(time / 1000) * 1000;
}

/** The instant at which a zone's clocks show "2026-03-29T09:30"; in an hour they skip, as long after it as before. */
export function instantOf(wall: string, zone: string): Date {
  const shown = Date.parse(`${wall}Z`);
  const guess = shown - offsetAt(shown, zone);
  return new Date(shown - offsetAt(guess, zone));
}

/** The zone's day an instant lies in, "2026-03-29". */
export function dayOf(time: string | Date, zone: string): string {
  const at = new Date(time).getTime();
  return new Date(at + offsetAt(at, zone)).toISOString().slice(0, 10);
}

/** "2026-03-29" and 7 give "2026-04-05". */
export function daysLater(day: string, count: number): string {
  return new Date(Date.parse(`${day}T00:00Z`) + count * 86_400_000).toISOString().slice(0, 10);
}

/** Noon of a day, for writing it out by `formatDate` in UTC. */
export function noonOf(day: string | undefined): Date | undefined {
  return day ? new Date(`${day}T12:00:00Z`) : undefined;
}

export const ZONELESS = "UTC";
