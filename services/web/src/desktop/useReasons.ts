import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, ask } from "../api/client.ts";
import type { NotReadyReason } from "../api/types.ts";
import { reasons } from "./reasons.ts";

const FRESH_MS = 60_000;

/** All reasons to be away, archived ones too: people may still be away by those. */
export function useReasons() {
  const query = useQuery({
    queryKey: ["reasons"],
    queryFn: async (): Promise<NotReadyReason[]> => {
      const params = { query: { includeArchived: true } };
      return (await ask(api.GET("/v1/notReadyReasons", { params }))).notReadyReasons ?? [];
    },
    staleTime: FRESH_MS,
  });
  const found = query.data;
  useEffect(() => {
    if (found) reasons.set(found);
  }, [found]);
  return query;
}
