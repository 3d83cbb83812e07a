/** What of a shift is moved: all of it, one of its ends, or one of its breaks by its place. */
import { type Bar, endMoved, moved, onDay, restMoved, startMoved } from "./shifts.ts";
import type { Day } from "./time.ts";

export type Part = "shift" | "start" | "end" | number;

/** The shift with that part moved by quarters of an hour, still on its day. */
export function partMoved(bar: Bar, part: Part, quarters: number, day: Day): Bar {
  if (part === "start") return startMoved(bar, quarters, day);
  if (part === "end") return endMoved(bar, quarters);
  if (part === "shift") return moved(bar, quarters, day);
  return restMoved(bar, part, quarters);
}

/** The shift dragged as far as that, which may be to another of the days. */
export function dragged(bar: Bar, part: Part, quarters: number, days: readonly Day[], zone: string): Bar {
  const own = days.find(({ day }) => day === bar.day);
  if (!own) return bar;
  if (part !== "shift" || days.length === 1) return partMoved(bar, part, quarters, own);
  const start = bar.start + quarters * 900_000;
  const to = days.find((each) => each.start <= start && start < each.end) ?? own;
  if (to === own) return moved(bar, quarters, own);
  const there = onDay(bar, to, zone);
  return moved(there, Math.round((start - there.start) / 900_000), to);
}

/** What comes after a part when one goes through them. */
export function nextPart(bar: Bar, part: Part): Part {
  const order: Part[] = ["shift", ...bar.rests.map((_, at) => at)];
  return order[(order.indexOf(part) + 1) % order.length] ?? "shift";
}
