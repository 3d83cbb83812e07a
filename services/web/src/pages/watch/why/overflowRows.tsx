import type { ReactNode } from "react";
import type { Explanation } from "../../../api/types.ts";
import { durationSeconds } from "../../../format/durations.ts";
import { isolated } from "../../../format/isolated.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { textOr } from "../../../i18n/index.ts";
import { lengthWords, type Speech } from "../../../rules/words.ts";
import { Remaining } from "../../../ui/Time.tsx";

/** How a contact was sent here, and what keeps the rules of its queue from sending it on. */
export function overflowRows(explanation: Explanation, speech: Speech): [string, string, ReactNode][] {
  const { t, language } = speech;
  const came = explanation.contact?.overflows ?? [];
  const checks = explanation.overflowChecks ?? [];
  const rows: [string, string, ReactNode][] = [];
  if (came.length > 0) {
    const words = came.map((each) =>
      t("why.overflowed", {
        from: isolated(speech.queue(each.fromQueueId ?? "")),
        time: lengthWords(durationSeconds(each.waited), t, language),
      }),
    );
    rows.push(["overflows", t("why.overflows"), words.join(", ")]);
  }
  if (checks.length > 0) {
    const words = checks.map(
      (each) =>
        `${formatNumber(each.rule ?? 0, language)}: ${textOr("overflowCheck", each.rejection || "about")}`,
    );
    rows.push(["overflow-rules", t("why.overflowRules"), words.join(" · ")]);
  }
  if (explanation.nextOverflowTime) {
    const until = explanation.nextOverflowTime;
    rows.push(["next-overflow", t("why.nextOverflow"), <Remaining key="next-overflow" until={until} />]);
  }
  return rows;
}
