/** Complaints of the server at the field they name, and figures as they are written. */
import { createContext, useContext } from "react";
import { asProblem, Problem } from "../../../api/problem.ts";
import { formatClock } from "../../../format/durations.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { type Language, useLanguage, useText } from "../../../i18n/index.ts";
import { complaints } from "../../admin/rules/places.ts";
import type { Kind } from "./outcome.ts";

export const ProblemContext = createContext<unknown>(undefined);

/** What the server said of a field, or of something within it: "variants[0].queues[0].rules.requirement". */
export function useSaid(): (path: string) => string | undefined {
  const problem = useContext(ProblemContext);
  const fields = problem ? complaints(asProblem(problem)) : [];
  return (path) =>
    fields.find(
      ({ field }) => field === path || (field.startsWith(path) && ".[".includes(field[path.length] ?? "x")),
    )?.description;
}

/** What was said of one queue of the request, as if it had been said of a queue that is saved. */
export function ofQueue(asked: unknown, place: string): Problem | undefined {
  if (!asked) return undefined;
  const problem = asProblem(asked);
  const fields = problem.fields
    .filter(({ field }) => field.startsWith(`${place}.`))
    .map((each) => ({ ...each, field: `queue${each.field.slice(place.length)}` }));
  return fields.length > 0
    ? new Problem(problem.status, problem.reason, problem.detail, fields, undefined, problem.metadata)
    : undefined;
}

/** Writes a figure, or the size of a difference. */
export function useFigures(): (value: number | undefined, kind: Kind, difference?: boolean) => string {
  const t = useText();
  const language = useLanguage();
  return (value, kind, difference = false) => {
    if (value === undefined) return "–";
    const size = difference ? Math.abs(value) : value;
    if (kind === "count") return formatNumber(Math.round(size), language);
    if (kind === "share") {
      const points = oneDigit(size * 100, language);
      return t(difference ? "simulator.points" : "simulator.percent", { value: points });
    }
    if (size >= 100) return formatClock(size, language);
    return t("simulator.seconds", { value: oneDigit(size, language) });
  };
}

function oneDigit(value: number, language: Language): string {
  return formatNumber(Math.round(value * 10) / 10, language);
}
