/** Simple steps of relaxing: after so many seconds one thing is asked for less. */
import type { RelaxationStep } from "../../../api/types.ts";
import { durationSeconds, toDuration } from "../../../format/durations.ts";

export type StepKind = "lower" | "remove" | "alsoQueue";

export interface SimpleStep {
  seconds: number;
  kind: StepKind;
  /** The skill, or the queue of "alsoQueue". */
  id: string;
  /** Of "lower". */
  proficiency: number;
}

/** What the fields show of a step; undefined for one that says more than they can. */
export function simpleOf(step: RelaxationStep): SimpleStep | undefined {
  const [change, ...more] = step.changes ?? [];
  if (!change || more.length > 0 || step.afterWait === undefined) return undefined;
  const seconds = durationSeconds(step.afterWait);
  if (change.removeSkillId) return { seconds, kind: "remove", id: change.removeSkillId, proficiency: 1 };
  if (change.alsoQueueId) return { seconds, kind: "alsoQueue", id: change.alsoQueueId, proficiency: 1 };
  if (!change.lower) return undefined;
  return {
    seconds,
    kind: "lower",
    id: change.lower.skillId ?? "",
    proficiency: change.lower.proficiency ?? 1,
  };
}

export function stepOf({ seconds, kind, id, proficiency }: SimpleStep): RelaxationStep {
  const change =
    kind === "remove"
      ? { removeSkillId: id }
      : kind === "alsoQueue"
        ? { alsoQueueId: id }
        : { lower: { skillId: id, proficiency } };
  return { afterWait: toDuration(seconds), changes: [change] };
}

/** A step half a minute after the last one. */
export function nextStep(steps: readonly RelaxationStep[], kind: StepKind, id: string): RelaxationStep {
  const last = Math.max(0, ...steps.map((step) => durationSeconds(step.afterWait)));
  return stepOf({ seconds: last + 30, kind, id, proficiency: 1 });
}
