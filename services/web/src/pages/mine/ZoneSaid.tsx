import { ownTimeZone } from "../../ui/fields.tsx";
import { hoursAhead } from "../planning/schedules/time.ts";
import classes from "./mine.module.css";

/** Which zone times are in, said where the reader's own clocks show others. */
export function ZoneSaid({ zone }: { zone: string }) {
  if (hoursAhead(zone, ownTimeZone(), Date.now()) === 0) return null;
  return (
    <span className={classes.quiet} data-testid="zone-said">
      (<bdi dir="ltr">{zone}</bdi>)
    </span>
  );
}
