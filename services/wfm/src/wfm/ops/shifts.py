"""Shifts of a draft, changed by hand: held against every rule before they are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from chassis.paging import Page, decode_name_token, encode_token
from chassis.sql import Tx
from kernel.errors import InvalidInput, NotFound

from wfm.domain.covering import assigned, cover_of, figures_of
from wfm.domain.shifts import SLOT, Shift
from wfm.domain.violations import Violation, worse
from wfm.domain.week import DAYS, Grid
from wfm.ops import rosters
from wfm.ops.schedules import breaks_rules, draft, figures_out, get
from wfm.ops.workforce import PlannedAgentNotFound
from wfm.store import schedules as store
from wfm.store.schedules import Version

SHIFTS_OF_A_PAGE = 5000


class ShiftInvalid(InvalidInput):
    """A shift can't be."""

    reason = "SHIFT_INVALID"


class ShiftNotFound(NotFound):
    """The agent has no shift that day."""

    reason = "SHIFT_NOT_FOUND"


async def list_shifts(tx: Tx, schedule_id: str, user_id: str, page: Page) -> tuple[list[Shift], str]:
    """By agent and day, and the token of the next page."""
    await get(tx, schedule_id)
    if page.size < 0:
        raise InvalidInput.of("page_size", "must not be negative")
    size = min(page.size or 50, SHIFTS_OF_A_PAGE)
    after = decode_name_token(page.token) or ("", "")
    found = await store.list_shifts(tx, schedule_id, [user_id] if user_id else None, after, size + 1)
    last = found[size - 1] if len(found) > size else None
    return found[:size], encode_token(last.agent_id, last.day.isoformat()) if last else ""


async def save_shift(
    tx: Tx, schedule_id: str, version: int, shift: Shift, *, accept: bool, only_look: bool
) -> tuple[Version, list[Violation]]:
    """Puts a shift on an agent's day."""
    found = await draft(tx, schedule_id, version)
    made = await rosters.roster(tx, found, [shift.agent_id])
    if not made.agents:
        raise PlannedAgentNotFound("the agent isn't planned for")
    check(shift, found, made.agents[0].zone)
    shifts = await store.list_shifts(tx, schedule_id)
    rest = [each for each in shifts if (each.agent_id, each.day) != (shift.agent_id, shift.day)]
    need, grid = await store.need_of(tx, schedule_id), Grid(found.first, found.zone)
    cover = cover_of(rest, len(need), grid) + made.given
    placed = assigned(replace(shift, locked=True), made.agents[0].groups, need, cover, grid)
    return await _changed(tx, found, made, shifts, [*rest, placed], placed, accept, only_look)


async def delete_shift(
    tx: Tx, schedule_id: str, version: int, user_id: str, day: date, accept: bool
) -> tuple[Version, list[Violation]]:
    """Frees an agent's day."""
    found = await draft(tx, schedule_id, version)
    shifts = await store.list_shifts(tx, schedule_id)
    rest = [each for each in shifts if (each.agent_id, each.day) != (user_id, day)]
    if len(rest) == len(shifts):
        raise ShiftNotFound("the agent has no shift that day")
    made = await rosters.roster(tx, found, [user_id])
    gone = next(each for each in shifts if (each.agent_id, each.day) == (user_id, day))
    return await _changed(tx, found, made, shifts, rest, gone, accept, only_look=False, gone=True)


async def _changed(
    tx: Tx, found: Version, made: rosters.Roster, before: Sequence[Shift], after: Sequence[Shift], shift: Shift,
    accept: bool, only_look: bool, gone: bool = False,
) -> tuple[Version, list[Violation]]:  # fmt: skip
    mine = shift.agent_id
    old = rosters.broken(found, made.agents, [each for each in before if each.agent_id == mine])
    new = rosters.broken(found, made.agents, [each for each in after if each.agent_id == mine])
    broken = worse(old, new)
    if only_look:
        return found, new
    if broken and not accept:
        raise breaks_rules(broken)
    need, grid = await store.need_of(tx, found.schedule_id), Grid(found.first, found.zone)
    figures = figures_out(figures_of(after, need, grid, made.given), found.figures)
    figures["violations"] = max(0, int(found.figures.get("violations", 0)) + len(new) - len(old))
    await store.remove_shifts(tx, found.schedule_id, only=(mine, shift.day))
    if not gone:
        await store.put_shifts(tx, found.schedule_id, [shift])
    await store.change(tx, found.schedule_id, figures=figures)
    return await get(tx, found.schedule_id), new


async def lock(tx: Tx, schedule_id: str, version: int, keys: Sequence[tuple[str, date]], locked: bool) -> Version:
    """Says which shifts stay."""
    await draft(tx, schedule_id, version)
    if len(keys) > SHIFTS_OF_A_PAGE:
        raise ShiftInvalid.of("shifts", f"must be at most {SHIFTS_OF_A_PAGE}")
    unique = list(dict.fromkeys(keys))
    if await store.lock(tx, schedule_id, unique, locked) < len(unique):
        raise ShiftInvalid.of("shifts", "must be shifts the schedule has")
    await store.change(tx, schedule_id)
    return await get(tx, schedule_id)


def check(shift: Shift, version: Version, zone: str = "") -> None:
    """Raises `ShiftInvalid` that names the field unless the shift may stand in the version's week. `zone`: whose clocks
    its day is of, those of the version where it is empty."""
    quarters = [shift.start, shift.end, *(at for each in shift.breaks for at in (each.start, each.end))]
    edges = [shift.start, *(at for each in shift.breaks for at in (each.start, each.end)), shift.end]
    grid, place = Grid(version.first, version.zone), ZoneInfo(zone or version.zone)
    for name, fine, words in (
        ("day", 0 <= (shift.day - version.first).days < DAYS, "must be of the schedule's week"),
        ("start_time", shift.start.astimezone(place).date() == shift.day, "must be on the shift's day"),
        ("end_time", timedelta(hours=1) <= shift.end - shift.start <= timedelta(hours=16),
         "must be 1 to 16 hours later"),
        ("start_time", all((at - grid.begins) % timedelta(minutes=SLOT) == timedelta(0) for at in quarters),
         "and all other times must be on quarters of an hour"),
        ("breaks", len(shift.breaks) <= 6, "must be at most 6"),
        ("breaks", edges == sorted(edges) and all(each.start < each.end for each in shift.breaks),
         "must lie in the shift, one after the other"),
    ):  # fmt: skip
        if not fine:
            raise ShiftInvalid.of(f"shift.{name}", words)
