/** How an invoice's parts are shown, to its company and to operators. */
import { Button, Menu } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { fetchBlob } from "../../../api/client.ts";
import type { Invoice, InvoiceState, IssuedLine, Money } from "../../../api/types.ts";
import { formatDate } from "../../../format/dates.ts";
import { formatMoney } from "../../../format/numbers.ts";
import { t, textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { Tag, type Tone } from "../../../ui/Note.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { saveFile } from "../../saveFile.ts";

export const INVOICE_STATES = [
  "INVOICE_STATE_DRAFT",
  "INVOICE_STATE_FINALIZED",
  "INVOICE_STATE_OVERDUE",
  "INVOICE_STATE_PAID",
  "INVOICE_STATE_VOID",
] as const satisfies readonly InvoiceState[];

const TONES: Record<string, Tone> = {
  INVOICE_STATE_PAID: "good",
  INVOICE_STATE_OVERDUE: "bad",
  INVOICE_STATE_FINALIZED: "info",
};

/** An amount of money, as the server says it. */
export function Cost({ money }: { money: Money | undefined }) {
  const language = useLanguage();
  if (!money?.amount) return <>–</>;
  return <bdi className="m-figures">{formatMoney(money.amount, money.currency ?? "", language)}</bdi>;
}

export function StateTag({ state }: { state: InvoiceState | undefined }) {
  return <Tag tone={TONES[state ?? ""] ?? "neutral"}>{textOr("invoice.state", state ?? "")}</Tag>;
}

/** First and last day; the end of a stretch is the moment after it. */
export function Days({ start, end }: { start: string | undefined; end: string | undefined }) {
  const language = useLanguage();
  const last = end ? new Date(Date.parse(end) - 1) : undefined;
  return (
    <bdi>
      {formatDate(start, language)} – {formatDate(last, language)}
    </bdi>
  );
}

/** What the words of a line are made of, on an invoice or on a preview of one. */
type Said = Pick<
  IssuedLine,
  "meter" | "kind" | "descriptionKey" | "descriptionParameters" | "tenantId" | "tenantName"
>;

/** Whether a line is for a period that is still to come. */
export function inAdvance(line: Said): boolean {
  return Boolean(line.descriptionParameters?.advance_start);
}

/** What a line is for, in words. */
export function lineText(line: Said): string {
  const meter = line.meter ?? "";
  const parameters: Record<string, string> = { ...line.descriptionParameters };
  const described = textOr("line", line.descriptionKey ?? "", parameters);
  const known = described !== (line.descriptionKey ?? "");
  const plain = known ? described : meter ? textOr("meter", meter) : textOr("invoice.kind", line.kind ?? "");
  const of = line.tenantName || line.tenantId;
  const what = of ? `${of}: ${whereTo(plain, parameters)}` : whereTo(plain, parameters);
  if (inAdvance(line)) return t("invoice.inAdvance", { what });
  const late = line.kind === "late" || line.kind === "LINE_KIND_LATE";
  return late ? t("invoice.late", { invoice: parameters.invoice ?? "", what }) : what;
}

/** Which numbers a line is of: a destination of a rate deck, or a class of numbers of our own. */
function whereTo(what: string, { destination, reason, price_class }: Record<string, string>): string {
  if (reason) return t("invoice.noRate", { what });
  const where = destination || price_class;
  return where ? `${what}: ${where}` : what;
}

export function isZero(money: Money | undefined): boolean {
  return !/[1-9]/.test(money?.amount ?? "");
}

const FORMATS = [
  ["pdf", "DOCUMENT_FORMAT_PDF", "application/pdf"],
  ["csv", "DOCUMENT_FORMAT_CSV", "text/csv"],
  ["xml", "DOCUMENT_FORMAT_UBL", "application/xml"],
] as const;

interface DownloadProps {
  /** Path of the document behind the API, without its format. */
  path: string;
  number: string;
  compact?: boolean;
}

/** Saves a document, for people, spreadsheets or accounting programs. */
export function DownloadMenu({ path, number, compact }: DownloadProps) {
  const text = useText();
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const save = async ([extension, format, type]: (typeof FORMATS)[number]) => {
    setBusy(true);
    setProblem(undefined);
    try {
      const blob = await fetchBlob(`${path}?format=${format}`);
      saveFile(`${number.replaceAll("/", "-")}.${extension}`, [blob], type);
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <Button
            variant="default"
            size={compact ? "compact-sm" : "sm"}
            leftSection={<IconDownload size={16} aria-hidden />}
            loading={busy}
            aria-label={`${text("invoice.download")}: ${number}`}
            data-testid={`download-${number}`}
          >
            {text("invoice.download")}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {FORMATS.map((each) => (
            <Menu.Item key={each[0]} onClick={() => void save(each)} data-testid={`download-${each[0]}`}>
              {text(`invoice.download.${each[0]}`)}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <ProblemNote problem={problem} onClose={() => setProblem(undefined)} />
    </div>
  );
}

export function documentPath(invoice: Invoice): string {
  return `/v1/invoices/${invoice.invoiceId}/document`;
}

/** The number, or that there is none yet. */
export function numberOf(invoice: Invoice): string {
  return invoice.number || t("invoice.noNumber");
}
