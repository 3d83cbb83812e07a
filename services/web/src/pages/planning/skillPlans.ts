/** Sums over a skill plan's intervals. */
import type { SkillGroup, SkillPlan } from "../../api/types.ts";

type Line = NonNullable<SkillPlan["lines"]>[number];

export interface LineSum {
  line: Line;
  /** Lowest share served in time of an interval in which anybody is there. */
  lowest: number;
  /** Longest mean wait of an interval, seconds. */
  wait: number;
  abandoned: number;
  /** Intervals in which what is promised doesn't hold. */
  broken: number;
}

export interface GroupSum {
  group: SkillGroup;
  at: number;
  most: number;
  hours: number;
  /** Share of those hours. */
  busy: number;
}

/** By queue and channel, the worst of all intervals. */
export function lineSums(plan: SkillPlan): LineSum[] {
  const rows = plan.intervals ?? [];
  return (plan.lines ?? []).map((line, at) => {
    const told = rows.flatMap((each) => each.outcomes?.[at] ?? []);
    return {
      line,
      lowest: Math.min(1, ...told.map((each) => each.serviceLevel ?? 0)),
      wait: Math.max(0, ...told.map((each) => each.asaSeconds ?? 0)),
      abandoned: Math.max(0, ...told.map((each) => each.abandonShare ?? 0)),
      broken: told.filter((each) => !each.kept).length,
    };
  });
}

/** By group, how many at most, and their hours on contacts. */
export function groupSums(plan: SkillPlan): GroupSum[] {
  const hours = (plan.intervalMinutes ?? 30) / 60;
  const rows = plan.intervals ?? [];
  return (plan.groups ?? []).map((group, at) => {
    const there = rows.map((each) => each.agents?.[at] ?? 0);
    const all = there.reduce((sum, each) => sum + each, 0);
    const busy = rows.reduce((sum, each, row) => sum + (there[row] ?? 0) * (each.occupancies?.[at] ?? 0), 0);
    return { group, at, most: Math.max(0, ...there), hours: all * hours, busy: all ? busy / all : 0 };
  });
}
