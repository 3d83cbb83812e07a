"""Time off: asked for, approved at once where allowances leave room, decided by managers, taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from chassis.paging import Page, encode_token, page_size
from chassis.sql import Tx
from kernel.errors import FailedPrecondition, NotFound
from kernel.ids import new_id

from wfm.domain import time_off as rules
from wfm.domain.covering import at_work, cover_of
from wfm.domain.own import Availability, held_on
from wfm.domain.shifts import Entitlement, TimeOff
from wfm.domain.time_off import Absence, Balance, Kind, Request, State, instant
from wfm.domain.week import Grid
from wfm.ops import notices, rosters
from wfm.ops.calendar import VersionConflict
from wfm.ops.own import absences, profile_of, today
from wfm.ops.revisions import monday_of, published, revise
from wfm.ops.workforce import TimeOffInvalid, TimeOffKindNotFound, limits_of, remove
from wfm.store import own, sites, workforce
from wfm.store import schedules as versions
from wfm.store import time_off as store
from wfm.store.workforce import Away, Profile

FARTHEST = timedelta(days=550)
MOST_LOOKED_AT = 50


class TimeOffRequestNotFound(NotFound):
    """No such request."""

    reason = "TIME_OFF_REQUEST_NOT_FOUND"


class TimeOffBalanceTooLow(FailedPrecondition):
    """More is asked for than is left."""

    reason = "TIME_OFF_BALANCE_TOO_LOW"


class TimeOffOverlaps(FailedPrecondition):
    """They have time off then, or have asked for it."""

    reason = "TIME_OFF_OVERLAPS"


class TimeOffNoWork(FailedPrecondition):
    """There is no day of work in it."""

    reason = "TIME_OFF_NO_WORK"


class TimeOffDecided(FailedPrecondition):
    """The request's state forbids it."""

    reason = "TIME_OFF_DECIDED"


async def ask(tx: Tx, said: Request, now: datetime, *, only_look: bool = False) -> Request:
    """Asks for time off. With `only_look`, what would come of it."""
    profile, kind = await profile_of(tx, said.user_id), await _offered(tx, said.kind_id)
    day = await today(tx, said.user_id, now)
    wrong = rules.wrong_request(said, kind.unit)
    if not day <= said.first <= day + FARTHEST:
        wrong.append(("first_day", f"must be today or later, at most {FARTHEST.days} days ahead"))
    if wrong:
        raise TimeOffInvalid.of(f"time_off_request.{wrong[0][0]}", wrong[0][1])
    place = ZoneInfo(await sites.zone_of(tx, said.user_id))
    start = instant(said.first, said.start_minute, place)
    end = instant(said.last, said.end_minute or 1440, place)
    minutes = await _work(tx, profile, said.days)
    amounts, credited = rules.taken(said, kind.unit, minutes)
    if not amounts:
        raise TimeOffNoWork("there is no day of work in it")
    value = replace(
        said, request_id=new_id("tor", now), start=start, end=end, create_time=now, amounts=amounts, credited=credited
    )
    mine = await store.requests_of(tx, said.user_id)
    off = await workforce.list_away(tx, start, end, said.user_id, 1)
    if off or any(each.start < end and each.end > start for each in mine):
        raise TimeOffOverlaps("there is time off then already, or it was asked for")
    if kind.limited:
        await _afford(tx, profile, kind, value, mine)
    found = await _obstacles(tx, profile, kind, value, minutes)
    value = replace(value, obstacles=tuple(found))
    if not found:
        value = replace(value, state=State.APPROVED, decide_time=now)
    if only_look:
        return replace(value, request_id="")
    if not found:
        value = await _grant(tx, value, kind, now)
    await store.save_request(tx, value)
    return value


async def withdraw(tx: Tx, user_id: str, request_id: str, now: datetime) -> Request:
    """Takes a request back; whoever waits for room gets it."""
    value = await store.find_request(tx, request_id)
    if value is None or value.user_id != user_id:
        raise TimeOffRequestNotFound("no such request")
    state = rules.TRANSITIONS.get((value.state, "withdraw"))
    if state is None or (value.state is State.APPROVED and value.start <= now):
        raise TimeOffDecided("it is decided, or has begun")
    if value.time_off_id:
        await workforce.remove(tx, "time_off", value.time_off_id)
    changed = replace(value, state=state, decide_time=now, time_off_id="", version=value.version + 1)
    await store.save_request(tx, changed)
    await look_again(tx, now, (value.start, value.end))
    return changed


