/** What the adherence pages ask. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, ask } from "../../../api/client.ts";
import type { Activity, AdherenceFigures, AdherenceState } from "../../../api/types.ts";
import { socket } from "../../../socket/live.ts";

/** The clock alone moves agents out of their plan, with no fact of theirs. */
const RECHECK_MS = 15_000;
/** Agents move all the time: a board of many isn't read again for each of them. */
const CALM_MS = 3_000;

export const BOARD = ["adherence", "board"] as const;

/** Reads everything of adherence again, some seconds after an agent moved. */
function useMoves(): void {
  const queries = useQueryClient();
  useEffect(() => {
    let waiting: ReturnType<typeof setTimeout> | undefined;
    socket.subscribe("facts");
    const stop = socket.onFact((event) => {
      if (event.fact !== "AgentStateChanged" || waiting) return;
      waiting = setTimeout(() => {
        waiting = undefined;
        void queries.invalidateQueries({ queryKey: ["adherence"] });
      }, CALM_MS);
    });
    return () => {
      clearTimeout(waiting);
      stop();
    };
  }, [queries]);
}

export function useBoard() {
  useMoves();
  return useQuery({
    queryKey: BOARD,
    queryFn: () => ask(api.GET("/v1/wfm/adherenceBoard")),
    refetchInterval: RECHECK_MS,
  });
}

export function useAgentDay(userId: string, day: string) {
  return useQuery({
    queryKey: ["adherence", "day", userId, day],
    placeholderData: (previous) => previous,
    queryFn: () =>
      ask(api.GET("/v1/wfm/adherence/{userId}/days/{day}", { params: { path: { userId, day } } })),
    refetchInterval: RECHECK_MS,
  });
}

export function useExceptions(startTime: string, endTime: string) {
  return useQuery({
    queryKey: ["adherence", "exceptions", startTime, endTime],
    placeholderData: (previous) => previous,
    queryFn: async () =>
      (await ask(api.GET("/v1/wfm/adherenceExceptions", { params: { query: { startTime, endTime } } })))
        .adherenceExceptions ?? [],
  });
}

export function useAdherenceRules() {
  return useQuery({
    queryKey: ["adherence", "rules"],
    queryFn: () => ask(api.GET("/v1/wfm/adherenceRules")),
  });
}

export function stateOf(state: AdherenceState | undefined): string {
  return (state ?? "ADHERENCE_STATE_OFF").replace("ADHERENCE_STATE_", "");
}

export function activityOf(activity: Activity | undefined): string {
  return (activity ?? "ACTIVITY_OFF").replace("ACTIVITY_", "");
}

/** A share that there is, or isn't. */
export function shareOf(figures: AdherenceFigures | undefined, which: "adherence" | "conformance") {
  return figures?.[which] ?? undefined;
}
