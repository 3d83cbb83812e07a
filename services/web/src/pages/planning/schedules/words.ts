/** Schedules in words: how good they are, what breaks which rule, times of day. */
import type { ScheduleFigures, ScheduleViolation } from "../../../api/types.ts";
import { formatDate, weekdayName } from "../../../format/dates.ts";
import { formatNumber, formatPercent, localDigits } from "../../../format/numbers.ts";
import { type Language, type Text, textOr } from "../../../i18n/index.ts";
import { noonOf, ZONELESS } from "../days.ts";
import type { Bar } from "./shifts.ts";
import { QUARTER, wallOf } from "./time.ts";

const texts = new Map<string, string>();

/** "09:30" of a zone. Kept, as one of few texts is asked for thousands of times while rows scroll by. */
export function timeText(at: number, zone: string, language: Language): string {
  const key = `${at} ${zone} ${language}`;
  let found = texts.get(key);
  if (found === undefined) {
    found = localDigits(clockText(wallOf(at, zone).minute), language);
    if (texts.size > 20_000) texts.clear();
    texts.set(key, found);
  }
  return found;
}

/** "9:30" for 570. */
export function clockText(minutes: number): string {
  const whole = Math.round(Math.abs(minutes));
  const text = `${String(Math.floor(whole / 60)).padStart(2, "0")}:${String(whole % 60).padStart(2, "0")}`;
  return minutes < 0 ? `-${text}` : text;
}

/** "38 h 30 min": a length of minutes. */
export function lengthText(minutes: number, language: Language, t: Text): string {
  const hours = Math.floor(minutes / 60);
  const rest = Math.round(minutes % 60);
  const number = (value: number) => formatNumber(value, language);
  if (hours === 0) return t("schedules.minutes", { minutes: number(rest) });
  if (rest === 0) return t("schedules.hours", { hours: number(hours) });
  return t("schedules.hoursMinutes", { hours: number(hours), minutes: number(rest) });
}

/** "09:00–17:30". */
export function spanText(from: number, to: number, zone: string, language: Language): string {
  const [start, end] = [timeText(from, zone, language), timeText(to, zone, language)];
  return language === "fa" ? `${start} تا ${end}` : `${start}–${end}`;
}

/** A shift with its breaks and whether it is locked. */
export function barText(bar: Bar, zone: string, language: Language, t: Text): string {
  const said = [spanText(bar.start, bar.end, zone, language)];
  if (bar.rests.length > 0) {
    const rests = bar.rests.map((each) => spanText(each.start, each.end, zone, language));
    said.push(t("schedules.breaksAt", { times: rests.join(comma(language)) }));
  }
  if (bar.locked) said.push(t("schedules.locked"));
  return said.join(comma(language));
}

export const comma = (language: Language): string => (language === "fa" ? "، " : ", ");

/** "Tuesday, 1 Dec 2026". */
export function dayText(day: string, language: Language): string {
  return `${weekdayText(day, language)}${comma(language)}${formatDate(noonOf(day), language, ZONELESS)}`;
}

export function weekdayText(day: string, language: Language): string {
  return weekdayName(((new Date(`${day}T12:00:00Z`).getUTCDay() + 6) % 7) + 1, language);
}

/** How far a version is from the best that can be, in words. */
export function nearText(figures: ScheduleFigures | undefined, language: Language, t: Text): string {
  if (!figures?.bound) return t("schedules.gapUnknown");
  const gap = Math.max(0, figures.gap ?? 0) * 100;
  if (gap < 0.05) return t("schedules.best");
  const share = gap < 10 ? Math.ceil(gap * 10 - 1e-9) / 10 : Math.ceil(gap);
  return t("schedules.within", { share: formatPercent(share, language) });
}

const DAYS = ["CONSECUTIVE_DAYS", "WEEKENDS", "CONTRACT_DAYS", "TOO_FEW_DAYS"];

export function ruleText(broken: ScheduleViolation, language: Language, t: Text): string {
  const rule = broken.rule ?? "";
  const said = (value: number | undefined) =>
    DAYS.includes(rule) ? formatNumber(value ?? 0, language) : lengthText(value ?? 0, language, t);
  return textOr("scheduleRule", rule, { allowed: said(broken.allowed), found: said(broken.found) });
}

/** Rules that are of a week, not of one of its days. */
export const OF_WEEK = [
  "WEEK_HOURS",
  "WEEKLY_REST",
  "CONTRACT_HOURS",
  "CONTRACT_DAYS",
  "TOO_FEW_HOURS",
  "TOO_FEW_DAYS",
];

/** The day a broken rule is of, or that it is of the week. */
export const whenText = (broken: ScheduleViolation, language: Language, t: Text): string =>
  OF_WEEK.includes(broken.rule ?? "") ? t("schedules.ofWeek") : dayText(broken.day ?? "", language);

/** Agent hours with one digit. */
export const agentHours = (hours: number | undefined, language: Language): string =>
  formatNumber(hours ?? 0, language, 1);

/** "09:00" in a form's field to the minute of the day; undefined when it is none. */
export function minuteIn(clock: string): number | undefined {
  const found = /^(\d\d):(\d\d)/.exec(clock);
  return found ? Number(found[1]) * 60 + Number(found[2]) : undefined;
}

export const onQuarter = (at: number): number => Math.round(at / QUARTER) * QUARTER;
