/** Times of a zone's clocks as fields hold them. */
import { dayOf } from "../days.ts";

/** "2026-03-29T09:30", for a field of date and time. */
export function wallOf(time: string | Date, zone: string): string {
  const at = new Date(time);
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
  return `${dayOf(at, zone)}T${clock.format(at)}`;
}
