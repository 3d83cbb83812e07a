"""What a schedule leaves open and why, and how two schedules differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import numpy as np

from wfm.domain.shifts import Shift
from wfm.domain.solving import Plan, slot_hours

_LEAST = 0.5
"""Agents missing that are worth a word."""


class Why(StrEnum):
    """What stands between a requirement and its cover."""

    NOBODY_CAN = "NOBODY_CAN"
    """No agent with the queues has a shift that reaches there: patterns, availability, law or time off."""
    TOO_FEW_CAN = "TOO_FEW_CAN"
    """Fewer agents could be there than are needed."""
    HOURS_SPENT = "HOURS_SPENT"
    """Enough could be, but their days and hours are needed more elsewhere."""


@dataclass(frozen=True)
class Shortfall:
    """A stretch of a group that is not covered: agent hours, and at most so many agents at once."""

    group: int
    start: datetime
    end: datetime
    hours: float
    most: float
    why: Why


def shortfalls(plan: Plan) -> list[Shortfall]:
    """All stretches in which half an agent or more is missing, the largest first."""
    counted = plan.counted
    needed = plan.need[:, counted]
    lacking = np.maximum(0.0, needed - plan.cover[:, counted])
    reach = _reach(plan)[:, counted]
    grid, found = plan.problem.grid, []
    for group, row in enumerate(lacking):
        slots = np.flatnonzero(row >= _LEAST)
        for part in np.split(slots, np.flatnonzero(np.diff(slots) > 1) + 1):
            if not len(part):
                continue
            could, need = reach[group, part], needed[group, part]
            why = Why.HOURS_SPENT
            if (could == 0).all():
                why = Why.NOBODY_CAN
            elif (could < need - _LEAST).any():
                why = Why.TOO_FEW_CAN
            found.append(
                Shortfall(group, grid.time(part[0]), grid.time(part[-1] + 1), float(row[part].sum()) * slot_hours(),
                          float(row[part].max()), why)
            )  # fmt: skip
    return sorted(found, key=lambda each: (-each.hours, each.group, each.start))


def _reach(plan: Plan) -> np.ndarray:
    """Groups by slots: agents who have some shift that lies over the slot."""
    found = np.zeros(plan.need.shape)
    for number, each in enumerate(plan.agents):
        edge = np.zeros(plan.length + 1)
        for day, kind, start in zip(*np.nonzero(each.allowed), strict=True):
            at = plan.day_start(number, int(day)) + start
            edge[at] += 1
            edge[at + each.kinds[kind].gross] -= 1
        over = np.cumsum(edge)[:-1] > 0
        for group in each.agent.groups:
            found[group] += over
    return found


class Change(StrEnum):
    """How a day of an agent differs."""

    ADDED = "ADDED"
    REMOVED = "REMOVED"
    MOVED = "MOVED"
    BREAKS = "BREAKS"


@dataclass(frozen=True)
class Difference:
    """A day of an agent that isn't the same: shifts of the one and of the other schedule."""

    agent_id: str
    day: date
    change: Change
    one: Shift | None
    other: Shift | None


def differences(one: Sequence[Shift], other: Sequence[Shift]) -> list[Difference]:
    """From one schedule to another, by agent and day. Which queue is covered when makes no difference."""
    olds = {(each.agent_id, each.day): each for each in one}
    news = {(each.agent_id, each.day): each for each in other}
    found = []
    for agent_id, day in sorted(olds.keys() | news.keys()):
        old, new = olds.get((agent_id, day)), news.get((agent_id, day))
        if old is None or new is None:
            change = Change.ADDED if old is None else Change.REMOVED
        elif (old.start, old.end) != (new.start, new.end):
            change = Change.MOVED
        elif old.breaks != new.breaks:
            change = Change.BREAKS
        else:
            continue
        found.append(Difference(agent_id, day, change, old, new))
    return found
