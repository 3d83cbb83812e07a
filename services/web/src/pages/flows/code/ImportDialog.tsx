import { Button, FileInput, Group, Modal, Stack, Textarea } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import type { Flow, FlowDiff, FlowProblem } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { Note } from "../../../ui/Note.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { DiffView } from "../diff/DiffView.tsx";
import classes from "./code.module.css";
import { FileProblems } from "./FileProblems.tsx";

interface Props {
  /** The flow whose draft the file becomes; a new flow without. */
  flow?: Flow;
  dirty?: boolean;
  onClose: () => void;
  onImported: (flow: Flow) => Promise<void>;
}

interface Checked {
  yaml: string;
  flow: Flow | undefined;
  problems: readonly FlowProblem[];
  changes: FlowDiff | undefined;
}

/** Reads a flow from YAML: first what would come of it, then takes it over. */
export function ImportDialog({ flow, dirty, onClose, onImported }: Props) {
  const t = useText();
  const [yaml, setYaml] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [checked, setChecked] = useState<Checked>();
  const [requestId, setRequestId] = useState(newRequestId);
  const [failure, setFailure] = useState<unknown>();
  const [busy, setBusy] = useState("");
  const current = checked?.yaml === yaml ? checked : undefined;
  const ready = current?.flow !== undefined;
  const send = (dryRun: boolean) => {
    const target = { flowId: flow?.flowId ?? "", version: flow?.version ?? "0" };
    return ask(api.POST("/v1/flows:import", { body: { requestId, yaml, dryRun, ...target } }));
  };
  const run = async (name: string, work: () => Promise<void>) => {
    setBusy(name);
    setFailure(undefined);
    try {
      await work();
    } catch (error) {
      setFailure(error);
    } finally {
      setBusy("");
    }
  };
  const check = () =>
    run("check", async () => {
      const answer = await send(true);
      setRequestId(newRequestId());
      setChecked({ yaml, flow: answer.flow, problems: answer.problems ?? [], changes: answer.changes });
    });
  const take = () =>
    run("take", async () => {
      const answer = await send(false);
      toast(t("flowFile.imported"));
      await onImported(answer.flow ?? {});
      onClose();
    });
  const choose = (chosen: File | null) => {
    setFile(chosen);
    void chosen?.text().then(setYaml, setFailure);
  };
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={flow ? t("flowFile.import") : t("flowFile.importNew")}
      closeButtonProps={{ "aria-label": t("common.close") }}
      data-testid="import-dialog"
    >
      <Stack>
        <p className={classes.lead}>{flow ? t("flowFile.importBody") : t("flowFile.importNewBody")}</p>
        {dirty && <Note tone="warn">{t("flowFile.replaces")}</Note>}
        <FileInput
          label={t("flowFile.choose")}
          placeholder="flow.yaml"
          accept=".yaml,.yml,application/yaml,text/yaml"
          value={file}
          onChange={choose}
          clearable
          clearButtonProps={{ "aria-label": t("common.remove") }}
          data-testid="import-file"
        />
        <Textarea
          label={t("flowFile.text")}
          autosize
          minRows={6}
          maxRows={14}
          dir="ltr"
          spellCheck={false}
          classNames={{ input: classes.typed }}
          value={yaml}
          onChange={(event) => setYaml(event.currentTarget.value)}
          data-testid="import-text"
        />
        <ProblemNote problem={failure} title={t("flowFile.notImported")} />
        {current && (
          <FileProblems
            problems={current.problems}
            title={ready ? t("flowFile.draftProblems") : t("flowFile.unreadable")}
          />
        )}
        {ready && current.changes && <DiffView diff={current.changes} definition={current.flow?.draft} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t("common.cancel")}
          </Button>
          <Button
            variant={ready ? "default" : "filled"}
            disabled={!yaml.trim()}
            loading={busy === "check"}
            onClick={() => void check()}
            data-testid="import-check"
          >
            {t("flowFile.check")}
          </Button>
          <Button
            disabled={!ready}
            loading={busy === "take"}
            onClick={() => void take()}
            data-testid="import-take"
          >
            {flow ? t("flowFile.take") : t("common.create")}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
