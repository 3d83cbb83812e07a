"""Versions of weeks: begun, made turn by turn, changed by hand, published, held against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from chassis.paging import Page, encode_token, page_size
from chassis.sql import Tx
from kernel.errors import FailedPrecondition, InvalidInput, NotFound, QuotaExceeded
from kernel.ids import new_id

from wfm.domain.coverage import Figures
from wfm.domain.covering import assigned, cover_of
from wfm.domain.explaining import Difference, Shortfall, differences, shortfalls
from wfm.domain.search import Kept, Progress
from wfm.domain.shifts import Shift
from wfm.domain.solving import Plan, Problem
from wfm.domain.violations import Violation
from wfm.domain.week import Grid
from wfm.ops import notices, rosters, skill_plans
from wfm.ops import staffing as needs
from wfm.ops.calendar import VersionConflict
from wfm.ops.skill_plans import ByGroup
from wfm.store import history, workforce
from wfm.store import schedules as store
from wfm.store.schedules import Version

MOST_RUNNING = 3
MOST_SERIES = 2000
USUAL_SECONDS = 60
FARTHEST = timedelta(days=448)
LEASE = timedelta(minutes=2)
"""Longer than a turn takes; whoever makes a version renews it with each word of progress."""


class ScheduleInvalid(InvalidInput):
    """What is to be made is wrong."""

    reason = "SCHEDULE_INVALID"


class ScheduleNotFound(NotFound):
    """No such version."""

    reason = "SCHEDULE_NOT_FOUND"


class ScheduleNotDraft(FailedPrecondition):
    """The version's state forbids it."""

    reason = "SCHEDULE_NOT_DRAFT"


class ScheduleNobody(FailedPrecondition):
    """There are no agents to plan for."""

    reason = "SCHEDULE_NOBODY"


class ScheduleNoRequirement(FailedPrecondition):
    """Nothing is required in the week."""

    reason = "SCHEDULE_NO_REQUIREMENT"


class ScheduleRunning(QuotaExceeded):
    """As many versions of the tenant are made as may be."""

    reason = "SCHEDULE_RUNNING"


class ShiftBreaksRules(FailedPrecondition):
    """Rules would be broken, and that wasn't accepted."""

    reason = "SHIFT_BREAKS_RULES"


@dataclass(frozen=True)
class Wanted:
    """What is to be made. Without a run and a skill plan the base's requirement is taken."""

    first: date
    run_id: str
    plan_id: str
    base_id: str
    caution: float
    seconds: int
    fairness: float
    seed: int
    name: str


@dataclass(frozen=True)
class Asked:
    """What the requirement is to be made of: curves of queues, all of them or those whose work can wait beside a skill
    plan."""

    curves: Sequence[needs.Asked] = ()
    by_group: ByGroup | None = None


@dataclass(frozen=True)
class Covered:
    """How a version covers: groups by slots, and what is left open."""

    grid: Grid
    need: np.ndarray
    cover: np.ndarray
    shortfalls: Sequence[Shortfall]


def checked(value: Wanted, today: date) -> Wanted:
    """The same with what is usual. Raises `ScheduleInvalid` that names the field."""
    for name, fine, words in (
        ("first_day", value.first.weekday() == 0, "must be a Monday"),
        ("first_day", -FARTHEST <= value.first - today <= FARTHEST, "must be at most 64 weeks from today"),
        ("forecast_run_id", bool(value.run_id or value.plan_id or value.base_id),
         "must be given without skill_plan_id and base_schedule_id"),
        ("forecast_run_id", not (value.run_id and value.plan_id), "must be empty with skill_plan_id: it is of a run"),
        ("caution", 0 <= value.caution <= 1, "must be 0 to 1"),
        ("seconds", value.seconds == 0 or 5 <= value.seconds <= 600, "must be 5 to 600"),
        ("fairness", 0 <= value.fairness <= 1, "must be 0 to 1"),
        ("seed", 0 <= value.seed < 2**31, "must not be negative"),
        ("display_name", len(value.name) <= 100, "must be at most 100 characters"),
    ):  # fmt: skip
        if not fine:
            raise ScheduleInvalid.of(name, words)
    return replace(value, seconds=value.seconds or USUAL_SECONDS)


