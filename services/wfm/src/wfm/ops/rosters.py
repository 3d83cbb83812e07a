"""What a schedule is made of: agents with all that holds for them, and requirements added by who serves them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
from chassis.sql import Tx

from wfm.domain.covering import cover_of
from wfm.domain.own import Availability, Stretches, by_user, of_week
from wfm.domain.shifts import SLOT, Agent, Shift, TimeOff
from wfm.domain.solving import Problem
from wfm.domain.violations import Violation, violations
from wfm.domain.week import DAYS, Grid, burden_hours, own_grid
from wfm.ops.skill_plans import ByGroup
from wfm.ops.staffing import Needed
from wfm.ops.workforce import limits_of
from wfm.store import own, sites, workforce
from wfm.store import schedules as store
from wfm.store.history import SeriesKey
from wfm.store.schedules import Group, Version

BACK = 4
"""Weeks before that rules look at."""
APART = timedelta(hours=26)
"""More than any two zones' clocks are apart."""


@dataclass(frozen=True)
class Roster:
    """Agents of a version, and what of the weeks before and after reaches into its week (groups by slots): the week
    after begins earlier where a site's clocks are ahead."""

    agents: tuple[Agent, ...]
    given: np.ndarray
    burdens: dict[str, float]


def grouped(
    curves: Sequence[Needed], profiles: Sequence[workforce.Profile], grid: Grid
) -> tuple[tuple[Group, ...], np.ndarray]:
    """Queues that the same agents serve as one group, and what each group takes: agents by slot, added first."""
    everybody = frozenset(each.user_id for each in profiles if not each.queue_ids)
    named: dict[str, set[str]] = {}
    for each in profiles:
        for queue_id in each.queue_ids:
            named.setdefault(queue_id, set()).add(each.user_id)
    members: dict[frozenset[str], list[SeriesKey]] = {}
    needs: dict[frozenset[str], np.ndarray] = {}
    for curve in curves:
        row = _by_slot(curve, grid)
        if not row.any():
            continue
        who = everybody | named.get(curve.key.queue_id, set())
        members.setdefault(who, []).append(curve.key)
        needs[who] = needs.get(who, np.zeros(grid.slots)) + row
    groups = tuple(Group(tuple(keys), len(who)) for who, keys in members.items())
    return groups, np.stack(list(needs.values())) if needs else np.zeros((0, grid.slots))


def grouped_by_plan(
    by_group: ByGroup, curves: Sequence[Needed], profiles: Sequence[workforce.Profile], grid: Grid
) -> tuple[tuple[Group, ...], np.ndarray]:
    """A skill plan's groups that it takes anybody of, and what each takes by slot; work that can wait (`curves`) is
    grouped as ever, beside them."""
    lines = [each for each in by_group.plan.lines if not each.can_wait]
    groups, rows = [], []
    for at, group in enumerate(by_group.plan.groups):
        row = _stretched(by_group.starts, by_group.scheduled[:, at].tolist(), grid)
        if not row.any():
            continue
        served = set(group.queue_ids) & {each.queue_id for each in lines} or {each for each, _ in group.reaches}
        members = tuple(SeriesKey(each.queue_id, each.channel) for each in lines if each.queue_id in served)
        groups.append(Group(members, 0, group.queue_ids))
        rows.append(row)
    groups = [
        replace(each, agents=sum(_serves(profile, each, groups) for profile in profiles)) for each in groups
    ]  # fmt: skip
    others, more = grouped(curves, profiles, grid)
    return (*groups, *others), np.stack([*rows, *more]) if rows or len(more) else np.zeros((0, grid.slots))


def _by_slot(curve: Needed, grid: Grid) -> np.ndarray:
    return _stretched(curve.starts, [each.scheduled for each in curve.needs], grid)


