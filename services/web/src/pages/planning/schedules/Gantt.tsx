// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus, and says which of its cells is meant
import {
  type KeyboardEvent,
  memo,
  type PointerEvent,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import type { ScheduleViolation, Site } from "../../../api/types.ts";
import { formatDate } from "../../../format/dates.ts";
import { localDigits } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { directionOf } from "../../../i18n/languages.ts";
import { noonOf, ZONELESS } from "../days.ts";
import { type Axis, placeOf, quartersIn, rowsInSight, ticksOf } from "./axis.ts";
import { CoverageStrip } from "./CoverageStrip.tsx";
import type { Stack } from "./coverage.ts";
import type { Clocks } from "./Editor.tsx";
import { type Away, cellId, GanttRow, ROW } from "./GanttRow.tsx";
import classes from "./gantt.module.css";
import type { Part } from "./parts.ts";
import type { Bar } from "./shifts.ts";
import { dayText, weekdayText } from "./words.ts";

const HEAD = 44;
const STRIP = 138;
const NONE: readonly never[] = [];

export interface GanttRowData {
  userId: string;
  name: string;
  worked: number;
}

export interface Active {
  userId: string;
  day: string;
}

interface Props {
  axis: Axis;
  zone: string;
  clocks: Clocks;
  siteOf: (userId: string) => Site | undefined;
  rows: readonly GanttRowData[];
  bars: ReadonlyMap<string, readonly Bar[]>;
  broken: ReadonlyMap<string, readonly ScheduleViolation[]>;
  away: ReadonlyMap<string, readonly Away[]>;
  active: Active | undefined;
  pending: Bar | undefined;
  part: Part;
  stack: Stack;
  editable: boolean;
  onRoom: (pixels: number) => void;
  onChoose: (active: Active) => void;
  onOpenDay: (day: string) => void;
  onKey: (event: KeyboardEvent, page: number) => void;
  /** A shift is dragged by so many quarters; `done` when it is let go. */
  onDrag: (active: Active, part: Part, quarters: number, done: boolean) => void;
}

/** Agents by rows, time by columns. Only rows in sight are there, so that five hundred are as fluent as ten. */
export function Gantt(props: Props) {
  const { axis, rows, active, zone } = props;
  const t = useText();
  const language = useLanguage();
  const scroller = useRef<HTMLDivElement>(null);
  const [[first, end], setSight] = useState<[number, number]>([0, 24]);
  useSight(scroller, rows.length, setSight);
  useRoom(scroller, props.onRoom);
  useActiveInSight(scroller, axis, rows, active, props.clocks);
  useFirstInSight(scroller, axis, props.bars);
  const pointer = useDragging(props);
  const place = active ? rows.findIndex(({ userId }) => userId === active.userId) : -1;
  const shown = rows.slice(first, end).map((row, at) => ({ row, at: first + at }));
  const [activeRow] = place >= 0 && (place < first || place >= end) ? rows.slice(place, place + 1) : [];
  if (activeRow) shown.push({ row: activeRow, at: place }); // what has the focus must be there, in sight or not
  const days = useMemo(() => axis.days.map(({ day }) => dayText(day, language)), [axis, language]);
  return (
    <div className={classes.scroller} ref={scroller} data-testid="gantt-scroller">
      <div
        className={props.editable ? `${classes.grid} ${classes.editable}` : classes.grid}
        role="grid"
        tabIndex={0}
        aria-label={t("schedules.grid")}
        aria-rowcount={rows.length + 1}
        aria-colcount={axis.days.length + 1}
        aria-activedescendant={active && place >= 0 ? cellId(active.userId, active.day) : undefined}
        data-testid="gantt"
        style={{ inlineSize: `calc(var(--name) + ${axis.width}px)` }}
        onKeyDown={(event) => props.onKey(event, pageOf(scroller.current))}
        {...pointer}
      >
        <div className={classes.head} role="row" aria-rowindex={1}>
          <div className={classes.corner} role="columnheader">
            {t("schedules.agent")}
          </div>
          <Head axis={axis} zone={zone} days={days} onOpenDay={props.onOpenDay} />
        </div>
        <div className={classes.rows} role="rowgroup" style={{ blockSize: rows.length * ROW }}>
          {shown.map(({ row, at }) => (
            <GanttRow
              key={row.userId}
              at={at}
              userId={row.userId}
              name={row.name}
              worked={row.worked}
              bars={props.bars.get(row.userId) ?? NONE}
              broken={props.broken.get(row.userId) ?? NONE}
              away={props.away.get(row.userId) ?? NONE}
              axis={axis}
              days={days}
              own={props.clocks.daysOf(row.userId)}
              zone={props.clocks.zoneOf(row.userId)}
              site={props.clocks.zoneOf(row.userId) === zone ? "" : props.siteOf(row.userId)?.displayName}
              language={language}
              activeDay={place === at ? active?.day : undefined}
              pending={props.pending?.userId === row.userId ? props.pending : undefined}
              part={props.part}
            />
          ))}
        </div>
      </div>
      <CoverageStrip axis={axis} stack={props.stack} zone={zone} />
    </div>
  );
}

const Head = memo(function Head({
  axis,
  zone,
  days,
  onOpenDay,
}: {
  axis: Axis;
  zone: string;
  days: readonly string[];
  onOpenDay: (day: string) => void;
}) {
  const language = useLanguage();
  const one = axis.days.length === 1;
  return (
    <div className={classes.line} style={{ inlineSize: axis.width }}>
      {axis.days.map(({ day, start, end }, at) => (
        <div
          key={day}
          role="columnheader"
          aria-label={days[at]}
          className={classes.dayHead}
          data-day-head={day}
          style={{
            insetInlineStart: placeOf(start, axis),
            inlineSize: placeOf(one ? axis.end : end, axis) - placeOf(start, axis),
            ...(one && { justifyContent: "flex-start", alignItems: "flex-start", paddingBlockStart: 3 }),
          }}
          onDoubleClick={() => onOpenDay(day)}
        >
          <span aria-hidden>{one ? days[at] : `${weekdayText(day, language)} ${shortDay(day)}`}</span>
        </div>
      ))}
      {ticksOf(axis, zone).map(({ at, hour }) => (
        <span key={at} aria-hidden className={classes.hour} style={{ insetInlineStart: placeOf(at, axis) }}>
          {localDigits(String(hour).padStart(2, "0"), language)}
        </span>
      ))}
    </div>
  );

  /** The day of the month alone: the month stands above the picture. */
  function shortDay(day: string): string {
    return formatDate(noonOf(day), language, ZONELESS).split(" ")[0] ?? "";
  }
});

const pageOf = (scroller: HTMLElement | null): number =>
  Math.max(1, Math.floor(((scroller?.clientHeight ?? 400) - HEAD - STRIP) / ROW) - 1);

/** Tells which rows are in sight, once a frame at most and only when they are others. */
function useSight(
  scroller: React.RefObject<HTMLDivElement | null>,
  count: number,
  setSight: (sight: [number, number]) => void,
): void {
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    let known = "";
    let frame = 0;
    const look = () => {
      frame = 0;
      const sight = rowsInSight(element.scrollTop, element.clientHeight - HEAD, ROW, count);
      if (String(sight) === known) return;
      known = String(sight);
      setSight(sight);
    };
    const later = () => {
      frame ||= requestAnimationFrame(look);
    };
    look();
    element.addEventListener("scroll", later, { passive: true });
    const resized = new ResizeObserver(later);
    resized.observe(element);
    return () => {
      element.removeEventListener("scroll", later);
      resized.disconnect();
      cancelAnimationFrame(frame);
    };
  }, [scroller, count, setSight]);
}

