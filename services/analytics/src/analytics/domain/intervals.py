"""Raw counters by quarter hour: arrivals and their outcome by arrival, work split where it crosses a boundary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from analytics.domain.contacts import Contact, Span

LENGTH = timedelta(minutes=15)


@dataclass
class Counters:
    """Raw counters of one queue in one interval; seconds are exact until they are read."""

    offered: int = 0
    answered: int = 0
    answered_within: int = 0
    abandoned: int = 0
    short_abandoned: int = 0
    handled: int = 0
    wait_seconds: float = 0.0
    talk_seconds: float = 0.0
    hold_seconds: float = 0.0
    acw_seconds: float = 0.0


Key = tuple[str, datetime]


def start_of(time: datetime) -> datetime:
    """Beginning of the quarter hour `time` is in. Quarter hours of UTC are those of every zone in use."""
    return time - timedelta(minutes=time.minute % 15, seconds=time.second, microseconds=time.microsecond)


def pieces(span: Span) -> Iterator[tuple[datetime, float]]:
    """(interval, seconds) for each interval a span touches."""
    at, end = span
    while at < end:
        interval = start_of(at)
        until = min(end, interval + LENGTH)
        yield interval, (until - at).total_seconds()
        at = until


def count(contacts: Iterable[Contact]) -> dict[Key, Counters]:
    """Counters by (queue, interval)."""
    found: dict[Key, Counters] = {}

    def at(queue_id: str, time: datetime) -> Counters:
        return found.setdefault((queue_id, start_of(time)), Counters())

    for contact in contacts:
        _arrival(at(contact.queue_id, contact.queue_time), contact)
        acw = contact.acw_span()
        for name, spans in (
            ("talk_seconds", contact.talk_spans()),
            ("hold_seconds", contact.hold_spans()),
            ("acw_seconds", [acw] if acw else []),
        ):
            for span in spans:
                for interval, seconds in pieces(span):
                    counters = at(contact.queue_id, interval)
                    setattr(counters, name, getattr(counters, name) + seconds)
        if contact.handled and contact.wrap_up_end_time:
            at(contact.queue_id, contact.wrap_up_end_time).handled += 1
    return found


def _arrival(counters: Counters, contact: Contact) -> None:
    counters.offered += 1
    if contact.answered:
        counters.answered += 1
        counters.answered_within += contact.within_threshold
        counters.wait_seconds += contact.wait.total_seconds()
    elif contact.abandoned:
        counters.abandoned += 1
        counters.short_abandoned += contact.short_abandon


def day_start(now: datetime, time_zone: str) -> datetime:
    """The instant today began in the zone. A day may have 23 or 25 hours; midnight is the zone's own."""
    zone = ZoneInfo(time_zone or "UTC")
    local = now.astimezone(zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(now.tzinfo)
