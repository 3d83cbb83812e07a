import { Button } from "@mantine/core";
import { IconPencil } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { ForecastRun, HistorySeries, RequirementCurve, RequirementTotal } from "../../api/types.ts";
import { formatNumber, formatShare } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { Loading } from "../../ui/LoadMore.tsx";
import { Note } from "../../ui/Note.tsx";
import { Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { CautionSelect } from "./CautionSelect.tsx";
import { Lines } from "./Lines.tsx";
import classes from "./planning.module.css";
import { RuleForm } from "./RuleForm.tsx";
import { SkillPlanView } from "./SkillPlanView.tsx";
import { weekFrom } from "./usePlanning.ts";
import { WeekBar } from "./WeekBar.tsx";

interface Props {
  run: ForecastRun;
  series: HistorySeries;
  zone: string;
  mayChange: boolean;
}

/** How many a week of a forecast takes: of one queue, and of all together. */
export function StaffingView({ run, series, zone, mayChange }: Props) {
  const t = useText();
  const language = useLanguage();
  const queries = useQueryClient();
  const [first, setFirst] = useState(run.firstDay ?? "");
  const [caution, setCaution] = useState("0");
  const [editing, setEditing] = useState(false);
  const week = useMemo(() => weekFrom(first, zone), [first, zone]);
  const forecastRunId = run.forecastRunId ?? "";
  const needed = useQuery({
    queryKey: ["wfm", "requirements", forecastRunId, week.start, caution, run.doneCount],
    placeholderData: (previous) => previous,
    queryFn: () => {
      const query = { startTime: week.start, endTime: week.end, caution: Number(caution) };
      const params = { path: { forecastRunId }, query };
      return ask(api.GET("/v1/wfm/forecastRuns/{forecastRunId}/requirements", { params }));
    },
  });
  const curve = needed.data?.curves?.find(
    ({ rule }) => rule?.queueId === series.queueId && rule?.channel === series.channel,
  );
  const rule = curve?.rule;
  return (
    <div className={classes.stack}>
      <ProblemNote problem={needed.error} onRetry={() => void needed.refetch()} />
      {needed.isPending && <Loading />}
      {needed.data && !curve && <Note tone="info">{t("planning.notInRun")}</Note>}
      {rule && (
        <Panel label={t("planning.rule")} testId="staffing-rule">
          <div className={classes.head}>
            <div>
              <h2 className={classes.title}>{t("planning.rule")}</h2>
              <p className={classes.lead} data-testid="rule-says">
                {t("planning.ruleSays", {
                  level: formatShare(rule.serviceLevel ?? 0, language),
                  seconds: formatNumber(rule.thresholdSeconds ?? 0, language),
                })}
              </p>
            </div>
            {mayChange && (
              <Button
                variant="default"
                leftSection={<IconPencil size={16} aria-hidden />}
                onClick={() => setEditing(true)}
                data-testid="rule-edit"
              >
                {t("planning.ruleEdit")}
              </Button>
            )}
          </div>
          <div style={{ maxInlineSize: 280 }}>
            <CautionSelect value={caution} onChange={setCaution} />
          </div>
        </Panel>
      )}
      {curve && (
        <Panel label={t("planning.need")} testId="requirement-panel">
          <div className={classes.head}>
            <h2 className={classes.title}>{t("planning.need")}</h2>
            <WeekBar run={run} first={first} onChange={setFirst} />
          </div>
          <OneQueue curve={curve} zone={zone} />
        </Panel>
      )}
      {needed.data?.totals && (
        <Panel label={t("planning.allQueues")} testId="requirement-totals">
          <h2 className={classes.title}>{t("planning.allQueues")}</h2>
          <AllQueues totals={needed.data.totals} minutes={run.intervalMinutes ?? 30} zone={zone} />
        </Panel>
      )}
      <SkillPlanView run={run} week={week} zone={zone} mayChange={mayChange} />
      {editing && rule && (
        <RuleForm
          rule={rule}
          onClose={() => setEditing(false)}
          onSaved={() => queries.invalidateQueries({ queryKey: ["wfm", "requirements"] })}
        />
      )}
    </div>
  );
}

function OneQueue({ curve, zone }: { curve: RequirementCurve; zone: string }) {
  const t = useText();
  const drawn = useMemo(() => {
    const rows = curve.requirements ?? [];
    return {
      times: rows.map((each) => Date.parse(each.startTime ?? "") / 1000),
      lines: [
        {
          label: t("planning.agents"),
          values: rows.map((each) => each.agents ?? 0),
          colour: "--m-info",
          stepped: true,
        },
        {
          label: t("planning.scheduled"),
          values: rows.map((each) => each.scheduled ?? 0),
          colour: "--m-warn",
          stepped: true,
        },
      ],
    };
  }, [curve, t]);
  return <Lines label={t("planning.need")} {...drawn} zone={zone} testId="requirement-chart" />;
}

function AllQueues({
  totals,
  minutes,
  zone,
}: {
  totals: readonly RequirementTotal[];
  minutes: number;
  zone: string;
}) {
  const t = useText();
  const language = useLanguage();
  const drawn = useMemo(
    () => ({
      times: totals.map((each) => Date.parse(each.startTime ?? "") / 1000),
      lines: [
        {
          label: t("planning.scheduled"),
          values: totals.map((each) => each.scheduled ?? 0),
          colour: "--m-info",
          stepped: true,
          digits: 0,
        },
      ],
    }),
    [totals, t],
  );
  const hours = (of: (each: RequirementTotal) => number | undefined) =>
    formatNumber(
      Math.round((totals.reduce((sum, each) => sum + (of(each) ?? 0), 0) * minutes) / 60),
      language,
    );
  return (
    <>
      <p className={classes.lead} data-testid="round-once">
        {t("planning.roundOnce", {
          together: formatNumber(Math.max(0, ...totals.map((each) => each.scheduled ?? 0)), language),
          hours: hours((each) => each.scheduled),
          apart: hours((each) => each.roundedApart),
        })}
      </p>
      <Lines label={t("planning.allQueues")} {...drawn} zone={zone} />
    </>
  );
}
