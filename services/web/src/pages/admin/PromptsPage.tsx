import { Button, FileInput, Table, TextInput } from "@mantine/core";
import { IconMicrophone, IconPlayerPlay } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { api, ask, fetchBlob, newRequestId } from "../../api/client.ts";
import type { Prompt } from "../../api/types.ts";
import { durationSeconds } from "../../format/durations.ts";
import { isLanguage, LANGUAGE_NAMES, useLanguage, useText } from "../../i18n/index.ts";
import { Confirm } from "../../ui/Confirm.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { LanguageSelect } from "../../ui/fields.tsx";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { RowActions } from "../../ui/RowActions.tsx";
import { Length } from "../../ui/Time.tsx";

export default function PromptsPage() {
  const t = useText();
  const refresh = useRefresh("prompts", "promptList");
  const [adding, setAdding] = useState(false);
  const [deleting, setDeleting] = useState<Prompt>();
  const remove = async (promptId: string) => {
    await ask(api.DELETE("/v1/prompts/{promptId}", { params: { path: { promptId } } }));
    await refresh();
  };
  return (
    <>
      <ListPage<Prompt>
        title={t("nav.prompts")}
        lead={t("admin.prompts.lead")}
        queryKey={["promptList"]}
        icon={IconMicrophone}
        emptyTitle={t("admin.prompts.none")}
        emptyBody={t("admin.prompts.noneBody")}
        add={{ label: t("admin.prompts.add"), onClick: () => setAdding(true), testId: "prompt-add" }}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/prompts", { params: { query: { pageToken } } }));
          return { rows: answer.prompts ?? [], next: answer.nextPageToken ?? "" };
        }}
      >
        {(rows) => (
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("common.name")}</Table.Th>
                <Table.Th>{t("common.language")}</Table.Th>
                <Table.Th>{t("watch.length")}</Table.Th>
                <Table.Th>{t("watch.listen")}</Table.Th>
                <Table.Th aria-label={t("common.actions")} />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.map((prompt) => (
                <Table.Tr key={prompt.promptId}>
                  <Table.Td>
                    <bdi>{prompt.displayName}</bdi>
                  </Table.Td>
                  <Table.Td>{isLanguage(prompt.language) ? LANGUAGE_NAMES[prompt.language] : "–"}</Table.Td>
                  <Table.Td>
                    <Length seconds={durationSeconds(prompt.duration)} />
                  </Table.Td>
                  <Table.Td>
                    <PromptPlayer promptId={prompt.promptId ?? ""} />
                  </Table.Td>
                  <Table.Td>
                    <RowActions
                      name={prompt.displayName ?? ""}
                      testId={`prompt-${prompt.promptId}`}
                      onDelete={() => setDeleting(prompt)}
                    />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </ListPage>
      {adding && <PromptForm onClose={() => setAdding(false)} onSaved={refresh} />}
      <Confirm
        opened={deleting !== undefined}
        title={t("admin.delete.title", { name: deleting?.displayName ?? "" })}
        body={t("admin.prompts.deleteBody")}
        confirm={t("common.delete")}
        onClose={() => setDeleting(undefined)}
        onConfirm={() => remove(deleting?.promptId ?? "")}
      />
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
      <FileInput
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
