import type { Overflow, OverflowRule } from "../../../api/types.ts";
import { durationSeconds } from "../../../format/durations.ts";
import { isolated } from "../../../format/isolated.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useSpeech } from "../../../rules/useSpeech.ts";
import { lengthWords, type Speech } from "../../../rules/words.ts";
import classes from "./rules.module.css";

/** A line of time: where somebody who waits goes when, and beneath it what comes by other things than time. */
export function OverflowLine({ overflow }: { overflow: Overflow | undefined }) {
  const speech = useSpeech();
  const { t, language } = speech;
  const rules = overflow?.rules ?? [];
  const timed = rules
    .filter((rule) => rule.afterWait !== undefined)
    .map((rule) => ({ after: durationSeconds(rule.afterWait), words: targetWords(rule, speech) }));
  if (overflow?.maxWait !== undefined) {
    timed.push({ after: durationSeconds(overflow.maxWait), words: t("overflow.line.leaves") });
  }
  timed.sort((one, other) => one.after - other.after);
  const others = rules.map((rule, at) => ({ rule, at })).filter(({ rule }) => rule.afterWait === undefined);
  if (timed.length + others.length === 0) return null;
  return (
    <figure className={classes.line} data-testid="overflow-line">
      <figcaption>{t("overflow.line")}</figcaption>
      <ol className={classes.stages}>
        <li>
          <span className={classes.from}>{t("rules.list.start")}</span>
          <span>{t("overflow.line.here")}</span>
        </li>
        {timed.map(({ after, words }, index) => (
          <li key={`${after} ${words}`} data-testid={`overflow-stage-${index}`}>
            <span className={classes.from}>
              {t("rules.list.after", { time: lengthWords(after, t, language) })}
            </span>
            <span>{words}</span>
          </li>
        ))}
      </ol>
      {others.map(({ rule, at }) => (
        <p key={at} className={classes.sometime} data-testid={`overflow-sometime-${at}`}>
          <span className={classes.from}>{triggerWords(rule, speech)}</span>
          <span>{targetWords(rule, speech)}</span>
        </p>
      ))}
    </figure>
  );
}

/** Where a rule sends somebody, as a sentence. */
export function targetWords(rule: OverflowRule, { t, queue }: Speech): string {
  if (rule.number !== undefined) {
    return t("overflow.line.number", { number: rule.number ? `\u2066${rule.number}\u2069` : "…" });
  }
  return t("overflow.line.queue", { name: rule.queueId ? isolated(queue(rule.queueId)) : "…" });
}

function triggerWords(rule: OverflowRule, { t, language }: Speech): string {
  if (rule.expectedWaitOver !== undefined) {
    const time = lengthWords(durationSeconds(rule.expectedWaitOver), t, language);
    return t("overflow.line.expected", { time });
  }
  if (rule.depth !== undefined)
    return t("overflow.line.depth", { number: formatNumber(rule.depth, language) });
  return rule.closed ? t("overflow.closed") : t("overflow.nobodyStaffed");
}
