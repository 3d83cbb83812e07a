/** What is to be played: a day and up to four variants as they are edited, and the request made of them. */
import type { Queue, SimulateDayRequest, SkillLevel } from "../../../api/types.ts";
import { toDuration } from "../../../format/durations.ts";

/** Numbers while they are typed: an emptied field is a text. */
export type Typed = number | string;

/** What comes to a queue in a day that is made up. */
export const CHANNELS = [
  "CHANNEL_VOICE",
  "CHANNEL_CHAT",
  "CHANNEL_SMS",
  "CHANNEL_EMAIL",
  "CHANNEL_SOCIAL",
] as const;
export type TrafficChannel = (typeof CHANNELS)[number];

export interface TrafficPlan {
  key: number;
  queueId: string;
  /** One number for all hours, or one for each. */
  same: boolean;
  perHour: Typed;
  /** By hour of the clock, 24 of them, so that a longer day keeps what was typed. */
  hours: Typed[];
  handleSeconds: Typed;
  /** Mean time until a caller gives up; empty means they never do. */
  patienceSeconds: Typed;
  channel: TrafficChannel;
}

export interface CrewPlan {
  key: number;
  count: Typed;
  skills: SkillLevel[];
  queueIds: string[];
  /** Hours of the clock. */
  from: Typed;
  to: Typed;
}

/** What a queue goes by in a variant. */
export interface QueuePlan extends Pick<Queue, "rules" | "requiredSkills" | "overflow" | "businessHoursId"> {
  queueId: string;
}

/** A queue as it is now, to be changed. */
export function planOf(queue: Queue): QueuePlan {
  const { queueId = "", rules = {}, requiredSkills, overflow, businessHoursId } = queue;
  return { queueId, rules, requiredSkills, overflow, businessHoursId };
}

export interface VariantPlan {
  key: number;
  name: string;
  extraAgents: Typed;
  queues: QueuePlan[];
}

export interface Plan {
  kind: "recorded" | "synthetic";
  /** Of a day that was, as the person's clock shows it: "2026-03-02", "09:00". */
  date: string;
  time: string;
  /** Of a day made up, hours of the clock. */
  opens: Typed;
  closes: Typed;
  traffic: TrafficPlan[];
  crews: CrewPlan[];
  variants: VariantPlan[];
}

export const MOST_VARIANTS = 4;

let lastKey = 0;

/** Tells lines of a list apart while their contents are typed. */
export function newKey(): number {
  lastKey += 1;
  return lastKey;
}

/** The day before `now` from midnight on, and nothing made up yet. */
export function emptyPlan(now: Date): Plan {
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  const two = (part: number) => String(part).padStart(2, "0");
  return {
    kind: "recorded",
    date: `${yesterday.getFullYear()}-${two(yesterday.getMonth() + 1)}-${two(yesterday.getDate())}`,
    time: "00:00",
    opens: 9,
    closes: 17,
    traffic: [],
    crews: [],
    variants: [],
  };
}

export function newTraffic(queueId: string): TrafficPlan {
  const hours = Array.from({ length: 24 }, () => 30);
  return {
    key: newKey(),
    queueId,
    same: true,
    perHour: 30,
    hours,
    handleSeconds: 240,
    patienceSeconds: 120,
    channel: "CHANNEL_VOICE",
  };
}

export function newCrew(queueIds: string[], plan: Plan): CrewPlan {
  return { key: newKey(), count: 3, skills: [], queueIds, from: plan.opens, to: plan.closes };
}

/** The hours of the clock that a made-up day has, none when its ends are the wrong way round. */
export function hoursOf(plan: Plan): number[] {
  const opens = Math.max(0, Math.floor(Number(plan.opens)));
  const closes = Math.min(24, Math.ceil(Number(plan.closes)));
  return Array.from({ length: Math.max(0, closes - opens) }, (_, index) => opens + index);
}

/** Other hours of a made-up day; crews that were there from its first or to its last hour still are. */
export function withHours(plan: Plan, opens: Typed, closes: Typed): Partial<Plan> {
  const crews = plan.crews.map((crew) => ({
    ...crew,
    from: crew.from === plan.opens ? opens : crew.from,
    to: crew.to === plan.closes ? closes : crew.to,
  }));
  return { opens, closes, crews };
}

/** The instant at which a day that was begins, on the clock of the person's time zone; undefined when it is no day. */
export function beginOf(plan: Plan): Date | undefined {
  const begin = new Date(`${plan.date}T${plan.time}`);
  return Number.isNaN(begin.getTime()) ? undefined : begin;
}

/** The request: a changed queue is sent whole, as it is now but for what it goes by. Queues that are gone are left out. */
export function requestOf(plan: Plan, queues: readonly Queue[]): SimulateDayRequest {
  const variants = plan.variants.map((variant) => ({
    name: variant.name.trim(),
    extraAgents: Math.round(Number(variant.extraAgents)),
    queues: variant.queues.flatMap((planned) => {
      const queue = queues.find(({ queueId }) => queueId === planned.queueId);
      return queue ? [{ ...queue, ...planned }] : [];
    }),
  }));
  if (plan.kind === "recorded") return { recordedFromTime: beginOf(plan)?.toISOString() ?? "", variants };
  const hours = hoursOf(plan);
  const traffic = plan.traffic.map((each) => ({
    queueId: each.queueId,
    contactsPerHour: hours.map((hour) => Number(each.same ? each.perHour : (each.hours[hour] ?? 0))),
    handleTime: toDuration(Number(each.handleSeconds)),
    channel: each.channel,
    ...(each.patienceSeconds === "" ? {} : { patience: toDuration(Number(each.patienceSeconds)) }),
  }));
  const first = Number(plan.opens);
  const crews = plan.crews.map((crew) => ({
    count: Math.round(Number(crew.count)),
    skills: crew.skills,
    queueIds: crew.queueIds,
    startHour: Number(crew.from) - first,
    endHour: Number(crew.to) - first,
  }));
  return { synthetic: { traffic, crews, seed: "1" }, variants };
}

/** What a list of the same things looks like once one of them is changed. */
export function changed<T>(list: readonly T[], index: number, part: Partial<T>): T[] {
  return list.map((each, at) => (at === index ? { ...each, ...part } : each));
}

export function without<T>(list: readonly T[], index: number): T[] {
  return list.filter((_, at) => at !== index);
}
