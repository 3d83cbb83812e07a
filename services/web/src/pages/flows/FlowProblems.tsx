import { Anchor } from "@mantine/core";
import type { FlowProblem, Step } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { Note } from "../../ui/Note.tsx";
import classes from "./flows.module.css";
import { ProblemText } from "./ProblemText.tsx";
import { stepName } from "./steps.ts";

/** What stands in the way of publishing, each with the step it is about. */
export function FlowProblems({
  problems,
  steps,
  onStep,
}: {
  problems: readonly FlowProblem[];
  steps: readonly Step[];
  /** Shows a step where it isn't on the page to be linked to. */
  onStep?: ((stepId: string) => void) | undefined;
}) {
  const t = useText();
  if (problems.length === 0) {
    return (
      <Note tone="good" live testId="flow-valid">
        {t("flows.valid")}
      </Note>
    );
  }
  const blocking = problems.some((problem) => problem.severity === "SEVERITY_ERROR");
  return (
    <Note
      tone={blocking ? "bad" : "warn"}
      title={blocking ? t("flows.blocked") : t("flows.warnings")}
      live
      testId="flow-problems"
    >
      <ul className={classes.problems}>
        {problems.map((problem) => (
          <li
            key={`${problem.stepId}${problem.field}${problem.reason}`}
            data-testid={`flow-problem-${problem.reason}`}
          >
            {problem.stepId && (
              <>
                <Anchor
                  href={`#step-${problem.stepId}`}
                  underline="always"
                  onClick={(event) => {
                    if (!onStep) return;
                    event.preventDefault();
                    onStep(problem.stepId ?? "");
                  }}
                >
                  {stepName(steps, problem.stepId)}
                </Anchor>
                :{" "}
              </>
            )}
            <ProblemText problem={problem} />
          </li>
        ))}
      </ul>
    </Note>
  );
}
