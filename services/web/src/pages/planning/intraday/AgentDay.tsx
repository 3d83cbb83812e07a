import { Modal } from "@mantine/core";
import { useState } from "react";
import { useNames } from "../../../api/names.ts";
import { formatDate, formatTime } from "../../../format/dates.ts";
import { formatClock } from "../../../format/durations.ts";
import { formatShare } from "../../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { TextField } from "../../../ui/fields.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Tag } from "../../../ui/Note.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { noonOf, ZONELESS } from "../days.ts";
import { SiteZone } from "../SiteZone.tsx";
import { doesOf } from "./AdherenceBoard.tsx";
import classes from "./intraday.module.css";
import { activityOf, shareOf, useAgentDay } from "./useAdherence.ts";

interface Props {
  userId: string;
  /** By the agent's own clocks. */
  today: string;
  company: string;
  onClose: () => void;
}

interface Bar {
  startTime?: string | undefined;
  endTime?: string | undefined;
  name: string;
  kind: string;
}

/** One agent's day: what was planned over what was done. */
export function AgentDay({ userId, today, company, onClose }: Props) {
  const t = useText();
  const language = useLanguage();
  const names = useNames();
  const [day, setDay] = useState(today);
  const { data, error } = useAgentDay(userId, day);
  const zone = data?.timeZone || "UTC";
  const [start, end] = [Date.parse(data?.startTime ?? ""), Date.parse(data?.endTime ?? "")];
  const share = (which: "adherence" | "conformance") => {
    const value = shareOf(data?.figures, which);
    return value === undefined ? "–" : formatShare(value, language);
  };
  const time = (value: string | undefined) => formatTime(value, language, zone);
  const planned: Bar[] = (data?.planned ?? []).map((each) => ({
    ...each,
    name: textOr("activity", activityOf(each.activity)),
    kind: activityOf(each.activity),
  }));
  const actual: Bar[] = (data?.actual ?? []).map((each) => ({
    ...each,
    name: doesOf(each),
    kind: activityOf(each.activity),
  }));
  const excused: Bar[] = (data?.adherenceExceptions ?? []).map((each) => ({
    ...each,
    name: textOr("adherenceKind", (each.kind ?? "").replace("ADHERENCE_EXCEPTION_KIND_", "")),
    kind: "EXCUSED",
  }));
  const apart = data?.deviations ?? [];
  const out: Bar[] = apart.map((each) => ({
    ...each,
    name: t(each.tolerated ? "adherenceState.TOLERATED" : "adherenceState.OUT"),
    kind: each.tolerated ? "TOLERATED" : "OUT",
  }));
  const rows: readonly (readonly [string, readonly Bar[]])[] = [
    [t("adherence.plan"), planned],
    [t("adherence.done"), actual],
    ...(out.length > 0 ? [[t("adherence.apart"), out] as const] : []),
    ...(excused.length > 0 ? [[t("adherence.excused"), excused] as const] : []),
  ];
  const said = (row: readonly Bar[]) =>
    row.map((each) => `${each.name} ${time(each.startTime)}–${time(each.endTime)}`).join(", ");
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={names.user(userId)}
      closeButtonProps={{ "aria-label": t("common.close") }}
      data-testid="agent-day"
    >
      <div className={classes.stack}>
        <div className={classes.bar}>
          <TextField
            type="date"
            label={t("adherence.dayField")}
            description={formatDate(noonOf(day), language, ZONELESS)}
            value={day}
            onChange={(event) => event.currentTarget.value && setDay(event.currentTarget.value)}
          />
          <p className={classes.lead} data-testid="day-figures">
            {t("adherence.dayFigures", { adherence: share("adherence"), conformance: share("conformance") })}
            {data && <SiteZone zone={zone} company={company} at={data.startTime} />}
          </p>
        </div>
        <ProblemNote problem={error} />
        {!data && !error && <Loading />}
        {data && (
          <div className={classes.day} dir="ltr">
            {rows.map(([name, bars]) => (
              <div key={name} className={classes.lane}>
                <span className={classes.laneName} dir="auto">
                  {name}
                </span>
                <div className={classes.track} role="img" aria-label={`${name}: ${said(bars) || "–"}`}>
                  {bars.map((bar) => (
                    <span
                      key={bar.startTime}
                      title={`${bar.name} ${time(bar.startTime)}–${time(bar.endTime)}`}
                      className={classes.stretch}
                      data-kind={bar.kind}
                      style={placeOf(bar, start, end)}
                    />
                  ))}
                </div>
              </div>
            ))}
            <Hours start={start} end={end} zone={zone} />
          </div>
        )}
        <ul className={classes.legend}>
          {(["WORK", "BREAK", "AWAY", "OFF"] as const).map((each) => (
            <li key={each}>
              <span className={classes.swatch} data-kind={each} aria-hidden />
              {t(`activity.${each}`)}
            </li>
          ))}
        </ul>
        {apart.length > 0 && (
          <ul className={classes.list} data-testid="day-deviations">
            {apart.map((each) => (
              <li key={each.startTime}>
                <span className="m-figures">
                  {t("adherence.span", { from: time(each.startTime), until: time(each.endTime) })}
                </span>{" "}
                <Tag tone={each.tolerated ? "warn" : "bad"}>
                  {formatClock(
                    (Date.parse(each.endTime ?? "") - Date.parse(each.startTime ?? "")) / 1000,
                    language,
                  )}
                </Tag>{" "}
                {t("adherence.instead", {
                  planned: textOr("activity", activityOf(each.planned)),
                  actual: textOr("activity", activityOf(each.actual)),
                })}
              </li>
            ))}
          </ul>
        )}
      </div>
    </Modal>
  );
}

function placeOf({ startTime, endTime }: Bar, start: number, end: number): React.CSSProperties {
  const from = Math.max(start, Date.parse(startTime ?? ""));
  const until = Math.min(end, Date.parse(endTime ?? ""));
  const share = (time: number) => `${(100 * time) / (end - start)}%`;
  return { left: share(from - start), width: share(Math.max(0, until - from)) };
}

function Hours({ start, end, zone }: { start: number; end: number; zone: string }) {
  const language = useLanguage();
  const marks = [0, 0.25, 0.5, 0.75].map((part) => start + part * (end - start));
  return (
    <div className={classes.lane} aria-hidden>
      <span className={classes.laneName} />
      <div className={classes.hours}>
        {marks.map((mark) => (
          <span key={mark} className="m-figures">
            {formatTime(new Date(mark), language, zone)}
          </span>
        ))}
      </div>
    </div>
  );
}
