/** Numbers, shares and money in the reader's language. Money is a decimal string and never becomes a float. */
import type { Language } from "../i18n/languages.ts";

const PERSIAN_DIGITS = "۰۱۲۳۴۵۶۷۸۹";

/** [group, decimal]. Ours rather than Intl's: browsers claim Azerbaijani and then fall back to the root locale. */
const SEPARATORS: Record<Language, readonly [string, string]> = {
  en: [",", "."],
  tr: [".", ","],
  az: [".", ","],
  fa: ["٬", "٫"],
};

/** Writes the digits of a text as the language does: Persian digits for fa, unchanged elsewhere. */
export function localDigits(text: string, language: Language): string {
  if (language !== "fa") return text;
  return text.replace(/\d/g, (digit) => PERSIAN_DIGITS[Number(digit)] ?? digit);
}

/** Persian and Arabic digits as the Latin ones they stand for. */
export function latinDigits(text: string): string {
  return text.replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) & 15));
}

/** `value` is a number or a decimal text ("1234.50"); its own fraction digits are kept unless `fraction` is given. */
export function formatNumber(value: number | string, language: Language, fraction?: number): string {
  const text = typeof value === "number" ? plainDecimal(value, fraction) : value;
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (!match) return text;
  const [, sign, whole = "0", part] = match;
  const [group, decimal] = SEPARATORS[language];
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, group);
  const digits = fraction === undefined ? part : (part ?? "").padEnd(fraction, "0").slice(0, fraction);
  return localDigits(`${sign}${grouped}${digits ? decimal + digits : ""}`, language);
}

function plainDecimal(value: number, fraction?: number): string {
  if (!Number.isFinite(value)) return "–";
  return fraction === undefined ? String(Math.round(value * 100) / 100) : value.toFixed(fraction);
}

/** Rounds a decimal text half-up to at most `digits` fraction digits, for reading only. */
export function roundDecimal(text: string, digits: number): string {
  const match = /^(-?)(\d+)\.(\d+)$/.exec(text);
  if (!match) return text;
  const [, sign = "", whole = "", part = ""] = match;
  if (part.length <= digits) return text;
  const scaled = BigInt(whole + part.slice(0, digits)) + (Number(part[digits]) >= 5 ? 1n : 0n);
  const padded = scaled.toString().padStart(digits + 1, "0");
  const cut = padded.length - digits;
  const fraction = padded.slice(cut).replace(/0+$/, "");
  return `${sign}${padded.slice(0, cut)}${fraction ? `.${fraction}` : ""}`;
}

/** `share` is 0..1; without `fraction` in whole percent. */
export function formatShare(share: number, language: Language, fraction = 0): string {
  return formatPercent(share * 100, language, fraction);
}

/** `value` as `formatNumber` takes it. Turkish and Azerbaijani differ in where the sign stands. */
export function formatPercent(value: number | string, language: Language, fraction?: number): string {
  const digits = formatNumber(value, language, fraction);
  if (language === "tr") return `%${digits}`;
  return language === "fa" ? `${digits}٪` : `${digits}%`;
}

/** `amount` is a decimal text in major units as the server gives it ("12.40"). */
export function formatMoney(amount: string, currency: string, language: Language): string {
  const [whole = "0", part = ""] = amount.split(".");
  const digits = formatNumber(`${whole}.${part.padEnd(2, "0")}`, language);
  return language === "en" ? `${currency} ${digits}` : `${digits} ${currency}`;
}
