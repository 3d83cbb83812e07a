"""Raw counters by quarter hour: arrivals and their outcome by arrival, work split where it crosses a boundary.

Counters are sums over contacts, in whole numbers. When a contact changes, the difference between what it added before
and what it adds now goes into the counters, so they always say what counting all contacts anew would say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from analytics.domain.contacts import Contact, Span

LENGTH = timedelta(minutes=15)
_MICROSECOND = timedelta(microseconds=1)
_SERVED = ("INBOUND", "TRANSFER")


@dataclass
class Counters:
    """Raw counters of one queue in one interval; times are whole microseconds."""

    offered: int = 0
    answered: int = 0
    answered_within: int = 0
    abandoned: int = 0
    short_abandoned: int = 0
    missed_offers: int = 0
    wait: int = 0
    """Waiting of those answered, in the interval of arrival."""
    talk: int = 0
    hold: int = 0
    acw: int = 0
    handled: int = 0
    """Those whose wrap-up ended in the interval."""
    handled_time: int = 0
    """Talk, hold and ACW of those handled, whole, in the interval their wrap-up ended: the numerator of AHT."""
    outbound: int = 0
    """Calls agents began. They are in no other counter but the next."""
    outbound_talk: int = 0
    callbacks_requested: int = 0
    """Those asked for in the interval, and what came of them, whenever that was."""
    callbacks_reached: int = 0
    callbacks_given_up: int = 0
    """No attempt left, or no time."""
    callbacks_cancelled: int = 0

    def plus(self, other: Counters, sign: int = 1) -> Counters:
        """The sum, or with sign -1 the difference."""
        mine, its = vars(self), vars(other)
        return Counters(**{name: mine[name] + sign * its[name] for name in NAMES})


NAMES = tuple(item.name for item in fields(Counters))
NOTHING = Counters()

Key = tuple[str, datetime]
"""Queue (or agent) and interval."""


def start_of(time: datetime) -> datetime:
    """Beginning of the quarter hour `time` is in. Quarter hours of UTC are those of every zone in use."""
    return time - timedelta(minutes=time.minute % 15, seconds=time.second, microseconds=time.microsecond)


def pieces(span: Span) -> Iterator[tuple[datetime, int]]:
    """(interval, microseconds) for each interval a span touches."""
    at, end = span
    while at < end:
        interval = start_of(at)
        until = min(end, interval + LENGTH)
        yield interval, (until - at) // _MICROSECOND
        at = until


def count(contacts: Iterable[Contact]) -> dict[Key, Counters]:
    """Counters by (queue, interval)."""
    found: dict[Key, Counters] = {}

    def at(queue_id: str, time: datetime) -> Counters:
        return found.setdefault((queue_id, start_of(time)), Counters())

    for contact in contacts:
        if contact.arrived:
            _arrival(at(contact.queue_id, contact.queue_time), contact)
        elif contact.kind == "OUTBOUND":
            at(contact.queue_id, contact.queue_time).outbound += 1
        for name, spans in _work(contact).items():
            for span in spans:
                for interval, length in pieces(span):
                    counters = at(contact.queue_id, interval)
                    setattr(counters, name, getattr(counters, name) + length)
        if contact.kind in _SERVED and contact.handled and contact.wrap_up_end_time:
            counters = at(contact.queue_id, contact.wrap_up_end_time)
            counters.handled += 1
            counters.handled_time += contact.handle_time // _MICROSECOND
    return found


def handled_by_agent(contacts: Iterable[Contact]) -> dict[Key, int]:
    """Contacts handled, questions of colleagues aside, by (agent, interval their wrap-up ended in)."""
    found: dict[Key, int] = {}
    for contact in contacts:
        if contact.kind != "CONSULT" and contact.handled and contact.wrap_up_end_time and contact.agent_id:
            key = (contact.agent_id, start_of(contact.wrap_up_end_time))
            found[key] = found.get(key, 0) + 1
    return found


def changed(before: Mapping[Key, Counters], after: Mapping[Key, Counters]) -> dict[Key, Counters]:
    """What to add so that `before` becomes `after`."""
    keys = before.keys() | after.keys()
    found = {key: after.get(key, NOTHING).plus(before.get(key, NOTHING), -1) for key in keys}
    return {key: difference for key, difference in found.items() if difference != NOTHING}


def _work(contact: Contact) -> Mapping[str, Sequence[Span]]:
    # A question to a colleague is no work on a queue's customer, and a call out none that came in: either would bend
    # the queue's AHT.
    if contact.kind in _SERVED:
        return {"talk": contact.talk_spans(), "hold": contact.hold_spans(), "acw": contact.acw_spans()}
    return {"outbound_talk": contact.talk_spans()} if contact.kind == "OUTBOUND" else {}


def _arrival(counters: Counters, contact: Contact) -> None:
    counters.offered += 1
    if contact.answered:
        counters.answered += 1
        counters.answered_within += contact.within_threshold
        counters.wait += contact.wait // _MICROSECOND
    elif contact.abandoned:
        counters.abandoned += 1
        counters.short_abandoned += contact.short_abandon


def day_start(now: datetime, time_zone: str) -> datetime:
    """The instant today began in the zone. A day may have 23 or 25 hours; midnight is the zone's own."""
    zone = ZoneInfo(time_zone or "UTC")
    local = now.astimezone(zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(now.tzinfo)
