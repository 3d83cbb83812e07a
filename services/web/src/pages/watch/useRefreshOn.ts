/** Reads a list again when facts say that it has changed. */
import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { socket } from "../../socket/live.ts";

export function useRefreshOn(key: QueryKey, ...facts: string[]): void {
  const queries = useQueryClient();
  const [noun, wanted] = [String(key[0]), facts.join(" ")];
  useEffect(() => {
    socket.subscribe("facts");
    return socket.onFact((event) => {
      if (wanted.split(" ").includes(event.fact)) void queries.invalidateQueries({ queryKey: [noun] });
    });
  }, [queries, noun, wanted]);
}
