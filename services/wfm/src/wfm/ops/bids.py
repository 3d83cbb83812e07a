"""Bid rounds: put up, bid for, awarded once into the published week."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from chassis.sql import Tx
from kernel.errors import FailedPrecondition, InvalidInput, NotFound
from kernel.ids import new_id

from wfm.domain.bids import Bid, Round, RoundState, Standing, awarded, in_order
from wfm.domain.covering import assigned, cover_of
from wfm.domain.shifts import Agent, Shift
from wfm.domain.trades import SOFT
from wfm.domain.violations import Rule, worse
from wfm.domain.week import Grid
from wfm.ops import notices, rosters
from wfm.ops.own import profile_of
from wfm.ops.revisions import WeekNotPublished, monday_of, published, revise
from wfm.ops.shifts import check
from wfm.store import schedules as versions
from wfm.store import trades as store
from wfm.store import workforce
from wfm.store.schedules import Version

YEAR = timedelta(days=365)
MOST_SHIFTS = 100


class BidRoundInvalid(InvalidInput):
    """A round can't be like this."""

    reason = "BID_ROUND_INVALID"


class BidRoundNotFound(NotFound):
    """No such round."""

    reason = "BID_ROUND_NOT_FOUND"


class BidRoundOpen(FailedPrecondition):
    """Agents may still bid."""

    reason = "BID_ROUND_OPEN"


class BidRoundOver(FailedPrecondition):
    """Its end has come, or it was awarded or cancelled."""

    reason = "BID_ROUND_OVER"


class BidInvalid(InvalidInput):
    """A bid can't be like this."""

    reason = "BID_INVALID"


async def put_up(tx: Tx, said: Round, now: datetime) -> Round:
    """Puts open shifts of a published week up; who is planned for hears of it."""
    for name, fine, words in (
        ("display_name", 0 < len(said.name) <= 100, "must be 1 to 100 characters"),
        ("first_day", said.first.weekday() == 0, "must be a Monday"),
        ("open_shifts", 0 < len(said.shifts) <= MOST_SHIFTS, f"must be 1 to {MOST_SHIFTS}"),
        ("open_shifts", all(1 <= each.places <= 100 for each in said.shifts), "must have 1 to 100 places each"),
        ("end_time", said.end_time > now, "must be later than now"),
        (
            "end_time",
            all(said.end_time <= each.start for each in said.shifts),
            "must be before the first of its shifts",
        ),
    ):
        if not fine:
            raise BidRoundInvalid.of(f"bid_round.{name}", words)
    version = await _week(tx, said)
    for each in said.shifts:
        check(each.of(""), version)
    made = replace(said, round_id=new_id("bdr", now), create_time=now)
    await store.save_round(tx, made)
    days = sorted({each.day for each in made.shifts})
    whom = {each.user_id: days for each in await workforce.list_profiles(tx)}
    await notices.tell(tx, "BIDS_OPEN", whom, now, first=made.first, subject_id=made.round_id, note=made.name)
    return made


async def list_rounds(tx: Tx, now: datetime) -> list[Round]:
    """Newest first."""
    return [each.at(now) for each in await store.list_rounds(tx)]


async def get(tx: Tx, round_id: str, now: datetime) -> tuple[Round, list[Bid]]:
    """A round with everybody's bids."""
    found = await store.find_round(tx, round_id)
    if found is None:
        raise BidRoundNotFound("no such bid round")
    return found.at(now), await store.bids_of(tx, round_id)


async def cancel(tx: Tx, round_id: str, now: datetime) -> Round:
    """Takes a round back."""
    found, _ = await get(tx, round_id, now)
    if found.state not in (RoundState.OPEN, RoundState.ENDED):
        raise BidRoundOver("it was awarded or cancelled")
    changed = replace(found, state=RoundState.CANCELLED, decide_time=now, version=found.version + 1)
    await store.save_round(tx, changed)
    return changed


async def bid(tx: Tx, round_id: str, said: Bid, now: datetime) -> Bid:
    """Bids, in place of what was bid before."""
    await profile_of(tx, said.user_id)
    found, _ = await get(tx, round_id, now)
    if found.state is not RoundState.OPEN:
        raise BidRoundOver("nobody may bid any more")
    known = {each.number for each in found.shifts}
    for name, fine, words in (
        ("numbers", set(said.numbers) <= known, "must be numbers of the round's shifts"),
        ("numbers", len(set(said.numbers)) == len(said.numbers), "must each be given once"),
        ("most", 1 <= said.most <= 7, "must be 1 to 7"),
    ):
        if not fine:
            raise BidInvalid.of(f"bid.{name}", words)
    made = replace(said, update_time=now)
    await store.save_bid(tx, round_id, made)
    return made


