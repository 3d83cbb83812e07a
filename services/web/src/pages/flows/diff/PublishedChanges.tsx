import type { Definition } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { Loading } from "../../../ui/LoadMore.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { DiffView } from "./DiffView.tsx";
import { useDiff } from "./useDiff.ts";

/** What publishing the draft changes for callers. */
export function PublishedChanges({ flowId, draft }: { flowId: string; draft: Definition }) {
  const t = useText();
  const language = useLanguage();
  const { data, error, refetch } = useDiff(flowId, 0, 0, draft);
  if (error) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!data?.diff) return <Loading />;
  const number = data.beforeNumber ?? 0;
  return (
    <details open data-testid="publish-changes">
      <summary>
        {number
          ? t("flowDiff.since", { number: formatNumber(number, language) })
          : t("flowDiff.firstRelease")}
      </summary>
      <div style={{ marginBlockStart: 8, maxBlockSize: "40vh", overflowY: "auto" }}>
        <DiffView diff={data.diff} definition={draft} />
      </div>
    </details>
  );
}
