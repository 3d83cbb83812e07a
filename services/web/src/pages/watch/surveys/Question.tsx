import type { SurveyQuestion } from "../../../api/types.ts";
import { formatNumber, formatShare } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { Panel } from "../../../ui/Page.tsx";
import watch from "../watch.module.css";
import { scaleOf } from "./answers.ts";
import { ByDay } from "./ByDay.tsx";
import classes from "./surveys.module.css";

/** A question's answers: how many, their average, the share of each, and day by day. */
export function Question({ question, days }: { question: SurveyQuestion; days: number }) {
  const t = useText();
  const language = useLanguage();
  const number = (value: number | string | undefined, fraction?: number) =>
    formatNumber(value ?? 0, language, fraction);
  const count = Number(question.count ?? 0);
  const scale = { lowest: number(question.lowest), highest: number(question.highest) };
  const title = `${question.flowName || t("surveys.noFlow")} · ${question.questionId}`;
  return (
    <Panel label={title} testId={`question-${question.questionId}`}>
      <h2 className={watch.title}>
        <bdi>{question.flowName || t("surveys.noFlow")}</bdi> · <bdi>{question.questionId}</bdi>
      </h2>
      <dl className={classes.figures}>
        <Figure name={t("surveys.count")} value={number(count)} testId="survey-count" />
        <Figure
          name={`${t("surveys.average")} (${t("surveys.scale", scale)})`}
          value={number(question.average, 2)}
          testId="survey-average"
        />
        <Figure name={t("surveys.comments")} value={number(question.commentCount)} testId="survey-comments" />
      </dl>
      <div className={classes.sides}>
        <section>
          <h3>{t("surveys.share")}</h3>
          <ul className={classes.bars}>
            {scaleOf(question).map((each) => {
              const share = count ? each.count / count : 0;
              return (
                <li key={each.value}>
                  <span>{number(each.value)}</span>
                  <span className={classes.bar} aria-hidden>
                    <span style={{ inlineSize: `${share * 100}%` }} />
                  </span>
                  <span data-testid={`survey-share-${each.value}`}>
                    {number(each.count)} · {formatShare(share, language)}
                  </span>
                </li>
              );
            })}
          </ul>
        </section>
        <section>
          <h3>{t("surveys.byDay")}</h3>
          <ByDay question={question} days={days} />
        </section>
      </div>
    </Panel>
  );
}

function Figure({ name, value, testId }: { name: string; value: string; testId: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-testid={testId}>{value}</dd>
    </div>
  );
}
