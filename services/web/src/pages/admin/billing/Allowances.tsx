import { formatNumber, roundDecimal } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { Panel } from "../../../ui/Page.tsx";
import watch from "../../watch/watch.module.css";
import classes from "./billing.module.css";
import { useMeterNames } from "./useMeterNames.ts";

interface Allowance {
  meter: string;
  used: number;
  included: number;
}

interface Used {
  meter?: string;
  quantity?: string;
}

/** How much was used of each meter, of all its lines together, and what the plan includes of it. */
export function allowancesOf(
  lines: readonly Used[],
  rates: readonly { meter?: string; includedUnits?: string }[],
): Allowance[] {
  const found = new Map<string, Allowance>();
  for (const rate of rates) {
    const included = Number(rate.includedUnits ?? 0);
    if (rate.meter && included > 0) found.set(rate.meter, { meter: rate.meter, used: 0, included });
  }
  for (const line of lines) {
    const known = found.get(line.meter ?? "");
    if (known) known.used += Number(line.quantity ?? 0);
  }
  return [...found.values()];
}

interface Props {
  lines: readonly Used[];
  rates: readonly { meter?: string; includedUnits?: string }[];
}

/** Bars of what was used against what the plan includes; what is beyond it is another colour. */
export function Allowances({ lines, rates }: Props) {
  const t = useText();
  const language = useLanguage();
  const called = useMeterNames();
  const allowances = allowancesOf(lines, rates);
  const shown = (value: number) => formatNumber(roundDecimal(value.toFixed(4), 2), language);
  return (
    <Panel label={t("allowance.title")} testId="allowances">
      <h2 className={watch.title}>{t("allowance.title")}</h2>
      {allowances.length === 0 && <p className={watch.faint}>{t("allowance.none")}</p>}
      {allowances.map(({ meter, used, included }) => {
        const scale = Math.max(used, included);
        const beyond = Math.max(0, used - included);
        const name = called(meter);
        const said = t("allowance.of", { used: shown(used), included: shown(included) });
        return (
          <div key={meter} className={classes.allowance} data-testid={`allowance-${meter}`}>
            <div className={classes.allowanceHead}>
              <span>{name}</span>
              <span className="m-figures">
                {said}
                {beyond > 0 && ` · ${t("allowance.beyond", { count: shown(beyond) })}`}
              </span>
            </div>
            <div
              className={classes.bar}
              role="meter"
              aria-label={name}
              aria-valuemin={0}
              aria-valuemax={included}
              aria-valuenow={Math.min(used, included)}
              aria-valuetext={said}
            >
              <div
                className={classes.used}
                style={{ inlineSize: `${(Math.min(used, included) / scale) * 100}%` }}
              />
              <div className={classes.beyond} style={{ inlineSize: `${(beyond / scale) * 100}%` }} />
            </div>
          </div>
        );
      })}
    </Panel>
  );
}
