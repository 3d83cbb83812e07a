/** What the planning pages ask. */
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../api/client.ts";
import { asProblem } from "../../api/problem.ts";
import type { Forecast, ForecastRun, HistorySeries, SkillPlan } from "../../api/types.ts";
import { formatDateTime } from "../../format/dates.ts";
import type { Language } from "../../i18n/index.ts";
import { daysLater, instantOf } from "./days.ts";

const WHILE_RUNNING_MS = 1_000;

interface Week {
  start: string;
  end: string;
}

/** Seven days of the zone from a day on. */
export function weekFrom(first: string, zone: string): Week {
  return {
    start: instantOf(`${first}T00:00`, zone).toISOString(),
    end: instantOf(`${daysLater(first, 7)}T00:00`, zone).toISOString(),
  };
}

/** Queue and channel as one text, for a select. */
export function keyOf(series: HistorySeries): string {
  return `${series.queueId}/${series.channel}`;
}

export function isRunning(run: ForecastRun | undefined): boolean {
  return run?.state === "FORECAST_RUN_STATE_RUNNING";
}

export function useSeries() {
  return useQuery({
    queryKey: ["wfm", "series"],
    queryFn: async () => {
      const answer = await ask(api.GET("/v1/wfm/series"));
      return { series: answer.series ?? [], zone: answer.timeZone || "UTC" };
    },
  });
}

/** Newest first; read again while one goes on. */
export function useRuns() {
  return useQuery({
    queryKey: ["wfm", "runs"],
    queryFn: async () =>
      (await ask(api.GET("/v1/wfm/forecastRuns", { params: { query: { pageSize: 20 } } }))).forecastRuns ??
      [],
    refetchInterval: ({ state }) => (state.data?.some(isRunning) ? WHILE_RUNNING_MS : false),
  });
}

export const isWorking = (plan: SkillPlan | undefined): boolean => plan?.state === "SKILL_PLAN_STATE_RUNNING";
export const isWorkedOut = (plan: SkillPlan | undefined): boolean => plan?.state === "SKILL_PLAN_STATE_DONE";

/** Plans of agents with several skills, newest first; read again while one is worked out. */
export function useSkillPlans() {
  return useQuery({
    queryKey: ["wfm", "skillPlans", "list"],
    queryFn: async () =>
      (await ask(api.GET("/v1/wfm/skillPlans", { params: { query: { pageSize: 100 } } }))).skillPlans ?? [],
    refetchInterval: ({ state }) => (state.data?.some(isWorking) ? WHILE_RUNNING_MS : false),
  });
}

/** What a plan is called, and when it was begun. */
export function planName(plan: SkillPlan, language: Language, zone: string): string {
  const begun = plan.createTime ? formatDateTime(new Date(plan.createTime), language, zone) : "";
  return [plan.displayName, begun].filter(Boolean).join(" · ");
}

/** A week of a run's forecast; null when the run has nothing of this queue. */
export function useForecast(run: ForecastRun, series: HistorySeries, week: Week) {
  const forecastRunId = run.forecastRunId ?? "";
  return useQuery({
    queryKey: ["wfm", "forecast", forecastRunId, keyOf(series), week.start, run.doneCount],
    placeholderData: (previous) => previous,
    queryFn: async (): Promise<Forecast | null> => {
      const path = { forecastRunId, queueId: series.queueId ?? "" };
      const query = { channel: series.channel, startTime: week.start, endTime: week.end };
      try {
        return await ask(
          api.GET("/v1/wfm/forecastRuns/{forecastRunId}/forecasts/{queueId}", { params: { path, query } }),
        );
      } catch (error) {
        if (asProblem(error).reason === "FORECAST_NOT_FOUND") return null;
        throw error;
      }
    },
  });
}
