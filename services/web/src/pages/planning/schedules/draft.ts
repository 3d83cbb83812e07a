/**
 * A draft as it is edited: changes are shown at once and sent one after the other, each with the version the one before
 * made. What the server doesn't take is taken back, with all that stood on it, by reading the draft again.
 */
import { asProblem, type Problem } from "../../../api/problem.ts";
import type { Schedule, ScheduleViolation } from "../../../api/types.ts";
import { createStore, type Store } from "../../../store.ts";
import { type Bar, keyOf, sameTimes } from "./shifts.ts";

export interface Change {
  userId: string;
  day: string;
  before: Bar | undefined;
  after: Bar | undefined;
}

/** Changes that are one to whoever made them: undone together. */
export type Step = readonly Change[];

export interface Told {
  schedule: Schedule;
  /** Rules the agent breaks now; unset where that is as it was. */
  violations?: readonly ScheduleViolation[] | undefined;
}

export interface Sender {
  save(bar: Bar, version: string, accept: boolean): Promise<Told>;
  remove(userId: string, day: string, version: string, accept: boolean): Promise<Told>;
  lock(shifts: readonly { userId: string; day: string }[], locked: boolean, version: string): Promise<Told>;
  read(): Promise<Loaded>;
}

export interface Loaded {
  schedule: Schedule;
  bars: readonly Bar[];
  violations: readonly ScheduleViolation[];
}

export interface DraftState {
  schedule: Schedule;
  /** By agent; a list is another one when something in it is. */
  bars: ReadonlyMap<string, readonly Bar[]>;
  broken: ReadonlyMap<string, readonly ScheduleViolation[]>;
  undo: readonly Step[];
  redo: readonly Step[];
  /** Changes on their way. */
  waiting: number;
  /** What broke a rule, and may be done all the same. */
  refused: { step: Step; problem: Problem } | undefined;
  problem: Problem | undefined;
}

export function byUser<T extends { userId?: string }>(rows: readonly T[]): Map<string, readonly T[]> {
  const found = new Map<string, T[]>();
  for (const row of rows) {
    const mine = found.get(row.userId ?? "");
    if (mine) mine.push(row);
    else found.set(row.userId ?? "", [row]);
  }
  return found;
}

export function reversed(step: Step): Step {
  return [...step].reverse().map((each) => ({ ...each, before: each.after, after: each.before }));
}

/** Whether nothing changes but what is locked, and to what; undefined when more does. */
function onlyLocks(step: Step): boolean | undefined {
  const to = step[0]?.after?.locked;
  const fine = step.every(
    ({ before, after }) => before && after && sameTimes(before, after) && after.locked === to,
  );
  return fine ? to : undefined;
}

export class Draft {
  readonly store: Store<DraftState>;
  readonly #sender: Sender;
  #line: Promise<void> = Promise.resolve();
  /** Grows when what waits must not be sent any more. */
  #turn = 0;
  #unsure = new Set<Step>();

  constructor(loaded: Loaded, sender: Sender) {
    this.#sender = sender;
    this.store = createStore<DraftState>({
      schedule: loaded.schedule,
      bars: byUser(loaded.bars),
      broken: byUser(loaded.violations),
      undo: [],
      redo: [],
      waiting: 0,
      refused: undefined,
      problem: undefined,
    });
  }

  bar(userId: string, day: string): Bar | undefined {
    return this.store
      .get()
      .bars.get(userId)
      ?.find((each) => each.day === day);
  }

  /** Makes a change of a person. `accept`: it may break rules. */
  run(step: Step, accept = false): Promise<void> {
    if (step.length === 0) return this.#line;
    this.store.set((now) => ({ ...now, undo: [...now.undo, step], redo: [], refused: undefined }));
    return this.#send(step, step, accept);
  }

  undo(): Promise<void> {
    const step = this.store.get().undo.at(-1);
    if (!step) return this.#line;
    this.store.set((now) => ({ ...now, undo: now.undo.slice(0, -1), redo: [...now.redo, step] }));
    return this.#send(reversed(step), step, true);
  }

  redo(): Promise<void> {
    const step = this.store.get().redo.at(-1);
    if (!step) return this.#line;
    this.store.set((now) => ({ ...now, redo: now.redo.slice(0, -1), undo: [...now.undo, step] }));
    return this.#send(step, step, true);
  }

