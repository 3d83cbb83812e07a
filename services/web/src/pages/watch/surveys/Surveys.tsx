import { Anchor, Button, Select } from "@mantine/core";
import { IconDownload, IconMoodSmile } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { api, ask } from "../../../api/client.ts";
import { optionsOf, useBrands, useNames } from "../../../api/names.ts";
import type { SurveyAnswer, SurveyQuestion } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { lengthWords } from "../../../rules/words.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { Loading, PagedPanel, usePages } from "../../../ui/LoadMore.tsx";
import { PageHeader, Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { DateTime } from "../../../ui/Time.tsx";
import classes from "../watch.module.css";
import { type Column, commentSeconds, download, PERIODS, queryOf, type Wanted } from "./answers.ts";
import { Question } from "./Question.tsx";

const ALL: Wanted = { days: 30, brandId: "", flowId: "", questionId: "" };
const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

function useReport(wanted: Wanted) {
  return useQuery({
    queryKey: ["surveyReport", wanted],
    queryFn: async (): Promise<SurveyQuestion[]> => {
      const query = { ...queryOf(wanted, new Date()), timeZone: zone() };
      return (await ask(api.GET("/v1/surveyReport", { params: { query } }))).questions ?? [];
    },
    placeholderData: keepPreviousData,
  });
}

/** What callers answered to surveys: added up question by question, then one by one. */
export default function Surveys() {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const [wanted, setWanted] = useState(ALL);
  const [failure, setFailure] = useState<unknown>();
  const [saving, setSaving] = useState(false);
  const report = useReport(wanted);
  const questions = report.data ?? [];
  const save = async () => {
    setSaving(true);
    setFailure(undefined);
    try {
      await download(wanted, columns);
    } catch (error) {
      setFailure(error);
    } finally {
      setSaving(false);
    }
  };
  const columns: readonly Column[] = [
    [t("surveys.answered"), (row) => row.answerTime],
    [t("surveys.flow"), (row) => row.flowName || row.flowId],
    [t("surveys.question"), (row) => row.questionId],
    [t("surveys.answer"), (row) => row.value],
    [
      t("surveys.scale", { lowest: "min", highest: "max" }),
      (row) => `${row.lowest ?? 0}..${row.highest ?? 0}`,
    ],
    [t("surveys.brand"), (row) => (row.brandId ? names.brand(row.brandId) : "")],
    [t("desktop.queue"), (row) => (row.queueId ? names.queue(row.queueId) : "")],
    [t("role.ROLE_AGENT"), (row) => (row.agentId ? names.user(row.agentId) : "")],
    [t("surveys.comment"), (row) => commentSeconds(row) || ""],
    ["call_id", (row) => row.callId],
  ];
  return (
    <>
      <PageHeader
        title={t("surveys.tab")}
        subtitle={t("surveys.lead")}
        actions={
          <Button
            variant="default"
            leftSection={<IconDownload size={17} aria-hidden />}
            loading={saving}
            disabled={questions.length === 0}
            onClick={() => void save()}
            data-testid="surveys-download"
          >
            {t("surveys.download")}
          </Button>
        }
      />
      <Filters wanted={wanted} onChange={(part) => setWanted({ ...wanted, ...part })} />
      <ProblemNote problem={failure ?? report.error} onRetry={() => void report.refetch()} />
      {report.isPending && <Loading />}
      {report.data && questions.length === 0 && (
        <Panel>
          <EmptyState icon={IconMoodSmile} title={t("surveys.none")}>
            {t("surveys.noneBody")}
          </EmptyState>
        </Panel>
      )}
      {questions.length > 0 && (
        <div className={classes.stack}>
          {questions.map((each) => (
            <Question key={`${each.flowId} ${each.questionId}`} question={each} days={wanted.days} />
          ))}
          <Answers wanted={wanted} spoke={(row) => lengthWords(commentSeconds(row), t, language)} />
        </div>
      )}
    </>
  );
}

function Filters({ wanted, onChange }: { wanted: Wanted; onChange: (part: Partial<Wanted>) => void }) {
  const t = useText();
  const language = useLanguage();
  const brands = useBrands().data ?? [];
  // What there is to choose hangs on the period and the brand, not on what is chosen.
  const all = useReport({ ...wanted, flowId: "", questionId: "" }).data ?? [];
  const flows = new Map(all.map((each) => [each.flowId ?? "", each.flowName || t("surveys.noFlow")]));
  const asked = new Set(
    all
      .filter((each) => !wanted.flowId || each.flowId === wanted.flowId)
      .map((each) => each.questionId ?? ""),
  );
  const period = (days: number) =>
    days === 1 ? t("surveys.today") : t("surveys.days", { number: formatNumber(days, language) });
  return (
    <div className={classes.filters}>
      <Select
        label={t("surveys.period")}
        allowDeselect={false}
        data={PERIODS.map((days) => ({ value: String(days), label: period(days) }))}
        value={String(wanted.days)}
        onChange={(days) => onChange({ days: Number(days) })}
        data-testid="surveys-period"
      />
      <Select
        label={t("surveys.brand")}
        clearable
        placeholder={t("watch.all")}
        data={optionsOf(brands, "brandId")}
        value={wanted.brandId || null}
        onChange={(brandId) => onChange({ brandId: brandId ?? "" })}
        data-testid="surveys-brand"
      />
      <Select
        label={t("surveys.flow")}
        clearable
        placeholder={t("watch.all")}
        data={[...flows].map(([value, label]) => ({ value, label }))}
        value={wanted.flowId || null}
        onChange={(flowId) => onChange({ flowId: flowId ?? "", questionId: "" })}
        data-testid="surveys-flow"
      />
      <Select
        label={t("surveys.question")}
        clearable
        placeholder={t("watch.all")}
        data={[...asked]}
        value={wanted.questionId || null}
        onChange={(questionId) => onChange({ questionId: questionId ?? "" })}
        data-testid="surveys-question"
      />
    </div>
  );
}

function Answers({ wanted, spoke }: { wanted: Wanted; spoke: (answer: SurveyAnswer) => string }) {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const { query, rows } = usePages(["surveyAnswers", wanted], async (pageToken) => {
    const asked = { ...queryOf(wanted, new Date()), pageSize: 50, pageToken };
    const answer = await ask(api.GET("/v1/surveyAnswers", { params: { query: asked } }));
    return { rows: answer.answers ?? [], next: answer.nextPageToken ?? "" };
  });
  return (
    <PagedPanel query={query} rows={rows} empty={t("surveys.none")}>
      {(shown) => (
        <DataTable
          label={t("surveys.tab")}
          rows={shown}
          keyOf={(row) => `${row.runId} ${row.questionId}`}
          testId={(row) => `survey-${row.callId}-${row.questionId}`}
          columns={[
            {
              head: t("surveys.answered"),
              cell: (row) => (
                <Anchor component={Link} href={`/calls/${row.callId}`}>
                  <DateTime value={row.answerTime} />
                </Anchor>
              ),
            },
            { head: t("surveys.flow"), cell: (row) => <bdi>{row.flowName || t("surveys.noFlow")}</bdi> },
            { head: t("surveys.question"), cell: (row) => <bdi>{row.questionId}</bdi> },
            {
              head: t("surveys.answer"),
              cell: (row) => <strong>{formatNumber(row.value ?? 0, language)}</strong>,
            },
            { head: t("surveys.brand"), cell: (row) => <bdi>{names.brand(row.brandId)}</bdi> },
            { head: t("desktop.queue"), cell: (row) => <bdi>{names.queue(row.queueId)}</bdi> },
            { head: t("role.ROLE_AGENT"), cell: (row) => <bdi>{names.user(row.agentId)}</bdi> },
            {
              head: t("surveys.comment"),
              cell: (row) =>
                commentSeconds(row) ? (
                  <Anchor component={Link} href={`/calls/${row.callId}`}>
                    {t("surveys.spoke", { length: spoke(row) })}
                  </Anchor>
                ) : (
                  "–"
                ),
            },
          ]}
        />
      )}
    </PagedPanel>
  );
}
