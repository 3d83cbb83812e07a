import { Button, Group, Select, Stack, Text } from "@mantine/core";
import { IconFileText } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import type { PortDocumentKind, PortOrder } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { FileField, HINT_BELOW } from "../../../ui/fields.tsx";
import { Note } from "../../../ui/Note.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { RemoveLine } from "../../../ui/RowActions.tsx";
import classes from "./porting.module.css";

const LETTER: PortDocumentKind = "PORT_DOCUMENT_KIND_LETTER_OF_AUTHORIZATION";
const BILL: PortDocumentKind = "PORT_DOCUMENT_KIND_BILL";
const OTHER: PortDocumentKind = "PORT_DOCUMENT_KIND_OTHER";
const KINDS = [LETTER, BILL, OTHER] as const;
const MOST_BYTES = 3_000_000;

/** Letter of authorization and last bill; what is missing is said. */
export function Documents(props: { order: PortOrder; onChange: (order: PortOrder) => Promise<void> }) {
  const t = useText();
  const language = useLanguage();
  const { order } = props;
  const portOrderId = order.portOrderId ?? "";
  const missing = new Set(order.missing);
  const due = missing.has("LETTER_OF_AUTHORIZATION") ? LETTER : missing.has("BILL") ? BILL : OTHER;
  const [chosen, setChosen] = useState<PortDocumentKind>();
  const [file, setFile] = useState<File | null>(null);
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const kind = chosen ?? due;
  const tooBig = (file?.size ?? 0) > MOST_BYTES;
  const run = async (work: () => Promise<PortOrder>) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await props.onChange(await work());
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  const upload = () =>
    run(async () => {
      if (!file) return order;
      const content = await base64Of(file);
      const params = { path: { portOrderId } };
      const body = { requestId: newRequestId(), kind, fileName: file.name, content };
      const answer = await ask(api.POST("/v1/portOrders/{portOrderId}/documents", { params, body }));
      setFile(null);
      setChosen(undefined);
      return answer;
    });
  const remove = (portDocumentId: string) =>
    run(() => {
      const params = { path: { portOrderId, portDocumentId } };
      return ask(api.DELETE("/v1/portOrders/{portOrderId}/documents/{portDocumentId}", { params }));
    });
  return (
    <Stack>
      <Text>{t("porting.documentsLead")}</Text>
      <ul className={classes.files} aria-label={t("porting.documents")}>
        {(order.documents ?? []).map((each) => (
          <li key={each.portDocumentId} className={classes.file}>
            <IconFileText size={18} aria-hidden />
            <span className={classes.fileName}>
              <bdi>{each.fileName}</bdi>
            </span>
            <span>{documentName(each.kind)}</span>
            <span className="m-figures">
              {formatNumber(Math.ceil(Number(each.size ?? 0) / 1000), language)} kB
            </span>
            <RemoveLine onClick={() => void remove(each.portDocumentId ?? "")} />
          </li>
        ))}
      </ul>
      <div className={classes.columns}>
        <Select
          label={t("porting.documentKind")}
          allowDeselect={false}
          data={KINDS.map((value) => ({ value, label: documentName(value) }))}
          value={kind}
          onChange={(value) => setChosen((value ?? undefined) as PortDocumentKind | undefined)}
          data-testid="port-document-kind"
        />
        <FileField
          label={t("porting.file")}
          description={t("porting.fileHint")}
          inputWrapperOrder={HINT_BELOW}
          accept="application/pdf,image/png,image/jpeg"
          disabled={busy}
          value={file}
          onChange={setFile}
          clearable
          clearButtonProps={{ "aria-label": t("common.remove") }}
          fileInputProps={{ "aria-label": t("porting.file") }}
          error={tooBig ? t("porting.fileTooBig") : undefined}
          data-testid="port-file"
        />
      </div>
      <ProblemNote problem={problem} />
      <Group>
        <Button
          disabled={!file || tooBig}
          loading={busy}
          onClick={() => void upload()}
          data-testid="port-upload"
        >
          {t("porting.upload")}
        </Button>
      </Group>
      {(missing.has("LETTER_OF_AUTHORIZATION") || missing.has("BILL")) && (
        <Note tone="warn">
          {t("porting.stillMissing")}{" "}
          {KINDS.slice(0, 2)
            .filter((each) => missing.has(each.replace("PORT_DOCUMENT_KIND_", "")))
            .map(documentName)
            .join(", ")}
        </Note>
      )}
    </Stack>
  );
}

function documentName(kind: PortDocumentKind | undefined): string {
  return textOr("portDocument", (kind ?? "").replace("PORT_DOCUMENT_KIND_", ""));
}

async function base64Of(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  // In pieces: a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 32_768)
    text += String.fromCharCode(...bytes.subarray(at, at + 32_768));
  return btoa(text);
}
