/** What is asked for from when on while a contact waits: the queue's rules as a line of stages. Pure. */
import type { RelaxationStep, RequirementChange, RoutingRules } from "../api/types.ts";
import { durationSeconds } from "../format/durations.ts";
import {
  both,
  either,
  lowered,
  parsed,
  type Requirement,
  type SkillOf,
  swapped,
  without,
} from "./requirements.ts";

/** What holds at a time: the skills, and agents of which queues besides its own may take it. */
export interface Asked {
  requirement: Requirement;
  queueIds: readonly string[];
}

/** From `after` seconds of waiting on; so many levels of a list have come, and these steps, counted from 0. */
export interface Stage {
  after: number;
  asked: Asked;
  levels: number;
  steps: readonly number[];
}

/** What is asked for once a change holds; throws a `Fault` where its expression can't be read. */
function changed({ requirement, queueIds }: Asked, change: RequirementChange, skillOf: SkillOf): Asked {
  if (change.alsoQueueId) return { requirement, queueIds: [...new Set([...queueIds, change.alsoQueueId])] };
  return { requirement: after(requirement, change, skillOf), queueIds };
}

function after(asked: Requirement, change: RequirementChange, skillOf: SkillOf): Requirement {
  const { lower, swap } = change;
  if (change.removeSkillId) return without(asked, change.removeSkillId);
  if (lower) return lowered(asked, lower.skillId ?? "", lower.proficiency ?? 1);
  if (swap) return swapped(asked, swap.skillId ?? "", swap.otherSkillId ?? "", swap.proficiency ?? 1);
  if (change.also !== undefined) return either(asked, parsed(change.also, skillOf));
  if (change.require !== undefined) return both(asked, parsed(change.require, skillOf));
  return change.replace === undefined ? asked : parsed(change.replace, skillOf);
}

/** What holds once these steps have come, in their order; one that would leave nobody who may take it doesn't come. */
export function askedAfter(first: Requirement, steps: readonly RelaxationStep[], skillOf: SkillOf): Asked {
  return steps.reduce<Asked>(
    (asked, step) => {
      const next = (step.changes ?? []).reduce((each, change) => changed(each, change, skillOf), asked);
      return next.requirement.length > 0 ? next : asked;
    },
    { requirement: first, queueIds: [] },
  );
}

/** Whether a step comes after a time waited, and not by an expected wait. */
export const isTimed = (step: RelaxationStep): boolean => step.expectedWaitOver === undefined;

/** The stages that come by waiting alone: the first from 0 on, each with what differs from the one before. */
export function stagesOf(first: Requirement, rules: RoutingRules, skillOf: SkillOf): Stage[] {
  const steps = rules.steps ?? [];
  const timed = steps.map((step, number) => ({ step, number })).filter(({ step }) => isTimed(step));
  const widens = levelsComeAt(rules);
  const times = new Set([0, ...timed.map(({ step }) => durationSeconds(step.afterWait)), ...widens]);
  return [...times]
    .sort((a, b) => a - b)
    .map((time) => {
      const come = timed.filter(({ step }) => durationSeconds(step.afterWait) <= time);
      return {
        after: time,
        asked: askedAfter(
          first,
          come.map(({ step }) => step),
          skillOf,
        ),
        levels: widens.filter((each) => each <= time).length,
        steps: come.map(({ number }) => number),
      };
    });
}

/** After how many seconds of waiting each level of a list comes. */
function levelsComeAt({ strategy, levels = [] }: RoutingRules): number[] {
  if (strategy !== "STRATEGY_LIST") return [];
  let passed = 0;
  return levels.map((_, index) => {
    if (index > 0) passed += durationSeconds(levels[index - 1]?.wait);
    return passed;
  });
}
