import type { ReactNode } from "react";
import { useNames } from "../../../api/names.ts";
import type { Explanation } from "../../../api/types.ts";
import { durationSeconds, secondsBetween } from "../../../format/durations.ts";
import { isolated } from "../../../format/isolated.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useSpeech } from "../../../rules/useSpeech.ts";
import { lengthWords } from "../../../rules/words.ts";
import { DateTime, Remaining } from "../../../ui/Time.tsx";
import desktopClasses from "../../desktop/desktop.module.css";
import classes from "../watch.module.css";
import { expressionWords } from "./expressionWords.ts";
import { overflowRows } from "./overflowRows.tsx";
import { waits } from "./waiting.ts";

/** How a contact stands, or stood when it left: what is asked for now, when that changes, how long it counts as having waited. */
export function Standing({ explanation }: { explanation: Explanation }) {
  const speech = useSpeech();
  const { t, language } = speech;
  const names = useNames();
  const { contact = {}, steps = [], queueIds = [], ahead = 0 } = explanation;
  const number = (value: number) => formatNumber(value, language);
  const target = contact.targetAgentId ? isolated(names.user(contact.targetAgentId)) : "";
  const waited = secondsBetween(contact.queueTime, Date.parse(explanation.time ?? ""));
  const left = !waits(contact);
  const rows: [string, string, ReactNode][] = [
    [
      "asked",
      t(left ? "why.wasAsked" : "why.asked"),
      target ? t("why.target", { name: target }) : expressionWords(explanation.requirement ?? "", speech),
    ],
    [
      "queues",
      t("why.queues"),
      queueIds.length > 0 ? queueIds.map((id) => isolated(names.queue(id))).join(", ") : t("why.everybody"),
    ],
    ["steps", t("why.steps"), steps.map(number).join(", ") || t("why.noSteps")],
    ...(left ? [] : [nextRow(explanation, t)]),
    [
      "counted",
      t("why.counted"),
      <>
        {lengthWords(durationSeconds(explanation.countedWait), t, language)}{" "}
        <span className={classes.faint}>
          {t("why.points", {
            points: number(explanation.points ?? 0),
            waited: lengthWords(waited, t, language),
          })}
        </span>
      </>,
    ],
    ...overflowRows(explanation, speech),
    [
      "ahead",
      t("why.ahead"),
      t(left ? "why.aheadThen" : "why.aheadCount", { count: ahead, number: number(ahead) }),
    ],
  ];
  const preferred = isolated(names.user(contact.preferredAgentId));
  return (
    <section aria-label={t(left ? "why.then" : "why.now")}>
      <h3 className={classes.part}>
        {left ? (
          <>
            {t("why.then")} · <DateTime value={explanation.time} />
          </>
        ) : (
          t("why.now")
        )}
      </h3>
      <dl className={desktopClasses.facts}>
        {rows.map(([id, label, value]) => (
          <div key={id}>
            <dt>{label}</dt>
            <dd data-testid={`why-${id}`}>{value}</dd>
          </div>
        ))}
        {!left && explanation.preferredUntilTime && (
          <div>
            <dt>{t("why.alone", { name: preferred })}</dt>
            <dd>
              <Remaining until={explanation.preferredUntilTime} />
            </dd>
          </div>
        )}
      </dl>
    </section>
  );
}

function nextRow(
  { nextChangeTime }: Explanation,
  t: ReturnType<typeof useSpeech>["t"],
): [string, string, ReactNode] {
  const until = nextChangeTime ? <Remaining key="next" until={nextChangeTime} /> : t("why.noNext");
  return ["next", t("why.next"), until];
}