  /** Does what was refused all the same. */
  accept(): Promise<void> {
    const refused = this.store.get().refused;
    return refused ? this.run(refused.step, true) : this.#line;
  }

  dismiss(): void {
    this.store.set((now) => ({ ...now, refused: undefined, problem: undefined }));
  }

  #show(step: Step): void {
    this.store.set((now) => {
      const bars = new Map(now.bars);
      for (const { userId, day, after } of step) {
        const others = (bars.get(userId) ?? []).filter((each) => each.day !== day);
        const mine = after ? [...others, after].sort((a, b) => a.start - b.start) : others;
        bars.set(userId, mine);
      }
      return { ...now, bars, problem: undefined };
    });
  }

  #send(step: Step, origin: Step, accept: boolean): Promise<void> {
    const turn = this.#turn;
    this.#show(step);
    this.#unsure.add(origin);
    this.store.set((now) => ({ ...now, waiting: now.waiting + 1 }));
    this.#line = this.#line.then(async () => {
      try {
        if (turn === this.#turn) await this.#sent(step, accept);
        this.#unsure.delete(origin);
      } catch (error) {
        await this.#failed(origin, asProblem(error), accept);
      } finally {
        this.store.set((now) => ({ ...now, waiting: now.waiting - 1 }));
      }
    });
    return this.#line;
  }

  async #sent(step: Step, accept: boolean): Promise<void> {
    const to = onlyLocks(step);
    if (to !== undefined) {
      this.#told(
        await this.#sender.lock(
          step.map(({ userId, day }) => ({ userId, day })),
          to,
          this.#version,
        ),
      );
      return;
    }
    // What goes makes room for what comes, so it is never what is refused while something comes.
    const goes = step.filter(({ after }) => !after);
    const comes = step.filter(({ after }) => after);
    for (const { userId, day } of goes) {
      const version = this.#version;
      this.#told(await this.#sender.remove(userId, day, version, accept || comes.length > 0), userId);
    }
    try {
      for (const { userId, day, after } of comes) {
        if (!after) continue;
        this.#told(await this.#sender.save(after, this.#version, accept), userId);
        if (!after.locked) this.#told(await this.#sender.lock([{ userId, day }], false, this.#version));
      }
    } catch (error) {
      for (const { before } of goes) {
        if (!before) continue;
        this.#told(await this.#sender.save(before, this.#version, true), before.userId);
        if (!before.locked) this.#told(await this.#sender.lock([before], false, this.#version));
      }
      throw error;
    }
  }

  async #failed(origin: Step, problem: Problem, accept: boolean): Promise<void> {
    this.#turn += 1;
    const unsure = this.#unsure;
    this.#unsure = new Set();
    const known = (steps: readonly Step[]) =>
      problem.reason === "VERSION_CONFLICT" ? [] : steps.filter((each) => !unsure.has(each));
    const refused = problem.reason === "SHIFT_BREAKS_RULES" && !accept;
    const read = await this.#sender.read().catch(() => undefined);
    this.store.set((now) => ({
      ...now,
      ...(read && { schedule: read.schedule, bars: byUser(read.bars), broken: byUser(read.violations) }),
      undo: known(now.undo),
      redo: known(now.redo),
      refused: refused ? { step: origin, problem } : undefined,
      problem: refused ? undefined : problem,
    }));
  }

  #told({ schedule, violations }: Told, userId = ""): void {
    this.store.set((now) => {
      if (!violations) return { ...now, schedule };
      const broken = new Map(now.broken);
      broken.set(userId, violations);
      return { ...now, schedule, broken };
    });
  }

  get #version(): string {
    return this.store.get().schedule.version ?? "0";
  }
}

/** The change of one day; none where nothing would be another. */
export function changing(before: Bar | undefined, after: Bar | undefined): Step {
  const of = after ?? before;
  if (!of || (before && after && sameTimes(before, after) && before.locked === after.locked)) return [];
  if (before && after && keyOf(before) !== keyOf(after)) {
    return [
      { userId: before.userId, day: before.day, before, after: undefined },
      { userId: after.userId, day: after.day, before: undefined, after },
    ];
  }
  return [{ userId: of.userId, day: of.day, before, after }];
}
