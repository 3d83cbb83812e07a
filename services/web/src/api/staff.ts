/** Skills there are, and agents with what they hold, for pages of admins and supervisors. */
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "./client.ts";
import type { Agent, Skill } from "./types.ts";

const FRESH_MS = 30_000;
const PAGE_SIZE = 200;

export function useSkills() {
  return useQuery({
    queryKey: ["skills"],
    queryFn: async (): Promise<Skill[]> =>
      (await ask(api.GET("/v1/skills", { params: { query: { pageSize: PAGE_SIZE } } }))).skills ?? [],
  });
}

/** All of them, page by page: a list of a queue may name more than one page holds. */
export function useAgents() {
  return useQuery({
    queryKey: ["agents"],
    queryFn: async (): Promise<Agent[]> => {
      const agents: Agent[] = [];
      let pageToken: string | undefined;
      do {
        const query = { pageSize: PAGE_SIZE, pageToken };
        const answer = await ask(api.GET("/v1/agents", { params: { query } }));
        agents.push(...(answer.agents ?? []));
        pageToken = answer.nextPageToken;
      } while (pageToken);
      return agents;
    },
    staleTime: FRESH_MS,
  });
}
