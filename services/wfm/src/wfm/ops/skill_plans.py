"""Skill plans: begun, made turn by turn, cancelled, read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from chassis.paging import Page, encode_token, page_size
from chassis.sql import Tx
from kernel.errors import FailedPrecondition, NotFound, QuotaExceeded
from kernel.ids import new_id

from wfm.domain.skill_plan import Problem, Staffed
from wfm.domain.skills import (
    MOST_LINES,
    USUAL_FLEXIBLE_COST,
    Group,
    Line,
    SkillPlanInvalid,
    SkillPlanTooLarge,
    alike,
    checked_groups,
    groups_of,
    problem_of,
    shrinkage_of,
    times_of,
)
from wfm.domain.staffing import whole
from wfm.ops import staffing as needs
from wfm.ops.history import RangeInvalid, require_queue
from wfm.store import history, workforce
from wfm.store import skill_plans as store
from wfm.store.skill_plans import Plan

MOST_RUNNING = 3
LONGEST_RANGE = timedelta(days=7, hours=1)
"""A week may have an hour more."""
LEASE = timedelta(minutes=2)
"""Renewed with each word of progress."""
_TURN_CASES, _TURN_LOAD = 32, 1500.0
"""Intervals of a turn and their erlangs, at most: ten to twenty seconds."""
_KEPT = ("agents", "level", "level_error", "abandoned", "wait", "occupancy", "kept")


class SkillPlanNotFound(NotFound):
    """No such plan."""

    reason = "SKILL_PLAN_NOT_FOUND"


class SkillPlanNobody(FailedPrecondition):
    """There are no agents to plan."""

    reason = "SKILL_PLAN_NOBODY"


class SkillPlanNothing(FailedPrecondition):
    """There is no work to plan for."""

    reason = "SKILL_PLAN_NOTHING"


class SkillPlanNotDone(FailedPrecondition):
    """The plan is being made, or was ended before it was."""

    reason = "SKILL_PLAN_NOT_DONE"


class SkillPlanRunning(QuotaExceeded):
    """As many plans of the tenant are made as may be."""

    reason = "SKILL_PLAN_RUNNING"


@dataclass(frozen=True)
class Wanted:
    """What is to be made. Without groups those that planned agents make up."""

    run_id: str
    start: datetime | None
    end: datetime | None
    caution: float
    flexible_cost: float
    groups: tuple[Group, ...]
    name: str
    seed: int


@dataclass(frozen=True)
class Known:
    """What a plan is to be made of: forecasts with rules; of planned agents the queues they serve, none for all."""

    curves: Sequence[needs.Asked]
    served: Sequence[Sequence[str]]
    helpers: dict[str, list[tuple[str, int]]]


@dataclass(frozen=True)
class Prepared:
    """A plan that may begin."""

    groups: tuple[Group, ...]
    lines: tuple[Line, ...]
    minutes: int
    arrays: dict[str, np.ndarray]


@dataclass(frozen=True)
class Interval:
    """What an interval takes and what comes of it; by group, and by line of the plan (that can't wait)."""

    start: datetime
    scheduled: int
    apart: int
    rounded_apart: int
    agents: Sequence[int]
    level: Sequence[float]
    level_error: Sequence[float]
    abandoned: Sequence[float]
    wait: Sequence[float]
    occupancy: Sequence[float]
    kept: Sequence[bool]


@dataclass(frozen=True)
class ByGroup:
    """A plan that is made: agents to schedule, intervals by its groups, with shrinkage and not rounded."""

    plan: Plan
    starts: Sequence[datetime]
    scheduled: np.ndarray


def checked(value: Wanted) -> Wanted:
    """The same with what is usual. Raises `SkillPlanInvalid` that names the field."""
    for name, fine, words in (
        ("flexible_cost", value.flexible_cost == 0 or 0.01 <= value.flexible_cost <= 2, "must be 0.01 to 2"),
        ("display_name", len(value.name) <= 100, "must be at most 100 characters"),
        ("seed", 0 <= value.seed < 2**31, "must not be negative"),
    ):
        if not fine:
            raise SkillPlanInvalid.of(name, words)
    if value.start and value.end and not timedelta(0) < value.end - value.start <= LONGEST_RANGE:
        raise RangeInvalid.of("end_time", "must be after start_time and at most 7 days later")
    return replace(value, flexible_cost=value.flexible_cost or USUAL_FLEXIBLE_COST)


async def known(tx: Tx, value: Wanted) -> Known:
    """What `prepared` takes."""
    for queue_id in {each for group in value.groups for each in _named(group)}:
        await require_queue(tx, queue_id)
    curves = await needs.asked(tx, value.run_id, (), value.start, value.end, value.caution, 2000)
    served = [] if value.groups else [each.queue_ids for each in await workforce.list_profiles(tx)]
    return Known(curves, served, await history.queue_helpers(tx))


def prepared(value: Wanted, told: Known) -> Prepared:
    """Works out what is to be simulated, and what queue by queue would take; takes long, so it is done after the
    transaction. Raises what forbids it."""
    curves = [each for each in told.curves if any(volume > 0 for volume in each.volume)]
    lines = tuple(Line(each.key.queue_id, each.key.channel, each.rule, each.version) for each in curves)
    simulated = [at for at, each in enumerate(lines) if not each.can_wait]
    if not simulated:
        raise SkillPlanNothing("the forecast run says of no work that can't wait in this time: is it of other days?")
    if len(simulated) > MOST_LINES:
        raise SkillPlanTooLarge(f"{len(simulated)} queues and channels have work, {MOST_LINES} at most are simulated")
    starts = sorted({at for each in curves for at in each.starts})
    minutes = curves[0].minutes
    if timedelta(minutes=minutes) * len(starts) > LONGEST_RANGE:
        raise RangeInvalid.of("end_time", "must be after start_time and at most 7 days later")
    mine = [lines[at] for at in simulated]
    groups = _groups(value, told, mine)
    place = {at: row for row, at in enumerate(starts)}
    volumes, ahts = np.zeros((len(starts), len(mine))), np.zeros((len(starts), len(mine)))
    for column, at in enumerate(simulated):
        rows = [place[each] for each in curves[at].starts]
        volumes[rows, column] = np.maximum(0.0, curves[at].volume)
        ahts[rows, column] = curves[at].aht
    seconds = minutes * 60.0
    times = times_of(ahts, mine)
    case_of, rates, lengths = alike(volumes, times, seconds)
    shrinkage = shrinkage_of(groups, mine, (volumes * times).sum(axis=0))
    problem_of(groups, mine, rates, lengths, value.flexible_cost, shrinkage)
    apart, rounded, waiting = (np.zeros(len(starts)) for _ in range(3))
    found, totals = needs.required(curves)
    for total in totals:
        at = place[total.start]
        apart[at], rounded[at] = total.scheduled, total.rounded_apart
    for line, each in zip(lines, found, strict=True):
        if line.can_wait:
            for at, need in zip(each.starts, each.needs, strict=True):
                waiting[place[at]] += need.scheduled
    arrays = {
        "starts": np.array([int(each.timestamp()) for each in starts], np.int64), "case_of": case_of, "rates": rates,
        "times": lengths, "apart": apart, "rounded": rounded, "waiting": waiting, "shrinkage": shrinkage,
    }  # fmt: skip
    return Prepared(groups, lines, minutes, arrays)


async def start(tx: Tx, value: Wanted, made: Prepared, now: datetime) -> Plan:
    """Begins a plan; it waits for a turn."""
    if await store.running_count(tx) >= MOST_RUNNING:
        raise SkillPlanRunning(f"{MOST_RUNNING} plans are being made: wait for one to end, or cancel it")
    begins = made.arrays["starts"].tolist()
    ends = _time(begins[-1]) + timedelta(minutes=made.minutes)
    plan = Plan(
        new_id("skp", now), "RUNNING", value.run_id, value.name, _time(begins[0]), ends, made.minutes, value.caution,
        value.flexible_cost, value.seed, made.groups, made.lines, len(begins), now,
    )  # fmt: skip
    await store.insert_plan(tx, plan, made.arrays)
    return plan


async def get(tx: Tx, skill_plan_id: str) -> Plan:
    """A plan."""
    found = await store.find(tx, skill_plan_id)
    if found is None:
        raise SkillPlanNotFound("no such skill plan")
    return found


async def read(tx: Tx, skill_plan_id: str) -> tuple[Plan, list[Interval]]:
    """A plan with its intervals, once it is made."""
    plan = await get(tx, skill_plan_id)
    return plan, intervals(*await store.arrays_of(tx, skill_plan_id)) if plan.state == "DONE" else []


async def by_group(tx: Tx, skill_plan_id: str) -> ByGroup:
    """What a made plan takes of each group."""
    plan = await get(tx, skill_plan_id)
    if plan.state != "DONE":
        raise SkillPlanNotDone("the skill plan isn't made: wait until it is, or make another")
    asked, made = await store.arrays_of(tx, skill_plan_id)
    scheduled = (made["agents"] / (1 - asked["shrinkage"]))[asked["case_of"]]
    return ByGroup(plan, [_time(each) for each in asked["starts"].tolist()], scheduled)


async def list_plans(tx: Tx, page: Page) -> tuple[list[Plan], str]:
    """Newest first, and the token of the next page."""
    size = page_size(page.size)
    found = await store.list_plans(tx, page.token, size)
    token = encode_token(found[size - 1].create_time, found[size - 1].skill_plan_id) if len(found) > size else ""
    return found[:size], token


async def cancel(tx: Tx, skill_plan_id: str, now: datetime) -> Plan:
    """Nothing is kept; whoever makes it throws it away."""
    await get(tx, skill_plan_id)
    await store.cancel(tx, skill_plan_id, now)
    return await get(tx, skill_plan_id)


async def claim(tx: Tx, now: datetime) -> Plan | None:
    """A plan nobody makes."""
    return await store.claim(tx, now, now + LEASE)


async def load(tx: Tx, plan: Plan) -> tuple[Problem, np.ndarray]:
    """What the next turn works on, and which cases these are."""
    asked, made = await store.arrays_of(tx, plan.skill_plan_id)
    rates, times = asked["rates"], asked["times"]
    left = np.flatnonzero(~made["done"]) if made else np.arange(len(rates))
    # The largest first: those of a turn are worked beside each other, and are alike then.
    loads = (rates * times).sum(axis=1)
    left = left[np.argsort(-loads[left], kind="stable")]
    fits = np.cumsum(loads[left]) <= _TURN_LOAD
    fits[0] = True
    cases = left[: min(_TURN_CASES, int(fits.sum()))]
    lines = [each for each in plan.lines if not each.can_wait]
    return (
        problem_of(plan.groups, lines, rates[cases], times[cases], plan.flexible_cost, asked["shrinkage"]),
        cases,
    )


async def note_progress(tx: Tx, plan: Plan, now: datetime) -> Plan | None:
    """Renews the lease; None when it isn't ours to make any more."""
    return await store.note(tx, plan, lease_until=now + LEASE)


async def keep(tx: Tx, plan: Plan, cases: np.ndarray, found: Staffed, now: datetime) -> Plan | None:
    """The end of a turn, and of the plan when nothing is left."""
    asked, before = await store.arrays_of(tx, plan.skill_plan_id)
    count = len(asked["rates"])
    made = before or {"done": np.zeros(count, np.bool_)}
    for name in _KEPT:
        values = np.asarray(getattr(found, name))
        made.setdefault(name, np.zeros((count, values.shape[1]), values.dtype))
        made[name][cases] = values
    made["done"][cases] = True
    done = int(made["done"][asked["case_of"]].sum())
    over = bool(made["done"].all())
    values = {"made": store.packed(made), "done_count": done, "lease_until": None, "attempts": 0}
    if over:
        values |= {"state": "DONE", "finish_time": now, "figures": _figures(intervals(asked, made), plan.minutes)}
    return await store.note(tx, plan, **values)


async def fail(tx: Tx, plan: Plan, now: datetime) -> None:
    """A turn came to nothing: another try, or after a few the end of it."""
    if plan.attempts >= store.MOST_ATTEMPTS:
        await store.note(tx, plan, state="FAILED", finish_time=now, lease_until=None, made=None)
    else:
        await store.note(tx, plan, lease_until=None)


def intervals(asked: store.Arrays, made: store.Arrays) -> list[Interval]:
    """What each interval takes: agents are whole; shrinkage and work that can wait are added, and rounded once."""
    case_of = asked["case_of"]
    by_group = made["agents"] / (1 - asked["shrinkage"])
    scheduled = by_group.sum(axis=1)[case_of] + asked["waiting"]
    columns = {name: made[name][case_of].tolist() for name in _KEPT}
    return [
        Interval(
            _time(int(asked["starts"][at])), whole(float(scheduled[at])), int(asked["apart"][at]),
            int(asked["rounded"][at]),
            **{name: values[at] for name, values in columns.items()},
        )
        for at in range(len(case_of))
    ]  # fmt: skip


def _figures(found: Sequence[Interval], minutes: int) -> dict[str, float]:
    hours = minutes / 60
    return {
        "scheduled": sum(each.scheduled for each in found) * hours,
        "apart": sum(each.apart for each in found) * hours,
        "rounded_apart": sum(each.rounded_apart for each in found) * hours,
        "broken": sum(not all(each.kept) for each in found),
    }


def _groups(value: Wanted, told: Known, lines: Sequence[Line]) -> tuple[Group, ...]:
    queue_ids = list(dict.fromkeys(each.queue_id for each in lines))
    if value.groups:
        return tuple(checked_groups(value.groups))
    if not told.served:
        raise SkillPlanNobody("nobody is planned for: say which groups there are, or plan agents first")
    found = groups_of(told.served, queue_ids, told.helpers)
    if not found:
        raise SkillPlanNobody("no planned agent serves a queue with work in this time")
    return tuple(found)


def _named(group: Group) -> list[str]:
    return [*group.queue_ids, *(queue_id for queue_id, _ in group.reaches)]


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
