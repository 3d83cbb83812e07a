/** What the pages of schedules ask. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ask } from "../../../api/client.ts";
import { useAgents } from "../../../api/staff.ts";
import type {
  Contract,
  GroupCoverage,
  LabourRules,
  PlannedAgent,
  Schedule,
  ScheduleViolation,
  Shift,
  ShiftPattern,
  Shortfall,
  Site,
  TimeOff,
  User,
} from "../../../api/types.ts";
import type { Loaded, Sender } from "./draft.ts";
import { type Bar, barOf, shiftOf } from "./shifts.ts";

const PAGE = 200;
const SHIFTS = 5000;
const WHILE_RUNNING_MS = 1_000;

export const isRunning = (schedule: Schedule | undefined): boolean =>
  schedule?.state === "SCHEDULE_STATE_RUNNING";
export const isDraft = (schedule: Schedule | undefined): boolean =>
  schedule?.state === "SCHEDULE_STATE_DRAFT";
/** Whether there are shifts to look at. */
export const isMade = (schedule: Schedule | undefined): boolean =>
  ["DRAFT", "PUBLISHED", "SUPERSEDED"].some((each) => schedule?.state === `SCHEDULE_STATE_${each}`);

async function all<T>(
  page: (
    pageToken: string | undefined,
  ) => Promise<{ rows: readonly T[] | undefined; next: string | undefined }>,
): Promise<T[]> {
  const found: T[] = [];
  let token: string | undefined;
  do {
    const { rows, next } = await page(token);
    found.push(...(rows ?? []));
    token = next || undefined;
  } while (token);
  return found;
}

/** All versions, newest first; read again while one is made. */
export function useSchedules() {
  return useQuery({
    queryKey: ["wfm", "schedules"],
    queryFn: () =>
      all<Schedule>(async (pageToken) => {
        const answer = await ask(
          api.GET("/v1/wfm/schedules", { params: { query: { pageSize: PAGE, pageToken } } }),
        );
        return { rows: answer.schedules, next: answer.nextPageToken };
      }),
    refetchInterval: ({ state }) => (state.data?.some(isRunning) ? WHILE_RUNNING_MS : false),
  });
}

export function useSchedule(scheduleId: string) {
  return useQuery({
    queryKey: ["wfm", "schedule", scheduleId],
    queryFn: () => readSchedule(scheduleId),
    refetchInterval: ({ state }) => (isRunning(state.data) ? WHILE_RUNNING_MS : false),
  });
}

/** Reads lists of versions again after a change. */
export function useRefreshSchedules(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    await queries.invalidateQueries({ queryKey: ["wfm", "schedules"] });
    await queries.invalidateQueries({ queryKey: ["wfm", "schedule"] });
  };
}

const readSchedule = (scheduleId: string): Promise<Schedule> =>
  ask(api.GET("/v1/wfm/schedules/{scheduleId}", { params: { path: { scheduleId } } }));

async function readShifts(scheduleId: string): Promise<Bar[]> {
  const shifts = await all<Shift>(async (pageToken) => {
    const params = { path: { scheduleId }, query: { pageSize: SHIFTS, pageToken } };
    const answer = await ask(api.GET("/v1/wfm/schedules/{scheduleId}/shifts", { params }));
    return { rows: answer.shifts, next: answer.nextPageToken };
  });
  return shifts.map(barOf);
}

async function readViolations(scheduleId: string): Promise<readonly ScheduleViolation[]> {
  const params = { path: { scheduleId } };
  return (await ask(api.GET("/v1/wfm/schedules/{scheduleId}/violations", { params }))).violations ?? [];
}

async function readLoaded(scheduleId: string): Promise<Loaded> {
  const [schedule, bars, violations] = await Promise.all([
    readSchedule(scheduleId),
    readShifts(scheduleId),
    readViolations(scheduleId),
  ]);
  return { schedule, bars, violations };
}

export interface Covered {
  groups: readonly GroupCoverage[];
  shortfalls: readonly Shortfall[];
}

/** A version with its shifts, broken rules and coverage, as they were when it was opened. */
export function useOpened(scheduleId: string, made: boolean) {
  return useQuery({
    queryKey: ["wfm", "opened", scheduleId],
    enabled: made,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    queryFn: async (): Promise<{ loaded: Loaded; covered: Covered }> => {
      const [loaded, covered] = await Promise.all([readLoaded(scheduleId), readCoverage(scheduleId)]);
      return { loaded, covered };
    },
  });
}

export async function readCoverage(scheduleId: string): Promise<Covered> {
  const params = { path: { scheduleId } };
  const answer = await ask(api.GET("/v1/wfm/schedules/{scheduleId}/coverage", { params }));
  return { groups: answer.groups ?? [], shortfalls: answer.shortfalls ?? [] };
}