def _stretched(starts: Sequence[datetime], values: Sequence[float], grid: Grid) -> np.ndarray:
    """Intervals' values by slot."""
    found = np.zeros(grid.slots)
    slots = [grid.slot(each) for each in starts]
    length = min((after - at for at, after in pairwise(slots)), default=60 // SLOT)
    for at, value in zip(slots, values, strict=True):
        found[max(0, at) : max(0, at + length)] = value
    return found


async def roster(tx: Tx, version: Version, user_ids: Sequence[str] | None = None, *, locked: bool = False) -> Roster:
    """Agents as they are now, all or those named; with `locked`, as they are to be planned: the version's locked shifts
    in them, and where people worked by the week already when it was asked for nothing new before then."""
    grid = Grid(version.first, version.zone)
    profiles = await workforce.list_profiles(tx)
    contracts = {each.contract_id: each for each, _ in await workforce.list_contracts(tx)}
    patterns = {each.pattern_id: each for each, _ in await workforce.list_patterns(tx)}
    rules = {each.rules_id: each for each in await workforce.list_rules(tx)}
    zones = await sites.zones(tx)
    away: dict[str, list[TimeOff]] = {}
    for each in await workforce.list_away(tx, grid.begins - APART, grid.time(grid.slots) + APART):
        away.setdefault(each.user_id, []).append(each.time)
    said = by_user(await own.list_availability(tx, until=version.first + timedelta(days=DAYS - 1)))
    past, given = await _around(tx, version, grid, range(-BACK, 0))
    future, early = await _around(tx, version, grid, range(1, 2))
    held: dict[str, list[Shift]] = {}
    out = False
    if locked:
        out = grid.begins - APART < version.create_time and bool(await store.published(tx, [version.first]))
        for shift in await store.list_shifts(tx, version.schedule_id):
            held.setdefault(shift.agent_id, []).append(shift)
    agents, burdens = [], {}
    for each in profiles:
        if user_ids is not None and each.user_id not in user_ids:
            continue
        contract = contracts[each.contract_id]
        kept = Availability(each.user_id, None, each.availability, each.wish)
        stretches, wish = of_week([kept, *said.get(each.user_id, ())], version.first)
        agent = Agent(
                each.user_id, contract, limits_of(rules[contract.rules_id], each.under_age),
                tuple(patterns[name] for name in contract.pattern_ids),
                tuple(at for at, group in enumerate(version.groups) if _serves(each, group, version.groups)),
                _by_weekday(stretches), (), wish, tuple(past.get(each.user_id, ())),
                tuple(future.get(each.user_id, ())),
                tuple(shift for shift in held.get(each.user_id, ()) if shift.locked),
                zone=zones.get(each.user_id, ""),
            )  # fmt: skip
        mine = own_grid(agent, grid)
        off = (time for time in away.get(each.user_id, ()) if _touches(time, mine))
        begins = version.create_time if out and mine.begins < version.create_time else None
        agents.append(replace(agent, time_off=tuple(off), begins=begins))
        burdens[each.user_id] = _burden(agent.before, mine)
    return Roster(tuple(agents), given + early, burdens)


def _touches(time: TimeOff, grid: Grid) -> bool:
    return time.end > grid.begins and time.start < grid.time(grid.slots)


def problem_of(version: Version, made: Roster, need: np.ndarray) -> Problem:
    """What a search works on."""
    fairness = version.fairness * 60 / SLOT
    return Problem(Grid(version.first, version.zone), made.agents, need, made.given, fairness, made.burdens)


def made_of(problem: Problem) -> str:
    """Says whether two problems are the same: what was reached for another one is of no use."""
    return hashlib.sha256(repr((problem.grid, problem.agents, problem.fairness)).encode()).hexdigest()


def broken(version: Version, agents: Sequence[Agent], shifts: Sequence[Shift]) -> list[Violation]:
    """Every rule that is broken."""
    return violations(agents, shifts, version.first, version.zone)


def _serves(profile: workforce.Profile, group: Group, groups: Sequence[Group]) -> bool:
    if not group.queue_ids:
        return not profile.queue_ids or any(each.queue_id in profile.queue_ids for each in group.members)
    planned = {key.queue_id for each in groups if each.queue_ids for key in each.members}
    mine = set(profile.queue_ids or planned)
    return (mine & planned or mine) == (set(group.queue_ids) & planned or set(group.queue_ids))


def _by_weekday(stretches: Stretches) -> dict[int, tuple[tuple[int, int], ...]] | None:
    if not stretches:
        return None
    found: dict[int, tuple[tuple[int, int], ...]] = {}
    for day, low, high in sorted(stretches):
        found[day] = (*found.get(day, ()), (low, high))
    return found


async def _around(tx: Tx, version: Version, grid: Grid, weeks: range) -> tuple[dict[str, list[Shift]], np.ndarray]:
    """Published shifts of weeks around by agent, and what those that reach into this week cover of it."""
    ends = grid.time(grid.slots)
    found: dict[str, list[Shift]] = {}
    given = np.zeros((len(version.groups), grid.slots))
    place = [set(group.members) for group in version.groups]
    firsts = [version.first + timedelta(days=DAYS * each) for each in weeks]
    for other in await store.published(tx, firsts):
        for shift in await store.list_shifts(tx, other.schedule_id):
            found.setdefault(shift.agent_id, []).append(shift)
            if shift.end > grid.begins and shift.start < ends:
                _spill(shift, other, place, given, grid)
    return found, given


def _spill(shift: Shift, other: Version, place: Sequence[set[SeriesKey]], given: np.ndarray, grid: Grid) -> None:
    there = cover_of([shift], len(other.groups), grid)
    for group, row in enumerate(there):
        members = set(other.groups[group].members)
        # The group most like it: a skill plan's groups share queues.
        alike = [len(members & each) / len(members | each) for each in place]
        if any(alike):
            given[int(np.argmax(alike))] += row


def _burden(shifts: Sequence[Shift], grid: Grid) -> float:
    total = 0.0
    for shift in shifts:
        start, end = (_minutes(at, shift.day, grid) for at in (shift.start, shift.end))
        total += float(burden_hours(shift.day.weekday(), np.array(start), np.array(end)))
    return total


def _minutes(at: Any, day: date, grid: Grid) -> int:
    local = at.astimezone(grid.place)
    return (local.date() - day).days * 1440 + local.hour * 60 + local.minute
