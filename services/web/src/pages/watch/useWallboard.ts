/** The wallboard: read once, then pushed. One source for every figure on the page. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, ask } from "../../api/client.ts";
import type { Wallboard } from "../../api/types.ts";
import { socket } from "../../socket/live.ts";

const KEY = ["wallboard"];
/** Live hints may be lost by declaration: this makes a lost one harmless. */
const RECHECK_MS = 15_000;

/** The newer of two boards; sequence numbers start again when analytics restarts, so time decides as well. */
function newerBoard(known: Wallboard | undefined, next: Wallboard): Wallboard {
  if (!known) return next;
  const older = Number(next.sequence ?? 0) < Number(known.sequence ?? 0);
  const earlier = Date.parse(next.computeTime ?? "") <= Date.parse(known.computeTime ?? "");
  return older && earlier ? known : next;
}

export function useWallboard() {
  const queries = useQueryClient();
  useEffect(() => {
    socket.subscribe("wallboard");
    const stopLive = socket.onLive("wallboard", (data) => {
      queries.setQueryData<Wallboard>(KEY, (known) => newerBoard(known, data as Wallboard));
    });
    const stopStatus = socket.onStatus((status) => {
      if (status === "open") void queries.invalidateQueries({ queryKey: KEY });
    });
    return () => {
      stopLive();
      stopStatus();
    };
  }, [queries]);
  return useQuery({
    queryKey: KEY,
    queryFn: () => ask(api.GET("/v1/wallboard")),
    refetchInterval: RECHECK_MS,
  });
}
