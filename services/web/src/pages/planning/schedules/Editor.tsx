import { useCallback, useMemo, useRef, useState } from "react";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { useStore } from "../../../store.ts";
import planning from "../planning.module.css";
import { axisOf } from "./axis.ts";
import { add, assigned, coverOf, type Rows, stacked } from "./coverage.ts";
import type { Draft } from "./draft.ts";
import { EditorTools, type Filter, NO_FILTER, OWN } from "./EditorTools.tsx";
import { Gantt, type GanttRowData } from "./Gantt.tsx";
import type { Away } from "./GanttRow.tsx";
import classes from "./gantt.module.css";
import { Keys } from "./Keys.tsx";
import { Refused } from "./Refused.tsx";
import { ShiftFacts } from "./ShiftFacts.tsx";
import { type Bar, workedMinutes } from "./shifts.ts";
import { type Day, daysFrom, QUARTER } from "./time.ts";
import { useEditing } from "./useEditing.ts";
import type { People } from "./usePlanned.ts";
import type { Covered } from "./useSchedules.ts";
import { Wanting } from "./Wanting.tsx";
import { nearText } from "./words.ts";

interface Props {
  draft: Draft;
  covered: Covered;
  people: People;
  away: ReadonlyMap<string, readonly Away[]>;
  editable: boolean;
}

const NONE: readonly never[] = [];
const names = new Intl.Collator();

/** A version's week or one of its days: who works when, and what that covers. */
export function Editor({ draft, covered, people, away, editable }: Props) {
  const state = useStore(draft.store);
  const { schedule } = state;
  const zone = schedule.timeZone ?? "UTC";
  const week = useMemo(() => daysFrom(schedule.firstDay ?? "", 7, zone), [schedule.firstDay, zone]);
  const [filter, setFilter] = useState<Filter>(NO_FILTER);
  const [room, setRoom] = useState(900);
  const days = useMemo(
    () => (filter.day ? week.filter(({ day }) => day === filter.day) : week),
    [week, filter.day],
  );
  const clocks = useClocks(people, schedule.firstDay ?? "", zone, days);
  const rows = useRows(state.bars, state.broken, people, filter);
  const users = useMemo(() => rows.map(({ userId }) => userId), [rows]);
  const latest = useMemo(
    () => (days.length === 1 ? [...state.bars.values()].flat() : NONE),
    [days, state.bars],
  );
  const axis = useMemo(() => axisOf(days, latest, room, clocks.shown.values()), [days, latest, room, clocks]);
  const sums = useCoverage(draft, covered, people, week);
  const editing = useEditing({
    draft,
    scheduleId: schedule.scheduleId ?? "",
    editable,
    clocks,
    users,
    days,
    patternsOf: people.patternsOf,
    onDay: (day) => setFilter((now) => ({ ...now, day })),
    place: sums.place,
  });
  const from = Math.round((axis.start - (week[0]?.start ?? 0)) / QUARTER); // below 0 where a site's week begins before
  const to = Math.min(sums.slots, from + Math.round((axis.end - axis.start) / QUARTER));
  const pending = editing.moving;
  const stack = useMemo(() => {
    const chosen = filter.group === "" ? sums.need.map((_, at) => at) : [Number(filter.group)];
    return stacked(
      sums.need,
      pending ? sums.with(pending.before, pending.bar) : sums.cover,
      chosen,
      from,
      to,
    );
  }, [sums, pending, filter.group, from, to]);
  const choose = useRef(editing.choose);
  choose.current = editing.choose;
  const goTo = useCallback((userId: string, day: string) => {
    setFilter((now) => ({ ...NO_FILTER, day: now.day && day }));
    choose.current({ userId, day });
  }, []);
  const ownZone = clocks.zoneOf(editing.active?.userId ?? "");
  const wrong = (state.broken.get(editing.active?.userId ?? "") ?? NONE).filter(
    (each) => each.day === editing.active?.day || each.day === week[0]?.day,
  );
  return (
    <div className={planning.stack}>
      <Figures draft={draft} />
      <EditorTools
        draft={draft}
        filter={filter}
        onFilter={setFilter}
        week={week}
        people={people}
        editable={editable}
        shown={rows.length}
        users={users}
      />
      <Refused draft={draft} />
      <ShiftFacts
        editing={editing}
        draft={draft}
        place={sums.place}
        editable={editable}
        nameOf={people.nameOf}
        broken={wrong}
        zone={ownZone}
        elsewhere={ownZone !== zone}
        week={clocks.weekOf(editing.active?.userId ?? "")}
      />
      <Gantt
        axis={axis}
        zone={zone}
        clocks={clocks}
        siteOf={people.siteOf}
        rows={rows}
        bars={state.bars}
        broken={state.broken}
        away={away}
        active={editing.active}
        pending={pending?.bar}
        part={pending?.part ?? "shift"}
        stack={stack}
        editable={editable}
        onRoom={setRoom}
        onChoose={editing.choose}
        onOpenDay={(day) => setFilter((now) => ({ ...now, day: now.day ? "" : day }))}
        onKey={editing.onKey}
        onDrag={editing.drag}
      />
      {editable && <Keys />}
      <Wanting draft={draft} covered={covered} people={people} onChoose={goTo} />
    </div>
  );
}

