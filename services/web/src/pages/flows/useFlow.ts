/** What the flow editor reads, and the draft it edits. */
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../api/client.ts";
import type { Agent, BusinessHours, Flow, NumberList, Prompt, Release } from "../../api/types.ts";

const ALL = { params: { query: { pageSize: 200 } } };

export function useFlow(flowId: string) {
  return useQuery({
    queryKey: ["flow", flowId],
    queryFn: (): Promise<Flow> => ask(api.GET("/v1/flows/{flowId}", { params: { path: { flowId } } })),
    staleTime: Number.POSITIVE_INFINITY, // what is being edited is not replaced under the editor's hands
  });
}

export function useReleases(flowId: string) {
  return useQuery({
    queryKey: ["releases", flowId],
    queryFn: async (): Promise<Release[]> =>
      (await ask(api.GET("/v1/flows/{flowId}/releases", { params: { path: { flowId } } }))).releases ?? [],
  });
}

export function useHours() {
  return useQuery({
    queryKey: ["hours", "all"],
    queryFn: async (): Promise<BusinessHours[]> =>
      (await ask(api.GET("/v1/businessHours", ALL))).businessHours ?? [],
  });
}

export function useFlows(enabled = true) {
  return useQuery({
    queryKey: ["flows"],
    queryFn: async (): Promise<Flow[]> => (await ask(api.GET("/v1/flows", ALL))).flows ?? [],
    enabled,
  });
}

export function useAgents() {
  return useQuery({
    queryKey: ["agents", "all"],
    queryFn: async (): Promise<Agent[]> => (await ask(api.GET("/v1/agents", ALL))).agents ?? [],
  });
}

export function usePrompts() {
  return useQuery({
    queryKey: ["prompts"],
    queryFn: async (): Promise<Prompt[]> => (await ask(api.GET("/v1/prompts", ALL))).prompts ?? [],
  });
}

/** Lists of numbers that conditions may ask for. */
export function useNumberLists() {
  return useQuery({
    queryKey: ["numberLists", "all"],
    queryFn: async (): Promise<NumberList[]> =>
      (await ask(api.GET("/v1/numberLists", ALL))).numberLists ?? [],
  });
}
