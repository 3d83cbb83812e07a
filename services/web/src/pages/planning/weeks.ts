/** Weeks of a forecast run by their Mondays. */
import type { ForecastRun } from "../../api/types.ts";
import { formatDate } from "../../format/dates.ts";
import type { Language } from "../../i18n/index.ts";
import { daysLater, noonOf, ZONELESS } from "./days.ts";
import { mondayOf } from "./schedules/time.ts";

/** Mondays of weeks a run says something of, oldest first. */
export function weeksOf(run: ForecastRun | undefined): string[] {
  if (!run?.firstDay) return [];
  const end = daysLater(run.firstDay, run.days ?? 0);
  const found: string[] = [];
  for (let day = mondayOf(run.firstDay); day < end; day = daysLater(day, 7)) found.push(day);
  return found;
}

/** Those of which it says something of every day. */
export function wholeWeeksOf(run: ForecastRun): string[] {
  const first = run.firstDay ?? "";
  const end = daysLater(first, run.days ?? 0);
  return weeksOf(run).filter((day) => day >= first && daysLater(day, 7) <= end);
}

export const weekText = (day: string | undefined, language: Language): string =>
  formatDate(noonOf(day), language, ZONELESS);
