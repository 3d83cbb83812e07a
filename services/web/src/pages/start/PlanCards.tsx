import { IconCheck } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { planName } from "../../api/plan.ts";
import type { Limits, Money, Plan, Rate } from "../../api/types.ts";
import { formatMoney, formatNumber } from "../../format/numbers.ts";
import { type Language, type Text, textOr, useLanguage, useText } from "../../i18n/index.ts";
import classes from "./start.module.css";

interface Props {
  plans: readonly Plan[];
  action: (plan: Plan) => ReactNode;
  chosen?: string | undefined;
}

/** The plan tiers side by side: the fee, or where there is none the price of a seat; what is metered, limits, features. */
export function PlanCards({ plans, action, chosen }: Props) {
  return (
    <div className={classes.plans}>
      {plans.map((plan) => (
        <PlanCard key={plan.planId} plan={plan} chosen={chosen === plan.planId} action={action(plan)} />
      ))}
    </div>
  );
}

interface CardProps {
  plan: Plan;
  action?: ReactNode;
  chosen?: boolean;
}

export function PlanCard({ plan, action, chosen }: CardProps) {
  const t = useText();
  const language = useLanguage();
  const currency = plan.currency ?? "";
  const rates = plan.rates ?? [];
  const seat = plan.price ? undefined : rates.find((rate) => rate.meter === "seat_month" && isStandard(rate));
  const lines = [
    ...limitLines(plan.limits ?? {}, t, language),
    ...rates
      .filter((rate) => rate !== seat && costs(rate))
      .map((rate) => `${textOr("meter", rate.meter ?? "")}: ${rateWords(rate, currency, t, language)}`),
    ...(plan.features ?? []).map((feature) => textOr("feature", feature)),
  ];
  const days = plan.trialDays ?? 0;
  const headline = plan.price?.amount ?? seat?.price?.amount;
  return (
    <section className={`${classes.plan} ${chosen ? classes.planChosen : ""}`} aria-label={planName(plan)}>
      <h2>{planName(plan)}</h2>
      <p>{plan.summaries?.[language] ?? plan.summaries?.en}</p>
      <div>
        {headline === undefined ? (
          <span className={classes.priceUnit}>{t("plan.noFee")}</span>
        ) : (
          <>
            <span className={`${classes.price} m-figures`}>{formatMoney(headline, currency, language)}</span>{" "}
            <span className={classes.priceUnit}>{plan.price ? per(plan, t) : t("plan.perSeat")}</span>
          </>
        )}
        {days > 0 && <div>{t("plan.trial", { count: days, number: formatNumber(days, language) })}</div>}
        {plan.minimum?.amount && (
          <div className={classes.priceUnit}>
            {t("plan.minimum", { amount: formatMoney(plan.minimum.amount, currency, language) })}
          </div>
        )}
      </div>
      {action}
      <ul className={classes.features}>
        {lines.map((line) => (
          <li key={line}>
            <IconCheck size={17} aria-hidden />
            <span>{line}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** "per month" or "per year". */
export function per(item: { interval?: Plan["interval"] }, t: Text): string {
  return t(item.interval === "BILLING_INTERVAL_YEAR" ? "plan.perYear" : "plan.perMonth");
}

function limitLines(limits: Limits, t: Text, language: Language): string[] {
  const number = (value: number | undefined) => formatNumber(value ?? 0, language);
  const lines = [
    t("plan.users", { count: number(limits.maxUsers) }),
    t("plan.calls", { count: number(limits.maxConcurrentCalls) }),
    t("plan.numbersAndBrands", { numbers: number(limits.maxNumbers), brands: number(limits.maxBrands) }),
    t("plan.retention", { days: number(limits.recordingRetentionDays) }),
  ];
  if (limits.maxApiRequestsPerMinute)
    lines.push(t("plan.apiLimit", { count: number(limits.maxApiRequestsPerMinute) }));
  if (limits.maxCampaigns) lines.push(t("plan.campaignLimit", { count: number(limits.maxCampaigns) }));
  return lines;
}

function isStandard(rate: Rate): boolean {
  return ["RATE_MODEL_UNSPECIFIED", "RATE_MODEL_STANDARD", undefined].includes(rate.model);
}

function costs(rate: Rate): boolean {
  return !isStandard(rate) || Number(rate.price?.amount ?? 0) > 0 || rate.recordFee !== undefined;
}

/** A rate in a few words: "EUR 0.014 / minute (5,000 included)", "from EUR 0.01 / minute", "by the number called". */
function rateWords(rate: Rate, currency: string, t: Text, language: Language): string {
  const unit = textOr("unit", rate.unit ?? "");
  const money = (amount: Money | undefined) => formatMoney(amount?.amount ?? "0", currency, language);
  const units = Number(rate.includedUnits ?? 0);
  const included =
    units > 0 ? ` (${t("plan.included", { count: formatNumber(rate.includedUnits ?? "0", language) })})` : "";
  const percents = (rate.tiers ?? []).map((tier) => tier.percent).filter(Boolean);
  switch (rate.model) {
    case "RATE_MODEL_GRADUATED":
    case "RATE_MODEL_VOLUME":
      return t("plan.rate.from", { price: money(cheapest(rate)), unit }) + included;
    case "RATE_MODEL_PACKAGE": {
      const size = `${formatNumber(rate.packageSize ?? "", language)} ${unit}`;
      return t("plan.rate.package", { price: money(rate.price), size }) + included;
    }
    case "RATE_MODEL_PERCENTAGE":
    case "RATE_MODEL_GRADUATED_PERCENTAGE": {
      const percent = (rate.percent ? [rate.percent] : percents).map((each) =>
        formatNumber(each ?? "", language),
      );
      return t("plan.rate.percent", { percent: percent.join(" – ") });
    }
    case "RATE_MODEL_DECK":
      return t("plan.rate.deck");
    default:
      return `${money(rate.price)} / ${unit}${included}`;
  }
}

function cheapest(rate: Rate): Money | undefined {
  const prices = (rate.tiers ?? []).flatMap((tier) => (tier.unitPrice ? [tier.unitPrice] : []));
  return prices.sort((one, other) => Number(one.amount) - Number(other.amount))[0];
}
