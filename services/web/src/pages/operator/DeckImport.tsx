import { Button, Checkbox, Group, Progress } from "@mantine/core";
import { useRef, useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import type { RateDeck, RateDeckReport } from "../../api/types.ts";
import { formatNumber } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { DataTable } from "../../ui/DataTable.tsx";
import { FileField, TextField } from "../../ui/fields.tsx";
import { Note, Tag, type Tone } from "../../ui/Note.tsx";
import { Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import classes from "./operator.module.css";

const PART_CHARACTERS = 180_000;
const KINDS = ["NEW", "REMOVED", "UP", "DOWN", "CHANGED"] as const;

interface Props {
  deck: RateDeck;
  onClose: () => void;
  onDone: () => Promise<void>;
}

/** Brings a file in as a draft, shows every bad line and what it would change, and activates it when it is wished. */
export function DeckImport({ deck, onClose, onDone }: Props) {
  const t = useText();
  const language = useLanguage();
  const [share, setShare] = useState<number>();
  const [report, setReport] = useState<RateDeckReport>();
  const [problem, setProblem] = useState<unknown>();
  const [accepted, setAccepted] = useState(false);
  const [from, setFrom] = useState("");
  const [busy, setBusy] = useState(false);
  const requestId = useRef(newRequestId());
  const deckId = deck.rateDeckId ?? "";
  const bring = async (file: File | null) => {
    if (!file) return;
    setProblem(undefined);
    setReport(undefined);
    setShare(0);
    requestId.current = newRequestId();
    try {
      setReport(await dryRun(deckId, await file.text(), setShare));
    } catch (error) {
      setProblem(error);
    } finally {
      setShare(undefined);
    }
  };
  const activate = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const body = {
        requestId: requestId.current,
        version: report?.version ?? 0,
        acceptWarnings: accepted,
        activateTime: from ? new Date(from).toISOString() : undefined,
      };
      const params = { path: { rateDeckId: deckId } };
      await ask(api.POST("/v1/operator/rateDecks/{rateDeckId}:activate", { params, body }));
      toast(t("rates.activated", { name: deck.displayName ?? "" }));
      await onDone();
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  const blocked = !report || (report.errorCount ?? 0) > 0 || ((report.warningCount ?? 0) > 0 && !accepted);
  return (
    <Panel label={t("rates.import")} testId="deck-import-panel" style={{ marginBlockEnd: 16 }}>
      <h2 className={classes.title}>{t("rates.import")}</h2>
      <p className={classes.lead}>{t("rates.importLead")}</p>
      <p className={classes.columns} dir="ltr">
        prefix, direction, destination, price_per_minute, currency, increments, connect_fee, minimum, maximum,
        after_maximum, state, days, from, to, effective_from, effective_to
      </p>
      <FileField
        label={t("rates.file")}
        accept=".csv,text/csv"
        disabled={share !== undefined}
        onChange={(file) => void bring(file as File | null)}
        data-testid="deck-file"
      />
      {share !== undefined && <Progress mt="sm" value={share * 100} aria-label={t("rates.reading")} />}
      <ProblemNote problem={problem} />
      {report && <Report report={report} />}
      {report && (report.warningCount ?? 0) > 0 && (report.errorCount ?? 0) === 0 && (
        <Checkbox
          mt="md"
          label={t("rates.acceptWarnings", { count: formatNumber(report.warningCount ?? 0, language) })}
          checked={accepted}
          onChange={(event) => setAccepted(event.currentTarget.checked)}
          data-testid="deck-accept"
        />
      )}
      {report && (report.errorCount ?? 0) === 0 && (
        <TextField
          mt="md"
          style={{ maxInlineSize: 320 }}
          type="datetime-local"
          label={t("rates.activateFrom")}
          description={t("rates.activateHint")}
          value={from}
          onChange={(event) => setFrom(event.currentTarget.value)}
        />
      )}
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={onClose}>
          {t("common.cancel")}
        </Button>
        <Button disabled={blocked} loading={busy} onClick={() => void activate()} data-testid="deck-activate">
          {t("rates.activate")}
        </Button>
      </Group>
    </Panel>
  );
}

/** Uploads the file part by part and has it read, without anything being changed. */
async function dryRun(deckId: string, text: string, told: (share: number) => void): Promise<RateDeckReport> {
  const params = { path: { rateDeckId: deckId } };
  const draft = await ask(
    api.POST("/v1/operator/rateDecks/{rateDeckId}:beginImport", {
      params,
      body: { requestId: newRequestId() },
    }),
  );
  const version = draft.version ?? 0;
  for (let start = 0, part = 0; start < text.length; start += PART_CHARACTERS, part += 1) {
    const csv = text.slice(start, start + PART_CHARACTERS);
    await ask(
      api.POST("/v1/operator/rateDecks/{rateDeckId}:uploadPart", { params, body: { version, part, csv } }),
    );
    told(Math.min(1, (start + PART_CHARACTERS) / text.length));
  }
  return ask(api.POST("/v1/operator/rateDecks/{rateDeckId}:checkImport", { params, body: { version } }));
}

function Report({ report }: { report: RateDeckReport }) {
  const t = useText();
  const language = useLanguage();
  const count = (value: number | undefined) => formatNumber(value ?? 0, language);
  const wrong = (report.errorCount ?? 0) > 0;
  return (
    <div className={classes.report} data-testid="deck-report">
      <Note
        tone={wrong ? "bad" : (report.warningCount ?? 0) > 0 ? "warn" : "good"}
        title={t(wrong ? "rates.report.wrong" : "rates.report.good", {
          lines: count(report.lineCount),
          errors: count(report.errorCount),
        })}
        live
      >
        {t("rates.report.nothingYet")}
      </Note>
      <div className={classes.counts}>
        {KINDS.map((kind) => (
          <Tag key={kind} tone={toneOf(kind, report.changeCounts?.[kind] ?? 0)}>
            {t(`rates.change.${kind}`)}: {count(report.changeCounts?.[kind])}
          </Tag>
        ))}
        <Tag>
          {t("rates.unchanged")}: {count(report.unchangedCount)}
        </Tag>
      </div>
      {(report.problems ?? []).length > 0 && (
        <DataTable
          label={t("rates.problems")}
          rows={(report.problems ?? []).slice(0, 100)}
          keyOf={(each) => `${each.line}-${each.reason}-${each.otherLine}`}
          columns={[
            {
              head: t("rates.line"),
              cell: (each) => (
                <span className="m-figures">
                  {count(each.line)}
                  {each.otherLine ? ` ↔ ${count(each.otherLine)}` : ""}
                </span>
              ),
            },
            {
              head: t("rates.problem"),
              cell: (each) => (
                <>
                  {each.warning && <Tag tone="warn">{t("rates.warning")}</Tag>}{" "}
                  {textOr("rates.problem", each.reason ?? "")}
                </>
              ),
            },
            { head: t("rates.column"), cell: (each) => <span className="m-ltr">{each.column || "–"}</span> },
            { head: t("rates.value"), cell: (each) => <bdi className="m-ltr">{each.value || "–"}</bdi> },
          ]}
        />
      )}
      {(report.changes ?? []).length > 0 && (
        <DataTable
          label={t("rates.changes")}
          rows={(report.changes ?? []).slice(0, 100)}
          keyOf={(each) => `${each.kind}-${each.direction}-${each.prefix}`}
          columns={[
            { head: t("rates.prefix"), cell: (each) => <span className="m-ltr">{each.prefix || "*"}</span> },
            { head: t("rates.destination"), cell: (each) => <bdi>{each.destination || "–"}</bdi> },
            { head: t("rates.changes"), cell: (each) => textOr("rates.change", each.kind ?? "") },
            { head: t("rates.oldPrice"), cell: (each) => <Price value={each.oldPrice} /> },
            { head: t("rates.newPrice"), cell: (each) => <Price value={each.newPrice} /> },
          ]}
        />
      )}
    </div>
  );
}

/** What deserves a look before it is activated. */
function toneOf(kind: (typeof KINDS)[number], count: number): Tone {
  if (count === 0) return "neutral";
  return kind === "UP" ? "warn" : kind === "REMOVED" ? "bad" : "neutral";
}

function Price({ value }: { value: string | undefined }) {
  const language = useLanguage();
  return <span className="m-figures">{value ? formatNumber(value, language) : "–"}</span>;
}
