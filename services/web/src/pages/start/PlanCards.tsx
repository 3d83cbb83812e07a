import { IconCheck } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { planName } from "../../api/plan.ts";
import type { Plan } from "../../api/types.ts";
import { formatMoney, formatNumber } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import classes from "./start.module.css";

interface Props {
  plans: readonly Plan[];
  action: (plan: Plan) => ReactNode;
  chosen?: string | undefined;
}

/** The plan tiers side by side: price of a seat, what else is metered, limits, features. */
export function PlanCards({ plans, action, chosen }: Props) {
  return (
    <div className={classes.plans}>
      {plans.map((plan) => (
        <PlanCard key={plan.planId} plan={plan} chosen={chosen === plan.planId} action={action(plan)} />
      ))}
    </div>
  );
}

function PlanCard({ plan, action, chosen }: { plan: Plan; action: ReactNode; chosen: boolean }) {
  const t = useText();
  const language = useLanguage();
  const rates = plan.rates ?? [];
  const seat = rates.find((rate) => rate.meter === "seat_month");
  const others = rates.filter((rate) => rate !== seat && Number(rate.price?.amount ?? 0) > 0);
  const limits = plan.limits ?? {};
  const number = (value: number | undefined) => formatNumber(value ?? 0, language);
  const lines = [
    t("plan.users", { count: number(limits.maxUsers) }),
    t("plan.calls", { count: number(limits.maxConcurrentCalls) }),
    t("plan.numbersAndBrands", { numbers: number(limits.maxNumbers), brands: number(limits.maxBrands) }),
    t("plan.retention", { days: number(limits.recordingRetentionDays) }),
    ...others.map((rate) => {
      const price = formatMoney(rate.price?.amount ?? "0", rate.price?.currency ?? "", language);
      return `${textOr("meter", rate.meter ?? "")}: ${price} / ${textOr("unit", rate.unit ?? "")}${included(rate.includedUnits)}`;
    }),
    ...(plan.features ?? []).map((feature) => textOr("feature", feature)),
  ];
  function included(units: string | undefined): string {
    return Number(units ?? 0) > 0
      ? ` (${t("plan.included", { count: formatNumber(units ?? "0", language) })})`
      : "";
  }
  return (
    <section className={`${classes.plan} ${chosen ? classes.planChosen : ""}`} aria-label={planName(plan)}>
      <h2>{planName(plan)}</h2>
      <p>{plan.summaries?.[language] ?? plan.summaries?.en}</p>
      <div>
        <span className={`${classes.price} m-figures`}>
          {formatMoney(seat?.price?.amount ?? "0", seat?.price?.currency ?? plan.currency ?? "", language)}
        </span>{" "}
        <span className={classes.priceUnit}>{t("plan.perSeat")}</span>
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
