"""An agent's own schedule: shifts of published weeks, notices, availability, the calendar feed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from chassis.sql import Tx
from kernel.errors import FailedPrecondition, InvalidInput, NotFound
from kernel.ids import is_id

from wfm.domain import feeds
from wfm.domain.feeds import Entry, Feed
from wfm.domain.own import Availability, Notice, Settings, held_on
from wfm.domain.shifts import Shift
from wfm.domain.time_off import Absence, instant
from wfm.ops.calendar import VersionConflict
from wfm.ops.history import RangeInvalid
from wfm.ops.revisions import monday_of, published
from wfm.ops.workforce import PlannedAgentInvalid, PlannedAgentNotFound
from wfm.store import own as store
from wfm.store import schedules as versions
from wfm.store import sites, workforce
from wfm.store.schedules import Version
from wfm.store.workforce import Profile

LONGEST = timedelta(days=92)
_FEED_BACK, _FEED_AHEAD = timedelta(days=30), timedelta(days=400)
_FARTHEST = timedelta(days=400)
MOST_SAID = 20
_CHANGES = 10_000
"""Of one version of a week, that calendar programs can tell apart."""


class AgentNoticeNotFound(NotFound):
    """No such notice of theirs."""

    reason = "AGENT_NOTICE_NOT_FOUND"


class AvailabilityNotFound(NotFound):
    """Nothing was said for that day."""

    reason = "AVAILABILITY_NOT_FOUND"


class AvailabilityTooSoon(FailedPrecondition):
    """The day is too near, or its week is out."""

    reason = "AVAILABILITY_TOO_SOON"


class AvailabilityTooLittle(FailedPrecondition):
    """Fewer days are left than the contract asks for."""

    reason = "AVAILABILITY_TOO_LITTLE"


class CalendarFeedNotFound(NotFound):
    """There is no such feed."""

    reason = "CALENDAR_FEED_NOT_FOUND"


@dataclass(frozen=True)
class Week:
    """A week of an agent, and whose clocks its days are of; without a version it isn't published."""

    first: date
    version: Version | None
    shifts: Sequence[Shift]
    zone: str


@dataclass(frozen=True)
class Shown:
    """Weeks of an agent, the zone their days are in, and when they are away."""

    weeks: Sequence[Week]
    zone: str
    away: Sequence[tuple[date, date]]
    planned: bool


async def profile_of(tx: Tx, user_id: str) -> Profile:
    """How an agent is planned. Raises `PlannedAgentNotFound`."""
    found = await workforce.find_profile(tx, user_id)
    if found is None:
        raise PlannedAgentNotFound("you aren't planned for: ask whoever makes the schedules")
    return found


async def today(tx: Tx, user_id: str, now: datetime) -> date:
    """By the clocks of an agent's site, or the company's."""
    return now.astimezone(ZoneInfo(await sites.zone_of(tx, user_id))).date()


async def shifts(tx: Tx, user_id: str, first: date, last: date) -> Shown:
    """Weeks from one day to another, each whole."""
    if not timedelta(0) <= last - first <= LONGEST:
        raise RangeInvalid.of("last_day", f"must be on or after first_day, at most {LONGEST.days} days later")
    mondays = [monday_of(first)]
    while mondays[-1] + timedelta(days=7) <= last:
        mondays.append(mondays[-1] + timedelta(days=7))
    found = {version.first: (version, mine)
             for version, mine in await versions.published_shifts(tx, user_id, mondays[0], mondays[-1])}  # fmt: skip
    zone = await sites.zone_of(tx, user_id)
    place = ZoneInfo(zone)
    begins, ends = instant(mondays[0], 0, place), instant(mondays[-1] + timedelta(days=7), 0, place)
    away = [
        (each.time.start.astimezone(place).date(), (each.time.end - timedelta(seconds=1)).astimezone(place).date())
        for each in await workforce.list_away(tx, begins, ends, user_id, 1000)
    ]
    site, weeks = (await sites.zones(tx)).get(user_id), []
    for each in mondays:
        version, mine = found.get(each, (None, []))
        weeks.append(Week(each, version, mine, site or (version.zone if version else zone)))
    return Shown(weeks, zone, away, await workforce.find_profile(tx, user_id) is not None)


async def list_notices(tx: Tx, user_id: str) -> list[Notice]:
    """What they haven't put away."""
    return await store.list_notices(tx, user_id)


async def dismiss(tx: Tx, user_id: str, notice_id: str) -> None:
    """Puts one away."""
    if not await store.dismiss(tx, user_id, notice_id):
        raise AgentNoticeNotFound("no such notice")


async def availability(tx: Tx, user_id: str, now: datetime) -> tuple[list[Availability], date]:
    """What holds and what is to hold, and the first day that may be chosen."""
    profile, day = await profile_of(tx, user_id), await today(tx, user_id, now)
    kept = Availability(user_id, None, profile.availability, profile.wish)
    said = [kept, *await store.list_availability(tx, user_id)]
    holds = held_on(said, day)
    later = [each for each in said if each.from_day is not None and each.from_day > day]
    return [holds, *later], await _earliest(tx, day)


async def _earliest(tx: Tx, day: date) -> date:
    settings = await store.settings(tx)
    earliest = day + timedelta(days=max(1, settings.availability_notice_days))
    while await published(tx, monday_of(earliest)) is not None:
        earliest = monday_of(earliest) + timedelta(days=7)
    return earliest


