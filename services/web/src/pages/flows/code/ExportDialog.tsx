import { Button, Group, Modal, Select, Stack } from "@mantine/core";
import { IconFileDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { Flow } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { announce } from "../../../ui/announce.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Note } from "../../../ui/Note.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { saveFile } from "../../saveFile.ts";
import { useReleases } from "../useFlow.ts";
import classes from "./code.module.css";
import { FileProblems } from "./FileProblems.tsx";

/** The saved draft or a release as YAML, to copy or to download. */
export function ExportDialog(props: { flow: Flow; dirty: boolean; onClose: () => void }) {
  const { flow } = props;
  const t = useText();
  const language = useLanguage();
  const flowId = flow.flowId ?? "";
  const releases = useReleases(flowId).data ?? [];
  const [number, setNumber] = useState(0);
  const { data, error, refetch } = useQuery({
    queryKey: ["flowFile", flowId, flow.version, number],
    queryFn: () =>
      ask(
        api.GET("/v1/flows/{flowId}/yaml", {
          params: { path: { flowId }, query: { releaseNumber: number } },
        }),
      ),
    staleTime: 0,
  });
  const yaml = data?.yaml ?? "";
  const copy = async () => {
    await navigator.clipboard?.writeText(yaml).catch(() => undefined);
    announce(t("common.copied"));
  };
  const download = () => {
    const name = (flow.displayName ?? "").replace(/[^\p{L}\p{N}]+/gu, "-") || "flow";
    saveFile(`${name}.yaml`, [yaml], "application/yaml");
  };
  return (
    <Modal
      opened
      onClose={props.onClose}
      size="xl"
      title={t("flowFile.export")}
      closeButtonProps={{ "aria-label": t("common.close") }}
      data-testid="export-dialog"
    >
      <Stack>
        <p className={classes.lead}>{t("flowFile.exportBody")}</p>
        {releases.length > 0 && (
          <Select
            label={t("flowFile.version")}
            data={[
              { value: "0", label: t("flowDiff.draft") },
              ...releases.map((release) => ({
                value: String(release.number),
                label: t("flows.number", { number: formatNumber(release.number ?? 0, language) }),
              })),
            ]}
            value={String(number)}
            allowDeselect={false}
            onChange={(value) => setNumber(Number(value))}
          />
        )}
        {props.dirty && number === 0 && <Note tone="warn">{t("flowFile.unsaved")}</Note>}
        <ProblemNote problem={error} onRetry={() => void refetch()} />
        {data && <FileProblems problems={data.problems ?? []} />}
        {data ? (
          <section
            className={classes.code}
            dir="ltr"
            aria-label={t("flowFile.title")}
            // biome-ignore lint/a11y/noNoninteractiveTabindex: a long text scrolls and must be reachable by keyboard
            tabIndex={0}
            data-testid="flow-yaml"
          >
            {yaml}
          </section>
        ) : (
          !error && <Loading />
        )}
        <Group justify="flex-end">
          <Button variant="default" disabled={!data} onClick={() => void copy()}>
            {t("common.copy")}
          </Button>
          <Button
            leftSection={<IconFileDownload size={17} aria-hidden />}
            disabled={!data}
            onClick={download}
            data-testid="flow-download"
          >
            {t("flowFile.download")}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
