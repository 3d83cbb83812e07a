/** Conditions that forms write for people. */

/** A condition that asks, besides what it asked before, whether the caller's number is in a list, or is not. */
export function withListTest(condition: string, key: string, inside: boolean): string {
  const test = `${inside ? "" : "not "}in_list(caller_number, '${key}')`;
  const before = condition.trim();
  // What is joined by "or" would otherwise not be meant as a whole.
  const joined = /\bor\b/.test(before) ? `(${before})` : before;
  return joined ? `${joined} and ${test}` : test;
}
