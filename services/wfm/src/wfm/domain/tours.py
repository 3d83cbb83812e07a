"""The best week of one agent for given worths of shifts: exact, by dynamic programming over days, for many at once.

After each day all that matters for the rest of the week is how many days and how much work there were, how long the
run of days is, how the weekly rest stands (the ledger's entry), and from when on the agent is rested again (the
clock). So the best worth by entry and clock is carried from day to day. Agents whose rules are the same are worked
together, as one more axis.

Clocks count slots from the start of the next day. Rest is exact but for weekly rests longer than a day and the daily
rest after a shift that ended early: what counts there is the later of both, which is never too little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

NEVER = np.float32(-1e9)
"""Worth of what can't be; sums of a few of these are far from any worth and far from overflow."""
_POSSIBLE = np.float32(-1e8)
SHORT = 400.0
"""What an hour of work missing from a contract costs, in slots of coverage."""
RESTED, TIRED, RESTING = 0, 1, 2
"""The weekly rest is behind; is to come, and the clock is of the daily rest; goes on, and the clock is its end."""
_ROOM = 48
"""Slots past a day a clock is told apart by, for weekly rests much longer than a day."""

Entry = tuple[int, int, int, int]
"""Days worked, units of work, run of days up to now, how the weekly rest stands."""
Tour = tuple[tuple[int, int] | None, ...]
"""By day: (kind, slots from the day's start to the shift's), or None for a free day."""


