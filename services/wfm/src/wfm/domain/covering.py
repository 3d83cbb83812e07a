"""What shifts cover, in instants: for schedules as they stand, whoever made them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from wfm.domain.coverage import Figures, figures
from wfm.domain.shifts import Shift
from wfm.domain.solving import slot_hours
from wfm.domain.week import Grid


def cover_of(shifts: Iterable[Shift], groups: int, grid: Grid) -> np.ndarray:
    """Groups by slots of the week: agents there, those on a break not."""
    found = np.zeros((groups, grid.slots))
    for shift in shifts:
        for slot, group in at_work(shift, grid):
            if 0 <= group < groups:
                found[group, slot] += 1
    return found


def figures_of(shifts: Iterable[Shift], need: np.ndarray, grid: Grid, given: np.ndarray | None = None) -> Figures:
    """How shifts cover the week, with what others cover."""
    there = cover_of(shifts, len(need), grid)
    return figures(need, there if given is None else there + given, slot_hours())


def assigned(shift: Shift, groups: Sequence[int], need: np.ndarray, cover: np.ndarray, grid: Grid) -> Shift:
    """The shift with its work where most is missing, slot by slot; `cover` is without it."""
    if not groups:
        return replace(shift, work=())
    lacking = need - cover
    work: list[tuple[datetime, int]] = []
    for slot in range(grid.slot(shift.start), grid.slot(shift.end)):
        best = groups[0] if not 0 <= slot < grid.slots else max(groups, key=lambda each: lacking[each, slot])
        if not work or work[-1][1] != best:
            work.append((grid.time(slot), best))
    return replace(shift, work=tuple(work))


def at_work(shift: Shift, grid: Grid) -> Iterable[tuple[int, int]]:
    """Slots of the week a shift is worked in, those of breaks not, each with the group it covers."""
    rests = [(grid.slot(each.start), grid.slot(each.end)) for each in shift.breaks]
    ends = [grid.slot(at) for at, _ in shift.work[1:]] + [grid.slot(shift.end)]
    for (at, group), end in zip(shift.work, ends, strict=True):
        for slot in range(max(0, grid.slot(at)), min(end, grid.slots)):
            if not any(low <= slot < high for low, high in rests):
                yield slot, group
