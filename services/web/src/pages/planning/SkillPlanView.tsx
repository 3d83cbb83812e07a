import { Button, Progress, Select } from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { ForecastRun, SkillPlan } from "../../api/types.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { Loading } from "../../ui/LoadMore.tsx";
import { Note } from "../../ui/Note.tsx";
import { Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { NewSkillPlan } from "./NewSkillPlan.tsx";
import classes from "./planning.module.css";
import { SkillPlanResult } from "./SkillPlanResult.tsx";
import { isWorkedOut, isWorking, planName, useSkillPlans } from "./usePlanning.ts";

interface Props {
  run: ForecastRun;
  week: { start: string; end: string };
  zone: string;
  mayChange: boolean;
}

/** How many of each group a week takes when agents serve several queues: worked out, looked at, cancelled. */
export function SkillPlanView({ run, week, zone, mayChange }: Props) {
  const t = useText();
  const language = useLanguage();
  const queries = useQueryClient();
  const [chosen, setChosen] = useState("");
  const [making, setMaking] = useState(false);
  const refresh = () => queries.invalidateQueries({ queryKey: ["wfm", "skillPlans"] });
  const plans = useSkillPlans();
  const begins = Date.parse(week.start);
  const mine = (plans.data ?? []).filter(
    (each) =>
      each.forecastRunId === run.forecastRunId &&
      (each.skillPlanId === chosen ||
        (Date.parse(each.startTime ?? "") >= begins &&
          Date.parse(each.startTime ?? "") < Date.parse(week.end))),
  );
  const plan = mine.find((each) => each.skillPlanId === chosen) ?? mine[0];
  const skillPlanId = plan?.skillPlanId ?? "";
  const made = useQuery({
    queryKey: ["wfm", "skillPlans", skillPlanId],
    enabled: isWorkedOut(plan),
    queryFn: () => ask(api.GET("/v1/wfm/skillPlans/{skillPlanId}", { params: { path: { skillPlanId } } })),
  });
  return (
    <Panel label={t("skill.title")} testId="skill-plan">
      <div className={classes.head}>
        <div>
          <h2 className={classes.title}>{t("skill.title")}</h2>
          <p className={classes.lead}>{t("skill.lead")}</p>
        </div>
        {mayChange && (
          <Button
            variant="default"
            leftSection={<IconPlus size={16} aria-hidden />}
            onClick={() => setMaking(true)}
            data-testid="skill-plan-new"
          >
            {t("skill.new")}
          </Button>
        )}
      </div>
      <ProblemNote problem={plans.error ?? made.error} onRetry={() => void refresh()} />
      {plans.isPending && <Loading />}
      {plans.data && !plan && <Note tone="info">{t("skill.noPlan")}</Note>}
      {mine.length > 1 && (
        <Select
          label={t("skill.plan")}
          allowDeselect={false}
          data={mine.map((each) => ({
            value: each.skillPlanId ?? "",
            label: planName(each, language, zone),
          }))}
          value={skillPlanId}
          onChange={(next) => next && setChosen(next)}
          className={classes.narrow}
          data-testid="skill-plan-choose"
        />
      )}
      {plan && isWorking(plan) && <Running plan={plan} mayChange={mayChange} onCancelled={refresh} />}
      {plan?.state === "SKILL_PLAN_STATE_CANCELLED" && <Note tone="info">{t("skill.cancelled")}</Note>}
      {plan?.state === "SKILL_PLAN_STATE_FAILED" && <Note tone="warn">{t("skill.failed")}</Note>}
      {isWorkedOut(plan) && made.isPending && <Loading />}
      {isWorkedOut(plan) && made.data && <SkillPlanResult plan={made.data} zone={zone} />}
      {making && (
        <NewSkillPlan
          run={run}
          week={week}
          zone={zone}
          onClose={() => setMaking(false)}
          onMade={async (begun) => {
            setChosen(begun.skillPlanId ?? "");
            await refresh();
          }}
        />
      )}
    </Panel>
  );
}

interface RunningProps {
  plan: SkillPlan;
  mayChange: boolean;
  onCancelled: () => Promise<unknown>;
}

function Running({ plan, mayChange, onCancelled }: RunningProps) {
  const t = useText();
  const language = useLanguage();
  const [stopping, setStopping] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const done = plan.doneCount ?? 0;
  const words = t("skill.running", {
    done: formatNumber(done, language),
    count: formatNumber(plan.intervalCount ?? 0, language),
  });
  const cancel = async () => {
    const path = { skillPlanId: plan.skillPlanId ?? "" };
    setStopping(true);
    setProblem(undefined);
    try {
      await ask(api.POST("/v1/wfm/skillPlans/{skillPlanId}:cancel", { params: { path }, body: {} }));
    } catch (error) {
      setProblem(error);
    } finally {
      setStopping(false);
      await onCancelled();
    }
  };
  return (
    <div className={classes.bar}>
      <div role="status" data-testid="skill-plan-progress">
        <span>{words}</span>
        <Progress
          value={(100 * done) / Math.max(1, plan.intervalCount ?? 1)}
          animated
          striped
          aria-label={words}
        />
      </div>
      {mayChange && (
        <Button
          variant="default"
          leftSection={<IconX size={16} aria-hidden />}
          loading={stopping}
          onClick={() => void cancel()}
          data-testid="skill-plan-cancel"
        >
          {t("skill.cancel")}
        </Button>
      )}
      <ProblemNote problem={problem} />
    </div>
  );
}