async def take_back(tx: Tx, time_off_id: str, now: datetime) -> None:
    """A manager removes time off: the request it came from counts no more, and whoever waits for room gets it."""
    gone = await workforce.find_away(tx, time_off_id)
    await remove(tx, "time_off", time_off_id)
    if gone is not None:
        await look_again(tx, now, (gone.time.start, gone.time.end))


async def decide(tx: Tx, request_id: str, version: int, approve: bool, reason: str, by: str, now: datetime) -> Request:
    """A manager's word."""
    if len(reason) > 200 or (not approve and not reason):
        raise TimeOffInvalid.of("reason", "must be given for a refusal, and be at most 200 characters")
    value = await store.find_request(tx, request_id)
    if value is None:
        raise TimeOffRequestNotFound("no such request")
    state = rules.TRANSITIONS.get((value.state, "approve" if approve else "refuse"))
    if state is None:
        raise TimeOffDecided("the request is decided, or was taken back")
    if value.version != version:
        raise VersionConflict("the request was changed meanwhile: read it again")
    kind = await store.find_kind(tx, value.kind_id)
    if kind is None:
        raise TimeOffKindNotFound("no such kind of time off")
    changed = replace(value, state=state, decided_by=by, reason=reason, decide_time=now, version=value.version + 1)
    if approve:
        changed = await _grant(tx, changed, kind, now)
    await store.save_request(tx, changed)
    await _told(tx, changed, now)
    return changed


async def look_again(tx: Tx, now: datetime, freed: tuple[datetime, datetime] | None = None) -> None:
    """Looks at requests that wait anew, in the order they were asked: those that the `freed` time touches, or all."""
    looked = 0
    for each in await store.pending(tx):
        if each.start <= now or (freed is not None and not (each.start < freed[1] and each.end > freed[0])):
            continue
        looked += 1
        if looked > MOST_LOOKED_AT:
            return
        await _look_at(tx, each, now)


async def tenants_waiting(tx: Tx) -> list[str]:
    """All tenants with requests that wait."""
    return await store.tenants_waiting(tx)


async def look_at_published(tx: Tx, now: datetime) -> None:
    """Looks anew at requests that waited for a week to be published, once it is: what they leave uncovered is known."""
    waiting = [each for each in await store.pending(tx) if each.start > now]
    unknown = {
        each.request_id: {monday_of(why.day) for why in each.obstacles if why.code == "COVERAGE_UNKNOWN" and why.day}
        for each in waiting
    }
    mondays = sorted(set().union(*unknown.values()))
    out = {each.first for each in await versions.published(tx, mondays)} if mondays else set()
    looked = [each for each in waiting if unknown[each.request_id] & out]
    for each in looked[:MOST_LOOKED_AT]:
        await _look_at(tx, each, now)


async def _look_at(tx: Tx, each: Request, now: datetime) -> None:
    profile = await workforce.find_profile(tx, each.user_id)
    kind = await store.find_kind(tx, each.kind_id)
    if profile is None or kind is None or not kind.automatic:
        return
    minutes = await _work(tx, profile, each.days)
    found = await _obstacles(tx, profile, kind, each, minutes)
    if found:
        if tuple(found) != each.obstacles:
            await store.save_request(tx, replace(each, obstacles=tuple(found), version=each.version + 1))
        return
    changed = replace(each, state=State.APPROVED, decide_time=now, obstacles=(), version=each.version + 1)
    changed = await _grant(tx, changed, kind, now)
    await store.save_request(tx, changed)
    await _told(tx, changed, now)


async def list_own(tx: Tx, user_id: str, page: Page) -> tuple[list[Request], str]:
    """An agent's, newest first, and the token of the next page."""
    size = page_size(page.size)
    return _paged(await store.list_requests(tx, user_id, page.token, size), size)