async def asked(tx: Tx, value: Wanted) -> Asked:
    """What the requirement is to be made of, after the transaction; nothing where the base's is taken."""
    grid = Grid(value.first, await history.time_zone(tx))
    begin, end = grid.begins, grid.time(grid.slots)
    if value.plan_id:
        made = await skill_plans.by_group(tx, value.plan_id)
        plan = made.plan
        if not plan.start <= begin < end <= plan.end:
            until = plan.end.astimezone(grid.place)
            raise ScheduleInvalid.of(
                "skill_plan_id", f"must be of the whole week: it is from {plan.start.astimezone(grid.place)} to {until}"
            )
        later = {(each.queue_id, each.channel) for each in plan.lines if each.can_wait}
        names = sorted({queue_id for queue_id, _ in later})
        curves = await needs.asked(tx, plan.run_id, names, begin, end, plan.caution, MOST_SERIES) if later else []
        return Asked([each for each in curves if (each.key.queue_id, each.key.channel) in later], made)
    if not value.run_id:
        return Asked()
    return Asked(await needs.asked(tx, value.run_id, (), begin, end, value.caution, MOST_SERIES))


async def start(
    tx: Tx, value: Wanted, curves: Sequence[needs.Needed], by_group: ByGroup | None, now: datetime
) -> Version:
    """Begins a version; it waits for a turn. `curves` and `by_group`: what `asked` found, worked out."""
    base = await get(tx, value.base_id) if value.base_id else None
    if base is not None and base.first != value.first:
        raise ScheduleInvalid.of("base_schedule_id", "must be of the same week")
    if base is not None and base.state not in _MADE:
        raise ScheduleNotDraft("the version to begin with isn't made")
    if await store.running_count(tx) >= MOST_RUNNING:
        raise ScheduleRunning(f"{MOST_RUNNING} schedules are being made: wait for one to end, or stop or cancel it")
    profiles = await workforce.list_profiles(tx)
    if not profiles:
        raise ScheduleNobody("nobody is planned for: say which agents have which contract first")
    zone = await history.time_zone(tx)
    run_id, plan_id = value.run_id, value.plan_id
    if by_group is not None:
        run_id = by_group.plan.run_id
        groups, need = rosters.grouped_by_plan(by_group, curves, profiles, Grid(value.first, zone))
    elif value.run_id:
        groups, need = rosters.grouped(curves, profiles, Grid(value.first, zone))
    else:
        assert base is not None
        groups, need, zone = base.groups, await store.need_of(tx, base.schedule_id), base.zone
        run_id, plan_id = base.run_id, base.plan_id
    if not len(need):
        raise ScheduleNoRequirement("the forecast run requires nobody in this week: is it of other days?")
    version = Version(
        new_id("sch", now), value.first, await store.next_number(tx, value.first), "RUNNING", 1,
        run_id, value.base_id, value.name, zone, len(profiles), value.fairness, value.seed, value.seconds, groups, now,
        plan_id=plan_id,
    )  # fmt: skip
    await store.insert_version(tx, version, need)
    await store.put_shifts(tx, version.schedule_id, await _staying(tx, version, base, need, now))
    return await get(tx, version.schedule_id)


async def _staying(tx: Tx, version: Version, base: Version | None, need: np.ndarray, now: datetime) -> list[Shift]:
    """What a version begins with: its base's locked shifts, and of a published week that goes on those that have begun:
    nobody can be planned for yesterday."""
    grid = Grid(version.first, version.zone)
    found: dict[tuple[str, date], Shift] = {}
    alike = base is None or version.grouped_like(base)
    for each in await store.list_shifts(tx, base.schedule_id) if base else ():
        if each.locked:
            found[each.agent_id, each.day] = each
    for published in await store.published(tx, [version.first]) if grid.begins - rosters.APART < now else ():
        begun = [each for each in await store.list_shifts(tx, published.schedule_id) if each.start <= now]
        if grid.begins >= now and not begun:
            continue
        alike = alike and version.grouped_like(published)
        found = {key: each for key, each in found.items() if each.start > now}
        found |= {(each.agent_id, each.day): replace(each, locked=True) for each in begun}
    if alike:
        return list(found.values())
    # Groups of queues are numbered by each version for itself.
    of = {each.agent_id: each.groups for each in (await rosters.roster(tx, version)).agents}
    cover = np.zeros_like(need)
    return [assigned(each, of.get(each.agent_id, ()), need, cover, grid) for each in found.values()]


_MADE = ("DRAFT", "PUBLISHED", "SUPERSEDED")


async def get(tx: Tx, schedule_id: str) -> Version:
    """A version."""
    found = await store.find(tx, schedule_id)
    if found is None:
        raise ScheduleNotFound("no such schedule")
    return found


