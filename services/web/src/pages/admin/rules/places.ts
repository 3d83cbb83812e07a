/** What the server says of rules, by the place it names: `queue.rules.steps[1].changes[0].also`. Pure. */
import type { FieldProblem, Problem } from "../../../api/problem.ts";

const PLACE = /^(queue\.[\w.[\]]+?) (.+)$/s;

/** Every complaint with its place; one that came as a sentence alone (something isn't there) begins with its place. */
export function complaints(problem: Problem | undefined): readonly FieldProblem[] {
  if (!problem) return [];
  if (problem.fields.length > 0) return problem.fields;
  const [, field, description] = PLACE.exec(problem.detail) ?? [];
  return field && description ? [{ field, description }] : [];
}

/** REST names fields in camel case, sentences as the contract does. */
const snake = (field: string) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** What is said of exactly this place, such as `rules.steps[1]`. */
export function saidOf(problem: Problem | undefined, place: string): string | undefined {
  return complaints(problem).find(({ field }) => snake(field) === `queue.${place}`)?.description;
}

/** What is said of this place or of anything inside it. */
export function saidWithin(problem: Problem | undefined, ...places: string[]): string | undefined {
  const inside = (field: string, place: string) =>
    field === place || field.startsWith(`${place}.`) || field.startsWith(`${place}[`);
  return complaints(problem).find(({ field }) =>
    places.some((place) => inside(snake(field), `queue.${place}`)),
  )?.description;
}

/** The character a complaint about an expression names, from 0, and what is wrong there. */
export function faultIn(said: string | undefined): { at: number | undefined; what: string } | undefined {
  if (!said) return undefined;
  const [, at, what] = /^at character (\d+): (.+)$/s.exec(said) ?? [];
  return at && what ? { at: Number(at) - 1, what } : { at: undefined, what: said };
}

export type Part = "general" | "choice" | "skills" | "priority" | "overflow" | "callbacks";

/** The part of the form that a problem is about, undefined when it is about none. */
export function partOf(problem: Problem | undefined): Part | undefined {
  if (saidWithin(problem, "rules.strategy", "rules.weights", "rules.levels", "rules.ring_agents"))
    return "choice";
  if (saidWithin(problem, "required_skills", "rules.requirement", "rules.steps")) return "skills";
  if (saidWithin(problem, "rules")) return "priority";
  if (saidWithin(problem, "callbacks")) return "callbacks";
  if (saidWithin(problem, "overflow", "business_hours_id")) return "overflow";
  return complaints(problem).length > 0 ? "general" : undefined;
}
