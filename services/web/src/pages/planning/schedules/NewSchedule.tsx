import { NumberInput, Select, Text } from "@mantine/core";
import { useState } from "react";
import { useLocation } from "wouter";
import { api, ask, newRequestId } from "../../../api/client.ts";
import type { Schedule } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { FormModal } from "../../../ui/FormModal.tsx";
import { SelectField, TextField } from "../../../ui/fields.tsx";
import { Note } from "../../../ui/Note.tsx";
import { CautionSelect } from "../CautionSelect.tsx";
import { isWorkedOut, planName, useRuns, useSeries, useSkillPlans, weekFrom } from "../usePlanning.ts";
import { weeksOf, weekText } from "../weeks.ts";
import { useRefreshSchedules } from "./useSchedules.ts";

const SECONDS = [10, 30, 60, 120, 300, 600];

interface Props {
  /** Version to begin with: its locked shifts stay, the rest is made anew. */
  base?: Schedule;
  onClose: () => void;
}

/** Has a version of a week made. */
export function NewSchedule({ base, onClose }: Props) {
  const t = useText();
  const language = useLanguage();
  const [, go] = useLocation();
  const refresh = useRefreshSchedules();
  const runs = (useRuns().data ?? []).filter(({ state }) => state === "FORECAST_RUN_STATE_DONE");
  const [runId, setRunId] = useState("");
  const run = base ? undefined : (runs.find((each) => each.forecastRunId === runId) ?? runs[0]);
  const weeks = weeksOf(run);
  const [chosen, setChosen] = useState("");
  const usual = weeks.find((each) => each > new Date().toISOString().slice(0, 10)) ?? weeks[0];
  const first = base?.firstDay ?? (weeks.includes(chosen) ? chosen : usual);
  const zone = useSeries().data?.zone ?? "UTC";
  const week = first && weekFrom(first, zone);
  const plans = (useSkillPlans().data ?? []).filter(
    (each) =>
      week &&
      isWorkedOut(each) &&
      each.forecastRunId === run?.forecastRunId &&
      Date.parse(each.startTime ?? "") <= Date.parse(week.start) &&
      Date.parse(each.endTime ?? "") >= Date.parse(week.end),
  );
  const [planId, setPlanId] = useState("");
  const plan = plans.find((each) => each.skillPlanId === planId);
  const [seconds, setSeconds] = useState("60");
  const [caution, setCaution] = useState("0");
  const [fairness, setFairness] = useState<number | string>(0.2);
  const [name, setName] = useState("");
  const [requestId] = useState(newRequestId);
  const number = (value: number) => formatNumber(value, language);
  const save = async () => {
    const body = {
      requestId,
      firstDay: first ?? "",
      forecastRunId: plan ? "" : (run?.forecastRunId ?? ""),
      skillPlanId: plan?.skillPlanId ?? "",
      baseScheduleId: base?.scheduleId ?? "",
      caution: base || plan ? 0 : Number(caution),
      seconds: Number(seconds),
      fairness: Number(fairness) || 0,
      displayName: name.trim(),
    };
    const made = await ask(api.POST("/v1/wfm/schedules", { body }));
    await refresh();
    go(`/planning/schedules/${made.scheduleId}`);
  };
  return (
    <FormModal
      title={t(base ? "schedules.anew" : "schedules.new")}
      onClose={onClose}
      onSave={save}
      saveLabel={t("schedules.make")}
      saveDisabled={!base && !first}
      testId="new-schedule"
    >
      {base ? (
        <Text size="sm">{t("schedules.anewLead")}</Text>
      ) : runs.length === 0 ? (
        <Note tone="info">{t("planning.noRunsBody")}</Note>
      ) : (
        <>
          <SelectField
            label={t("planning.run")}
            required
            allowDeselect={false}
            data={runs.map((each) => ({
              value: each.forecastRunId ?? "",
              label: t("planning.runName", {
                day: weekText(each.firstDay, language),
                days: number(each.days ?? 0),
              }),
            }))}
            value={run?.forecastRunId ?? ""}
            onChange={(next) => next && setRunId(next)}
            data-testid="new-schedule-run"
          />
          <SelectField
            label={t("schedules.weekOf")}
            required
            allowDeselect={false}
            data={weeks.map((each) => ({ value: each, label: weekText(each, language) }))}
            value={first ?? ""}
            onChange={(next) => next && setChosen(next)}
            data-testid="new-schedule-week"
          />
          <Select
            label={t("schedules.staffedBy")}
            description={t("schedules.staffedByHint")}
            allowDeselect={false}
            data={[
              { value: "", label: t("schedules.staffedApart") },
              ...plans.map((each) => ({
                value: each.skillPlanId ?? "",
                label: t("schedules.staffedByPlan", { plan: planName(each, language, zone) }),
              })),
            ]}
            value={plan?.skillPlanId ?? ""}
            onChange={(next) => setPlanId(next ?? "")}
            data-testid="new-schedule-plan"
          />
          {!plan && <CautionSelect value={caution} onChange={setCaution} />}
        </>
      )}
      <Select
        label={t("schedules.seconds")}
        description={t("schedules.secondsHint")}
        allowDeselect={false}
        data={SECONDS.map((each) => ({
          value: String(each),
          label: t("schedules.secondsOf", { count: number(each) }),
        }))}
        value={seconds}
        onChange={(next) => next && setSeconds(next)}
        data-testid="new-schedule-seconds"
      />
      <NumberInput
        label={t("schedules.fairness")}
        description={t("schedules.fairnessHint")}
        min={0}
        max={1}
        step={0.1}
        decimalScale={2}
        value={fairness}
        onChange={setFairness}
      />
      <TextField
        label={t("common.name")}
        maxLength={100}
        value={name}
        onChange={({ currentTarget }) => setName(currentTarget.value)}
        data-testid="new-schedule-name"
      />
    </FormModal>
  );
}
