import { Button, TextInput } from "@mantine/core";
import { IconMicrophone, IconPlayerPlay } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { api, ask, fetchBlob, newRequestId } from "../../api/client.ts";
import type { Prompt } from "../../api/types.ts";
import { durationSeconds } from "../../format/durations.ts";
import { isLanguage, LANGUAGE_NAMES, useLanguage, useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { FileField, LanguageSelect } from "../../ui/fields.tsx";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { Length } from "../../ui/Time.tsx";

export default function PromptsPage() {
  const t = useText();
  const refresh = useRefresh("prompts", "promptList");
  const [adding, setAdding] = useState(false);
  const remove = async (promptId: string) => {
    await ask(api.DELETE("/v1/prompts/{promptId}", { params: { path: { promptId } } }));
    await refresh();
  };
  return (
    <>
      <ListPage<Prompt>
        noun="prompt"
        title={t("nav.prompts")}
        lead={t("admin.prompts.lead")}
        queryKey={["promptList"]}
        icon={IconMicrophone}
        emptyTitle={t("admin.prompts.none")}
        emptyBody={t("admin.prompts.noneBody")}
        add={{ label: t("admin.prompts.add"), onClick: () => setAdding(true) }}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/prompts", { params: { query: { pageToken } } }));
          return { rows: answer.prompts ?? [], next: answer.nextPageToken ?? "" };
        }}
        idOf={(row) => row.promptId}
        nameOf={(row) => row.displayName}
        remove={{ run: remove, body: t("admin.prompts.deleteBody") }}
        columns={[
          { head: t("common.name"), cell: (row) => <bdi>{row.displayName}</bdi> },
          {
            head: t("common.language"),
            cell: (row) => (isLanguage(row.language) ? LANGUAGE_NAMES[row.language] : "–"),
          },
          { head: t("watch.length"), cell: (row) => <Length seconds={durationSeconds(row.duration)} /> },
          { head: t("watch.listen"), cell: (row) => <PromptPlayer promptId={row.promptId ?? ""} /> },
        ]}
      />
      {adding && <PromptForm onClose={() => setAdding(false)} onSaved={refresh} />}
    </>
  );
}

function PromptPlayer({ promptId }: { promptId: string }) {
  const t = useText();
  const [address, setAddress] = useState("");
  const [problem, setProblem] = useState<unknown>();
  useEffect(() => () => URL.revokeObjectURL(address), [address]);
  const load = () =>
    fetchBlob(`/v1/prompts/${promptId}/audio`)
      .then((blob) => setAddress(URL.createObjectURL(blob)))
      .catch(setProblem);
  if (address) {
    // biome-ignore lint/a11y/useMediaCaption: a prompt's words are its name
    return <audio controls autoPlay src={address} aria-label={t("watch.listen")} style={{ height: 36 }} />;
  }
  return (
    <>
      <Button
        variant="default"
        size="xs"
        leftSection={<IconPlayerPlay size={15} aria-hidden />}
        onClick={() => void load()}
      >
        {t("watch.play")}
      </Button>
      <ProblemNote problem={problem} />
    </>
  );
}

function PromptForm(props: { onClose: () => void; onSaved: () => Promise<void> }) {
  const t = useText();
  const [name, setName] = useState("");
  const [language, setLanguage] = useState<string>(useLanguage());
  const [file, setFile] = useState<File | null>(null);
  const save = async () => {
    if (!file) return;
    const prompt = { displayName: name || file.name, language };
    const audio = await base64Of(file);
    await ask(api.POST("/v1/prompts", { body: { requestId: newRequestId(), prompt, audio } }));
    await props.onSaved();
  };
  return (
    <FormModal title={t("admin.prompts.add")} onClose={props.onClose} onSave={save} testId="prompt">
      <FileField
        label={t("admin.prompts.file")}
        description={t("admin.prompts.fileHint")}
        placeholder={t("admin.prompts.filePick")}
        accept="audio/*,.wav,.mp3,.ogg,.opus"
        required
        value={file}
        onChange={setFile}
        fileInputProps={{ "aria-label": t("admin.prompts.file") }}
        data-testid="prompt-file"
      />
      <TextInput
        label={t("common.name")}
        placeholder={file?.name ?? ""}
        maxLength={120}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-testid="prompt-name"
      />
      <LanguageSelect value={language} onChange={setLanguage} />
    </FormModal>
  );
}

/** Bytes fields are base64 in proto3 JSON. */
async function base64Of(file: File): Promise<string> {
  const address = await new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
  return address.slice(address.indexOf(",") + 1);
}
