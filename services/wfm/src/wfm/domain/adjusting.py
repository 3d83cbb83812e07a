"""Shifts of a day that are changed as it goes: worked longer, left early, breaks moved. Rules are held by others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

import numpy as np

from wfm.domain.shifts import SLOT, Break, Shift
from wfm.domain.violations import Rule, Violation

QUARTER = timedelta(minutes=SLOT)
LONGEST = timedelta(hours=16)
SHORTEST = timedelta(hours=1)
PIECES = tuple(timedelta(minutes=each) for each in (120, 90, 60, 30))
"""How long overtime that is offered may be."""
FARTHEST_BREAK = 4
"""Quarter hours a break is moved at most."""
_CHOSEN = frozenset(
    {
        Rule.PATTERN, Rule.CONTRACT_HOURS, Rule.CONTRACT_DAYS, Rule.TOO_FEW_HOURS, Rule.TOO_FEW_DAYS, Rule.AVAILABILITY,
    }
)  # fmt: skip
"""What an agent may waive: their contract and their wishes, never the law."""
_UNDER, _OVER = 3.0, 1.0
"""As a schedule's cost has it."""


class Kind(StrEnum):
    """How a shift is changed."""

    BREAK_MOVE = "BREAK_MOVE"
    OVERTIME = "OVERTIME"
    VOLUNTARY_TIME_OFF = "VOLUNTARY_TIME_OFF"


@dataclass(frozen=True)
class BreakMove:
    """A break that is better taken at another time. `saved`: agent hours of cost."""

    agent_id: str
    day: date
    before: Break
    after: Break
    shift: Shift
    """With the break moved."""
    saved: float


@dataclass(frozen=True)
class Window:
    """A stretch in which agents of a group lack, or are too many. `most`: at once; `hours`: agent hours."""

    kind: Kind
    group: int
    start: datetime
    end: datetime
    most: int
    hours: float


@dataclass(frozen=True)
class Adjustment:
    """A change of one agent's shift; None for no shift."""

    adjustment_id: str
    kind: Kind
    user_id: str
    day: date
    before: Shift | None
    after: Shift | None
    apply_user_id: str
    apply_time: datetime
    offer_id: str = ""
    undo_user_id: str = ""
    undo_time: datetime | None = None
    undone: bool = False


@dataclass(frozen=True)
class Reply:
    """What an agent said to an offer: PENDING, ACCEPTED, DECLINED, UNDONE."""

    user_id: str
    state: str = "PENDING"
    reply_time: datetime | None = None
    adjustment_id: str = ""


@dataclass(frozen=True)
class Offer:
    """Agents are asked to work longer or to leave early."""

    offer_id: str
    kind: Kind
    start: datetime
    end: datetime
    places: int
    expire: datetime
    note: str
    create_user_id: str
    create_time: datetime
    taken: int = 0
    cancelled: bool = False
    replies: tuple[Reply, ...] = ()

    def state(self, now: datetime) -> str:
        """OPEN, FILLED, CANCELLED or EXPIRED."""
        if self.cancelled:
            return "CANCELLED"
        if self.taken >= self.places:
            return "FILLED"
        return "EXPIRED" if now >= self.expire else "OPEN"


def extended(shift: Shift | None, user_id: str, day: date, start: datetime, end: datetime) -> Shift | None:
    """The shift with [start, end) worked, too; None where that would leave a gap, add nothing, or be too long."""
    if shift is None:
        return Shift(user_id, day, start, end, locked=True) if SHORTEST <= end - start <= LONGEST else None
    if end < shift.start or start > shift.end or (shift.start <= start and end <= shift.end):
        return None
    longer = replace(shift, start=min(start, shift.start), end=max(end, shift.end), locked=True)
    return longer if longer.end - longer.start <= LONGEST else None


def shortened(shift: Shift | None, start: datetime, end: datetime) -> tuple[Shift | None, bool]:
    """The shift without [start, end), None for none of it, and whether that can be: time from its middle can't."""
    if shift is None or end <= shift.start or shift.end <= start:
        return shift, False
    if start <= shift.start and shift.end <= end:
        return None, True
    if shift.start < start and end < shift.end:
        return shift, False
    low, high = (end, shift.end) if start <= shift.start else (shift.start, start)
    breaks = tuple(each for each in shift.breaks if low < each.start and each.end < high)
    cut = any(each.start < low < each.end or each.start < high < each.end for each in shift.breaks)
    left = replace(shift, start=low, end=high, breaks=breaks, locked=True)
    return left, not cut and high - low >= SHORTEST


def waived(found: Sequence[Violation]) -> list[Violation]:
    """What stands in the way of a change that its agent wants."""
    return [each for each in found if each.rule not in _CHOSEN]


