/** Whose clocks an agent goes by: those of their site, or the company's. */
import type { PlannedAgent, Site } from "../../api/types.ts";

export type Clocks = (userId: string | undefined) => string;

/** By agent the zone of their site; `company`: the zone of all others. */
export function clocksOf(planned: readonly PlannedAgent[], sites: readonly Site[], company: string): Clocks {
  const zones = new Map(sites.map((each) => [each.siteId, each.timeZone]));
  const found = new Map(
    planned.map((each) => [each.userId, each.siteId ? zones.get(each.siteId) : undefined]),
  );
  return (userId) => found.get(userId) || company;
}
