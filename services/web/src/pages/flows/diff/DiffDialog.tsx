import { Modal, Select, SimpleGrid, Stack } from "@mantine/core";
import { useState } from "react";
import type { Definition, Release } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { Loading } from "../../../ui/LoadMore.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { DiffView } from "./DiffView.tsx";
import { useDiff } from "./useDiff.ts";

interface Props {
  flowId: string;
  draft: Definition;
  releases: readonly Release[];
  /** Number of the release to begin with as the one before. */
  before: number;
  onClose: () => void;
}

const DRAFT = 0;

/** Compares any release with another or with the draft as it is edited. */
export function DiffDialog({ flowId, draft, releases, before, onClose }: Props) {
  const t = useText();
  const language = useLanguage();
  const [from, setFrom] = useState(before);
  const [to, setTo] = useState(DRAFT);
  const { data, error, refetch } = useDiff(flowId, from, to, draft);
  const numbered = releases.map((release) => ({
    value: String(release.number),
    label: t("flows.number", { number: formatNumber(release.number ?? 0, language) }),
  }));
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={t("flowDiff.title")}
      closeButtonProps={{ "aria-label": t("common.close") }}
      data-testid="diff-dialog"
    >
      <Stack>
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <Select
            label={t("flowDiff.before")}
            data={numbered}
            value={String(from)}
            allowDeselect={false}
            onChange={(value) => setFrom(Number(value))}
            data-testid="diff-before"
          />
          <Select
            label={t("flowDiff.after")}
            data={[{ value: String(DRAFT), label: t("flowDiff.draft") }, ...numbered]}
            value={String(to)}
            allowDeselect={false}
            onChange={(value) => setTo(Number(value))}
            data-testid="diff-after"
          />
        </SimpleGrid>
        <ProblemNote problem={error} onRetry={() => void refetch()} />
        {data?.diff ? <DiffView diff={data.diff} definition={draft} /> : !error && <Loading />}
      </Stack>
    </Modal>
  );
}
