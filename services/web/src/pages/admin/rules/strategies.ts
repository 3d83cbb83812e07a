import type { Strategy } from "../../../api/types.ts";

export const STRATEGIES = [
  "SKILLS",
  "LONGEST_IDLE",
  "ROUND_ROBIN",
  "FEWEST_CONTACTS",
  "LEAST_TALK_TIME",
  "LIST",
  "WEIGHTED",
] as const;
export type ShortStrategy = (typeof STRATEGIES)[number];

/** Unset is as SKILLS. */
export function shortStrategy(strategy: Strategy | undefined): ShortStrategy {
  const short = (strategy ?? "").replace("STRATEGY_", "");
  return STRATEGIES.find((each) => each === short) ?? "SKILLS";
}
