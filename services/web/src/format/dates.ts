/**
 * Dates and times in the reader's language and time zone.
 *
 * Azerbaijani words are shipped here: Chromium claims the locale and then prints root-locale dates ("M11"). Persian
 * uses the Persian (solar Hijri) calendar, for which Intl has the arithmetic and the month names.
 */
import type { Language } from "../i18n/languages.ts";
import { localDigits } from "./numbers.ts";

const AZ_MONTHS = [
  "yanvar",
  "fevral",
  "mart",
  "aprel",
  "may",
  "iyun",
  "iyul",
  "avqust",
  "sentyabr",
  "oktyabr",
  "noyabr",
  "dekabr",
];
/** CLDR's abbreviations: cutting at three letters would make June and July the same. */
const AZ_SHORT_MONTHS = "yan fev mar apr may iyn iyl avq sen okt noy dek".split(" ");
/** Sunday first, as Date counts. */
const AZ_WEEKDAYS = ["bazar", "bazar ertəsi", "çərşənbə axşamı", "çərşənbə", "cümə axşamı", "cümə", "şənbə"];

const TAGS: Record<Exclude<Language, "az">, string> = {
  en: "en-GB",
  tr: "tr-TR",
  fa: "fa-IR-u-ca-persian-nu-arabext",
};

interface Wall {
  year: number;
  month: number;
  day: number;
  weekday: number;
  time: string;
  seconds: string;
}

/** What the clock and the calendar on the wall show in `zone`, by the one locale every browser has. */
function wallClock(instant: Date, zone: string | undefined): Wall {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    year: "numeric",
    month: "numeric",
    day: "numeric",
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  }).formatToParts(instant);
  const pick = (type: string) => parts.find((part) => part.type === type)?.value ?? "";
  return {
    year: Number(pick("year")),
    month: Number(pick("month")),
    day: Number(pick("day")),
    weekday: ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"].indexOf(pick("weekday")),
    time: `${pick("hour")}:${pick("minute")}`,
    seconds: pick("second"),
  };
}

function toDate(value: string | Date | undefined): Date | undefined {
  if (!value) return undefined;
  const date = typeof value === "string" ? new Date(value) : value;
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** "24 Nov 2026", "24 noy 2026", "۳ آذر ۱۴۰۵". Empty input gives a dash. */
export function formatDate(value: string | Date | undefined, language: Language, zone?: string): string {
  const date = toDate(value);
  if (!date) return "–";
  if (language === "az") {
    const wall = wallClock(date, zone);
    return `${wall.day} ${AZ_SHORT_MONTHS[wall.month - 1]} ${wall.year}`;
  }
  const month = language === "fa" ? "long" : "short";
  return new Intl.DateTimeFormat(TAGS[language], {
    timeZone: zone,
    day: "numeric",
    month,
    year: "numeric",
  })
    .formatToParts(date)
    .filter((part) => part.type !== "era")
    .map((part) => part.value)
    .join("");
}

/** "14:05", with seconds "14:05:09". Twenty-four hours in all four languages. */
export function formatTime(
  value: string | Date | undefined,
  language: Language,
  zone?: string,
  seconds = false,
): string {
  const date = toDate(value);
  if (!date) return "–";
  const wall = wallClock(date, zone);
  return localDigits(seconds ? `${wall.time}:${wall.seconds}` : wall.time, language);
}

export function formatDateTime(value: string | Date | undefined, language: Language, zone?: string): string {
  const date = toDate(value);
  if (!date) return "–";
  const comma = language === "fa" ? "، " : ", ";
  return `${formatDate(date, language, zone)}${comma}${formatTime(date, language, zone)}`;
}

/** "Tuesday", "salı", "çərşənbə axşamı", "سه‌شنبه". `day` counts from Monday = 1 to Sunday = 7 (ISO 8601). */
export function weekdayName(day: number, language: Language): string {
  if (language === "az") return AZ_WEEKDAYS[day % 7] ?? "";
  const monday = Date.UTC(2024, 0, 1); // a Monday
  const date = new Date(monday + (day - 1) * 86_400_000);
  return new Intl.DateTimeFormat(TAGS[language], { weekday: "long", timeZone: "UTC" }).format(date);
}

/** "November 2026", "noyabr 2026", "آذر ۱۴۰۵". */
export function formatMonth(value: string | Date, language: Language, zone?: string): string {
  const date = toDate(value);
  if (!date) return "–";
  if (language === "az") {
    const wall = wallClock(date, zone);
    return `${AZ_MONTHS[wall.month - 1]} ${wall.year}`;
  }
  return new Intl.DateTimeFormat(TAGS[language], { timeZone: zone, month: "long", year: "numeric" })
    .formatToParts(date)
    .filter((part) => part.type !== "era")
    .map((part) => part.value)
    .join("")
    .trim();
}
