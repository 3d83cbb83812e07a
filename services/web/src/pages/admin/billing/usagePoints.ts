/** What the chart of a period's usage and its table show. */
import type { MeterUsage } from "../../../api/types.ts";

/** Of what is held for a time a day says how much there was; of everything else how much was added. */
const LASTING: readonly string[] = [
  "seat_month",
  "seat_concurrent",
  "seat_active",
  "number_month",
  "recording_storage_gb_month",
];

export interface Point {
  time: number;
  ofDay?: number;
  soFar: number | null;
  forecast: number | null;
}

/** The period so far, day by day, and from its last day straight to what it is going to. */
export function pointsOf(usage: MeterUsage, end: string): Point[] {
  const lasting = LASTING.includes(usage.meter ?? "");
  const points: Point[] = [];
  let sum = 0;
  for (const day of usage.days ?? []) {
    const ofDay = Number(day.quantity ?? 0);
    sum = lasting ? ofDay : sum + ofDay;
    points.push({ time: Date.parse(day.startTime ?? "") / 1000, ofDay, soFar: sum, forecast: null });
  }
  const last = points.at(-1);
  if (!last) return points;
  last.forecast = last.soFar;
  points.push({
    time: Date.parse(end) / 1000 - 1,
    soFar: null,
    forecast: Number(usage.projectedQuantity ?? 0),
  });
  return points;
}
