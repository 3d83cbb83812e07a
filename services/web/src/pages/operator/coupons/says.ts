/** What a coupon takes off and for how long, in words. */
import { Problem } from "../../../api/problem.ts";
import type { Coupon, Money } from "../../../api/types.ts";
import { formatNumber, formatPercent, latinDigits } from "../../../format/numbers.ts";
import { type Language, type Text, textOr } from "../../../i18n/index.ts";

/** As many digits after the point as the server wrote: it knows the currency's. */
export function exactMoney(money: Money | undefined, language: Language): string {
  const digits = formatNumber(money?.amount ?? "", language);
  return language === "en" ? `${money?.currency} ${digits}` : `${digits} ${money?.currency}`;
}

export function takesOff(coupon: Coupon, language: Language): string {
  return coupon.percent ? formatPercent(coupon.percent, language) : exactMoney(coupon.amount, language);
}

export function howLong(coupon: Coupon, language: Language, t: Text): string {
  const periods = coupon.periods ?? 0;
  return coupon.frequency === "COUPON_FREQUENCY_REPEATING"
    ? t("coupons.periodsSaid", { count: periods, shown: formatNumber(periods, language) })
    : textOr("coupons.frequency", coupon.frequency ?? "");
}

/** What it is for: fees, meters by their names, and rates as plans call them. */
export function partName(id: string, t: Text): string {
  return id === "fee" ? t("coupons.fees") : textOr("meter", id);
}

/** A decimal as the server reads it, whichever digits and decimal sign it was typed with. */
export function typedDecimal(text: string): string {
  return latinDigits(text).replace(/[,٫]/, ".").trim();
}

/** A whole number that was typed; undefined when it is none. */
export function typedCount(text: string): number | undefined {
  const digits = latinDigits(text).trim();
  return /^\d{1,6}$/.test(digits) ? Number(digits) : undefined;
}

/** Whether a field is complained about, by its path in the contract; the gateway writes paths as JSON does. */
export function isWrong(problem: Problem | undefined, path: string): boolean {
  return problem?.fields.some(({ field }) => camel(field) === camel(path)) ?? false;
}

/** A problem whose fields say themselves, in the reader's language, what is wrong with them. */
export function saidAtFields(problem: Problem): Problem {
  return new Problem(problem.status, problem.reason, problem.detail, []);
}

function camel(path: string): string {
  return path.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
