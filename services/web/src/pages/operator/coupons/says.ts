/** What a coupon takes off and for how long, in words. */
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

/** A whole number that was typed; undefined when it is none. */
export function typedCount(text: string): number | undefined {
  const digits = latinDigits(text).trim();
  return /^\d{1,6}$/.test(digits) ? Number(digits) : undefined;
}
