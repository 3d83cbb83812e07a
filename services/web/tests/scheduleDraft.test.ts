import { expect, test } from "vitest";
import { Problem } from "../src/api/problem.ts";
import { add, assigned, coverOf, hoursIn, stacked } from "../src/pages/planning/schedules/coverage.ts";
import { changing, Draft, type Loaded, type Sender } from "../src/pages/planning/schedules/draft.ts";
import {
  type Bar,
  barOf,
  endMoved,
  fresh,
  moved,
  onDay,
  restMoved,
  sameTimes,
  shiftOf,
  startMoved,
  workedMinutes,
} from "../src/pages/planning/schedules/shifts.ts";
import { type Day, daysFrom, QUARTER } from "../src/pages/planning/schedules/time.ts";

const HOUR = 4 * QUARTER;
const DAYS = daysFrom("2026-03-23", 7, "Europe/Berlin");
const day = (at: number): Day => DAYS[at] as Day;

/** Nine to half past five with a lunch at one. */
function shift(of = 0, userId = "usr_a"): Bar {
  const start = day(of).start + 9 * HOUR;
  const rests = [{ start: start + 4 * HOUR, end: start + 4 * HOUR + 2 * QUARTER, paid: false }];
  const work = [{ start, group: 0 }];
  return {
    userId,
    day: day(of).day,
    start,
    end: start + 34 * QUARTER,
    rests,
    work,
    patternId: "spt_1",
    locked: false,
  };
}

const restAt = (start: number) => ({ start, end: start + 2 * QUARTER, paid: false });

test("a shift that is moved takes its breaks along and stays on its day", () => {
  const later = moved(shift(), 3, day(0));
  expect(later.start - shift().start).toBe(3 * QUARTER);
  expect(later.rests[0]?.start).toBe((shift().rests[0]?.start ?? 0) + 3 * QUARTER);
  expect(workedMinutes(later)).toBe(480);
  expect(moved(shift(), -100, day(0)).start).toBe(day(0).start);
  expect(moved(shift(), 100, day(0)).start).toBe(day(0).end - QUARTER);
});

test("a shift can't become shorter than an hour or longer than sixteen, and its breaks stay within", () => {
  expect(endMoved(shift(), -100).end - shift().start).toBe(HOUR);
  const two = { ...shift(), rests: [0, 4].map((at) => restAt(shift().start + (at + 8) * QUARTER)) };
  expect(endMoved(two, -100).rests).toHaveLength(1);
  expect(endMoved(shift(), 100).end - shift().start).toBe(16 * HOUR);
  const short = endMoved(shift(), -17);
  expect(short.rests).toHaveLength(1);
  expect(short.rests[0]?.end).toBe(short.end - QUARTER);
  const late = startMoved(shift(), 17, day(0));
  expect(late.rests[0]?.start).toBe(late.start + QUARTER);
  expect(startMoved(shift(), -100, day(0)).start).toBe(day(0).start + 90 * 60_000);
});

test("a break moves between its neighbours only", () => {
  const start = shift().rests[0]?.start ?? 0;
  expect(restMoved(shift(), 0, 2).rests[0]?.start).toBe(start + 2 * QUARTER);
  expect(restMoved(shift(), 0, -100).rests[0]?.start).toBe(shift().start + QUARTER);
  expect(restMoved(shift(), 0, 100).rests[0]?.end).toBe(shift().end - QUARTER);
  expect(restMoved(shift(), 7, 1)).toEqual(shift());
});

test("a shift on another day is at the same time by the clocks, also when they were changed that night", () => {
  const sunday = onDay(shift(), day(6), "Europe/Berlin");
  expect(sunday.day).toBe("2026-03-29");
  expect(sunday.start).toBe(Date.parse("2026-03-29T07:00:00Z"));
  expect(sunday.end - sunday.start).toBe(shift().end - shift().start);
});

test("what is sent is what came, and a new shift is its pattern's", () => {
  expect(sameTimes(barOf(shiftOf(shift())), shift())).toBe(true);
  const pattern = {
    firstStartMinute: 420,
    minLengthMinutes: 510,
    breaks: [{ earliestMinute: 180, lengthMinutes: 30 }],
    weekdays: [6],
  };
  const made = fresh("usr_a", day(6), 6, [{ weekdays: [0] }, pattern], "Europe/Berlin");
  expect(made.start).toBe(Date.parse("2026-03-29T05:00:00Z"));
  expect(workedMinutes(made)).toBe(480);
});

test("agents on a break aren't there, and one group's spare ones don't hide what another lacks", () => {
  const start = day(0).start;
  const cover = coverOf([shift()], 2, start, 668);
  expect(hoursIn(cover[0] as Float64Array)).toBe(8);
  const need = [new Float64Array(668), new Float64Array(668).fill(1, 36, 40)];
  const day0 = stacked(need, cover, [0, 1], 0, 96);
  expect([hoursIn(day0.missing), hoursIn(day0.spare), hoursIn(day0.met)]).toEqual([1, 8, 0]);
  add(cover, shift(), start, 668, -1);
  expect(hoursIn(cover[0] as Float64Array)).toBe(0);
  const placed = assigned(shift(), [0, 1], need, cover, start);
  expect(placed.work.map(({ start: from, group }) => [(from - start) / HOUR, group])).toEqual([
    [9, 1],
    [10, 0],
  ]);
});