@dataclass(frozen=True)
class Shape:
    """Rules that agents worked together share. Lengths are slots, work is units."""

    gross: tuple[int, ...]
    """By kind of shift: from its start to its end."""
    work: tuple[int, ...]
    """By kind: units of work."""
    rest: int
    weekly_rest: int
    max_days: int
    max_work: int
    max_run: int
    """0: no limit."""
    run_before: int
    run_after: int
    day_slots: tuple[int, ...]
    """Slots of each day: 96, or 92 and 100 where the clock changes."""

    @cached_property
    def width(self) -> int:
        """Slots of the longest day."""
        return max(self.day_slots)

    @cached_property
    def clocks(self) -> int:
        """Values a clock takes, 0 to the last, which is "not before the day after"."""
        return self.width + 1 + (_ROOM if self.weekly_rest > 96 + self.rest else 0)

    @cached_property
    def layers(self) -> list[list[Entry]]:
        """Entries that can be reached by the start of each day, and after the last."""
        start: Entry = (0, 0, self._run(self.run_before, 0, 0), TIRED if self.weekly_rest else RESTED)
        layers: list[list[Entry]] = [[start]]
        for day in range(len(self.day_slots)):
            reached: dict[Entry, None] = {}
            for entry in layers[-1]:
                reached[self._free(day, entry)] = None
                for kind in range(len(self.gross)):
                    for mode in self._modes(entry[3]):
                        if (after := self._worked(day, entry, kind, mode)) is not None:
                            reached[after] = None
            layers.append(list(reached))
        return layers

    @cached_property
    def steps(self) -> list[_Steps]:
        """By day: which entries lead to which."""
        found = []
        for day in range(len(self.day_slots)):
            place = {entry: at for at, entry in enumerate(self.layers[day + 1])}
            frees: dict[int, list[tuple[int, int]]] = {}
            works: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
            into: list[list[tuple[int, int, int]]] = [[] for _ in place]
            for at, entry in enumerate(self.layers[day]):
                after = place[self._free(day, entry)]
                frees.setdefault(entry[3], []).append((at, after))
                into[after].append((-1, at, entry[3]))
                for kind in range(len(self.gross)):
                    for mode in self._modes(entry[3]):
                        worked = self._worked(day, entry, kind, mode)
                        if worked is not None:
                            works.setdefault((kind, entry[3], mode), []).append((at, place[worked]))
                            into[place[worked]].append((kind, at, entry[3]))
            found.append(
                _Steps(
                    [(mode, pairs) for mode, each in frees.items() for pairs in _apart(each)],
                    [(*key, pairs) for key, each in works.items() for pairs in _apart(each)],
                    into,
                )
            )
        return found

    @cached_property
    def ends(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the last layer's entries: days, units of work, and the latest clock that is still a whole week."""
        last = self.layers[-1]
        clock = [self.clocks - 1 if entry[3] == RESTED else (0 if entry[3] == RESTING else -1) for entry in last]
        return np.array([each[0] for each in last]), np.array([each[1] for each in last]), np.array(clock)

    def _run(self, run: int, day: int, days: int) -> int:
        """The run, or 0 where it can't get too long any more: entries that differ in nothing else are one."""
        left = min(len(self.day_slots) - day, self.max_days - days)
        if (
            not self.max_run
            or run + left + (self.run_after if day + left >= len(self.day_slots) else 0) <= self.max_run
        ):
            return 0
        return run

    def _modes(self, mode: int) -> tuple[int, ...]:
        """How the weekly rest may stand after a shift."""
        return (RESTED, TIRED) if mode == RESTING else (mode,)

    def _free(self, day: int, entry: Entry) -> Entry:
        days, work, _, mode = entry
        return days, work, self._run(0, day + 1, days), RESTED if mode == RESTED else RESTING

    def _worked(self, day: int, entry: Entry, kind: int, mode: int) -> Entry | None:
        days, work, run = entry[0] + 1, entry[1] + self.work[kind], entry[2] + 1
        if days > self.max_days or work > self.max_work:
            return None
        last = day == len(self.day_slots) - 1
        if self.max_run and run + (self.run_after if last else 0) > self.max_run:
            return None
        return days, work, self._run(run, day + 1, days), mode


@dataclass(frozen=True)
class _Steps:
    free: list[tuple[int, tuple[np.ndarray, np.ndarray]]]
    """(how the weekly rest stands, (from, to)); no entry stands twice in one."""
    work: list[tuple[int, int, int, tuple[np.ndarray, np.ndarray]]]
    """(kind, how the weekly rest stands, and afterwards, (from, to))."""
    into: list[list[tuple[int, int, int]]]
    """By entry afterwards: (kind or -1, from, how the weekly rest stands there)."""


def _apart(pairs: Sequence[tuple[int, int]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs in as few groups as no target stands twice in."""
    groups: list[dict[int, int]] = []
    for source, target in pairs:
        for group in groups:
            if target not in group:
                group[target] = source
                break
        else:
            groups.append({target: source})
    return [(np.array(list(each.values())), np.array(list(each))) for each in groups]


def best(
    shape: Shape, worth: np.ndarray, free: np.ndarray, ready: np.ndarray, resting: np.ndarray, least: np.ndarray,
    unit_hours: float,
) -> tuple[np.ndarray, list[Tour | None]]:  # fmt: skip
    """The best week of each agent and its worth; None where there is none at all.

    `worth`: agents by days by kinds by starts (`NEVER` where one may not be worked). `free`: agents by days, whether
    the day may be free. `ready`: slot of the first day each is rested by. `resting`: clock after a free first day of
    the weekly rest. `least`: (agents, 2) days and units of work there should be; missing ones cost `SHORT` an hour.
    """
    layers = _forward(shape, worth, free, ready, resting)
    last = layers[-1]
    days, work, clock = shape.ends
    allowed = np.arange(shape.clocks)[None, :] <= clock[:, None]
    lacking = np.maximum(0, least[:, 1:2] - work[None, :]) * unit_hours
    lacking = lacking + np.maximum(0, least[:, 0:1] - days[None, :]) * 8.0
    total = np.where(allowed[None], last, NEVER) - (SHORT * lacking)[:, :, None].astype(np.float32)
    flat = total.reshape(len(total), -1)
    at = flat.argmax(axis=1)
    worths = flat[np.arange(len(flat)), at]
    tours: list[Tour | None] = []
    for agent, place in enumerate(at.tolist()):
        entry, tick = divmod(place, shape.clocks)
        tours.append(None if last[agent, entry, tick] < _POSSIBLE else _back(shape, layers, worth, agent, entry, tick))
    return worths, tours


def _forward(
    shape: Shape, worth: np.ndarray, free: np.ndarray, ready: np.ndarray, resting: np.ndarray
) -> list[np.ndarray]:
    agents, width, top = len(worth), shape.width, shape.clocks - 1
    start = np.full((agents, 1, shape.clocks), NEVER, np.float32)
    start[np.arange(agents), 0, np.clip(ready, 0, top)] = 0.0
    layers = [start]
    for day, slots in enumerate(shape.day_slots):
        known, steps = layers[-1], shape.steps[day]
        made = np.full((agents, len(shape.layers[day + 1]), shape.clocks), NEVER, np.float32)
        shut = np.where(free[:, day], np.float32(0), NEVER)[:, None]
        for mode, (source, target) in steps.free:
            _rest(shape, day, slots, mode, known[:, source], made, target, shut, resting)
        upto = np.maximum.accumulate(known, axis=2)[:, :, :width]
        later: np.ndarray | None = None
        for kind, mode, after, (source, target) in steps.work:
            if mode == RESTING and after == TIRED:
                if later is None:  # the best whose clock is still to come at each start
                    later = np.maximum.accumulate(known[:, :, ::-1], axis=2)[:, :, ::-1][:, :, 1 : width + 1]
                base = later
            else:
                base = upto
            sums = base[:, source] + worth[:, day, kind, None, :]
            edge = slots - shape.gross[kind] - shape.rest
            """Starts up to here are rested by the next day's start."""
            if edge >= 0:
                early = sums[:, :, : edge + 1].max(axis=2)
                made[:, target, 0] = np.maximum(made[:, target, 0], early)
            first = max(edge + 1, 0)
            if first < width:
                clock = first - edge
                fit = min(width - first, max(0, top - clock))
                if fit:
                    part = made[:, target, clock : clock + fit]
                    made[:, target, clock : clock + fit] = np.maximum(part, sums[:, :, first : first + fit])
                if first + fit < width:
                    late = sums[:, :, first + fit :].max(axis=2)
                    made[:, target, top] = np.maximum(made[:, target, top], late)
        layers.append(made)
    return layers


def _rest(
    shape: Shape, day: int, slots: int, mode: int, known: np.ndarray, made: np.ndarray, target: np.ndarray,
    shut: np.ndarray, resting: np.ndarray,
) -> None:  # fmt: skip
    """A free day."""
    top = shape.clocks - 1
    if mode == RESTED:
        made[:, target, 0] = np.maximum(made[:, target, 0], known.max(axis=2) + shut)
        return
    if day == 0:
        rows = np.arange(len(known))
        made[rows, target[0], np.clip(resting, 0, top)] = known[:, 0].max(axis=1) + shut[:, 0]
        return
    by = (shape.weekly_rest - shape.rest if mode == TIRED else 0) - slots
    # A clock at its end says "not before", which a day later is not known any better.
    ended = min(max(-by + 1, 0), top)
    over = min(max(top - by, ended), top)

    def keep(clock: int, found: np.ndarray) -> None:
        made[:, target, clock] = np.maximum(made[:, target, clock], found + shut)

    if ended:
        keep(0, known[:, :, :ended].max(axis=2))
    if over > ended:
        part = made[:, target, ended + by : over + by]
        made[:, target, ended + by : over + by] = np.maximum(part, known[:, :, ended:over] + shut[:, :, None])
    keep(top, known[:, :, over:].max(axis=2))


def _back(shape: Shape, layers: list[np.ndarray], worth: np.ndarray, agent: int, entry: int, clock: int) -> Tour:
    """How the worth of the last layer's place came about."""
    tour: list[tuple[int, int] | None] = []
    top = shape.clocks - 1
    for day in range(len(shape.day_slots) - 1, -1, -1):
        value = layers[day + 1][agent, entry, clock]
        step = _step(shape, layers[day][agent], worth[agent, day], day, entry, clock, value, top)
        kind, start, entry, clock = step
        tour.append(None if kind < 0 else (kind, start))
    return tuple(reversed(tour))


def _step(
    shape: Shape, known: np.ndarray, worth: np.ndarray, day: int, entry: int, clock: int, value: np.float32, top: int
) -> tuple[int, int, int, int]:
    """(kind or -1, start, entry, clock) of the day before that `value` came from."""
    slots, width = shape.day_slots[day], shape.width
    modes = shape.layers[day + 1][entry][3]
    for kind, source, mode in shape.steps[day].into[entry]:
        row = known[source]
        if kind < 0:
            if mode == RESTED or day == 0:
                best_at = int(row.argmax())
                if row[best_at] == value:
                    return -1, 0, source, best_at
                continue
            by = (shape.weekly_rest - shape.rest if mode == TIRED else 0) - slots
            for at in np.flatnonzero(row == value).tolist():
                if (top if at == top else min(max(at + by, 0), top)) == clock:
                    return -1, 0, source, at
            continue
        edge = slots - shape.gross[kind] - shape.rest
        low, high = (0, edge + 1) if clock == 0 else (edge + clock, edge + clock + 1)
        if clock == top:
            high = width
        low, high = max(0, low), min(width, high)
        if low >= high:
            continue
        if mode == RESTING and modes == TIRED:
            base = np.maximum.accumulate(row[::-1])[::-1][low + 1 : high + 1]
        else:
            base = np.maximum.accumulate(row)[low:high]
        hits = np.flatnonzero(base + worth[kind, low:high] == value)
        if len(hits):
            start = low + int(hits[0])
            if mode == RESTING and modes == TIRED:
                return kind, start, source, start + 1 + int(row[start + 1 :].argmax())
            return kind, start, source, int(row[: start + 1].argmax())
    raise AssertionError("a worth that came from nowhere")
