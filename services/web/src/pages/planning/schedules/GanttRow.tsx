// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus, and says which of its cells is meant
import { memo } from "react";
import type { ScheduleViolation } from "../../../api/types.ts";
import { type Language, useText } from "../../../i18n/index.ts";
import { type Axis, placeOf } from "./axis.ts";
import classes from "./gantt.module.css";
import type { Part } from "./parts.ts";
import type { Bar } from "./shifts.ts";
import type { Day } from "./time.ts";
import { barText, lengthText, OF_WEEK, ruleText, spanText, timeText } from "./words.ts";

export const ROW = 36;

export interface Away {
  start: number;
  end: number;
}

interface Props {
  at: number;
  userId: string;
  name: string;
  bars: readonly Bar[];
  broken: readonly ScheduleViolation[];
  away: readonly Away[];
  axis: Axis;
  /** Days' names, for those who listen. */
  days: readonly string[];
  /** Their days on the line, by their own clocks. */
  own: readonly Day[];
  /** Whose clocks they go by. */
  zone: string;
  /** Their site, where its clocks are others than the picture's. */
  site: string | undefined;
  language: Language;
  /** Minutes of work in the week. */
  worked: number;
  activeDay: string | undefined;
  /** A shift that is moved just now, in place of the one there. */
  pending: Bar | undefined;
  part: Part;
}

/** One agent's shifts on the line of time. */
export const GanttRow = memo(function GanttRow(props: Props) {
  const t = useText();
  const { axis, zone, language, broken } = props;
  const wrongWeek = broken.filter(({ rule }) => OF_WEEK.includes(rule ?? ""));
  return (
    <div
      className={classes.row}
      role="row"
      aria-rowindex={props.at + 2}
      data-user={props.userId}
      style={{ insetBlockStart: props.at * ROW }}
    >
      <div
        className={classes.name}
        role="rowheader"
        title={wrongWeek.map((each) => ruleText(each, language, t)).join("\n") || undefined}
      >
        <span dir="auto">{props.name}</span>
        <span className={classes.hours}>
          {lengthText(props.worked, language, t)}
          {props.site && (
            <span title={`\u2066${zone}\u2069`} data-testid="row-site">
              {" · "}
              <bdi>{props.site}</bdi>
            </span>
          )}
          {wrongWeek.length > 0 && (
            <span className={classes.count}>
              <span aria-hidden>⚠ </span>
              {t("schedules.ofWeek")}
            </span>
          )}
        </span>
      </div>
      <div className={classes.line} style={{ inlineSize: axis.width }}>
        {props.away.map((each) => (
          <div
            key={each.start}
            className={classes.away}
            style={{
              insetInlineStart: placeOf(each.start, axis),
              inlineSize: placeOf(each.end, axis) - placeOf(each.start, axis),
            }}
          />
        ))}
        <Before bars={props.bars} axis={axis} />
        {props.own.map(({ day, start, end }, place) => {
          const pending = props.pending?.day === day ? props.pending : undefined;
          const bar = pending ?? props.bars.find((each) => each.day === day);
          const wrong = broken.filter((each) => each.day === day && !OF_WEEK.includes(each.rule ?? ""));
          const active = props.activeDay === day;
          const last = place === props.own.length - 1 ? axis.end : end;
          const said = [
            props.days[place],
            ...(props.site ? [zone] : []),
            bar ? barText(bar, zone, language, t) : t("schedules.free"),
            ...wrong.map((each) => ruleText(each, language, t)),
          ];
          return (
            <div
              key={day}
              id={cellId(props.userId, day)}
              className={active ? `${classes.cell} ${classes.active}` : classes.cell}
              role="gridcell"
              aria-selected={active}
              aria-label={said.join(". ")}
              data-day={day}
              data-testid={active ? "active-cell" : undefined}
              style={{
                insetInlineStart: placeOf(start, axis),
                inlineSize: placeOf(last, axis) - placeOf(start, axis),
              }}
            >
              {bar && (
                <BarBox
                  bar={bar}
                  axis={axis}
                  from={start}
                  zone={zone}
                  language={language}
                  pending={pending !== undefined}
                  part={pending ? props.part : "shift"}
                  wrong={wrong.map((each) => ruleText(each, language, t))}
                />
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
});

export const cellId = (userId: string, day: string): string => `cell-${userId}-${day}`;

/** The end of the shift of the day before the first, where it reaches into it. */
function Before({ bars, axis }: { bars: readonly Bar[]; axis: Axis }) {
  const bar = bars.find((each) => each.start < axis.start && each.end > axis.start);
  if (!bar) return null;
  return (
    <div
      aria-hidden
      className={`${classes.bar} ${classes.night}`}
      style={{ insetInlineStart: 0, inlineSize: placeOf(bar.end, axis) }}
    />
  );
}

interface BarProps {
  bar: Bar;
  axis: Axis;
  from: number;
  zone: string;
  language: Language;
  pending: boolean;
  part: Part;
  wrong: readonly string[];
}

function BarBox({ bar, axis, from, zone, language, pending, part, wrong }: BarProps) {
  const start = placeOf(bar.start, axis);
  const width = placeOf(bar.end, axis) - start;
  const names = [classes.bar, pending && classes.pending, wrong.length > 0 && classes.broken];
  const text = timeText(bar.start, zone, language);
  return (
    <div
      aria-hidden
      className={names.filter(Boolean).join(" ")}
      data-bar={bar.day}
      title={wrong.join("\n") || undefined}
      style={{ insetInlineStart: start - placeOf(from, axis), inlineSize: width }}
    >
      <span className={classes.edge} data-edge="start" />
      {bar.rests.map((rest, at) => (
        <span
          key={rest.start}
          data-rest={at}
          className={[classes.rest, !rest.paid && classes.unpaid, part === at && classes.chosen]
            .filter(Boolean)
            .join(" ")}
          style={{
            insetInlineStart: placeOf(rest.start, axis) - start - 1,
            inlineSize: Math.max(2, placeOf(rest.end, axis) - placeOf(rest.start, axis)),
          }}
        />
      ))}
      <span className={classes.text}>
        {width > 150 ? spanText(bar.start, bar.end, zone, language) : width > 40 ? text : ""}
        {bar.locked && width > 54 && <Lock />}
      </span>
      <span className={`${classes.edge} ${classes.last}`} data-edge="end" />
    </div>
  );
}

/** Drawn here: an icon of the set is a component of its own, and there are hundreds. */
function Lock() {
  return (
    <svg
      width="11"
      height="11"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="2.6"
      aria-hidden
    >
      <path d="M5 11h14v10H5zM8 11V7a4 4 0 0 1 8 0v4" />
    </svg>
  );
}