async def list_own(tx: Tx, user_id: str) -> list[tuple[str, Bid]]:
    """Somebody's, with their rounds."""
    return await store.list_bids(tx, user_id)


async def award(tx: Tx, round_id: str, now: datetime) -> tuple[Round, list[Bid]]:
    """Gives each in turn what they want most that is left and breaks no rule."""
    found, bids = await get(tx, round_id, now)
    if found.state is RoundState.OPEN:
        raise BidRoundOpen("agents may bid until its end")
    if found.state is not RoundState.ENDED:
        raise BidRoundOver("it was awarded or cancelled")
    version = await _week(tx, found)
    made = await rosters.roster(tx, version, [each.user_id for each in bids])
    agents = {each.agent_id: each for each in made.agents}
    bids = [each for each in bids if each.user_id in agents]
    queue = in_order(bids, await _standings(tx, list(agents), now), found.order)
    held = await versions.list_shifts(tx, version.schedule_id)
    # What has begun meanwhile is nobody's to win.
    ahead = [each if each.start > now else replace(each, places=0) for each in found.shifts]
    zones = {each.agent_id: each.zone for each in made.agents if each.zone}
    shifts, outcomes, new = awarded(ahead, queue, _breaks(version, agents, held), zones)
    places = {each.number: each.places for each in found.shifts}
    shifts = [replace(each, places=places[each.number]) for each in shifts]
    if new:
        need, grid = await versions.need_of(tx, version.schedule_id), Grid(version.first, version.zone)
        cover = cover_of(held, len(need), grid) + made.given
        placed = []
        for shift in new:
            placed.append(assigned(shift, agents[shift.agent_id].groups, need, cover, grid))
            cover = cover + cover_of(placed[-1:], len(need), grid)
        await revise(tx, version, [], placed, now, quiet=list(agents))
    over = replace(found, state=RoundState.AWARDED, shifts=tuple(shifts), decide_time=now, version=found.version + 1)
    await store.save_round(tx, over)
    for each in outcomes:
        await store.save_bid(tx, round_id, each)
    await _tell(tx, over, outcomes, new, now)
    return over, outcomes


async def _week(tx: Tx, value: Round) -> Version:
    version = await published(tx, value.first)
    if version is None:
        raise WeekNotPublished("the week isn't published yet: its shifts are a draft's")
    return version


def _breaks(
    version: Version, agents: Mapping[str, Agent], held: Sequence[Shift]
) -> Callable[[str, Sequence[Shift], Shift], str]:
    mine: dict[str, list[Shift]] = {}
    for each in held:
        mine.setdefault(each.agent_id, []).append(each)

    def breaks(agent_id: str, won: Sequence[Shift], shift: Shift) -> str:
        agent = agents[agent_id]
        if not agent.groups:
            return Rule.SKILL.value
        if monday_of(shift.day) != version.first:
            return Rule.AVAILABILITY.value  # by their site's clocks it is no day of this week
        have = [*mine.get(agent_id, ()), *won]
        old = rosters.broken(version, [agent], have)
        new = rosters.broken(version, [agent], [*have, shift])
        return next((each.rule.value for each in worse(old, new) if each.rule not in SOFT), "")

    return breaks


async def _standings(tx: Tx, users: Sequence[str], now: datetime) -> dict[str, Standing]:
    profiles = {each.user_id: each for each in await workforce.list_profiles(tx)}
    won = await store.won_since(tx, now - YEAR)
    return {
        each: Standing(
            profiles[each].hired, len(won.get(each, ())), max(won.get(each, ()), default=None),
            profiles[each].performance,
        )
        for each in users
    }  # fmt: skip


async def _tell(tx: Tx, value: Round, bids: Sequence[Bid], new: Sequence[Shift], now: datetime) -> None:
    days: dict[str, list[date]] = {}
    for each in new:
        days.setdefault(each.agent_id, []).append(each.day)
    lost: dict[str, list[date]] = {each.user_id: [] for each in bids if each.user_id not in days}
    for kind, whom in (("BID_WON", days), ("BID_LOST", lost)):
        await notices.tell(tx, kind, whom, now, first=value.first, subject_id=value.round_id, note=value.name)
