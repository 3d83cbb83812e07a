import type { RoutingRules } from "../../../api/types.ts";
import { durationSeconds } from "../../../format/durations.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { askedAfter, isTimed, type Stage, stagesOf } from "../../../rules/course.ts";
import type { Requirement } from "../../../rules/requirements.ts";
import { useSpeech } from "../../../rules/useSpeech.ts";
import { askedWords, lengthWords } from "../../../rules/words.ts";
import classes from "./rules.module.css";

interface Props {
  first: Requirement;
  rules: RoutingRules;
}

/** A line of time: from when on what is asked for, and beneath it what comes by the expected wait instead. */
export function CourseLine({ first, rules }: Props) {
  const speech = useSpeech();
  const { t, language } = speech;
  const stages = attempt(() => stagesOf(first, rules, speech.skillOf));
  if (!stages) return null;
  const steps = rules.steps ?? [];
  const expected = steps.flatMap((step, at) => {
    if (isTimed(step)) return [];
    const asked = attempt(() => askedAfter(first, steps.slice(0, at + 1), speech.skillOf));
    return asked
      ? [{ at, over: durationSeconds(step.expectedWaitOver), words: askedWords(asked, speech) }]
      : [];
  });
  if (stages.length === 1 && expected.length === 0) return null;
  const listed = rules.strategy === "STRATEGY_LIST";
  const levels = (stage: Stage) =>
    t("rules.line.levels", { count: stage.levels, number: formatNumber(stage.levels, language) });
  const from = (stage: Stage) =>
    stage.after
      ? t("rules.list.after", { time: lengthWords(stage.after, t, language) })
      : t("rules.list.start");
  return (
    <figure className={classes.line} data-testid="course-line">
      <figcaption>{t("rules.line")}</figcaption>
      <ol className={classes.stages}>
        {stages.map((stage, index) => (
          <li key={stage.after} data-testid={`stage-${index}`}>
            <span className={classes.from}>{from(stage)}</span>
            <span>{askedWords(stage.asked, speech)}</span>
            {listed && <span className={classes.quiet}>{levels(stage)}</span>}
          </li>
        ))}
      </ol>
      {expected.map(({ at, over, words }) => (
        <p key={at} className={classes.sometime} data-testid={`stage-expected-${at}`}>
          <span className={classes.from}>
            {t("rules.line.expected", { time: lengthWords(over, t, language) })}
          </span>
          <span>{words}</span>
        </p>
      ))}
    </figure>
  );
}

/** What it gives; undefined while an expression in it can't be read. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