async def list_versions(tx: Tx, first: date | None, page: Page) -> tuple[list[Version], str]:
    """Newest first, and the token of the next page."""
    size = page_size(page.size)
    found = await store.list_versions(tx, first, page.token, size)
    token = encode_token(found[size - 1].create_time, found[size - 1].schedule_id) if len(found) > size else ""
    return found[:size], token


async def stop(tx: Tx, schedule_id: str) -> Version:
    """Whoever makes it, or would have had the next turn, keeps the best so far."""
    if (await get(tx, schedule_id)).state == "RUNNING":
        await store.change(tx, schedule_id, stop=True)
    return await get(tx, schedule_id)


async def cancel(tx: Tx, schedule_id: str, now: datetime) -> Version:
    """Nothing is kept; whoever makes it throws it away."""
    if (await get(tx, schedule_id)).state == "RUNNING":
        await store.remove_shifts(tx, schedule_id)
        await store.change(tx, schedule_id, state="CANCELLED", end_time=now, kept=None, lease_until=None)
    return await get(tx, schedule_id)


async def delete(tx: Tx, schedule_id: str) -> None:
    """Removes a version nobody ever worked by."""
    found = await get(tx, schedule_id)
    if found.state not in ("DRAFT", "CANCELLED", "FAILED"):
        raise ScheduleNotDraft("it is being made, or was published: it stays")
    await store.remove(tx, schedule_id)


async def copy(tx: Tx, schedule_id: str, name: str, now: datetime) -> Version:
    """A draft that is the same."""
    if len(name) > 100:
        raise ScheduleInvalid.of("display_name", "must be at most 100 characters")
    found = await get(tx, schedule_id)
    if found.state not in _MADE:
        raise ScheduleNotDraft("it isn't made")
    made = replace(
        found, schedule_id=new_id("sch", now), number=await store.next_number(tx, found.first), state="DRAFT",
        version=1, base_id=schedule_id, name=name, create_time=now, end_time=now, publish_time=None, publisher="",
    )  # fmt: skip
    await store.insert_version(tx, made, await store.need_of(tx, schedule_id))
    await store.put_shifts(tx, made.schedule_id, await store.list_shifts(tx, schedule_id))
    return await get(tx, made.schedule_id)


async def publish(tx: Tx, schedule_id: str, version: int, accept: bool, who: str, now: datetime) -> Version:
    """What the week's agents work by from now on."""
    found = await draft(tx, schedule_id, version)
    wrong = await list_violations(tx, schedule_id)
    if wrong and not accept:
        raise breaks_rules(wrong)
    superseded, before = "", []
    for other in await store.published(tx, [found.first]):
        superseded, before = other.schedule_id, await store.list_shifts(tx, other.schedule_id)
        await store.change(tx, other.schedule_id, state="SUPERSEDED")
    figures = {**found.figures, "violations": len(wrong)}
    await store.change(tx, schedule_id, state="PUBLISHED", publish_time=now, publisher=who, figures=figures)
    made = await get(tx, schedule_id)
    await notices.announce(tx, made, superseded, before, await store.list_shifts(tx, schedule_id), now)
    return made


async def list_violations(tx: Tx, schedule_id: str) -> list[Violation]:
    """Every rule that is broken, as rules are now."""
    found = await get(tx, schedule_id)
    made = await rosters.roster(tx, found)
    return rosters.broken(found, made.agents, await store.list_shifts(tx, schedule_id))


async def coverage(tx: Tx, schedule_id: str) -> tuple[Version, Problem, list[Shift]]:
    """What `covered` takes; working it out takes a second with many agents, so it is done after the transaction."""
    found = await get(tx, schedule_id)
    made, need = await rosters.roster(tx, found), await store.need_of(tx, schedule_id)
    return found, rosters.problem_of(found, made, need), await store.list_shifts(tx, schedule_id)


def covered(problem: Problem, shifts: Sequence[Shift]) -> Covered:
    """How shifts cover the week, and what is left open and why."""
    plan, grid = Plan(problem), problem.grid
    plan.cover[:, : grid.slots] = cover_of(shifts, len(problem.need), grid)
    if problem.given is not None:
        plan.cover[:, : grid.slots] += problem.given
    return Covered(grid, problem.need, plan.cover[:, : grid.slots], shortfalls(plan)[:500])


