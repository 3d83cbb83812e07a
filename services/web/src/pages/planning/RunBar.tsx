import { Button, Progress, Select } from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import type { ForecastRun } from "../../api/types.ts";
import { formatDate } from "../../format/dates.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { TextField } from "../../ui/fields.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { noonOf, ZONELESS } from "./days.ts";
import { isRunning } from "./usePlanning.ts";

interface Props {
  runs: readonly ForecastRun[];
  run: ForecastRun | undefined;
  onChoose: (forecastRunId: string) => void;
  mayChange: boolean;
}

/** Which forecast is looked at, how far the one that goes on is, and making another. */
export function RunBar({ runs, run, onChoose, mayChange }: Props) {
  const t = useText();
  const language = useLanguage();
  const queries = useQueryClient();
  const [making, setMaking] = useState(false);
  const [stopping, setStopping] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const count = (value: number | undefined) => formatNumber(value ?? 0, language);
  const name = (each: ForecastRun) =>
    t("planning.runName", {
      day: formatDate(noonOf(each.firstDay), language, ZONELESS),
      days: count(each.days),
    });
  const refresh = () => queries.invalidateQueries({ queryKey: ["wfm", "runs"] });
  const stop = async () => {
    const path = { forecastRunId: run?.forecastRunId ?? "" };
    setStopping(true);
    setProblem(undefined);
    try {
      await ask(api.POST("/v1/wfm/forecastRuns/{forecastRunId}:cancel", { params: { path }, body: {} }));
    } catch (error) {
      setProblem(error);
    } finally {
      setStopping(false);
      await refresh();
    }
  };
  const done = run?.doneCount ?? 0;
  const words = t("planning.running", { done: count(done), count: count(run?.seriesCount) });
  return (
    <>
      {runs.length > 0 && (
        <Select
          label={t("planning.run")}
          allowDeselect={false}
          data={runs.map((each) => ({ value: each.forecastRunId ?? "", label: name(each) }))}
          value={run?.forecastRunId ?? null}
          onChange={(next) => next && onChoose(next)}
          data-testid="planning-run"
        />
      )}
      {mayChange && (
        <Button
          leftSection={<IconPlus size={16} aria-hidden />}
          onClick={() => setMaking(true)}
          data-testid="planning-new"
        >
          {t("planning.new")}
        </Button>
      )}
      {isRunning(run) && (
        <div role="status" data-testid="planning-progress">
          <span>{words}</span>
          <Progress value={(100 * done) / Math.max(1, run?.seriesCount ?? 1)} aria-label={words} />
        </div>
      )}
      {isRunning(run) && mayChange && (
        <Button
          variant="default"
          leftSection={<IconX size={16} aria-hidden />}
          loading={stopping}
          onClick={() => void stop()}
          data-testid="planning-stop"
        >
          {t("planning.cancel")}
        </Button>
      )}
      <ProblemNote problem={problem} />
      {making && (
        <NewForecast
          onClose={() => setMaking(false)}
          onMade={async (made) => {
            await refresh();
            onChoose(made.forecastRunId ?? "");
          }}
        />
      )}
    </>
  );
}

const WEEKS = [1, 2, 4, 8, 13, 26, 52, 64];

function NewForecast({
  onClose,
  onMade,
}: {
  onClose: () => void;
  onMade: (run: ForecastRun) => Promise<void>;
}) {
  const t = useText();
  const language = useLanguage();
  const [weeks, setWeeks] = useState("4");
  const [minutes, setMinutes] = useState("30");
  const [firstDay, setFirstDay] = useState("");
  const [requestId] = useState(newRequestId);
  const save = async () => {
    const body = {
      requestId,
      days: Number(weeks) * 7,
      intervalMinutes: Number(minutes),
      firstDay,
    };
    await onMade(await ask(api.POST("/v1/wfm/forecastRuns", { body })));
  };
  return (
    <FormModal
      title={t("planning.new")}
      onClose={onClose}
      onSave={save}
      saveLabel={t("planning.start")}
      testId="new-forecast"
    >
      <p style={{ margin: 0 }}>{t("planning.newLead")}</p>
      <Select
        label={t("planning.weeks")}
        allowDeselect={false}
        data={WEEKS.map((each) => ({
          value: String(each),
          label: t("planning.weekCount", { count: language === "en" ? each : formatNumber(each, language) }),
        }))}
        value={weeks}
        onChange={(next) => next && setWeeks(next)}
      />
      <IntervalSelect value={minutes} onChange={setMinutes} />
      <TextField
        type="date"
        label={t("planning.firstDay")}
        description={t("planning.firstDayHint")}
        value={firstDay}
        onChange={(event) => setFirstDay(event.currentTarget.value)}
        data-testid="new-forecast-day"
      />
    </FormModal>
  );
}

/** 15, 30 or 60 minutes. */
export function IntervalSelect({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const t = useText();
  const language = useLanguage();
  return (
    <Select
      label={t("planning.interval")}
      allowDeselect={false}
      data={[15, 30, 60].map((each) => ({
        value: String(each),
        label: t("planning.minutes", { count: formatNumber(each, language) }),
      }))}
      value={value}
      onChange={(next) => next && onChange(next)}
    />
  );
}