/** Tells how wide the line of time may be. */
function useRoom(scroller: React.RefObject<HTMLDivElement | null>, onRoom: (pixels: number) => void): void {
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const tell = () => {
      const name = Number.parseFloat(getComputedStyle(element).getPropertyValue("--name")) || 196;
      onRoom(element.clientWidth - name);
    };
    tell();
    const resized = new ResizeObserver(tell);
    resized.observe(element);
    return () => resized.disconnect();
  }, [scroller, onRoom]);
}

/** Scrolls a day that is wider than its room to where work begins. */
function useFirstInSight(
  scroller: React.RefObject<HTMLDivElement | null>,
  axis: Axis,
  bars: ReadonlyMap<string, readonly Bar[]>,
): void {
  const shown = axis.days.length === 1 ? axis.days[0]?.day : undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when another day is shown, not with every change
  useEffect(() => {
    const element = scroller.current;
    if (!element || !shown) return;
    let first = axis.end;
    for (const mine of bars.values()) {
      for (const bar of mine) if (bar.day === shown) first = Math.min(first, bar.start);
    }
    const to = first === axis.end ? 0 : placeOf(first - 3_600_000, axis);
    element.scrollLeft = getComputedStyle(element).direction === "rtl" ? -to : to;
  }, [shown]);
}