async def compare(tx: Tx, schedule_id: str, other_id: str) -> tuple[Version, Version, list[Difference]]:
    """From one version to another."""
    one, other = await get(tx, schedule_id), await get(tx, other_id)
    if one.first != other.first:
        raise ScheduleInvalid.of("other_schedule_id", "must be of the same week")
    shifts = [await store.list_shifts(tx, each) for each in (schedule_id, other_id)]
    return one, other, differences(*shifts)


async def claim(tx: Tx, now: datetime) -> Version | None:
    """A version nobody makes."""
    return await store.claim(tx, now, now + LEASE)


async def load(tx: Tx, version: Version) -> tuple[Problem, Kept | None]:
    """What a worker needs. Where it stood is forgotten when what it was made of changed."""
    made = await rosters.roster(tx, version, locked=True)
    problem = rosters.problem_of(version, made, await store.need_of(tx, version.schedule_id))
    kept = await store.kept_of(tx, version.schedule_id)
    return problem, kept[0] if kept and kept[1] == rosters.made_of(problem) else None


async def note_progress(tx: Tx, version: Version, progress: Progress, now: datetime) -> Version | None:
    """How it goes; the version with its new lease, None when it isn't ours to make any more."""
    return await store.note(
        tx, version, figures=figures_out(progress.figures, version.figures, progress.bound), lease_until=now + LEASE
    )


async def keep(tx: Tx, version: Version, kept: Kept, problem: Problem, progress: Progress, spent: float) -> None:
    """The end of a turn after which there will be another."""
    await store.note(
        tx, version, kept=store.packed(kept, rosters.made_of(problem)), spent_seconds=spent, lease_until=None,
        attempts=0, figures=figures_out(progress.figures, version.figures, progress.bound),
    )  # fmt: skip


async def finish(
    tx: Tx, version: Version, problem: Problem, shifts: Sequence[Shift], progress: Progress, spent: float,
    now: datetime, *, cut_short: bool = False,
) -> None:  # fmt: skip
    """It is made: a draft. What stays in it is as it is by now: trades and changes of the day go on meanwhile."""
    held = await store.list_shifts(tx, version.schedule_id)
    stay = {(each.agent_id, each.day) for each in held}
    stay |= {(each.agent_id, each.day) for agent in problem.agents for each in agent.locked}
    made = [*held, *(each for each in shifts if (each.agent_id, each.day) not in stay)]
    figures = figures_out(progress.figures, {}, progress.bound)
    figures["violations"] = len(rosters.broken(version, problem.agents, made))
    done = await store.note(
        tx, version, state="DRAFT", figures=figures, kept=None, spent_seconds=spent, lease_until=None, end_time=now,
        cut_short=cut_short, version=version.version + 1, agent_count=len(problem.agents),
    )  # fmt: skip
    if done is not None:
        await store.remove_shifts(tx, version.schedule_id)
        await store.put_shifts(tx, version.schedule_id, made)


async def fail(tx: Tx, version: Version, now: datetime) -> bool:
    """A turn came to nothing: another try, or after a few the end of it. Whether it is over."""
    over = version.attempts >= store.MOST_ATTEMPTS
    if over:
        await store.note(tx, version, state="FAILED", end_time=now, lease_until=None, kept=None)
    else:
        await store.note(tx, version, lease_until=None)
    return over


async def draft(tx: Tx, schedule_id: str, version: int) -> Version:
    """A version that may be changed, as whoever changes it read it."""
    found = await get(tx, schedule_id)
    if found.state != "DRAFT":
        raise ScheduleNotDraft("only a draft is changed: copy it first, or wait until it is made")
    if found.version != version:
        raise VersionConflict("the schedule was changed meanwhile: read it again")
    return found


def breaks_rules(found: Sequence[Violation]) -> ShiftBreaksRules:
    """The refusal, in words."""
    words = "; ".join(
        f"{each.rule.value} of {each.agent_id} on {each.day}: {each.found} where {each.allowed} is allowed"
        for each in found[:5]
    )
    more = f", and {len(found) - 5} more" if len(found) > 5 else ""
    return ShiftBreaksRules(words + more, metadata={"count": str(len(found)), "rule": found[0].rule.value})


def figures_out(made: Figures, known: Mapping[str, float], bound: float | None = None) -> dict[str, float]:
    """As they are kept; without a bound the one that is known."""
    before = known.get("bound", 0.0)
    return {
        "needed": made.needed, "under": made.under, "over": made.over, "cost": made.cost,
        "bound": before if bound is None else bound,
    }  # fmt: skip
