import classes from "../mine/mine.module.css";
import { hoursAhead } from "./schedules/time.ts";

/** Which zone times of an agent are in, said where the company's own clocks show others at that time. */
export function SiteZone({ zone, company, at }: { zone: string; company: string; at: string | undefined }) {
  const time = at ? Date.parse(at) : Date.now();
  if (hoursAhead(zone, company, time) === 0) return null;
  return (
    <span className={classes.quiet} data-testid="site-zone-said">
      {" "}
      (<bdi dir="ltr">{zone}</bdi>)
    </span>
  );
}
