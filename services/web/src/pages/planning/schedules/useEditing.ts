/** What is chosen and moved in the editor, by keys and by the mouse alike. */
import { type KeyboardEvent, useEffect, useState } from "react";
import type { ScheduleViolation, ShiftPattern } from "../../../api/types.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { directionOf } from "../../../i18n/languages.ts";
import { announce } from "../../../ui/announce.tsx";
import { changing, type Draft } from "./draft.ts";
import type { Clocks } from "./Editor.tsx";
import type { Active } from "./Gantt.tsx";
import { dragged, nextPart, type Part, partMoved } from "./parts.ts";
import { type Bar, fresh } from "./shifts.ts";
import type { Day } from "./time.ts";
import { wouldBreak } from "./useSchedules.ts";
import { barText } from "./words.ts";

export interface Moving {
  /** As it would be. */
  bar: Bar;
  /** As it is; undefined for a shift that is new. */
  before: Bar | undefined;
  part: Part;
}

type Acts = readonly (readonly [key: string, act: () => void])[];

interface Asked {
  draft: Draft;
  scheduleId: string;
  editable: boolean;
  clocks: Clocks;
  users: readonly string[];
  /** Days that are shown. */
  days: readonly Day[];
  patternsOf: (userId: string) => readonly ShiftPattern[];
  onDay: (day: string) => void;
  /** Gives a shift what it covers. */
  place: (bar: Bar) => Bar;
}

