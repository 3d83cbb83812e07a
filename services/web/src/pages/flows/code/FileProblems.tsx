import type { FlowProblem } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { Note } from "../../../ui/Note.tsx";
import { ProblemText } from "../ProblemText.tsx";
import classes from "./code.module.css";

/** What is wrong with a file, or with the draft it makes, each with its line, step and field. */
export function FileProblems({ problems, title }: { problems: readonly FlowProblem[]; title?: string }) {
  const t = useText();
  const language = useLanguage();
  if (problems.length === 0) return null;
  const bad = problems.some((problem) => problem.severity === "SEVERITY_ERROR");
  return (
    <Note tone={bad ? "bad" : "warn"} title={title ?? t("flows.warnings")} live testId="file-problems">
      <ul className={classes.problems}>
        {problems.map((problem) => (
          <li
            key={`${problem.line}${problem.stepId}${problem.field}${problem.reason}`}
            data-testid={`file-problem-${problem.reason}`}
          >
            {Boolean(problem.line) && (
              <strong>{t("flowFile.line", { line: formatNumber(problem.line ?? 0, language) })}: </strong>
            )}
            {(problem.stepId || problem.field) && (
              <bdi className={classes.place}>
                {[problem.stepId, problem.field].filter(Boolean).join(" › ")}
              </bdi>
            )}
            <div dir="auto">
              <ProblemText problem={problem} />
            </div>
          </li>
        ))}
      </ul>
    </Note>
  );
}