def windows(
    kind: Kind, group: int, starts: Sequence[datetime], need: np.ndarray, there: np.ndarray, after: datetime
) -> list[Window]:
    """Stretches of at least half an hour after a moment in which half an agent or more lacks, or a whole one is
    spare."""
    gap = need - there if kind is Kind.OVERTIME else np.floor(there - need + 1e-9)
    least = 0.5 if kind is Kind.OVERTIME else 1.0
    open_ = [at for at, start in enumerate(starts) if start >= after and gap[at] >= least]
    if kind is Kind.VOLUNTARY_TIME_OFF:  # of nights in which nobody is needed nobody is sent home
        open_ = [at for at in open_ if there[at] > 0]
    found: list[Window] = []
    run: list[int] = []
    for at in (*open_, -2):
        if run and at != run[-1] + 1:
            if len(run) >= 2:
                inside = gap[run[0] : run[-1] + 1]
                most = int(np.ceil(inside.max() - 1e-9)) if kind is Kind.OVERTIME else int(inside.min())
                found.append(
                    Window(kind, group, starts[run[0]], starts[run[-1]] + QUARTER, most, float(inside.sum()) / 4)
                )
            run = []
        if at >= 0:
            run.append(at)
    return found


def pieces(
    window: Window, starts: Sequence[datetime], need: np.ndarray, there: np.ndarray, begins: Sequence[datetime],
    ends: Sequence[datetime], longest: timedelta,
) -> list[Window]:  # fmt: skip
    """Overtime as somebody could work it: after a shift that ends in the window, or before one that begins there, so
    long at most; without any such, one piece after the other. Those that fill most first, none over another."""
    spans = {(end, min(window.end, end + longest)) for end in ends if window.start <= end < window.end}
    spans |= {(max(window.start, at - longest), at) for at in begins if window.start < at <= window.end}
    spans = {each for each in spans if each[1] - each[0] >= 2 * QUARTER}
    if not spans:
        count = -(-(window.end - window.start) // longest)
        cuts = [window.start + each * longest for each in range(count)]
        spans = {(at, min(window.end, at + longest)) for at in cuts}
    found: list[Window] = []
    for low, high in spans:
        gap = [
            max(0.0, need[at] - there[at]) for at, start in enumerate(starts) if low <= start < high
        ]  # fmt: skip
        found.append(replace(window, start=low, end=high, hours=sum(gap) / 4, most=max(1, round(max(gap) + 0.499))))
    kept: list[Window] = []
    for each in sorted(found, key=lambda piece: (-piece.hours, piece.start)):
        if all(each.end <= other.start or other.end <= each.start for other in kept):
            kept.append(each)
    return kept


def break_moves(
    shifts: Sequence[Shift], starts: Sequence[datetime], need: np.ndarray, there: np.ndarray, after: datetime,
    fine: Callable[[Shift, Shift], bool], most: int = 10,
) -> list[BreakMove]:  # fmt: skip
    """The moves that save most, one after the other, each with those before it made. `need` and `there`: groups by
    quarter hours from `starts[0]`; `fine` says whether rules let one shift become the other."""
    cover, found, moved = there.copy(), [], set()
    for _ in range(most):
        best: BreakMove | None = None
        for shift in shifts:
            for rest in shift.breaks:
                if (shift.agent_id, rest.start) in moved or rest.start < after:
                    continue
                for move in _moves(shift, rest, starts, need, cover, after):
                    if move.saved > (best.saved + 1e-9 if best else 0.1) and fine(shift, move.shift):
                        best = move
        if best is None:
            return found
        found.append(best)
        _shift_break(cover, best, starts)
        moved |= {(best.agent_id, best.before.start), (best.agent_id, best.after.start)}
        shifts = [
            best.shift if (each.agent_id, each.day) == (best.agent_id, best.day) else each for each in shifts
        ]  # fmt: skip
    return found


def _moves(
    shift: Shift, rest: Break, starts: Sequence[datetime], need: np.ndarray, cover: np.ndarray, after: datetime
) -> Iterator[BreakMove]:
    others = [each for each in shift.breaks if each != rest]
    for step in range(-FARTHEST_BREAK, FARTHEST_BREAK + 1):
        to = replace(rest, start=rest.start + step * QUARTER, end=rest.end + step * QUARTER)
        if step == 0 or to.start < after or to.start <= shift.start or to.end >= shift.end:
            continue
        if any(to.start < each.end + QUARTER and each.start - QUARTER < to.end for each in others):
            continue
        saved, changes = 0.0, Counter[tuple[int, int]]()
        for group, at, more in _cells(shift, rest, to, starts):
            changes[group, at] += more
        for (group, at), more in changes.items():
            if 0 <= at < need.shape[1] and 0 <= group < len(need):
                gap = need[group, at] - cover[group, at]
                saved += _cost(gap) - _cost(gap - more)
        breaks = tuple(sorted((*others, to), key=lambda each: each.start))
        yield BreakMove(shift.agent_id, shift.day, rest, to, replace(shift, breaks=breaks, locked=True), saved / 4)


def _cells(
    shift: Shift, rest: Break, to: Break, starts: Sequence[datetime]
) -> Iterator[tuple[int, int, int]]:  # fmt: skip
    """(group, quarter hour, agents more) that a move changes."""
    for each, more in ((rest, 1), (to, -1)):
        at = each.start
        while at < each.end:
            group = next((number for begins, number in reversed(shift.work) if begins <= at), -1)
            yield group, int((at - starts[0]) / QUARTER), more
            at += QUARTER


def _shift_break(cover: np.ndarray, move: BreakMove, starts: Sequence[datetime]) -> None:
    for group, at, more in _cells(move.shift, move.before, move.after, starts):
        if 0 <= at < cover.shape[1] and 0 <= group < len(cover):
            cover[group, at] += more


def _cost(gap: float) -> float:
    return _UNDER * gap if gap > 0 else -_OVER * gap
