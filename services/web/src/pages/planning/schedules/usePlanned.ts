/** Agents of a schedule with what is known of them: names, skills, groups they serve, patterns they may have. */
import { useMemo } from "react";
import { useAgents } from "../../../api/staff.ts";
import type { PlannedAgent, Schedule, ShiftPattern, Site } from "../../../api/types.ts";
import { servedGroups } from "./coverage.ts";
import { useContracts, usePatterns, usePeople, usePlannedAgents, useSites } from "./useSchedules.ts";

export interface People {
  planned: ReadonlyMap<string, PlannedAgent>;
  nameOf: (userId: string) => string;
  skillsOf: ReadonlyMap<string, ReadonlySet<string>>;
  /** Numbers of the schedule's groups of queues. */
  groupsOf: (userId: string) => readonly number[];
  patternsOf: (userId: string) => readonly ShiftPattern[];
  sites: readonly Site[];
  /** Where they work; undefined: by the company's own clocks. */
  siteOf: (userId: string) => Site | undefined;
}

export function usePlanned(groups: Schedule["groups"]): { people: People | undefined; error: unknown } {
  const planned = usePlannedAgents();
  const contracts = useContracts();
  const patterns = usePatterns();
  const sites = useSites();
  const users = usePeople().data;
  const agents = useAgents().data;
  // The groups of a version never change, but come anew with each answer.
  const members = JSON.stringify(groups ?? []);
  const people = useMemo((): People | undefined => {
    if (!planned.data || !contracts.data || !patterns.data || !sites.data) return undefined;
    const byId = new Map(planned.data.map((each) => [each.userId ?? "", each]));
    const names = new Map(users?.map((each) => [each.userId ?? "", each.displayName ?? ""]));
    const said = JSON.parse(members) as NonNullable<Schedule["groups"]>;
    const places = new Map(sites.data.map((each) => [each.siteId, each]));
    const known = new Map<string, readonly number[]>();
    const groupsOf = (userId: string) => servedGroups(said, byId.get(userId)?.queueIds ?? []);
    return {
      planned: byId,
      nameOf: (userId) => names.get(userId) || userId,
      skillsOf: new Map(
        agents?.map((each) => [
          each.agentId ?? "",
          new Set((each.skills ?? []).map((level) => level.skillId ?? "")),
        ]),
      ),
      groupsOf: (userId) => {
        let found = known.get(userId);
        if (!found) {
          found = groupsOf(userId);
          known.set(userId, found);
        }
        return found;
      },
      sites: sites.data,
      siteOf: (userId) => places.get(byId.get(userId)?.siteId || undefined),
      patternsOf: (userId) => {
        const contract = contracts.data.find((each) => each.contractId === byId.get(userId)?.contractId);
        return (contract?.shiftPatternIds ?? []).flatMap(
          (id) => patterns.data.find((each) => each.shiftPatternId === id) ?? [],
        );
      },
    };
  }, [planned.data, contracts.data, patterns.data, sites.data, users, agents, members]);
  return { people, error: planned.error ?? contracts.error ?? patterns.error ?? sites.error };
}
