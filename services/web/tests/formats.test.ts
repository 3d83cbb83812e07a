/** Numbers, money, lengths and dates as each of the four languages writes them. */
import { expect, test } from "vitest";
import { formatDate, formatDateTime, formatMonth, formatTime, weekdayName } from "../src/format/dates.ts";
import { durationSeconds, formatClock, secondsBetween, toDuration } from "../src/format/durations.ts";
import {
  formatMoney,
  formatNumber,
  formatPercent,
  formatShare,
  roundDecimal,
} from "../src/format/numbers.ts";
import { clockOf, EIGHT_TO_SIX, minuteOf, weekText } from "../src/format/weeks.ts";
import { directionOf, preferredLanguage } from "../src/i18n/languages.ts";

const INSTANT = "2026-11-24T10:05:09Z";

test("money keeps every digit the server sent, in the reader's separators", () => {
  expect(formatMoney("1234567.5", "EUR", "en")).toBe("EUR 1,234,567.50");
  expect(formatMoney("1234567.50", "TRY", "tr")).toBe("1.234.567,50 TRY");
  expect(formatMoney("12.40", "AZN", "az")).toBe("12,40 AZN");
  expect(formatMoney("12.40", "USD", "fa")).toBe("۱۲٫۴۰ USD");
  expect(formatMoney("90071992547409931.01", "EUR", "en")).toBe("EUR 90,071,992,547,409,931.01");
});

test("a decimal text is rounded half up without ever being a float", () => {
  expect(roundDecimal("1.005", 2)).toBe("1.01");
  expect(roundDecimal("0.0049", 2)).toBe("0");
  expect(roundDecimal("9.999", 2)).toBe("10");
  expect(roundDecimal("2.5", 2)).toBe("2.5");
});

test("numbers that are none are shown as a dash, shares with the sign where the language has it", () => {
  expect(formatNumber(Number.NaN, "en")).toBe("–");
  expect(formatNumber(-1234, "tr")).toBe("-1.234");
  expect(formatShare(0.804, "en")).toBe("80%");
  expect(formatShare(0.804, "tr")).toBe("%80");
  expect(formatShare(0.804, "fa")).toBe("۸۰٪");
  expect(formatShare(0.0804, "tr", 1)).toBe("%8,0");
  expect(formatPercent("12.5", "fa")).toBe("۱۲٫۵٪");
  expect(formatPercent("20", "az")).toBe("20%");
});

test("a running clock never shows a negative time", () => {
  expect(formatClock(-3, "en")).toBe("0:00");
  expect(formatClock(7.9, "en")).toBe("0:07");
  expect(formatClock(3729, "az")).toBe("1:02:09");
  expect(formatClock(75, "fa")).toBe("۱:۱۵");
});

test("durations of the contract are read and written as proto3 JSON", () => {
  expect(durationSeconds("3.250s")).toBe(3.25);
  expect(durationSeconds(undefined)).toBe(0);
  expect(durationSeconds("soon")).toBe(0);
  expect(toDuration(20)).toBe("20s");
  expect(secondsBetween(INSTANT, Date.parse(INSTANT) + 1500)).toBe(1.5);
  expect(secondsBetween(undefined, 1)).toBe(0);
});

test("dates stand in the reader's words, calendar and zone", () => {
  expect(formatDate(INSTANT, "en", "UTC")).toBe("24 Nov 2026");
  expect(formatDate(INSTANT, "az", "UTC")).toBe("24 noy 2026");
  expect(formatDate(INSTANT, "fa", "UTC")).toMatch(/۳ آذر ۱۴۰۵/);
  expect(formatDate("2026-11-24T22:30:00Z", "az", "Asia/Baku")).toBe("25 noy 2026");
  expect(formatTime(INSTANT, "tr", "Europe/Istanbul", true)).toBe("13:05:09");
  expect(formatDateTime(INSTANT, "az", "UTC")).toBe("24 noy 2026, 10:05");
  expect(formatMonth(INSTANT, "az", "UTC")).toBe("noyabr 2026");
  expect(formatDate(undefined, "en")).toBe("–");
  expect(formatDate("yesterday", "en")).toBe("–");
});

test("the week begins on Monday and Azerbaijani days are not the root locale's", () => {
  expect(weekdayName(1, "az")).toBe("bazar ertəsi");
  expect(weekdayName(7, "az")).toBe("bazar");
  expect(weekdayName(2, "en")).toBe("Tuesday");
  expect(weekdayName(2, "tr")).toBe("Salı");
});

test("the first language of the browser that we speak is taken, and Persian runs from right to left", () => {
  expect(preferredLanguage(["de-DE", "az-Latn-AZ", "en"])).toBe("az");
  expect(preferredLanguage(["de"])).toBe("en");
  expect(directionOf("fa")).toBe("rtl");
  expect(directionOf("az")).toBe("ltr");
});

test("hours of a week are told in a sentence, days alike together", () => {
  const hours = [
    ...EIGHT_TO_SIX,
    { weekday: 6, startMinute: 780, endMinute: 1440 },
    { weekday: 6, startMinute: 600, endMinute: 720 },
  ];
  const plain = (text: string) => text.replaceAll("\u2060", "");
  expect(plain(weekText(hours, "en"))).toBe("Monday–Friday 08:00–18:00, Saturday 10:00–12:00, 13:00–24:00");
  expect(plain(weekText([{ weekday: 7, startMinute: 0, endMinute: 60 }], "az"))).toBe("bazar 00:00–01:00");
  const persian = plain(weekText(EIGHT_TO_SIX, "fa"));
  expect(persian).toBe("دوشنبه–جمعه ۰۸:۰۰\u00a0تا\u00a0۱۸:۰۰");
  expect(weekText([], "en")).toBe("");
});

test("midnight at the end of a day can be typed", () => {
  expect(clockOf(570)).toBe("09:30");
  expect(minuteOf(clockOf(1440), true)).toBe(1440);
  expect(minuteOf("23:59")).toBe(1439);
});