async def say(tx: Tx, value: Availability, now: datetime) -> Availability:
    """Says when an agent can come from a day on."""
    profile, day = await profile_of(tx, value.user_id), await today(tx, value.user_id, now)
    wish = value.wish
    assert value.from_day is not None
    for name, fine, words in (
        ("availability", len(value.stretches) <= 28, "must be at most 28 stretches"),
        ("availability", all(0 <= weekday <= 6 and 0 <= low < high <= 2880 and low < 1440 and low % 15 == high % 15 == 0
                             for weekday, low, high in value.stretches),
         "must be stretches of a weekday 0 to 6, from 0 to 1425 and to 2880 at most, by 15"),
        ("wished_free_weekdays", all(0 <= each <= 6 for each in wish.free_weekdays), "must be weekdays, 0 to 6"),
        ("wished_earliest_start_minute", 0 <= wish.earliest_start < 1440, "must be 0 to 1439"),
        ("wished_latest_end_minute", 0 <= wish.latest_end <= 2880, "must be 0 to 2880"),
        ("from_day", value.from_day - day <= _FARTHEST, "must be at most 400 days ahead"),
    ):  # fmt: skip
        if not fine:
            raise PlannedAgentInvalid.of(f"availability.{name}", words)
    await _later(tx, value.from_day, day)
    contract = await workforce.find_contract(tx, profile.contract_id)
    days = len({weekday for weekday, _, _ in value.stretches}) if value.stretches else 7
    if contract is not None and days < contract[0].min_days:
        raise AvailabilityTooLittle(
            f"the contract asks for {contract[0].min_days} days a week, and {days} would be left",
            metadata={"allowed": str(contract[0].min_days), "found": str(days)},
        )
    said = await store.list_availability(tx, value.user_id)
    if len([each for each in said if each.from_day and each.from_day > day]) >= MOST_SAID:
        raise PlannedAgentInvalid.of("availability.from_day", f"may be of {MOST_SAID} days ahead at most")
    made = replace(value, wish=replace(wish, weight=profile.wish.weight), create_time=now)
    await store.save_availability(tx, made)
    return made


async def unsay(tx: Tx, user_id: str, from_day: date, now: datetime) -> None:
    """Takes back what was said for a day that hasn't come."""
    await _later(tx, from_day, await today(tx, user_id, now))
    if not await store.remove_availability(tx, user_id, from_day):
        raise AvailabilityNotFound("nothing was said for that day")


async def _later(tx: Tx, from_day: date, day: date) -> None:
    earliest = await _earliest(tx, day)
    if from_day < earliest:
        raise AvailabilityTooSoon(
            f"the first day that may be chosen is {earliest}", metadata={"earliest": earliest.isoformat()}
        )


async def feed(tx: Tx, user_id: str) -> Feed | None:
    """Somebody's calendar feed."""
    return await store.feed_of(tx, user_id)


async def make_feed(tx: Tx, user_id: str, language: str, token: str, now: datetime) -> Feed:
    """Makes one; what there was before leads nowhere any more."""
    if language not in feeds.WORDS:
        raise InvalidInput.of("language", f"must be one of {', '.join(feeds.WORDS)}")
    made = Feed(user_id, language, now)
    await store.save_feed(tx, made, feeds.digest(token))
    return made


async def revoke_feed(tx: Tx, user_id: str) -> None:
    """Makes its address lead nowhere."""
    if not await store.remove_feed(tx, user_id):
        raise CalendarFeedNotFound("there is no calendar feed")


def tenant_of(token: str) -> str:
    """The tenant whose feed a token may be of. Raises `CalendarFeedNotFound`."""
    tenant_id = feeds.tenant_of(token)
    if len(token) > 200 or not is_id("ten", tenant_id):
        raise CalendarFeedNotFound("there is no such calendar feed")
    return tenant_id


async def entries(tx: Tx, token: str, now: datetime) -> tuple[list[Entry], str]:
    """The shifts a token leads to, and the language they are told in."""
    found = await store.find_feed(tx, feeds.digest(token))
    if found is None:
        raise CalendarFeedNotFound("there is no such calendar feed")
    day, site = await today(tx, found.user_id, now), (await sites.zones(tx)).get(found.user_id, "")
    weeks = await versions.published_shifts(
        tx, found.user_id, monday_of(day - _FEED_BACK), monday_of(day + _FEED_AHEAD)
    )
    return [
        Entry(
            shift,
            version.number * _CHANGES + min(version.version, _CHANGES - 1),
            version.publish_time or version.create_time,
            site or version.zone,
            bool(site),
        )
        for version, mine in weeks
        for shift in mine
    ], found.language


async def forget_user(tx: Tx, user_id: str) -> None:
    """Somebody may not sign in any more: their calendar feed goes, too."""
    await store.remove_feed(tx, user_id)


async def settings(tx: Tx) -> Settings:
    """What is decided."""
    return await store.settings(tx)


async def save_settings(tx: Tx, value: Settings) -> Settings:
    """Decides, whole."""
    for name, fine, words in (
        ("trade_notice_hours", 0 <= value.trade_notice_hours <= 720, "must be 0 to 720"),
        ("availability_notice_days", 0 <= value.availability_notice_days <= 120, "must be 0 to 120"),
    ):
        if not fine:
            raise InvalidInput.of(f"settings.{name}", words)
    if (await store.settings(tx)).version != value.version:
        raise VersionConflict("the settings were changed meanwhile: read them again")
    made = replace(value, version=value.version + 1)
    await store.save_settings(tx, made)
    return made


async def absences(tx: Tx, start: datetime, end: datetime) -> list[Absence]:
    """Everybody's time off that touches a stretch."""
    return [Absence(each.user_id, each.time.start, each.time.end) for each in await workforce.list_away(tx, start, end)]
