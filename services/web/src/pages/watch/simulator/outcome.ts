/** What came of the days, figure by figure, and what is better or worse than the rules as they are. */
import type { SimulatedDay, SimulatedFigures } from "../../../api/types.ts";
import { durationSeconds } from "../../../format/durations.ts";

export type Kind = "share" | "seconds" | "count";
export type Verdict = "better" | "worse" | "same" | "other";

export interface Figure {
  name:
    | "serviceLevel"
    | "answerTime"
    | "answerTimeP90"
    | "abandoned"
    | "overflowed"
    | "left"
    | "occupancy"
    | "spread"
    | "waitError"
    | "inRange"
    | "agents";
  kind: Kind;
  /** Which way is better; 0 where neither is. */
  better: 1 | -1 | 0;
  /** Of all queues together only. */
  wholeOnly?: boolean;
  /** Shown only where it happened under any of the rules. */
  ifAny?: boolean;
  /** Undefined when nothing can be said: nobody was answered, nobody was told a wait. */
  of: (day: SimulatedDay, figures: SimulatedFigures) => number | undefined;
}

const told = (value: string | undefined) => (value === undefined ? undefined : durationSeconds(value));
const ifAnswered = (figures: SimulatedFigures, value: string | undefined) =>
  figures.answered ? durationSeconds(value) : undefined;

export const FIGURES: readonly Figure[] = [
  { name: "serviceLevel", kind: "share", better: 1, of: (_, each) => each.serviceLevel ?? 0 },
  {
    name: "answerTime",
    kind: "seconds",
    better: -1,
    of: (_, each) => ifAnswered(each, each.averageAnswerTime),
  },
  {
    name: "answerTimeP90",
    kind: "seconds",
    better: -1,
    of: (_, each) => ifAnswered(each, each.answerTimeP90),
  },
  {
    name: "abandoned",
    kind: "share",
    better: -1,
    of: (_, each) => (each.offered ? (each.abandoned ?? 0) / each.offered : undefined),
  },
  {
    name: "overflowed",
    kind: "share",
    better: 0,
    ifAny: true,
    of: (_, each) => (each.offered ? (each.overflowed ?? 0) / each.offered : undefined),
  },
  {
    name: "left",
    kind: "share",
    better: 0,
    ifAny: true,
    of: (_, each) => (each.offered ? (each.left ?? 0) / each.offered : undefined),
  },
  { name: "occupancy", kind: "share", better: 0, wholeOnly: true, of: (day) => day.occupancy ?? 0 },
  {
    name: "spread",
    kind: "count",
    better: -1,
    wholeOnly: true,
    of: (day) => (day.agents ? (day.mostContacts ?? 0) - (day.fewestContacts ?? 0) : undefined),
  },
  { name: "waitError", kind: "seconds", better: -1, of: (_, each) => told(each.expectedWaitError) },
  {
    name: "inRange",
    kind: "share",
    better: 1,
    of: (_, each) => (each.expectedWaitError === undefined ? undefined : (each.expectedWaitInRange ?? 0)),
  },
  { name: "agents", kind: "count", better: 0, wholeOnly: true, of: (day) => day.agents ?? 0 },
];

/** The figures of one queue, or of all together when `queueId` is empty; undefined when no contact came to it. */
export function figuresOf(day: SimulatedDay, queueId: string): SimulatedFigures | undefined {
  return queueId ? day.queues?.find((each) => each.queueId === queueId) : day.whole;
}

/** Queues that contacts came to under any of the rules, in the order they are told. */
export function queuesOf(days: readonly SimulatedDay[]): string[] {
  return [...new Set(days.flatMap((day) => (day.queues ?? []).map((each) => each.queueId ?? "")))];
}

/** What there is to say, of all queues together or of one. */
export function rowsOf(days: readonly SimulatedDay[], queueId: string): { figure: Figure; cells: Cell[] }[] {
  return FIGURES.filter((figure) => !queueId || !figure.wholeOnly)
    .map((figure) => ({ figure, cells: rowOf(figure, days, queueId) }))
    .filter(({ figure, cells }) => !figure.ifAny || cells.some((cell) => cell.value));
}

export interface Cell {
  value: number | undefined;
  /** Against the rules as they are; undefined for those themselves, or where one of the two says nothing. */
  difference: number | undefined;
  verdict: Verdict;
  /** Length of its bar, 0 to 1 of the longest. */
  bar: number;
}

/** One figure over all days, the rules as they are first. */
export function rowOf(figure: Figure, days: readonly SimulatedDay[], queueId: string): Cell[] {
  const values = days.map((day) => {
    const figures = figuresOf(day, queueId);
    return figures && figure.of(day, figures);
  });
  const most = Math.max(figure.kind === "share" ? 1 : 0, ...values.map((value) => value ?? 0));
  const first = values[0];
  return values.map((value, index) => {
    const known = index > 0 && value !== undefined && first !== undefined;
    const difference = known ? value - first : undefined;
    const bar = most > 0 ? (value ?? 0) / most : 0;
    return { value, difference, verdict: verdictOf(figure, difference), bar };
  });
}

/** Differences that would be written as zero are none. */
function verdictOf(figure: Figure, difference: number | undefined): Verdict {
  if (difference === undefined) return "other";
  const least = { share: 0.0005, seconds: 0.05, count: 0.5 }[figure.kind];
  if (Math.abs(difference) < least) return "same";
  if (figure.better === 0) return "other";
  return Math.sign(difference) === figure.better ? "better" : "worse";
}

/** Names that heads of columns can be told apart by: a second one of the same name gets a number. */
export function distinct(names: readonly string[]): string[] {
  return names.map((name, index) => {
    const before = names.slice(0, index).filter((each) => each === name).length;
    return before ? `${name} (${before + 1})` : name;
  });
}
