import { Button, Group } from "@mantine/core";
import { useRef, useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import type { HistorySeries, ImportReport } from "../../api/types.ts";
import { formatDate } from "../../format/dates.ts";
import { formatNumber } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { DataTable } from "../../ui/DataTable.tsx";
import { FileField } from "../../ui/fields.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { Note } from "../../ui/Note.tsx";
import { Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { noonOf, ZONELESS } from "./days.ts";
import classes from "./planning.module.css";
import { IntervalSelect } from "./RunBar.tsx";
import { keyOf } from "./usePlanning.ts";

type Problem = NonNullable<ImportReport["problems"]>[number];

interface Props {
  series: readonly HistorySeries[];
  zone: string;
  mayChange: boolean;
}

/** What is known, and bringing in what came before: every bad line is named before anything is taken. */
export function ImportHistory({ series, zone, mayChange }: Props) {
  const t = useText();
  const language = useLanguage();
  const day = (value: string | undefined) => formatDate(noonOf(value), language, ZONELESS);
  return (
    <div className={classes.stack}>
      {mayChange && <Import zone={zone} />}
      {series.length > 0 && (
        <Panel label={t("planning.known")} flush>
          <DataTable<HistorySeries>
            label={t("planning.known")}
            rows={series}
            keyOf={keyOf}
            columns={[
              { head: t("planning.series"), cell: (row) => <bdi>{row.queueName || row.queueId}</bdi> },
              {
                head: t("planning.channel"),
                cell: (row) =>
                  textOr("planningChannel", (row.channel ?? "CHANNEL_VOICE").replace("CHANNEL_", "")),
              },
              { head: t("planning.knownFrom"), cell: (row) => day(row.firstDay) },
              { head: t("planning.knownUntil"), cell: (row) => day(row.lastDay) },
            ]}
          />
        </Panel>
      )}
    </div>
  );
}

function Import({ zone }: { zone: string }) {
  const t = useText();
  const refresh = useRefresh("wfm");
  const [minutes, setMinutes] = useState("30");
  const [csv, setCsv] = useState("");
  const [report, setReport] = useState<ImportReport>();
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const requestId = useRef(newRequestId());
  const send = async (text: string, length: string, dryRun: boolean) => {
    setProblem(undefined);
    setBusy(true);
    try {
      const body = { requestId: requestId.current, csv: text, intervalMinutes: Number(length), dryRun };
      setReport(await ask(api.POST("/v1/wfm/history:import", { body })));
      if (!dryRun) await refresh();
    } catch (error) {
      setReport(undefined);
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  const chosen = async (file: File | null) => {
    requestId.current = newRequestId();
    setReport(undefined);
    setProblem(undefined);
    const text = file ? await file.text() : "";
    setCsv(text);
    if (text) await send(text, minutes, true);
  };
  const again = (length: string) => {
    setMinutes(length);
    requestId.current = newRequestId();
    if (csv) void send(csv, length, true);
  };
  const takeable = report && !report.imported && !report.badLines && (report.goodLines ?? 0) > 0;
  return (
    <Panel label={t("planning.importTitle")} testId="import-panel">
      <h2 className={classes.title}>{t("planning.importTitle")}</h2>
      <p className={classes.lead}>
        {t("planning.importLead")} {t("planning.zone", { zone: `\u2066${zone}\u2069` })}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section className={classes.columns} dir="ltr" tabIndex={0} aria-label={t("planning.column")}>
        start,queue,offered,channel,answered,abandoned,handled,aht_seconds
      </section>
      <div className={classes.pair} style={{ marginBlock: 12 }}>
        <IntervalSelect value={minutes} onChange={again} />
        <FileField
          label={t("planning.file")}
          accept=".csv,text/csv"
          clearable
          clearButtonProps={{ "aria-label": t("common.delete") }}
          onChange={(file) => void chosen(file as File | null)}
          data-testid="import-file"
        />
      </div>
      <ProblemNote problem={problem} />
      {report && <Report report={report} />}
      {takeable && (
        <Group justify="flex-end" mt="md">
          <Button loading={busy} onClick={() => void send(csv, minutes, false)} data-testid="import-take">
            {t("planning.take")}
          </Button>
        </Group>
      )}
    </Panel>
  );
}

function Report({ report }: { report: ImportReport }) {
  const t = useText();
  const language = useLanguage();
  const count = (value: number | undefined) => formatNumber(value ?? 0, language);
  const day = (value: string | undefined) => formatDate(noonOf(value), language, ZONELESS);
  const bad = (report.badLines ?? 0) > 0;
  const words = report.imported
    ? t("planning.imported", { count: count(report.goodLines) })
    : bad
      ? t("planning.bad", { count: count(report.badLines) })
      : t("planning.good", {
          count: count(report.goodLines),
          first: day(report.firstDay),
          last: day(report.lastDay),
          replaced: count(report.replacedIntervals),
        });
  return (
    <div data-testid="import-report">
      <Note tone={bad ? "bad" : report.imported ? "good" : "info"} live>
        {words}
      </Note>
      {bad && (
        <div style={{ marginBlockStart: 12 }}>
          <DataTable<Problem>
            label={t("planning.problems")}
            rows={report.problems ?? []}
            keyOf={(row) => `${row.line}/${row.column}`}
            columns={[
              { head: t("planning.line"), cell: (row) => count(row.line) },
              { head: t("planning.column"), cell: (row) => <span dir="ltr">{row.column || "–"}</span> },
              { head: t("planning.problem"), cell: (row) => textOr("planningImport", row.problem ?? "") },
              { head: t("planning.stands"), cell: (row) => <bdi>{row.value || "–"}</bdi> },
            ]}
          />
        </div>
      )}
    </div>
  );
}
