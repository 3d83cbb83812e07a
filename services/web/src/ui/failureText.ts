import { t, textOr } from "../i18n/index.ts";

/** Codes of payment providers that mean what another says; tenancy's letters have the same. */
const SAME: Record<string, string> = {
  authentication_not_handled: "authentication_required",
  requires_action: "authentication_required",
  payment_intent_authentication_failure: "authentication_required",
  generic_decline: "card_declined",
  requires_payment_method: "card_declined",
  do_not_honor: "card_declined",
  invalid_number: "incorrect_number",
  invalid_cvc: "incorrect_cvc",
  invalid_expiry_month: "expired_card",
  invalid_expiry_year: "expired_card",
  card_decline_rate_limit_exceeded: "card_velocity_exceeded",
  withdrawal_count_limit_exceeded: "card_velocity_exceeded",
};

/** Why a payment failed, in words, with the provider's own code behind it. */
export function failureText(code: string): string {
  if (!code) return t("failure.other");
  const known = SAME[code] ?? code;
  const said = textOr("failure", known);
  return `${said === known ? t("failure.other") : said} (${code})`;
}
