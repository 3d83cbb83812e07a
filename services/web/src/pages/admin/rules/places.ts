/** What the server says of rules, by the place it names: `queue.rules.steps[1].changes[0].also`. */
import { type FieldProblem, Problem } from "../../../api/problem.ts";
import { isolated } from "../../../format/isolated.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { language, t, textOr } from "../../../i18n/index.ts";
import { lengthWords } from "../../../rules/words.ts";

const PLACE = /^(queue\.[\w.[\]]+?) (.+)$/s;

/**
 * Every complaint with its place, in the page's language where the server says which fault it is; one that came as a
 * sentence alone (something isn't there) begins with its place.
 */
export function complaints(problem: Problem | undefined): readonly FieldProblem[] {
  if (!problem) return [];
  if (problem.fields.length > 0)
    return problem.fields.map(({ field, description }, at) => ({
      field,
      description: faultWords(problem, at === 0 ? "" : `[${at}]`) ?? description,
    }));
  const [, field, description] = PLACE.exec(problem.detail) ?? [];
  return field && description ? [{ field, description: faultWords(problem) ?? description }] : [];
}

/** The fault of a field in words; undefined for one we have no words for. Of several, `which` stands behind the names. */
function faultWords({ metadata }: Problem, which = ""): string | undefined {
  const told = (name: string) => metadata[`${name}${which}`];
  const fault = told("fault");
  if (typeof fault !== "string") return undefined;
  const number = (name: string) => formatNumber(Number(told(name) ?? 0), language());
  const length = (name: string) => lengthWords(Number(told(name) ?? 0), t, language());
  const long = fault === "LENGTH";
  const words = textOr("ruleFault", fault, {
    least: long ? length("least_seconds") : number("least"),
    most: long ? length("most_seconds") : number("most"),
    step: number("step"),
    rule: number("rule"),
    example: isolated("+994125551234"),
    way: isolated(String(told("way") ?? "")),
    over: length("over_seconds"),
    attempt: number("attempt"),
  });
  return words === fault ? undefined : words;
}

/** A part of a place, and what the page calls it. */
const NAMED = [
  [/^queue\.rules\.steps\[(\d+)\]/, "rules.steps.number"],
  [/^queue\.rules\.steps\[\d+\]\.changes\[(\d+)\]/, "rules.change"],
  [/^queue\.rules\.levels\[(\d+)\]/, "rules.list.level"],
  [/^queue\.overflow\.rules\[(\d+)\]/, "overflow.number"],
] as const;

/** Where to look for what is wrong with rules, "Skills › Step 1", instead of it; any other problem as it is. */
export function whereToLook(problem: Problem): Problem {
  const part = partOf(problem);
  const field = snake(complaints(problem)[0]?.field ?? "");
  const ours = part === "general" || part === "callbacks";
  if (!part || (ours && faultWords(problem) === undefined)) return problem;
  const named = NAMED.flatMap(([place, key]) => {
    const [, index] = place.exec(field) ?? [];
    return index ? [t(key, { number: formatNumber(Number(index) + 1, language()) })] : [];
  });
  const place = [t(`rules.tab.${part}`), ...named].join(" › ");
  return new Problem(400, "INVALID_INPUT", t("rules.look", { place }));
}

/** REST names fields in camel case, sentences as the contract does. */
export const snake = (field: string) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

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
