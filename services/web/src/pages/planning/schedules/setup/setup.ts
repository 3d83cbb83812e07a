/** What forms of schedules' rules share: lengths as people write them, days of the week, rules that clash. */
import { useQueryClient } from "@tanstack/react-query";
import { Problem } from "../../../../api/problem.ts";
import { weekdayName } from "../../../../format/dates.ts";
import { type Language, language, t, textOr } from "../../../../i18n/index.ts";

/** Reads lists again after a change. */
export function useRefreshSetup(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    const lists = ["plannedAgents", "contracts", "sites", "patterns", "labourRules", "timeOff"];
    await Promise.all(lists.map((each) => queries.invalidateQueries({ queryKey: ["wfm", each] })));
  };
}

/** Days of the week, Monday 0, as options of a select. */
export const weekdayOptions = (of: Language) =>
  Array.from({ length: 7 }, (_, day) => ({ value: String(day), label: weekdayName(day + 1, of) }));

/** Which two rules can't both hold, in the reader's words; the server's figures beside them where they can be read. */
export function clashNoted(problem: Problem): Problem {
  if (problem.reason !== "WORKFORCE_CLASH") return problem;
  const fields = problem.fields.map(({ field, description }) => {
    const [, words = "", against = ""] = /^(.*) \(against (\w+)\)$/s.exec(description) ?? [];
    const name = (rule: string) => textOr("scheduleClash", rule);
    const other = t("schedules.clashWith", { rule: name(against) });
    return {
      field: name(field.split(".").at(-1) ?? ""),
      description: language() === "en" && words ? `${other} (${words})` : other,
    };
  });
  return new Problem(
    problem.status,
    problem.reason,
    problem.detail,
    fields,
    problem.retryAfterSeconds,
    problem.metadata,
  );
}

/** A field that may be empty as the number the API takes. */
export const numberIn = (value: number | string | undefined): number => Number(value) || 0;
