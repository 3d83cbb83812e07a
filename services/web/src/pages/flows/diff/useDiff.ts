import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../../api/client.ts";
import type { Definition } from "../../../api/types.ts";

/** What differs: of two releases by their numbers, or, with `after` 0, of a release and the draft as it is edited. */
export function useDiff(flowId: string, before: number, after: number, draft: Definition) {
  return useQuery({
    queryKey: ["flowDiff", flowId, before, after, after ? null : draft],
    queryFn: () =>
      ask(
        api.POST("/v1/flows/{flowId}:diff", {
          params: { path: { flowId } },
          body: { beforeNumber: before, afterNumber: after, ...(after ? {} : { definition: draft }) },
        }),
      ),
    staleTime: 0,
  });
}
