/** What shifts cover, by quarters of an hour: the server's sums done over while somebody drags. */
import type { ScheduleGroup } from "../../../api/types.ts";
import type { Bar } from "./shifts.ts";
import { QUARTER } from "./time.ts";

/** Groups by quarters of the week. */
export type Rows = readonly Float64Array[];

/** Agents there by group; those on a break are not. */
export function coverOf(bars: Iterable<Bar>, groups: number, start: number, slots: number): Float64Array[] {
  const found = Array.from({ length: groups }, () => new Float64Array(slots));
  for (const bar of bars) add(found, bar, start, slots, 1);
  return found;
}

/** Adds a shift to what is covered, or takes it away with -1. */
export function add(rows: Rows, bar: Bar, start: number, slots: number, sign: 1 | -1): void {
  bar.work.forEach(({ start: from, group }, at) => {
    const row = rows[group];
    if (!row) return;
    const begins = Math.max(0, slotOf(from, start));
    const ends = Math.min(slots, slotOf(bar.work[at + 1]?.start ?? bar.end, start));
    for (let slot = begins; slot < ends; slot += 1) {
      const time = start + slot * QUARTER;
      if (!bar.rests.some((rest) => rest.start <= time && time < rest.end))
        row[slot] = (row[slot] ?? 0) + sign;
    }
  });
}

const slotOf = (at: number, start: number): number => Math.floor((at - start) / QUARTER);

/** The shift with its work where most is missing, slot by slot, as the server gives it; `cover` is without it. */
export function assigned(bar: Bar, groups: readonly number[], need: Rows, cover: Rows, start: number): Bar {
  const first = groups[0];
  if (first === undefined) return { ...bar, work: [] };
  const slots = need[0]?.length ?? 0;
  const work: { start: number; group: number }[] = [];
  for (let slot = slotOf(bar.start, start); slot < slotOf(bar.end, start); slot += 1) {
    let best = first;
    if (slot >= 0 && slot < slots) {
      const lacking = (group: number) => (need[group]?.[slot] ?? 0) - (cover[group]?.[slot] ?? 0);
      for (const group of groups) if (lacking(group) > lacking(best)) best = group;
    }
    if (work.at(-1)?.group !== best) work.push({ start: start + slot * QUARTER, group: best });
  }
  return { ...bar, work };
}

export interface Stack {
  /** Agents there who are needed. */
  met: Float64Array;
  /** Agents needed who aren't there. */
  missing: Float64Array;
  /** Agents there who aren't needed. */
  spare: Float64Array;
  needed: Float64Array;
}

/** Numbers of the groups an agent of these queues (none: of all) covers, as the server finds them. */
export function servedGroups(groups: readonly ScheduleGroup[], queues: readonly string[]): number[] {
  const planned = new Set(
    groups.flatMap(({ members, queueIds }) =>
      queueIds?.length ? (members ?? []).map(({ queueId }) => queueId ?? "") : [],
    ),
  );
  const ofPlan = (named: readonly string[]) => {
    const mine = named.filter((each) => planned.has(each));
    return [...(mine.length ? mine : named)].sort().join(" ");
  };
  const mine = ofPlan(queues.length ? queues : [...planned]);
  return groups.flatMap(({ members, queueIds }, at) => {
    const serves = queueIds?.length
      ? ofPlan(queueIds) === mine
      : queues.length === 0 || members?.some(({ queueId }) => queues.includes(queueId ?? ""));
    return serves ? [at] : [];
  });
}

/** Requirement against coverage, added over groups: one group's spare agents don't hide what another lacks. */
export function stacked(need: Rows, cover: Rows, groups: readonly number[], from = 0, to?: number): Stack {
  const end = to ?? need[0]?.length ?? 0;
  const row = () => new Float64Array(Math.max(0, end - from));
  const found: Stack = { met: row(), missing: row(), spare: row(), needed: row() };
  for (const group of groups) {
    for (let slot = from; slot < end; slot += 1) {
      const wanted = need[group]?.[slot] ?? 0;
      const there = cover[group]?.[slot] ?? 0;
      const at = slot - from;
      found.needed[at] = (found.needed[at] ?? 0) + wanted;
      found.met[at] = (found.met[at] ?? 0) + Math.min(wanted, there);
      found.missing[at] = (found.missing[at] ?? 0) + Math.max(0, wanted - there);
      found.spare[at] = (found.spare[at] ?? 0) + Math.max(0, there - wanted);
    }
  }
  return found;
}

/** Agent hours of quarters. */
export const hoursIn = (row: Float64Array): number => row.reduce((sum, each) => sum + each, 0) / 4;