async def inbox(tx: Tx, state: str, user_id: str, page: Page) -> tuple[list[Request], str]:
    """Everybody's, those that wait first, and the token of the next page."""
    size = page_size(page.size)
    return _paged(await store.inbox(tx, state, user_id, page.token, size), size)


def _paged(found: Sequence[Request], size: int) -> tuple[list[Request], str]:
    last = found[size - 1] if len(found) > size else None
    return list(found[:size]), encode_token(last.create_time, last.request_id) if last else ""


async def balances(tx: Tx, user_id: str, day: date | None, now: datetime) -> list[Balance]:
    """What an agent has of each kind in the day's year."""
    profile = await profile_of(tx, user_id)
    day = day or await today(tx, user_id, now)
    mine, kinds = await store.requests_of(tx, user_id), await store.list_kinds(tx)
    return [
        await _balance(tx, profile, kind, day.year, day, mine)
        for kind in kinds
        if not kind.archived or any(each.kind_id == kind.kind_id for each in mine)
    ]


async def carry_over(tx: Tx, user_id: str, kind_id: str, year: int, amount: float | None, now: datetime) -> Balance:
    """Says what an agent brings over from the year before."""
    if not 2000 <= year <= 2200:
        raise TimeOffInvalid.of("year", "must be 2000 to 2200")
    if amount is not None and not -1000 <= amount <= 1000:
        raise TimeOffInvalid.of("carried_over", "must be -1000 to 1000")
    profile, kind = await profile_of(tx, user_id), await store.find_kind(tx, kind_id)
    if kind is None:
        raise TimeOffKindNotFound("no such kind of time off")
    await store.save_brought(tx, user_id, kind_id, year, None if amount is None else round(amount, 2))
    day = await today(tx, user_id, now)
    on = day if day.year == year else date(year, 1, 1)
    return await _balance(tx, profile, kind, year, on, await store.requests_of(tx, user_id))


async def _offered(tx: Tx, kind_id: str) -> Kind:
    kind = await store.find_kind(tx, kind_id)
    if kind is None or kind.archived:
        raise TimeOffKindNotFound("no such kind of time off")
    return kind


async def _given(tx: Tx, profile: Profile, kind: Kind) -> tuple[Entitlement | None, Mapping[int, float]]:
    """What the agent's contract gives of a kind, and what managers say came over, by year."""
    contract = await workforce.find_contract(tx, profile.contract_id)
    given = {each.kind_id: each for each in contract[0].entitlements} if contract else {}
    return given.get(kind.kind_id), (await store.brought(tx, profile.user_id)).get(kind.kind_id, {})


async def _balance(tx: Tx, profile: Profile, kind: Kind, year: int, on: date, mine: Sequence[Request]) -> Balance:
    given, brought = await _given(tx, profile, kind)
    return rules.balance(kind, given, year, profile.hired, on, mine, brought)


async def _afford(tx: Tx, profile: Profile, kind: Kind, value: Request, mine: Sequence[Request]) -> None:
    given, brought = await _given(tx, profile, kind)
    found = rules.too_little(kind, given, profile.hired, value, mine, brought)
    if found is not None:
        year, left = found
        raise TimeOffBalanceTooLow(
            f"{value.amount:g} would be taken, and {left:g} are left by then",
            metadata={"allowed": f"{left:g}", "found": f"{value.amount:g}", "year": str(year)},
        )


async def _work(tx: Tx, profile: Profile, days: Sequence[date]) -> dict[date, int]:
    """Minutes of work by day: of shifts where the week is published, what is usual elsewhere."""
    mondays = sorted({monday_of(day) for day in days})
    known = {version.first: mine for version, mine in
             await versions.published_shifts(tx, profile.user_id, mondays[0], mondays[-1])}  # fmt: skip
    contract = await workforce.find_contract(tx, profile.contract_id)
    assert contract is not None, "a contract that agents have stays"
    rule = await workforce.find_rules(tx, contract[0].rules_id)
    assert rule is not None, "labour rules that contracts name stay"
    said = [Availability(profile.user_id, None, profile.availability, profile.wish)]
    said += await own.list_availability(tx, profile.user_id, mondays[-1] + timedelta(days=6))

    def comes(day: date) -> bool:
        stretches = held_on(said, day).stretches
        return not stretches or any(weekday == day.weekday() for weekday, _, _ in stretches)

    found: dict[date, int] = {}
    for monday in mondays:
        if monday in known:
            found |= {each.day: each.worked for each in known[monday]}
        else:
            found |= rules.usual_minutes(monday, contract[0], limits_of(rule, profile.under_age), comes)
    return found