/** Scrolls to what is chosen when it is another one. */
function useActiveInSight(
  scroller: React.RefObject<HTMLDivElement | null>,
  axis: Axis,
  rows: readonly GanttRowData[],
  active: Active | undefined,
  clocks: Clocks,
): void {
  const known = useRef(active);
  useEffect(() => {
    const element = scroller.current;
    if (!element || !active || known.current === active) return;
    known.current = active;
    const place = rows.findIndex(({ userId }) => userId === active.userId);
    if (place < 0) return;
    const room = element.clientHeight - HEAD - STRIP;
    const top = place * ROW;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + ROW > element.scrollTop + room) element.scrollTop = top + ROW - room;
    const day = clocks.daysOf(active.userId).find((each) => each.day === active.day);
    if (!day || axis.days.length === 1) return;
    const name = Number.parseFloat(getComputedStyle(element).getPropertyValue("--name")) || 196;
    const wide = element.clientWidth - name;
    const rtl = getComputedStyle(element).direction === "rtl";
    const at = Math.abs(element.scrollLeft);
    const [start, end] = [placeOf(day.start, axis), placeOf(day.end, axis)];
    const to = start < at ? start : end > at + wide ? end - wide : at;
    if (to !== at) element.scrollLeft = rtl ? -to : to;
  }, [scroller, axis, rows, active, clocks]);
}

/** Choosing and dragging by a mouse. A finger scrolls: it chooses, and buttons do the rest. */
function useDragging({ axis, editable, onChoose, onDrag }: Props) {
  const language = useLanguage();
  const drag = useRef<{ active: Active; part: Part; x: number; quarters: number }>(undefined);
  const onPointerDown = (event: PointerEvent) => {
    const target = event.target instanceof Element ? event.target : undefined;
    const userId = target?.closest<HTMLElement>("[data-user]")?.dataset.user;
    const day = target?.closest<HTMLElement>("[data-day]")?.dataset.day;
    if (!userId || !day || event.button !== 0) return;
    const active = { userId, day };
    onChoose(active);
    if (!editable || event.pointerType === "touch" || !target?.closest("[data-bar]")) return;
    const edge = target.closest<HTMLElement>("[data-edge]")?.dataset.edge;
    const rest = target.closest<HTMLElement>("[data-rest]")?.dataset.rest;
    const part: Part = edge === "start" || edge === "end" ? edge : rest ? Number(rest) : "shift";
    drag.current = { active, part, x: event.clientX, quarters: 0 };
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  const onPointerMove = (event: PointerEvent) => {
    const now = drag.current;
    if (!now) return;
    const quarters = quartersIn(event.clientX - now.x, axis, directionOf(language));
    if (quarters === now.quarters) return;
    now.quarters = quarters;
    onDrag(now.active, now.part, quarters, false);
  };
  const over = (event: PointerEvent) => {
    const now = drag.current;
    drag.current = undefined;
    if (!now) return;
    event.currentTarget.releasePointerCapture(event.pointerId);
    onDrag(now.active, now.part, event.type === "pointercancel" ? 0 : now.quarters, true);
  };
  return { onPointerDown, onPointerMove, onPointerUp: over, onPointerCancel: over };
}
