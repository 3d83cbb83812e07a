import type { FlowProblem } from "../../api/types.ts";
import { textOr, useLanguage } from "../../i18n/index.ts";

/** Reasons whose words say less than the server does, which names the limit or the thing, in English. */
const GENERAL = new Set([
  "HEADER_INVALID",
  "KEY_UNKNOWN",
  "NAME_AMBIGUOUS",
  "NAME_MISSING",
  "RANGE_INVALID",
  "TEST_INVALID",
  "URL_INVALID",
  "VALUE_INVALID",
]);

/** What is wrong, in the reader's language where we have words for it. */
export function ProblemText({ problem }: { problem: FlowProblem }) {
  const english = useLanguage() === "en";
  const reason = problem.reason ?? "";
  const known = textOr("flowProblem", reason, {
    field: problem.field ?? "",
    column: problem.column ?? 0,
  });
  if (known === reason || (english && GENERAL.has(reason))) return <bdi>{problem.message}</bdi>;
  if (!GENERAL.has(reason)) return <bdi>{known}</bdi>;
  return (
    <>
      <bdi>{known}</bdi>{" "}
      <bdi lang="en" dir="ltr">
        {problem.message}
      </bdi>
    </>
  );
}
