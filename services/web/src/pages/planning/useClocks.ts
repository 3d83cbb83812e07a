/** Whose clocks agents go by, as their planned agents and sites say. */
import { useMemo } from "react";
import { type Clocks, clocksOf } from "./clocks.ts";
import { usePlannedAgents, useSites } from "./schedules/useSchedules.ts";

export function useClocks(company: string): Clocks {
  const planned = usePlannedAgents().data;
  const sites = useSites().data;
  return useMemo(() => clocksOf(planned ?? [], sites ?? [], company), [planned, sites, company]);
}
