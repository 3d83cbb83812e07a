import type { FlowProblem } from "../../api/types.ts";
import { textOr } from "../../i18n/index.ts";

/** What is wrong, in the reader's language where we have words for it. */
export function ProblemText({ problem }: { problem: FlowProblem }) {
  const known = textOr("flowProblem", problem.reason ?? "", {
    field: problem.field ?? "",
    column: problem.column ?? 0,
  });
  return <bdi>{known === problem.reason ? problem.message : known}</bdi>;
}
