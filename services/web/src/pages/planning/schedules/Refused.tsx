import { Button, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { useStore } from "../../../store.ts";
import { Note } from "../../../ui/Note.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import type { Draft } from "./draft.ts";
import classes from "./gantt.module.css";
import { wouldBreak } from "./useSchedules.ts";
import { ruleText, whenText } from "./words.ts";

/** A change that wasn't taken: which rules it would break, and doing it all the same; or what else was wrong. */
export function Refused({ draft }: { draft: Draft }) {
  const t = useText();
  const language = useLanguage();
  const { refused, problem, schedule } = useStore(draft.store);
  const after = refused?.step.find((each) => each.after)?.after;
  const wrong = useQuery({
    queryKey: ["wfm", "refused", schedule.scheduleId, schedule.version, after],
    enabled: after !== undefined,
    gcTime: 0,
    queryFn: () =>
      after ? wouldBreak(schedule.scheduleId ?? "", after, schedule.version ?? "0") : Promise.resolve([]),
  });
  if (problem) {
    return (
      <div className={classes.refused}>
        <ProblemNote problem={problem} onClose={() => draft.dismiss()} />
      </div>
    );
  }
  if (!refused) return null;
  return (
    <div className={classes.refused}>
      <Note tone="warn" title={t("schedules.refused")} live testId="shift-refused">
        <ul style={{ margin: "4px 0", paddingInlineStart: 18 }}>
          {(wrong.data ?? []).map((each) => (
            <li key={`${each.day}${each.rule}`}>
              {whenText(each, language, t)}: {ruleText(each, language, t)}
            </li>
          ))}
          {!after && <li>{t("schedules.refusedRemoval")}</li>}
        </ul>
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={() => draft.dismiss()}>
            {t("schedules.leave")}
          </Button>
          <Button size="xs" onClick={() => void draft.accept()} data-testid="shift-accept">
            {t("schedules.acceptBreaking")}
          </Button>
        </Group>
      </Note>
    </div>
  );
}
