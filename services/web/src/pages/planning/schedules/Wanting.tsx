import { useQuery } from "@tanstack/react-query";
import { memo } from "react";
import { useNames } from "../../../api/names.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { useStore } from "../../../store.ts";
import { Panel } from "../../../ui/Page.tsx";
import planning from "../planning.module.css";
import type { Draft } from "./draft.ts";
import classes from "./gantt.module.css";
import { wallOf } from "./time.ts";
import type { People } from "./usePlanned.ts";
import { type Covered, readCoverage } from "./useSchedules.ts";
import { comma, dayText, ruleText, spanText, whenText } from "./words.ts";

const MOST = 200;

interface Props {
  draft: Draft;
  covered: Covered;
  people: People;
  onChoose: (userId: string, day: string) => void;
}

/** What a version lacks: rules that are broken, and stretches nobody covers, with the reason. */
export const Wanting = memo(function Wanting({ draft, covered, people, onChoose }: Props) {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const { broken, schedule, waiting } = useStore(draft.store);
  const { version } = schedule;
  const now = useQuery({
    queryKey: ["wfm", "coverage", schedule.scheduleId, version],
    enabled: waiting === 0,
    gcTime: 0,
    placeholderData: (before) => before ?? covered,
    queryFn: () => readCoverage(schedule.scheduleId ?? ""),
  });
  const wrong = [...broken.values()].flat();
  const open = (now.data ?? covered).shortfalls;
  const zone = schedule.timeZone ?? "UTC";
  const queues = (group: number | undefined) =>
    [
      ...new Set((schedule.groups?.[group ?? 0]?.members ?? []).map((each) => names.queue(each.queueId))),
    ].join(comma(language));
  return (
    <div className={classes.two}>
      <Panel label={t("schedules.violations")} testId="violations">
        <h2 className={planning.title}>{t("schedules.violations")}</h2>
        {wrong.length === 0 && <p className={classes.quiet}>{t("schedules.noViolations")}</p>}
        <ul className={classes.list}>
          {wrong.slice(0, MOST).map((each) => (
            <li key={`${each.userId}${each.day}${each.rule}`}>
              <button type="button" onClick={() => onChoose(each.userId ?? "", each.day ?? "")}>
                <strong>
                  <bdi>{people.nameOf(each.userId ?? "")}</bdi>
                </strong>{" "}
                · {whenText(each, language, t)}
                <br />
                {ruleText(each, language, t)}
              </button>
            </li>
          ))}
        </ul>
        <More count={wrong.length} />
      </Panel>
      <Panel label={t("schedules.open")} testId="shortfalls">
        <h2 className={planning.title}>{t("schedules.open")}</h2>
        {open.length === 0 && <p className={classes.quiet}>{t("schedules.noOpen")}</p>}
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a list that scrolls must be reachable by keyboard */}
        <ul className={classes.list} style={{ gap: 10 }} tabIndex={0} aria-label={t("schedules.open")}>
          {open.slice(0, MOST).map((each) => {
            const [start, end] = [Date.parse(each.startTime ?? ""), Date.parse(each.endTime ?? "")];
            return (
              <li key={`${each.group}${each.startTime}`}>
                {dayText(wallOf(start, zone).day, language)}, {spanText(start, end, zone, language)} ·{" "}
                <bdi>{queues(each.group)}</bdi>
                <br />
                <span className={classes.quiet}>
                  {t("schedules.openHours", {
                    hours: formatNumber(each.hours ?? 0, language, 1),
                    most: formatNumber(each.most ?? 0, language, 1),
                  })}{" "}
                  {textOr("scheduleWhy", each.why ?? "")}
                </span>
              </li>
            );
          })}
        </ul>
        <More count={open.length} />
      </Panel>
    </div>
  );
});

function More({ count }: { count: number }) {
  const t = useText();
  const language = useLanguage();
  if (count <= MOST) return null;
  return (
    <p className={classes.quiet}>{t("schedules.more", { count: formatNumber(count - MOST, language) })}</p>
  );
}