/** The server as far as a draft knows it: one version after the other, rules that some shifts break. */
class Server implements Sender {
  version = 1;
  said: string[] = [];
  bars = new Map<string, Bar>();
  #breaks = (bar: Bar) => bar.end - bar.start > 10 * HOUR;

  constructor(bars: readonly Bar[]) {
    for (const bar of bars) this.bars.set(`${bar.userId} ${bar.day}`, bar);
  }

  loaded(): Loaded {
    return { schedule: { version: String(this.version) }, bars: [...this.bars.values()], violations: [] };
  }

  #next(version: string, what: string) {
    if (version !== String(this.version)) throw new Problem(409, "VERSION_CONFLICT", "");
    this.version += 1;
    this.said.push(what);
    return { schedule: { version: String(this.version) } };
  }

  async save(bar: Bar, version: string, accept: boolean) {
    if (this.#breaks(bar) && !accept) throw new Problem(412, "SHIFT_BREAKS_RULES", "");
    const told = this.#next(version, `save ${bar.day} ${(bar.end - bar.start) / HOUR}`);
    this.bars.set(`${bar.userId} ${bar.day}`, { ...bar, locked: true });
    return { ...told, violations: this.#breaks(bar) ? [{ userId: bar.userId, rule: "DAY_HOURS" }] : [] };
  }

  async remove(userId: string, of: string, version: string) {
    const told = this.#next(version, `remove ${of}`);
    this.bars.delete(`${userId} ${of}`);
    return { ...told, violations: [] };
  }

  async lock(shifts: readonly { userId: string; day: string }[], locked: boolean, version: string) {
    const told = this.#next(version, `lock ${shifts.length} ${locked}`);
    for (const each of shifts) {
      const key = `${each.userId} ${each.day}`;
      const bar = this.bars.get(key);
      if (bar) this.bars.set(key, { ...bar, locked });
    }
    return told;
  }

  async read() {
    return this.loaded();
  }
}

const opened = (server: Server) => new Draft(server.loaded(), server);

test("changes are sent one after the other, and taken back and done again as one", async () => {
  const server = new Server([shift()]);
  const draft = opened(server);
  void draft.run(changing(shift(), { ...moved(shift(), 2, day(0)), locked: true }));
  void draft.run(changing(draft.bar("usr_a", day(0).day), undefined));
  expect(draft.bar("usr_a", day(0).day)).toBeUndefined();
  void draft.undo();
  await draft.undo();
  expect(server.said).toEqual([
    "save 2026-03-23 8.5",
    "remove 2026-03-23",
    "save 2026-03-23 8.5",
    "save 2026-03-23 8.5",
    "lock 1 false",
  ]);
  const there = server.bars.get(`usr_a ${day(0).day}`) as Bar;
  expect(sameTimes(there, shift()) && !there.locked).toBe(true);
  await draft.redo();
  expect(server.bars.get(`usr_a ${day(0).day}`)?.start).toBe(shift().start + 2 * QUARTER);
  expect(draft.store.get().redo).toHaveLength(1);
  expect(draft.store.get().waiting).toBe(0);
});

test("what breaks rules is taken back and asked about, and done when that is accepted", async () => {
  const server = new Server([shift()]);
  const draft = opened(server);
  const long = { ...endMoved(shift(), 20), locked: true };
  await draft.run(changing(shift(), long));
  expect(sameTimes(draft.bar("usr_a", day(0).day) as Bar, shift())).toBe(true);
  expect(draft.store.get().refused?.problem.reason).toBe("SHIFT_BREAKS_RULES");
  expect(draft.store.get().undo).toEqual([]);
  await draft.accept();
  expect(draft.store.get().refused).toBeUndefined();
  expect(draft.store.get().broken.get("usr_a")).toEqual([{ userId: "usr_a", rule: "DAY_HOURS" }]);
  expect(draft.store.get().undo).toHaveLength(1);
});

test("a change somebody else was faster with loses what waits behind it, and says so", async () => {
  const server = new Server([shift(), shift(1)]);
  const draft = opened(server);
  server.version = 7;
  void draft.run(changing(shift(), undefined));
  await draft.run(changing(shift(1), undefined));
  expect(draft.store.get().problem?.reason).toBe("VERSION_CONFLICT");
  expect([...server.bars.keys()]).toHaveLength(2);
  expect(draft.store.get().bars.get("usr_a")).toHaveLength(2);
  await draft.run(changing(shift(), undefined));
  expect(server.said).toEqual(["remove 2026-03-23"]);
});

test("a shift that goes to another day and may not be there is back where it was", async () => {
  const server = new Server([{ ...endMoved(shift(), 20), locked: true }]);
  const draft = opened(server);
  const before = draft.bar("usr_a", day(0).day) as Bar;
  await draft.run(changing(before, onDay(before, day(2), "Europe/Berlin")));
  expect(server.said).toEqual(["remove 2026-03-23", `save 2026-03-23 ${(before.end - before.start) / HOUR}`]);
  expect(draft.store.get().refused).toBeDefined();
  await draft.accept();
  expect([...server.bars.keys()]).toEqual(["usr_a 2026-03-25"]);
});

test("locks of many shifts are one request", async () => {
  const server = new Server([shift(), shift(1), shift(2, "usr_b")]);
  const draft = opened(server);
  const step = [...server.bars.values()].flatMap((each) => changing(each, { ...each, locked: true }));
  await draft.run(step);
  await draft.undo();
  expect(server.said).toEqual(["lock 3 true", "lock 3 false"]);
});
