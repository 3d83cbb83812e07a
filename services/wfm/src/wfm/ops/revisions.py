"""A published week with a few shifts changed: a version of its own, so that it stays known what people worked by.

Drafts of the week get the same change where they still have the shifts as they were: whoever publishes one later takes
back nobody's trade without having meant to. So they do of what is changed in place as the day goes (`carry`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from chassis.sql import Tx
from kernel.errors import FailedPrecondition
from kernel.ids import new_id

from wfm.domain.covering import assigned, cover_of, figures_of
from wfm.domain.shifts import Agent, Shift
from wfm.domain.trades import applied, same
from wfm.domain.violations import Violation, worse
from wfm.domain.week import Grid
from wfm.ops import notices, rosters
from wfm.ops.schedules import figures_out, get
from wfm.ops.workforce import PlannedAgentNotFound
from wfm.store import schedules as store
from wfm.store.schedules import Version


class WeekNotPublished(FailedPrecondition):
    """Nobody works by a schedule of the week yet."""

    reason = "WEEK_NOT_PUBLISHED"


@dataclass(frozen=True)
class Weighed:
    """What a change of a published week does: rules that are broken and weren't, agent hours uncovered before and
    after, and the agents as rules see them."""

    version: Version
    agents: tuple[Agent, ...]
    shifts: tuple[Shift, ...]
    need: np.ndarray
    given: np.ndarray
    broken: tuple[Violation, ...]
    under_before: float
    under_after: float


def monday_of(day: date) -> date:
    """Of its week."""
    return day - timedelta(days=day.weekday())


async def published(tx: Tx, first: date) -> Version | None:
    """What a week's agents work by."""
    found = await store.published(tx, [first])
    return found[0] if found else None


async def weigh(tx: Tx, found: Version, users: Sequence[str], gone: Sequence[Shift], new: Sequence[Shift]) -> Weighed:
    """What it would do that some shifts go and others come. Raises `PlannedAgentNotFound`."""
    made = await rosters.roster(tx, found, users)
    if len(made.agents) < len(set(users)):
        raise PlannedAgentNotFound("the agent isn't planned for")
    shifts, need = await store.list_shifts(tx, found.schedule_id), await store.need_of(tx, found.schedule_id)
    after, grid = applied(shifts, gone, new), Grid(found.first, found.zone)
    old = rosters.broken(found, made.agents, [each for each in shifts if each.agent_id in users])
    then = rosters.broken(found, made.agents, [each for each in after if each.agent_id in users])
    before, later = (figures_of(each, need, grid, made.given).under for each in (shifts, after))
    return Weighed(found, made.agents, tuple(shifts), need, made.given, tuple(worse(old, then)), before, later)


async def revise(
    tx: Tx, found: Version, gone: Sequence[Shift], new: Sequence[Shift], now: datetime, quiet: Collection[str] = ()
) -> Version:
    """Makes the version with some shifts gone and others new what the week's agents work by."""
    users = list({each.agent_id for each in (*gone, *new)})
    made = await rosters.roster(tx, found, users)
    shifts, need = await store.list_shifts(tx, found.schedule_id), await store.need_of(tx, found.schedule_id)
    after, grid = applied(shifts, gone, new), Grid(found.first, found.zone)
    figures = figures_out(figures_of(after, need, grid, made.given), found.figures)
    old, then = (
        len(rosters.broken(found, made.agents, [each for each in which if each.agent_id in users]))
        for which in (shifts, after)
    )
    figures["violations"] = max(0, int(found.figures.get("violations", 0)) + then - old)
    await store.change(tx, found.schedule_id, state="SUPERSEDED")
    version = replace(
        found, schedule_id=new_id("sch", now), number=await store.next_number(tx, found.first), state="PUBLISHED",
        version=1, base_id=found.schedule_id, create_time=now, end_time=now, publish_time=now, figures=figures,
    )  # fmt: skip
    await store.insert_version(tx, version, need)
    await store.put_shifts(tx, version.schedule_id, after)
    await carry(tx, version, gone, new)
    await notices.announce(tx, version, found.schedule_id, shifts, after, now, quiet)
    return await get(tx, version.schedule_id)


async def carry(tx: Tx, found: Version, gone: Sequence[Shift], new: Sequence[Shift]) -> None:
    """Changes drafts of the published week alike, where they still have the shifts as they were; of a version that is
    being made what stays in it."""
    users = list({each.agent_id for each in (*gone, *new)})
    leaving = {(each.agent_id, each.day) for each in gone}
    for draft in await store.drafts(tx, found.first):
        mine = {(each.agent_id, each.day): each for each in await store.list_shifts(tx, draft.schedule_id, users)}
        as_was = all(same(mine.get((each.agent_id, each.day)), each) for each in gone)
        free = all((each.agent_id, each.day) in leaving or (each.agent_id, each.day) not in mine for each in new)
        if not as_was or not free:
            continue
        for key in leaving:
            await store.remove_shifts(tx, draft.schedule_id, only=key)
        # Groups of queues are numbered by each version for itself.
        same_groups = draft.grouped_like(found)
        await store.put_shifts(tx, draft.schedule_id, new if same_groups else await _placed(tx, draft, new))
        await store.change(tx, draft.schedule_id)


async def _placed(tx: Tx, draft: Version, new: Sequence[Shift]) -> list[Shift]:
    """The shifts with their work where the draft lacks most."""
    made = await rosters.roster(tx, draft, [each.agent_id for each in new])
    groups = {each.agent_id: each.groups for each in made.agents}
    need, grid = await store.need_of(tx, draft.schedule_id), Grid(draft.first, draft.zone)
    cover = cover_of(await store.list_shifts(tx, draft.schedule_id), len(need), grid) + made.given
    placed: list[Shift] = []
    for shift in new:
        placed.append(assigned(shift, groups.get(shift.agent_id, ()), need, cover, grid))
        cover = cover + cover_of(placed[-1:], len(need), grid)
    return placed
