import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../api/client.ts";
import type { Trunk } from "../../api/types.ts";

/** The company's own trunks, newest first: as many as anybody has. */
export function useTrunks(): { trunks: readonly Trunk[]; known: boolean } {
  const { data } = useQuery({
    queryKey: ["trunks", "names"],
    queryFn: () => ask(api.GET("/v1/trunks", { params: { query: { pageSize: 200 } } })),
  });
  return { trunks: data?.trunks ?? [], known: data !== undefined };
}