function Figures({ draft }: { draft: Draft }) {
  const t = useText();
  const language = useLanguage();
  const { schedule, waiting } = useStore(draft.store);
  const figures = schedule.figures;
  const hours = (value: number | undefined) =>
    t("schedules.hoursShort", { hours: formatNumber(value ?? 0, language, 1) });
  const shown: [string, string, string][] = [
    ["near", t("schedules.quality"), nearText(figures, language, t)],
    ["needed", t("schedules.needed"), hours(figures?.neededHours)],
    ["under", t("schedules.missing"), hours(figures?.underHours)],
    ["over", t("schedules.spare"), hours(figures?.overHours)],
    ["violations", t("schedules.violations"), formatNumber(schedule.violationCount ?? 0, language)],
  ];
  return (
    <dl
      className={`${classes.figures} ${classes.inline}`}
      aria-label={t("schedules.figures")}
      aria-busy={waiting > 0}
    >
      {shown.map(([name, head, value]) => (
        <div key={name}>
          <dt>{head}</dt>
          <dd data-testid={`figure-${name}`}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** By whose clocks agents work: their site's or the company's, and their days on the line of time. */
export interface Clocks {
  zoneOf: (userId: string) => string;
  weekOf: (userId: string) => readonly Day[];
  /** Of the days that are shown. */
  daysOf: (userId: string) => readonly Day[];
  /** Days that are shown, by zone; none but of zones of sites. */
  shown: ReadonlyMap<string, readonly Day[]>;
}

function useClocks(people: People, first: string, zone: string, days: readonly Day[]): Clocks {
  return useMemo(() => {
    const of = (userId: string) => people.siteOf(userId)?.timeZone || zone;
    const used = new Set([...people.planned.keys()].map(of));
    const weeks = new Map([zone, ...used].map((each) => [each, daysFrom(first, 7, each)]));
    const named = new Set(days.map(({ day }) => day));
    const shown = new Map(
      [...weeks].map(([name, week]) => [
        name,
        name === zone ? days : week.filter(({ day }) => named.has(day)),
      ]),
    );
    return {
      zoneOf: of,
      weekOf: (userId) => weeks.get(of(userId)) ?? NONE,
      daysOf: (userId) => shown.get(of(userId)) ?? NONE,
      shown,
    };
  }, [people, first, zone, days]);
}

/** Agents who are shown, in order. */
function useRows(
  bars: ReadonlyMap<string, readonly Bar[]>,
  broken: ReadonlyMap<string, readonly unknown[]>,
  people: People,
  filter: Filter,
): GanttRowData[] {
  return useMemo(() => {
    const known = new Set([...people.planned.keys(), ...bars.keys()]);
    const text = filter.text.trim().toLocaleLowerCase();
    const rows: (GanttRowData & { first: number })[] = [];
    for (const userId of known) {
      const name = people.nameOf(userId);
      const mine = bars.get(userId) ?? NONE;
      if (text && !name.toLocaleLowerCase().includes(text)) continue;
      if (filter.skill && !people.skillsOf.get(userId)?.has(filter.skill)) continue;
      if (filter.group !== "" && !people.groupsOf(userId).includes(Number(filter.group))) continue;
      if (filter.site && (people.siteOf(userId)?.siteId ?? OWN) !== filter.site) continue;
      if (filter.wrong && !broken.get(userId)?.length) continue;
      const first = mine.find((each) => !filter.day || each.day === filter.day)?.start;
      const worked = mine.reduce((sum, each) => sum + workedMinutes(each), 0);
      rows.push({ userId, name, worked, first: first ?? Number.POSITIVE_INFINITY });
    }
    const byName = (a: GanttRowData, b: GanttRowData) => names.compare(a.name, b.name);
    return rows.sort(filter.byStart ? (a, b) => a.first - b.first || byName(a, b) : byName);
  }, [bars, broken, people, filter]);
}

interface Sums {
  slots: number;
  need: Rows;
  cover: Rows;
  /** What is covered with another shift in the place of one. */
  with: (before: Bar | undefined, after: Bar) => Rows;
  place: (bar: Bar) => Bar;
}

/** What is required and covered, in step with what is edited. */
function useCoverage(draft: Draft, covered: Covered, people: People, week: readonly Day[]): Sums {
  const { bars } = useStore(draft.store);
  const start = week[0]?.start ?? 0;
  const slots = Math.round(((week.at(-1)?.end ?? start) - start) / QUARTER);
  const asked = useMemo(() => {
    const row = (of: "needed" | "covered") =>
      covered.groups.map(({ intervals }) =>
        Float64Array.from({ length: slots }, (_, at) => intervals?.[at]?.[of] ?? 0),
      );
    const need = row("needed");
    const here = coverOf([...draft.store.get().bars.values()].flat(), need.length, start, slots);
    // What of the week before reaches into this one, which is not among its shifts.
    const given = row("covered").map((each, group) =>
      each.map((there, at) => there - (here[group]?.[at] ?? 0)),
    );
    return { need, given };
  }, [draft, covered, slots, start]);
  return useMemo(() => {
    const cover = coverOf([...bars.values()].flat(), asked.need.length, start, slots);
    cover.forEach((row, group) => {
      for (let at = 0; at < slots; at += 1) row[at] = (row[at] ?? 0) + (asked.given[group]?.[at] ?? 0);
    });
    const without = (before: Bar | undefined) => {
      const rows = cover.map((row) => row.slice());
      if (before) add(rows, before, start, slots, -1);
      return rows;
    };
    const placed = (bar: Bar, rows: Rows) =>
      assigned(bar, people.groupsOf(bar.userId), asked.need, rows, start);
    return {
      slots,
      need: asked.need,
      cover,
      with: (before, after) => {
        const rows = without(before);
        add(rows, placed(after, rows), start, slots, 1);
        return rows;
      },
      place: (bar) => placed(bar, without(draft.bar(bar.userId, bar.day))),
    };
  }, [bars, asked, draft, people, slots, start]);
}
