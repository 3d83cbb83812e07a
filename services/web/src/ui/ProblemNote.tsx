import { Button } from "@mantine/core";
import { asProblem } from "../api/problem.ts";
import { useText } from "../i18n/index.ts";
import { FeatureLocked } from "./FeatureLocked.tsx";
import { Note } from "./Note.tsx";
import { problemText } from "./problemText.ts";

interface Props {
  problem: unknown;
  /** What was being done, as a headline: "The queue was not saved". */
  title?: string;
  onRetry?: () => void;
  onClose?: () => void;
  testId?: string;
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
