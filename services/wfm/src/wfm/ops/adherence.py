"""Who does what is planned: what was heard, what is excused, and both held against published shifts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from chassis.paging import Page, decode_name_token, encode_token, page_size
from chassis.sql import Tx
from kernel.errors import InvalidInput, NotFound
from kernel.ids import new_id

from wfm.domain import adherence as domain
from wfm.domain.adherence import Day, Figures, Heard, Now, Person, Rules
from wfm.domain.series import midnight
from wfm.domain.shifts import Shift, TimeOff
from wfm.ops.calendar import VersionConflict
from wfm.ops.history import LONGEST_RANGE, RangeInvalid
from wfm.ops.workforce import PlannedAgentNotFound
from wfm.store import adherence as store
from wfm.store import history, schedules, sites, workforce
from wfm.store.adherence import Excused

MOST_DAYS = 31
KEPT = timedelta(days=400)
"""How long states of agents are kept: a year and a month, so that months compare with those of the year before."""
LONGEST_EXCEPTION = timedelta(days=7)
KINDS = ("TRAINING", "MEETING", "COACHING", "SYSTEM_PROBLEM", "LONG_CONTACT", "SICK", "PERSONAL", "OTHER")


class ExceptionInvalid(InvalidInput):
    """A field of an exception is wrong."""

    reason = "ADHERENCE_EXCEPTION_INVALID"


class ExceptionNotFound(NotFound):
    """No such exception."""

    reason = "ADHERENCE_EXCEPTION_NOT_FOUND"


@dataclass(frozen=True)
class Gathered:
    """All that is known of people over local days. `zone`: the company's; `cuts`: by zone the midnights between days,
    both ends among them; `zones`: of agents of sites, who go by their clocks."""

    zone: str
    rules: Rules
    people: Sequence[Person]
    cuts: Mapping[str, Sequence[datetime]]
    zones: Mapping[str, str]
    excused: Sequence[Excused] = ()

    def zone_of(self, user_id: str) -> str:
        """Whose clocks somebody's days are of."""
        return self.zones.get(user_id, self.zone)

    def cuts_of(self, user_id: str) -> Sequence[datetime]:
        """Midnights of somebody's days."""
        return self.cuts[self.zone_of(user_id)]


@dataclass(frozen=True)
class Board:
    """Everybody now."""

    agents: Sequence[Now]
    together: Figures
    rules: Rules
    zone: str


@dataclass(frozen=True)
class Kept:
    """Somebody over days."""

    user_id: str
    days: Sequence[tuple[date, Figures]]
    figures: Figures


async def hear(tx: Tx, value: Heard) -> None:
    """An agent's state changed."""
    await store.hear(tx, value)


async def tenants_heard_of(tx: Tx) -> list[str]:
    """All tenants with states to forget some day."""
    return await store.tenants_heard_of(tx)


async def forget(tx: Tx, now: datetime, most: int) -> int:
    """Forgets states that ended too long ago, up to `most`; how many."""
    return await store.forget_states(tx, now - KEPT, most)


async def rules(tx: Tx) -> Rules:
    """What adherence is measured by."""
    return await store.find_rules(tx)


async def update_rules(tx: Tx, value: Rules) -> Rules:
    """Says it."""
    known = await store.find_rules(tx)
    if known.version != value.version:
        raise VersionConflict("the rules of adherence were changed meanwhile: read them again")
    changed = replace(domain.checked(value), version=known.version + 1)
    await store.save_rules(tx, changed)
    return changed


async def create_exception(tx: Tx, value: Excused, now: datetime) -> Excused:
    """Excuses time."""
    for name, fine, words in (
        ("end_time", timedelta(0) < value.end - value.start <= LONGEST_EXCEPTION,
         "must be after start_time and at most 7 days later"),
        ("kind", value.kind in KINDS, "must be given"),
        ("note", len(value.note) <= 500, "must be at most 500 characters"),
    ):  # fmt: skip
        if not fine:
            raise ExceptionInvalid.of(f"adherence_exception.{name}", words)
    if value.user_id and await workforce.find_profile(tx, value.user_id) is None:
        raise PlannedAgentNotFound("the agent isn't planned for")
    made = replace(value, exception_id=new_id("aex", now), create_time=now)
    await store.insert_exception(tx, made)
    return made