async def _obstacles(
    tx: Tx, profile: Profile, kind: Kind, value: Request, minutes: Mapping[date, int]
) -> list[rules.Obstacle]:
    allowances = await store.list_allowances(tx)
    crowd = {each.user_id: each.queue_ids for each in await workforce.list_profiles(tx)}
    others = [each for each in await absences(tx, value.start, value.end) if each.user_id != profile.user_id]
    worked = [day for day in value.days if minutes.get(day)]
    short = await _shortage(tx, value, others) if any(each.covered for each in allowances) else lambda day: ""
    place = ZoneInfo(await sites.zone_of(tx, profile.user_id))
    return rules.obstacles(value, kind, worked, allowances, profile.queue_ids, crowd, others, short, place)


async def _shortage(tx: Tx, value: Request, others: Sequence[Absence]) -> Callable[[date], str]:
    """Says of a day whether the published schedule has nobody too many where the agent would be away."""
    codes: dict[date, str] = {}
    for monday in sorted({monday_of(day) for day in value.days}):
        version = await published(tx, monday)
        if version is None:
            codes |= {monday + timedelta(days=each): "COVERAGE_UNKNOWN" for each in range(7)}
            continue
        grid, need = Grid(version.first, version.zone), await versions.need_of(tx, version.schedule_id)
        shifts = await versions.list_shifts(tx, version.schedule_id)
        made = await rosters.roster(tx, version, [value.user_id])
        cover = cover_of(shifts, len(need), grid) + made.given
        for each in others:
            low, high = grid.slot(each.start), grid.slot(each.end)
            for shift in (one for one in shifts if one.agent_id == each.user_id):
                for slot, group in at_work(shift, grid):
                    if low <= slot < high:
                        cover[group, slot] -= 1
        low, high = grid.slot(value.start), grid.slot(value.end)
        for shift in (one for one in shifts if one.agent_id == value.user_id):
            # Of whole days the shift is freed as a whole, also past midnight.
            if any(
                (low <= slot < high or not value.end_minute) and cover[group, slot] - 1 < need[group, slot] - 1e-6
                for slot, group in at_work(shift, grid)
            ):
                codes[shift.day] = "COVERAGE_SHORT"
    return lambda day: codes.get(day, "")


async def _grant(tx: Tx, value: Request, kind: Kind, now: datetime) -> Request:
    """Notes the time off, and frees the published shifts that are taken of the balance: those of its days, also where
    they go on past midnight; of a part of a day those that lie in it."""
    time = TimeOff(value.start, value.end, value.credited if kind.paid else 0)
    made = Away(new_id("tof", now), value.user_id, time, kind.name, now)
    await workforce.insert_away(tx, made)
    for monday in sorted({monday_of(day) for day in value.days}):
        version = await published(tx, monday)
        if version is None:
            continue
        mine = await versions.list_shifts(tx, version.schedule_id, [value.user_id])
        free = [
            each
            for each in mine
            if each.start > now
            and (each.start >= value.start and each.end <= value.end if value.end_minute else each.day in value.days)
        ]
        if free:
            await revise(tx, version, free, [], now, quiet=[value.user_id])
    return replace(value, time_off_id=made.time_off_id)


async def _told(tx: Tx, value: Request, now: datetime) -> None:
    kind = "TIME_OFF_APPROVED" if value.state is State.APPROVED else "TIME_OFF_REFUSED"
    days = [value.first] if value.first == value.last else [value.first, value.last]
    await notices.tell(
        tx, kind, {value.user_id: days}, now, first=monday_of(value.first), subject_id=value.request_id,
        note=value.reason,
    )  # fmt: skip
