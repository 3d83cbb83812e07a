/** What the page of a day asks. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, ask } from "../../../api/client.ts";
import type { DayScenario, HistorySeries } from "../../../api/types.ts";
import { socket } from "../../../socket/live.ts";
import { keyOf } from "../usePlanning.ts";

const RECHECK_MS = 60_000;

export function useIntraday(day: string, series: HistorySeries) {
  return useQuery({
    queryKey: ["intraday", "day", day, keyOf(series)],
    queryFn: () => {
      const path = { day, queueId: series.queueId ?? "" };
      return ask(
        api.GET("/v1/wfm/intraday/{day}/queues/{queueId}", {
          params: { path, query: { channel: series.channel } },
        }),
      );
    },
    refetchInterval: RECHECK_MS,
    retry: false,
  });
}

export function useOutcomes(day: string, series: HistorySeries, scenarios: readonly DayScenario[]) {
  return useQuery({
    queryKey: ["intraday", "outcomes", day, keyOf(series), scenarios],
    placeholderData: (previous) => previous,
    enabled: scenarios.length > 0,
    queryFn: async () => {
      const params = { path: { day, queueId: series.queueId ?? "" } };
      const body = { channel: series.channel, scenarios: [...scenarios] };
      const path = "/v1/wfm/intraday/{day}/queues/{queueId}:tryScenarios";
      return (await ask(api.POST(path, { params, body }))).outcomes ?? [];
    },
  });
}

export function useScenarios() {
  return useQuery({
    queryKey: ["intraday", "scenarios"],
    queryFn: async () => (await ask(api.GET("/v1/wfm/scenarios"))).scenarios ?? [],
  });
}

/** What would help, what was changed and what is offered of a day; read again when any of it changes. */
export function useChanges(day: string) {
  const queries = useQueryClient();
  useEffect(() => {
    socket.subscribe("facts");
    return socket.onFact(({ fact }) => {
      if (["ShiftAdjusted", "ShiftOfferMade", "ShiftOfferChanged"].includes(fact)) {
        void queries.invalidateQueries({ queryKey: ["intraday"] });
      }
    });
  }, [queries]);
  const params = { params: { path: { day } } };
  const suggestions = useQuery({
    queryKey: ["intraday", "suggestions", day],
    queryFn: () => ask(api.GET("/v1/wfm/intraday/{day}/suggestions", params)),
    retry: false,
  });
  const adjustments = useQuery({
    queryKey: ["intraday", "adjustments", day],
    queryFn: async () => (await ask(api.GET("/v1/wfm/intraday/{day}/adjustments", params))).adjustments ?? [],
  });
  const offers = useQuery({
    queryKey: ["intraday", "offers", day],
    queryFn: async () => (await ask(api.GET("/v1/wfm/intraday/{day}/shiftOffers", params))).shiftOffers ?? [],
  });
  return { suggestions, adjustments, offers };
}