/** Rules an agent would break with a shift, that isn't saved. */
export async function wouldBreak(
  scheduleId: string,
  bar: Bar,
  version: string,
): Promise<readonly ScheduleViolation[]> {
  const path = { scheduleId, "shift.userId": bar.userId, "shift.day": bar.day };
  const body = { version, shift: shiftOf(bar), validateOnly: true };
  const answer = await ask(
    api.PUT("/v1/wfm/schedules/{scheduleId}/shifts/{shift.userId}/{shift.day}", { params: { path }, body }),
  );
  return answer.violations ?? [];
}

/** Sends a draft's changes. */
export function senderOf(scheduleId: string): Sender {
  return {
    async save(bar, version, accept) {
      const path = { scheduleId, "shift.userId": bar.userId, "shift.day": bar.day };
      const body = { version, shift: shiftOf(bar), acceptViolations: accept };
      const answer = await ask(
        api.PUT("/v1/wfm/schedules/{scheduleId}/shifts/{shift.userId}/{shift.day}", {
          params: { path },
          body,
        }),
      );
      return { schedule: answer.schedule ?? {}, violations: answer.violations ?? [] };
    },
    async remove(userId, day, version, accept) {
      const params = { path: { scheduleId, userId, day }, query: { version, acceptViolations: accept } };
      const answer = await ask(
        api.DELETE("/v1/wfm/schedules/{scheduleId}/shifts/{userId}/{day}", { params }),
      );
      return { schedule: answer.schedule ?? {}, violations: answer.violations ?? [] };
    },
    async lock(shifts, locked, version) {
      const body = { version, shifts: shifts.map(({ userId, day }) => ({ userId, day })), locked };
      const params = { path: { scheduleId } };
      return { schedule: await ask(api.POST("/v1/wfm/schedules/{scheduleId}:lockShifts", { params, body })) };
    },
    read: () => readLoaded(scheduleId),
  };
}

export function usePlannedAgents() {
  return useQuery({
    queryKey: ["wfm", "plannedAgents"],
    refetchOnMount: "always", // a week that is opened shows all it was made for, whoever planned them
    queryFn: () =>
      all<PlannedAgent>(async (pageToken) => {
        const query = { pageSize: PAGE, pageToken };
        const answer = await ask(api.GET("/v1/wfm/plannedAgents", { params: { query } }));
        return { rows: answer.plannedAgents, next: answer.nextPageToken };
      }),
  });
}

export function useContracts() {
  return useQuery({
    queryKey: ["wfm", "contracts"],
    queryFn: async (): Promise<readonly Contract[]> =>
      (await ask(api.GET("/v1/wfm/contracts"))).contracts ?? [],
  });
}

/** Places of work, whose clocks their agents go by. */
export function useSites() {
  return useQuery({
    queryKey: ["wfm", "sites"],
    queryFn: async (): Promise<readonly Site[]> => (await ask(api.GET("/v1/wfm/sites"))).sites ?? [],
  });
}

export function usePatterns() {
  return useQuery({
    queryKey: ["wfm", "patterns"],
    queryFn: async (): Promise<readonly ShiftPattern[]> =>
      (await ask(api.GET("/v1/wfm/shiftPatterns"))).shiftPatterns ?? [],
  });
}

export function useLabourRules() {
  return useQuery({
    queryKey: ["wfm", "labourRules"],
    queryFn: async (): Promise<readonly LabourRules[]> =>
      (await ask(api.GET("/v1/wfm/labourRules"))).labourRules ?? [],
  });
}

export function useTimeOff(startTime: string, endTime: string) {
  return useQuery({
    queryKey: ["wfm", "timeOff", startTime, endTime],
    queryFn: async (): Promise<readonly TimeOff[]> =>
      (await ask(api.GET("/v1/wfm/timeOff", { params: { query: { startTime, endTime } } }))).timeOff ?? [],
  });
}

/** Everybody, page by page: more may be planned for than one page holds. */
export function usePeople() {
  return useQuery({
    queryKey: ["users", "everybody"],
    staleTime: 60_000,
    queryFn: () =>
      all<User>(async (pageToken) => {
        const answer = await ask(api.GET("/v1/users", { params: { query: { pageSize: PAGE, pageToken } } }));
        return { rows: answer.users, next: answer.nextPageToken };
      }),
  });
}

/** Names of agents; an id nobody can name comes back as it is. */
export function usePeopleNames(): (userId: string | undefined) => string {
  const people = usePeople().data;
  const names = new Map(people?.map((each) => [each.userId ?? "", each.displayName ?? ""]));
  return (userId) => names.get(userId ?? "") || userId || "–";
}

/** Skills of agents, by agent. */
export function useSkillsOf(): ReadonlyMap<string, ReadonlySet<string>> {
  const agents = useAgents().data;
  return new Map(
    agents?.map((each) => [
      each.agentId ?? "",
      new Set((each.skills ?? []).map((level) => level.skillId ?? "")),
    ]),
  );
}