async def list_exceptions(tx: Tx, start: datetime | None, end: datetime | None, user_id: str) -> list[Excused]:
    """What touches a stretch of time."""
    if start is None or end is None:
        raise RangeInvalid.of("start_time" if start is None else "end_time", "is required")
    if not timedelta(0) < end - start <= LONGEST_RANGE:
        raise RangeInvalid.of("end_time", f"must be after start_time and at most {LONGEST_RANGE.days} days later")
    return await store.list_exceptions(tx, start, end, user_id)


async def delete_exception(tx: Tx, exception_id: str) -> None:
    """Takes one back."""
    if not await store.delete_exception(tx, exception_id):
        raise ExceptionNotFound("no such exception")


async def published_shifts(
    tx: Tx, start: datetime, end: datetime, user_ids: Sequence[str] | None = None
) -> list[Shift]:
    """Shifts people work by that touch [start, end)."""
    first = (start - timedelta(days=9)).date()
    monday = first - timedelta(days=first.weekday())
    weeks = [monday + timedelta(days=7 * each) for each in range((end.date() - monday).days // 7 + 2)]
    found = [each.schedule_id for each in await schedules.published(tx, weeks)]
    return await schedules.overlapping(tx, found, start, end, user_ids)


async def people(
    tx: Tx, start: datetime, end: datetime, user_ids: Sequence[str] | None, *, every: bool = False,
    shifts: Sequence[Shift] | None = None,
) -> tuple[list[Person], list[Excused]]:  # fmt: skip
    """Those named, or whoever has a shift or was heard of in [start, end), with all that is known of it."""
    shifts = await published_shifts(tx, start, end, user_ids) if shifts is None else shifts
    if user_ids is None:
        user_ids = sorted({each.agent_id for each in shifts} | set(await store.heard_of(tx, start)))
    away: dict[str, list[TimeOff]] = {}
    for each in await workforce.list_away(tx, start, end):
        away.setdefault(each.user_id, []).append(each.time)
    heard = await store.heard(tx, start, end, user_ids, every=every)
    excused = await store.list_exceptions(tx, start, end)
    found = domain.by_person(user_ids, shifts, away, heard, store.excused_times(excused))
    return found, excused


async def gather_now(tx: Tx, now: datetime) -> tuple[Gathered, list[Heard]]:
    """What `board` takes, and what each does now."""
    zone, zones = await history.time_zone(tx), await sites.zones(tx)
    cuts = {each: _cuts(now.astimezone(ZoneInfo(each)).date(), 1, each) for each in {zone, *zones.values()}}
    start, end = min(each[0] for each in cuts.values()), max(each[-1] for each in cuts.values())
    shifts = [
        each
        for each in await published_shifts(tx, start, end)
        if (mine := cuts[zones.get(each.agent_id, zone)]) and each.end > mine[0] and each.start < mine[-1]
    ]
    users = sorted({each.agent_id for each in shifts} | set(await store.signed_in(tx)))
    # Of a shift that crosses midnight all is read.
    low, high = min([start, *(each.start for each in shifts)]), max([end, *(each.end for each in shifts)])
    found, _ = await people(tx, low, high, users, shifts=shifts)
    return Gathered(zone, await store.find_rules(tx), found, cuts, zones), await store.latest(tx, users)


def board(gathered: Gathered, latest: Sequence[Heard], now: datetime) -> Board:
    """Everybody now. What states they are in comes from the last fact of each, whatever it means to a plan."""
    last = {each.user_id: each for each in latest}
    found = []
    for person in gathered.people:
        start, end = gathered.cuts_of(person.user_id)
        mine = domain.now_of(person, gathered.rules, start, now, end)
        if (is_in := last.get(person.user_id)) and is_in.start <= now:
            mine = replace(mine, state=is_in.state, reason=is_in.reason, since=is_in.start)
        found.append(mine)
    return Board(domain.in_order(found), domain.total(each.figures for each in found), gathered.rules, gathered.zone)


async def gather_days(
    tx: Tx, first: date | None, last: date | None, user_id: str, page: Page, now: datetime
) -> tuple[Gathered, str]:
    """What `kept` takes, of a page of agents, and the token of the next page."""
    zone, zones = await history.time_zone(tx), await sites.zones(tx)
    first = _remembered(first, "first_day", now, ZoneInfo(zone))
    last = last or first
    if not 0 <= (last - first).days < MOST_DAYS:
        raise RangeInvalid.of("last_day", f"must not be before first_day, and at most {MOST_DAYS} days in all")
    cuts = {each: _cuts(first, (last - first).days + 1, each) for each in {zone, *zones.values()}}
    start, end = min(each[0] for each in cuts.values()), max(each[-1] for each in cuts.values())
    size, after = page_size(page.size), (decode_name_token(page.token) or ("", ""))[0]
    shifts = await published_shifts(tx, start, end, [user_id] if user_id else None)
    names = {each.agent_id for each in shifts} | set(await store.heard_of(tx, start))
    users = [user_id] if user_id else sorted(each for each in names if each > after)
    token = encode_token(users[size - 1], "") if len(users) > size else ""
    mine = set(users[:size])
    found, excused = await people(
        tx, start, end, users[:size], shifts=[each for each in shifts if each.agent_id in mine]
    )
    return Gathered(zone, await store.find_rules(tx), found, cuts, zones, excused), token


def kept(gathered: Gathered, now: datetime) -> list[Kept]:
    """Figures by agent and day up to `now`, days with neither plan nor work left out."""
    found = []
    for person in gathered.people:
        days, place = [], ZoneInfo(gathered.zone_of(person.user_id))
        for start, end in pairwise(gathered.cuts_of(person.user_id)):
            if start < now:
                figures = domain.held_against(person, gathered.rules, start, min(end, now)).figures
                if figures.scheduled or figures.worked:
                    days.append((start.astimezone(place).date(), figures))
        if days:
            found.append(Kept(person.user_id, days, domain.total(figures for _, figures in days)))
    return found


async def gather_day(tx: Tx, user_id: str, day: date | None, now: datetime) -> Gathered:
    """One agent's local day, with every state they were in."""
    zone = await sites.zone_of(tx, user_id)
    day = _remembered(day, "day", now, ZoneInfo(zone))
    start, end = cuts = _cuts(day, 1, zone)
    found, excused = await people(tx, start, end, [user_id], every=True)
    mine = [each for each in excused if each.user_id in ("", user_id)]
    return Gathered(zone, await store.find_rules(tx), found, {zone: cuts}, {}, mine)


def day_of(gathered: Gathered, now: datetime) -> Day:
    """It held against its plan up to `now`, with the plan of all of it."""
    (person,) = gathered.people
    start, end = gathered.cuts_of(person.user_id)
    found = domain.held_against(person, gathered.rules, start, max(start, min(end, now)))
    return replace(found, plan=domain.plan(person.shifts, person.away, start, end))


def _remembered(day: date | None, field: str, now: datetime, place: ZoneInfo) -> date:
    """A day whose states are still known: of others everybody would seem to have been away."""
    if day is None:
        raise RangeInvalid.of(field, "is required")
    if midnight(day, place) < now - KEPT:
        raise RangeInvalid.of(field, f"must be at most {KEPT.days} days ago: what agents did is kept so long")
    return day


def _cuts(first: date, days: int, zone: str) -> list[datetime]:
    return [midnight(first + timedelta(days=each), ZoneInfo(zone)) for each in range(days + 1)]
