/** What the agent's own pages ask, all under one key: a notice of theirs has them read it anew. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ask } from "../../api/client.ts";
import { useColleagues } from "../../api/names.ts";
import { useSession } from "../../session/session.ts";
import { daysLater } from "../planning/days.ts";

export const MINE = "mine";

/** Whole weeks from a Monday on. */
export function useWeeks(first: string, count: number) {
  return useQuery({
    queryKey: [MINE, "shifts", first, count],
    placeholderData: (previous) => previous,
    queryFn: () => {
      const query = { firstDay: first, lastDay: daysLater(first, count * 7 - 1) };
      return ask(api.GET("/v1/mySchedule/shifts", { params: { query } }));
    },
  });
}

export function useKinds() {
  return useQuery({
    queryKey: [MINE, "kinds"],
    queryFn: async () => (await ask(api.GET("/v1/wfm/timeOffKinds"))).timeOffKinds ?? [],
  });
}

export function useBalances() {
  return useQuery({
    queryKey: [MINE, "balances"],
    queryFn: async () => (await ask(api.GET("/v1/mySchedule/timeOffBalances"))).timeOffBalances ?? [],
    retry: false,
  });
}

export function useTrades() {
  return useQuery({
    queryKey: [MINE, "trades"],
    queryFn: async () => (await ask(api.GET("/v1/mySchedule/trades"))).shiftTrades ?? [],
  });
}

export function useRounds() {
  return useQuery({
    queryKey: [MINE, "rounds"],
    queryFn: async () => (await ask(api.GET("/v1/wfm/bidRounds"))).bidRounds ?? [],
  });
}

/** Has everything of the agent's own read again. */
export function useReadAgain(): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: [MINE] });
}

/** Who somebody is, by the colleagues an agent may know. */
export function usePeople() {
  const session = useSession();
  const own = session.status === "signedIn" ? session.user : undefined;
  const colleagues = useColleagues().data ?? [];
  const named = new Map(colleagues.map((each) => [each.agentId, each.displayName]));
  return {
    me: own?.userId ?? "",
    others: colleagues.filter((each) => each.agentId !== own?.userId),
    name: (id: string | undefined) =>
      id && id === own?.userId ? (own.displayName ?? "") : (named.get(id) ?? "–"),
  };
}
