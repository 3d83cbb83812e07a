/** Whose turn comes first among contacts that wait, as routing has it (its `urgency.py`): priority counts as waiting. Pure. */
import type { Contact, RoutingRules } from "../api/types.ts";
import { durationSeconds } from "../format/durations.ts";

const POINT_SECONDS = 3600;
const MOST_POINTS = 100;

/** What a point is worth in seconds of waiting, points gained a minute, and how many count at most. */
export interface Worth {
  point: number;
  perMinute: number;
  most: number;
}

export function worthOf(rules: RoutingRules | undefined): Worth {
  return {
    point: rules?.pointWait === undefined ? POINT_SECONDS : durationSeconds(rules.pointWait),
    perMinute: rules?.pointsPerMinute ?? 0,
    most: rules?.mostPoints || MOST_POINTS,
  };
}

/** For how many seconds a contact with these points counts as having waited when it has waited for so many. */
export function countedWait(waited: number, points: number, { point, perMinute, most }: Worth): number {
  return waited + point * Math.min(most, points + (perMinute * Math.max(0, waited)) / 60);
}

/** Contacts of one queue by their turn, first to last; `now` in ms since the epoch. */
export function byTurn(contacts: readonly Contact[], worth: Worth, now: number): Contact[] {
  const counts = (contact: Contact) => {
    const waited = (now - Date.parse(contact.queueTime ?? "")) / 1000;
    // Half a point for an offer that came to nothing, and for being for one agent alone.
    const points = (contact.priority ?? 0) + (contact.offerCount || contact.targetAgentId ? 0.5 : 0);
    return countedWait(waited, points, worth);
  };
  return [...contacts].sort(
    (a, b) => counts(b) - counts(a) || (a.contactId ?? "").localeCompare(b.contactId ?? ""),
  );
}
