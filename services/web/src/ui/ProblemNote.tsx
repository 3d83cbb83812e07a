import { Button } from "@mantine/core";
import { asProblem, type Problem } from "../api/problem.ts";
import { formatClock } from "../format/durations.ts";
import { language, type MessageKey, t, textOr, useText } from "../i18n/index.ts";
import { FeatureLocked } from "./FeatureLocked.tsx";
import { Note } from "./Note.tsx";

interface Props {
  problem: unknown;
  /** What was being done, as a headline: "The queue was not saved". */
  title?: string;
  onRetry?: () => void;
  onClose?: () => void;
  testId?: string;
}

/** What happened and what to do next, in the reader's language where we know the reason, else as the server said it. */
function problemText(problem: Problem): string {
  const known = textOr("problem", problem.reason, limitsOf(problem));
  const wait = problem.retryAfterSeconds
    ? ` ${t("problem.retryAfter", { time: formatClock(problem.retryAfterSeconds, language()) })}`
    : "";
  if (known !== problem.reason) return known + wait;
  const byStatus = statusKey(problem.status);
  const detail = problem.detail && problem.detail !== problem.reason ? ` ${problem.detail}` : "";
  return `${t(byStatus)}${detail}${wait}`;
}

/** What a problem is about: the plan's limits in words, numbers. */
function limitsOf(problem: Problem): Record<string, string> {
  const { limit, limits, allowed, numbers, flows } = problem.metadata;
  const named = String(limit ?? limits ?? "").split(",");
  return {
    limits: named.map((each) => textOr("limit", each)).join(", "),
    allowed: String(allowed ?? ""),
    numbers: String(numbers ?? ""),
    flows: `\u2068${String(flows ?? "")}\u2069`,
  };
}

function statusKey(status: number): MessageKey {
  if (status === 400 || status === 422) return "problem.input";
  if (status === 403) return "problem.forbidden";
  if (status === 404) return "problem.notFound";
  if (status === 409 || status === 412) return "problem.conflict";
  if (status === 429) return "problem.tooMany";
  return "problem.server";
}

export function ProblemNote({ problem, title, onRetry, onClose, testId = "problem" }: Props) {
  const t = useText();
  if (!problem) return null;
  const known = asProblem(problem);
  if (known.reason === "FEATURE_NOT_IN_PLAN") {
    const feature = String(known.metadata.feature ?? "");
    return <FeatureLocked feature={feature} tone="bad" title={title ?? t("problem.title")} testId={testId} />;
  }
  return (
    <Note tone="bad" title={title ?? t("problem.title")} onClose={onClose} testId={testId} live>
      <span>{problemText(known)}</span>
      {known.fields.length > 0 && (
        <ul style={{ margin: "6px 0 0", paddingInlineStart: 18 }}>
          {known.fields.map((field) => (
            <li key={field.field + field.description}>
              <bdi>{field.field}</bdi>: <bdi>{field.description}</bdi>
            </li>
          ))}
        </ul>
      )}
      {onRetry && (
        <div style={{ marginTop: 8 }}>
          <Button size="xs" variant="default" onClick={onRetry}>
            {t("common.retry")}
          </Button>
        </div>
      )}
    </Note>
  );
}
