/** For forms that say themselves, in the reader's language, what is wrong with a field. */
import { camel, Problem } from "./problem.ts";

/** Whether a field is complained about, by its path in the contract; the gateway writes paths as JSON does. */
export function isWrong(problem: Problem | undefined, path: string): boolean {
  return problem?.fields.some(({ field }) => camel(field) === camel(path)) ?? false;
}

/** A problem without what the server says of its fields: they say it. */
export function saidAtFields(problem: Problem): Problem {
  return new Problem(problem.status, problem.reason, problem.detail, []);
}
