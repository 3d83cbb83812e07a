"""What of a history can be learnt from: usual days at today's level, and what was wrong with the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from wfm.domain.series import Mark, MarkKind, Series, weekday_names

_SHIFT_LEAST = 0.2
"""Natural logarithm: a step of a fifth."""
_SHIFT_DAYS = 6
MANY = 10.0
"""Contacts a day below which a day without any is no surprise."""


@dataclass(frozen=True)
class Warned:
    """Something a planner should know: a name that pages have words for, and what those words need."""

    code: str
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Usual:
    """Usual days. `volume`: days by slots, at today's level; NaN where unknown. `effects`: usual times this is what a
    special day of that name brings. `scale`: what each day was multiplied by."""

    days: np.ndarray
    volume: np.ndarray
    totals: np.ndarray
    effects: Mapping[str, float]
    closed: frozenset[int]
    """Ordinals of days in the stretch that usually bring something and brought nothing."""
    warnings: tuple[Warned, ...]

    @property
    def weekdays(self) -> np.ndarray:
        """0 Monday .. 6 Sunday, of each day."""
        return (self.days + 6) % 7

    @property
    def slots(self) -> int:
        """Intervals a day."""
        return self.volume.shape[1]


def usual(series: Series) -> Usual:
    """The usual days of a history, with gaps, special days and closures apart and a step in its level levelled out."""
    volume, warnings = series.offered.copy(), list[Warned]()
    marked = {day.toordinal(): mark for day, mark in series.marks.items()}
    for row, day in enumerate(series.days):
        mark = marked.get(int(day))
        if mark and mark.kind is MarkKind.CAMPAIGN and mark.percent is not None:
            volume[row] /= max(0.05, 1.0 + mark.percent / 100.0)
    totals = np.nansum(volume, axis=1)
    apart = np.array([_apart(marked.get(int(day))) for day in series.days], bool)
    weekdays = (series.days + 6) % 7
    gap = _gaps(totals, weekdays, apart)
    if gap.any():
        warnings.append(_gap_words(series.days[gap]))
    keep = ~apart & ~gap & ~np.isnan(volume).all(axis=1)
    days, kept, sums = series.days[keep], volume[keep], totals[keep]
    scale = np.ones(len(days))
    if (step := _step(days, sums)) is not None:
        at, factor = step
        scale[:at] = factor
        warnings.append(Warned("LEVEL_SHIFT", {"day": str(_day(days[at])), "percent": f"{100 * (factor - 1):+.0f}"}))
    kept, sums = kept * scale[:, None], sums * scale
    warnings += _weekday_words(days, sums)
    closed = frozenset(int(day) for day in series.days[gap | (apart & (totals == 0))])
    return Usual(days, kept, sums, _effects(series, marked, totals, days, sums), closed, tuple(warnings))


def _apart(mark: Mark | None) -> bool:
    return mark is not None and (mark.kind is not MarkKind.CAMPAIGN or mark.percent is None)


def _gaps(totals: np.ndarray, weekdays: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Days without anybody on weekdays that usually bring many: closed without being marked, or lost."""
    found = np.zeros(len(totals), bool)
    for weekday in range(7):
        rows = (weekdays == weekday) & ~apart
        busy = totals[rows & (totals > 0)]
        # A weekday that is mostly empty is a closed one with exceptions, not a busy one with gaps.
        if len(busy) * 2 > rows.sum() and np.median(busy) >= MANY:
            found |= rows & (totals < 0.02 * np.median(busy))
    return found


def _step(days: np.ndarray, totals: np.ndarray) -> tuple[int, float] | None:
    """(first day after it, factor to level what was before): the clearest lasting step, if there is one."""
    busy = totals > 0
    if busy.sum() < 4 * _SHIFT_DAYS:
        return None
    places = np.flatnonzero(busy)
    logs, weekdays = np.log(totals[busy]), ((days[busy] + 6) % 7)
    centre = np.zeros(7)
    for weekday in np.unique(weekdays):
        centre[weekday] = np.median(logs[weekdays == weekday])
    rest = logs - centre[weekdays]
    count = len(rest)
    sums, at = np.cumsum(rest), np.arange(_SHIFT_DAYS, count - _SHIFT_DAYS + 1)
    before, after = sums[at - 1] / at, (sums[-1] - sums[at - 1]) / (count - at)
    clear = np.abs(after - before) * np.sqrt(at * (count - at) / count)
    best = int(at[np.argmax(clear)])
    near_before, near_after = rest[max(0, best - 10) : best], rest[best : best + 10]
    change = float(np.median(near_after) - np.median(near_before))
    noise = float(np.median(np.abs(np.diff(rest)))) / 0.954 + 1e-9
    lasting = float(np.median(rest[best:]) - np.median(rest[:best]))
    if abs(change) < _SHIFT_LEAST or abs(change) < 4 * noise or abs(lasting) < 0.6 * abs(change):
        return None
    return int(places[best]), float(np.exp(change))


def _effects(
    series: Series, marked: Mapping[int, Mark], totals: np.ndarray, days: np.ndarray, sums: np.ndarray
) -> dict[str, float]:
    """Usual times this, by name of a special day that was seen before."""
    found: dict[str, list[float]] = {}
    for row, day in enumerate(series.days):
        mark = marked.get(int(day))
        if mark and mark.kind is MarkKind.SPECIAL_DAY:
            near = (days + 6) % 7 == (int(day) + 6) % 7
            like = sums[near & (np.abs(days - day) <= 42)]
            if len(like) and np.median(like) > 0:
                found.setdefault(mark.name, []).append(float(totals[row] / np.median(like)))
    return {name: float(np.mean(ratios)) for name, ratios in found.items()}


def _weekday_words(days: np.ndarray, totals: np.ndarray) -> list[Warned]:
    known = {int(day) for day in np.unique((days[totals > 0] + 6) % 7)}
    if not known or len(known) == 7:
        return []
    missing = [day for day in range(7) if day not in known]
    return [Warned("WEEKDAYS_EMPTY", {"weekdays": ",".join(weekday_names(missing))})]


def _gap_words(days: np.ndarray) -> Warned:
    return Warned("GAPS", {"count": str(len(days)), "first_day": str(_day(days[0])), "last_day": str(_day(days[-1]))})


def _day(ordinal: int | np.integer) -> date:
    return date.fromordinal(int(ordinal))
