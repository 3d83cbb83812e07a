"""The verbs of analytics, each within one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.sql import Tx
from kernel.errors import FieldViolation, InvalidInput

from analytics import store
from analytics.domain import board, intervals
from analytics.domain.contacts import Contact, is_within

LONGEST_RANGE = timedelta(days=32)


class RangeInvalid(InvalidInput):
    """The stretch of time asked for is empty or too long."""

    reason = "RANGE_INVALID"


@dataclass(frozen=True)
class Snapshot:
    """A wallboard with the age of its data."""

    board: board.Wallboard
    data_time: datetime | None
    compute_time: datetime


async def note_contact(tx: Tx, contact: Contact, version: int, call_id: str, fact_time: datetime) -> None:
    """Takes a contact's newest marks; the threshold is the queue's at the time of counting."""
    if contact.answer_time is not None:
        threshold = timedelta(seconds=(await store.queue(tx, contact.queue_id)).threshold_seconds)
        within = is_within(contact.queue_time, contact.answer_time, threshold)
        contact = replace(contact, within_threshold=within)
    await store.save_contact(tx, contact, version, call_id, fact_time)


async def wallboard(tx: Tx, now: datetime) -> Snapshot:
    """The wallboard now: today's contacts, whoever waits, and the agents."""
    start = intervals.day_start(now, await store.time_zone(tx))
    contacts = await store.contacts_between(tx, start, now + timedelta(minutes=1), with_waiting=True)
    built = board.build(
        await store.list_queues(tx), contacts, await store.list_agents(tx), await store.missed_since(tx, start)
    )
    return Snapshot(built, await store.newest_fact(tx), now)


async def queue_intervals(
    tx: Tx, queue_id: str, start: datetime | None, end: datetime | None, now: datetime
) -> list[tuple[intervals.Key, intervals.Counters]]:
    """Counters by queue and quarter hour in [start, end), oldest first. Raises `RangeInvalid`."""
    start = start or intervals.day_start(now, await store.time_zone(tx))
    end = end or now + intervals.LENGTH
    if not start < end <= start + LONGEST_RANGE:
        what = f"must be after start_time and at most {LONGEST_RANGE.days} days later"
        raise RangeInvalid(f"end_time {what}.", fields=(FieldViolation("end_time", what),))
    counted = intervals.count(await store.contacts_touching(tx, start, end, queue_id))
    first = intervals.start_of(start)
    inside = [(key, counters) for key, counters in counted.items() if first <= key[1] < end]
    return sorted(inside, key=lambda item: (item[0][1], item[0][0]))
