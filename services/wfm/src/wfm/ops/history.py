"""Counting what comes, reading it, and taking in what came before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from chassis.sql import Tx
from kernel.errors import InvalidInput, NotFound

from wfm.domain import contacts, imports
from wfm.domain.contacts import Contact
from wfm.domain.imports import Imported, Problem
from wfm.domain.series import LENGTHS, Interval, binned
from wfm.store import history as store
from wfm.store.history import SeriesKey

LONGEST_RANGE = timedelta(days=95)
MOST_BYTES = 4_000_000
DEFAULT_MINUTES = 30


class RangeInvalid(InvalidInput):
    """The stretch of time asked for is empty or too long."""

    reason = "WFM_RANGE_INVALID"


class IntervalLengthInvalid(InvalidInput):
    """Intervals have 15, 30 or 60 minutes."""

    reason = "INTERVAL_LENGTH_INVALID"


class ImportTooLarge(InvalidInput):
    """The file is too large to be taken at once."""

    reason = "IMPORT_TOO_LARGE"


class QueueNotFound(NotFound):
    """No such queue."""

    reason = "WFM_QUEUE_NOT_FOUND"


@dataclass(frozen=True)
class Listed:
    """A series with its name and first and last local day."""

    key: SeriesKey
    name: str
    first: date
    last: date


@dataclass(frozen=True)
class Report:
    """What an import would do, or did."""

    good: int
    problems: Sequence[Problem]
    replaced: int
    days: tuple[date, date] | None
    imported: bool


def checked_minutes(minutes: int) -> int:
    """The length of an interval; 0 means 30. Raises `IntervalLengthInvalid`."""
    if minutes and minutes not in LENGTHS:
        raise IntervalLengthInvalid.of("interval_minutes", "must be 15, 30 or 60")
    return minutes or DEFAULT_MINUTES


async def note_contact(tx: Tx, contact: Contact, version: int) -> None:
    """Takes a contact's marks unless newer ones are known; the counters go from what it added to what it adds."""
    before = await store.contact(tx, contact.contact_id)
    await store.save_contact(tx, contact, version)
    after = await store.contact(tx, contact.contact_id)
    await store.add_counters(tx, contacts.changed(contacts.count(before), contacts.count(after)))


async def note_queue(
    tx: Tx, queue_id: str, display_name: str, version: int, helpers: Sequence[tuple[str, int]] = ()
) -> None:
    """A queue's name, and the queues whose agents may help after so many seconds of waiting."""
    await store.save_queue(tx, queue_id, display_name, version, helpers)


async def tenants_without_helpers(tx: Tx) -> list[str]:
    """All tenants of whose queues it isn't known which others help them."""
    return await store.tenants_without_helpers(tx)


async def learn_helpers(tx: Tx, helpers: Mapping[str, Sequence[tuple[str, int]]]) -> None:
    """What wasn't known of queues; what a fact told meanwhile stays."""
    await store.learn_helpers(tx, helpers)


async def forget_queue(tx: Tx, queue_id: str) -> None:
    """A queue is no more; its history stays."""
    await store.delete_queue(tx, queue_id)


async def note_time_zone(tx: Tx, time_zone: str, version: int) -> None:
    """The zone the tenant's days follow."""
    await store.save_time_zone(tx, time_zone, version)


async def require_queue(tx: Tx, queue_id: str) -> None:
    """Raises `QueueNotFound` unless the queue is there or has a history."""
    if queue_id not in await store.queue_names(tx) and not await store.series(tx, [queue_id]):
        raise QueueNotFound("no such queue")


async def list_series(tx: Tx) -> tuple[list[Listed], str]:
    """Queues and channels with a history by name, and the zone their days are in."""
    names, zone = await store.queue_names(tx), await store.time_zone(tx)
    found = []
    for key in await store.series(tx):
        if times := await store.stretch(tx, key):
            first, last = (time.astimezone(ZoneInfo(zone)).date() for time in times)
            found.append(Listed(key, names.get(key.queue_id, ""), first, last))
    return sorted(found, key=lambda each: (each.name, each.key.queue_id, each.key.channel)), zone


async def intervals(
    tx: Tx, key: SeriesKey, brand_id: str, minutes: int, start: datetime | None, end: datetime | None
) -> list[Interval]:
    """Counters by interval of local time, oldest first. Raises `RangeInvalid`."""
    if start is None or end is None:
        raise RangeInvalid.of("start_time" if start is None else "end_time", "is required")
    if not timedelta(0) < end - start <= LONGEST_RANGE:
        raise RangeInvalid.of("end_time", f"must be after start_time and at most {LONGEST_RANGE.days} days later")
    return binned(await store.history(tx, key, start, end, brand_id), minutes, await store.time_zone(tx))


async def import_history(tx: Tx, text: str, minutes: int, dry_run: bool, now: datetime) -> Report:
    """Takes all lines of a file, or none: when one is bad, or with `dry_run`, it is only said what is wrong."""
    lines = max(text.count("\n"), text.count("\r"))
    if len(text.encode()) > MOST_BYTES or lines > imports.MOST_LINES:
        raise ImportTooLarge.of("csv", f"may have {MOST_BYTES // 1_000_000} MB and {imports.MOST_LINES:,} lines")
    names = await store.queue_names(tx)
    known = {key.queue_id for key in await store.series(tx)} | set(names)
    by_name: dict[str, str] = {}
    for queue_id, name in sorted(names.items()):
        by_name.setdefault(name.casefold(), queue_id)

    def queue_id_of(text: str) -> str:
        return text if text in known else by_name.get(text.casefold(), "")

    zone = await store.time_zone(tx)
    read = imports.read(text, queue_id_of, minutes, zone, now)
    replaced = await store.overlapped(tx, read.lines, minutes)
    taken = not read.problems and not dry_run
    if taken:
        await store.replace_imported(tx, read.lines, minutes)
    return Report(len(read.lines), read.problems, len(replaced), _days(read.lines, zone), taken)


def _days(lines: Sequence[Imported], zone: str) -> tuple[date, date] | None:
    if not lines:
        return None
    place = ZoneInfo(zone)
    starts = [line.place.start for line in lines]
    return min(starts).astimezone(place).date(), max(starts).astimezone(place).date()