export function useEditing(asked: Asked) {
  const { draft, editable, users, days, clocks } = asked;
  const t = useText();
  const language = useLanguage();
  const [chosen, setChosen] = useState<Active>();
  const [moving, setMoving] = useState<Moving>();
  const first = users[0];
  const inView = chosen && users.includes(chosen.userId) && days.some(({ day }) => day === chosen.day);
  const fallback = first && days[0] ? { userId: first, day: days[0].day } : undefined;
  const active = inView ? chosen : (chosenInView(chosen, users, days) ?? fallback);
  const bar = active ? draft.bar(active.userId, active.day) : undefined;

  const keep = () => {
    if (!moving) return;
    setMoving(undefined);
    void draft.run(changing(moving.before, asked.place({ ...moving.bar, locked: true })));
  };
  const drop = () => setMoving(undefined);
  const begin = () => {
    if (!editable || !active) return;
    const week = clocks.weekOf(active.userId);
    const zone = clocks.zoneOf(active.userId);
    const at = week.findIndex(({ day }) => day === active.day);
    const day = week[at];
    if (!day) return;
    const made = bar ?? fresh(active.userId, day, at, asked.patternsOf(active.userId), zone);
    setMoving({ bar: made, before: bar, part: "shift" });
    announce(`${t("schedules.moving")} ${barText(made, zone, language, t)}`);
  };
  const move = (quarters: number, part: Part) => {
    if (!moving) return;
    const { userId } = moving.bar;
    const day = clocks.weekOf(userId).find((each) => each.day === moving.bar.day);
    if (!day) return;
    const next = partMoved(moving.bar, part, quarters, day);
    setMoving({ ...moving, bar: next });
    announce(barText(next, clocks.zoneOf(userId), language, t));
  };
  const lock = () => {
    if (!editable || !bar) return;
    void draft.run(changing(bar, { ...bar, locked: !bar.locked }));
    announce(t(bar.locked ? "schedules.unlocked" : "schedules.locked"));
  };
  const remove = () => {
    if (!editable || !bar) return;
    void draft.run(changing(bar, undefined));
    announce(t("schedules.removed"));
  };
  const choose = (next: Active) => {
    if (next.userId === active?.userId && next.day === active.day) return;
    keep();
    setChosen(next);
  };
  const drag = (of: Active, part: Part, quarters: number, done: boolean) => {
    const before = draft.bar(of.userId, of.day);
    if (!before) return;
    const next = dragged(before, part, quarters, clocks.daysOf(of.userId), clocks.zoneOf(of.userId));
    if (!done) return setMoving({ bar: next, before, part });
    setMoving(undefined);
    // A day that has a shift already keeps it.
    if (next.day !== before.day && draft.bar(next.userId, next.day))
      return announce(t("schedules.dayTaken"), true);
    if (next.day !== before.day) setChosen({ userId: next.userId, day: next.day });
    void draft.run(changing(before, next === before ? before : asked.place({ ...next, locked: true })));
  };

  const step = (rows: number, columns: number) => {
    if (!active) return;
    const row = users.indexOf(active.userId) + rows;
    const userId = users[Math.min(users.length - 1, Math.max(0, row))] ?? active.userId;
    const of = days.length > 1 ? days : clocks.weekOf(active.userId);
    const at = of.findIndex(({ day }) => day === active.day) + columns;
    const day = of[Math.min(of.length - 1, Math.max(0, at))]?.day ?? active.day;
    setChosen({ userId, day });
    if (days.length === 1 && day !== active.day) asked.onDay(day);
  };

  const onKey = (event: KeyboardEvent, page: number) => {
    const forward = directionOf(language) === "rtl" ? "ArrowLeft" : "ArrowRight";
    const along =
      event.key === "ArrowLeft" || event.key === "ArrowRight" ? (event.key === forward ? 1 : -1) : 0;
    const control = event.ctrlKey || event.metaKey;
    const part = event.shiftKey ? (control ? "start" : "end") : (moving?.part ?? "shift");
    const nothing = () => {};
    const whileMoving: Acts = [
      ["ArrowLeft", () => move(along, part)],
      ["ArrowRight", () => move(along, part)],
      ["ArrowUp", nothing],
      ["ArrowDown", nothing],
      ["Enter", keep],
      ["Escape", drop],
      ["b", () => moving && setMoving({ ...moving, part: nextPart(moving.bar, moving.part) })],
    ];
    const otherwise: Acts = [
      ["ArrowUp", () => step(-1, 0)],
      ["ArrowDown", () => step(1, 0)],
      ["ArrowLeft", () => step(0, along)],
      ["ArrowRight", () => step(0, along)],
      ["PageUp", () => step(-page, 0)],
      ["PageDown", () => step(page, 0)],
      ["Home", () => (control ? step(-users.length, 0) : step(0, -7))],
      ["End", () => (control ? step(users.length, 0) : step(0, 7))],
      ["Enter", begin],
      ["F2", begin],
      ["l", lock],
      ["Delete", remove],
      ["Backspace", remove],
    ];
    if (control && ["z", "y"].includes(event.key.toLowerCase())) {
      event.preventDefault();
      if (moving) return drop();
      const back = event.key.toLowerCase() === "z" && !event.shiftKey;
      if (editable) void (back ? draft.undo() : draft.redo());
      return;
    }
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const [, act] = (moving ? whileMoving : otherwise).find(([name]) => name === key) ?? [];
    const plain = !control || event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End";
    if (!act || event.altKey || !plain) return;
    event.preventDefault();
    act();
  };
  const wrong = useForeseen(asked, moving);
  return {
    active,
    bar,
    moving,
    wrong,
    keep,
    drop,
    begin,
    move,
    lock,
    remove,
    choose,
    drag,
    onKey,
    setMoving,
  };
}

/** Of a day that isn't shown any more its agent stays chosen, on a day that is. */
function chosenInView(
  chosen: Active | undefined,
  users: readonly string[],
  days: readonly Day[],
): Active | undefined {
  const [day] = days;
  return chosen && day && users.includes(chosen.userId) ? { userId: chosen.userId, day: day.day } : undefined;
}

/** What a shift that is moved would break, asked for when it rests for a moment. */
function useForeseen({ draft, scheduleId }: Asked, moving: Moving | undefined) {
  const [found, setFound] = useState<{ bar: Bar; wrong: readonly ScheduleViolation[] }>();
  useEffect(() => {
    if (!moving) return setFound(undefined);
    let current = true;
    const timer = setTimeout(async () => {
      const { schedule, waiting } = draft.store.get();
      if (waiting > 0) return;
      const wrong = await wouldBreak(scheduleId, moving.bar, schedule.version ?? "0").catch(() => undefined);
      if (current && wrong) setFound({ bar: moving.bar, wrong });
    }, 250);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [draft, scheduleId, moving]);
  return moving && found?.bar === moving.bar ? found.wrong : undefined;
}
