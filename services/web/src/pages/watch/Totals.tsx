import type { ReactNode } from "react";
import type { QueueTile } from "../../api/types.ts";
import { formatNumber, formatShare } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { Elapsed, Length } from "../../ui/Time.tsx";
import classes from "./watch.module.css";

/** The tenant's day in one row. A ratio over nothing is a dash, never a zero. */
export function Totals({ total }: { total: QueueTile }) {
  const t = useText();
  const language = useLanguage();
  const number = (value: string | number | undefined) => formatNumber(value ?? 0, language);
  const depth = total.depth ?? 0;
  return (
    <section className={classes.totals} aria-label={t("watch.total")} data-testid="wallboard-total">
      <Stat label={t("watch.depth")} testId="total-depth">
        {number(depth)}
      </Stat>
      <Stat label={t("watch.longestWait")} testId="total-longest-wait" alarm={depth > 0}>
        {total.longestWaitSince && depth > 0 ? <Elapsed since={total.longestWaitSince} /> : "–"}
      </Stat>
      <Stat label={t("watch.offered")} testId="total-offered">
        {number(total.offered)}
      </Stat>
      <Stat label={t("watch.answered")} testId="total-answered">
        {number(total.answered)}
      </Stat>
      <Stat label={t("watch.abandoned")} testId="total-abandoned">
        {number(total.abandoned)}
      </Stat>
      <Stat
        label={t("watch.serviceLevel", { seconds: number(total.serviceLevelThresholdSeconds || 20) })}
        testId="total-service-level"
      >
        {share(total.serviceLevel, language)}
      </Stat>
      <Stat label={t("watch.asa")} testId="total-asa">
        {length(total.asaSeconds)}
      </Stat>
      <Stat label={t("watch.aht")} testId="total-aht">
        {length(total.ahtSeconds)}
      </Stat>
    </section>
  );
}

type Reading = number | "NaN" | "Infinity" | "-Infinity" | null | undefined;

export function share(value: Reading, language: Parameters<typeof formatShare>[1]): string {
  return typeof value === "number" ? formatShare(value, language) : "–";
}

export function length(seconds: Reading): ReactNode {
  return typeof seconds === "number" ? <Length seconds={Math.round(seconds)} /> : "–";
}

function Stat(props: { label: string; testId: string; alarm?: boolean; children: ReactNode }) {
  return (
    <div className={classes.stat}>
      <div className={classes.statLabel}>{props.label}</div>
      <div
        className={`${classes.statValue} m-figures ${props.alarm ? classes.alarm : ""}`}
        data-testid={props.testId}
      >
        {props.children}
      </div>
    </div>
  );
}
