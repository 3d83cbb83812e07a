/** The list of a queue's agents, level by level, as it is put in order. Pure. */
import type { ListLevel } from "../../../api/types.ts";

/** A place on the list: which level, and which agent of it. */
export interface Place {
  level: number;
  index: number;
}

const agentsOf = (level: ListLevel | undefined): readonly string[] => level?.agentIds ?? [];

/** Takes the agent at one place and puts them before the one at another; an index past the end is the end. */
export function moved(levels: readonly ListLevel[], from: Place, to: Place): ListLevel[] {
  const agentId = agentsOf(levels[from.level])[from.index];
  if (agentId === undefined || !levels[to.level]) return [...levels];
  const past = from.level === to.level && from.index < to.index ? 1 : 0;
  return levels.map((level, number) => {
    let agentIds = [...agentsOf(level)];
    if (number === from.level) agentIds = agentIds.filter((_, at) => at !== from.index);
    if (number === to.level) agentIds.splice(to.index - past, 0, agentId);
    return { ...level, agentIds };
  });
}

/** Where an agent goes who moves by one: within their level, or over its edge into the next. */
export function neighbour(
  levels: readonly ListLevel[],
  { level, index }: Place,
  by: 1 | -1,
): Place | undefined {
  const size = agentsOf(levels[level]).length;
  if (by < 0) {
    if (index > 0) return { level, index: index - 1 };
    return level > 0 ? { level: level - 1, index: agentsOf(levels[level - 1]).length } : undefined;
  }
  if (index + 1 < size) return { level, index: index + 2 };
  return level + 1 < levels.length ? { level: level + 1, index: 0 } : undefined;
}

/** Where they stand on the list. */
export function placeOf(levels: readonly ListLevel[], agentId: string): Place | undefined {
  const level = levels.findIndex((each) => agentsOf(each).includes(agentId));
  return level < 0 ? undefined : { level, index: agentsOf(levels[level]).indexOf(agentId) };
}

/** Things in another order: the one at `index` moved by so many places. */
export function reordered<T>(things: readonly T[], index: number, by: number): T[] {
  const next = [...things];
  const [taken] = next.splice(index, 1);
  if (taken !== undefined) next.splice(Math.max(0, index + by), 0, taken);
  return next;
}
