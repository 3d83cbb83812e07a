"""An agent's shifts as a calendar program reads them (RFC 5545), and the secret its address holds.

Times are UTC, so that no zone's rules travel along and a change of clocks moves nothing; those of an agent of a site
are by its clocks, with the zone's rules in the file, so that a calendar anywhere shows when the shift is where it is
worked. What an entry says of a shift is its times, its breaks by the wall clock and its day: nobody else, no customer,
no queue. The same shifts make the same bytes: the stamp is when the week was published.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from wfm.domain.shifts import Shift

WORDS = {
    "en": ("Shift", "Break", "unpaid", "Shifts"),
    "tr": ("Vardiya", "Mola", "ücretsiz", "Vardiyalar"),
    "az": ("Növbə", "Fasilə", "ödənişsiz", "Növbələr"),
    "fa": ("شیفت", "استراحت", "بدون حقوق", "شیفت‌ها"),
}
"""By language: a shift, a break, unpaid, the calendar's name."""
_RENEW = timedelta(hours=1)


@dataclass(frozen=True)
class Feed:
    """Somebody's calendar feed."""

    user_id: str
    language: str
    create_time: datetime


@dataclass(frozen=True)
class Entry:
    """A shift of a published week: when that was published, and a number that rises with every version of the week and
    with every change of a published one, or calendar programs keep what they have."""

    shift: Shift
    sequence: int
    publish_time: datetime
    zone: str
    at_site: bool = False
    """Whether the zone is a site's."""


def new_token(tenant_id: str) -> str:
    """What an address holds: whose it is, and 256 bits nobody guesses."""
    return f"{tenant_id}.{secrets.token_urlsafe(32)}"


def tenant_of(token: str) -> str:
    """The tenant a token is of, as it says itself."""
    return token.partition(".")[0]


def digest(token: str) -> str:
    """What is kept of a token. It has full entropy, so a plain SHA-256 is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def calendar(entries: Iterable[Entry], language: str) -> bytes:
    """The file."""
    shift_word, break_word, unpaid, name = WORDS[language]
    made = Calendar()
    made.add("prodid", f"-//Merkez//WFM//{language.upper()}")
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    made.add("method", "PUBLISH")
    made.add("x-wr-calname", name)
    made.add("refresh-interval", _RENEW, parameters={"VALUE": "DURATION"})
    made.add("x-published-ttl", _RENEW)
    days: list[date] = []
    for each in entries:
        days += [each.shift.day] if each.at_site else []
        shift, place = each.shift, ZoneInfo(each.zone)
        event = Event()
        event.add("uid", f"{shift.day.isoformat()}.{shift.agent_id}@merkez")
        event.add("dtstamp", each.publish_time.replace(microsecond=0).astimezone(UTC))
        event.add("sequence", each.sequence)
        clocks = place if each.at_site else UTC
        event.add("dtstart", shift.start.astimezone(clocks))
        event.add("dtend", shift.end.astimezone(clocks))
        event.add("summary", shift_word)
        event.add("transp", "OPAQUE")
        event.add("class", "PRIVATE")
        lines = [
            f"{rest.start.astimezone(place):%H:%M}–{rest.end.astimezone(place):%H:%M} {break_word}"
            + ("" if rest.paid else f" ({unpaid})")
            for rest in shift.breaks
        ]
        if lines:
            event.add("description", "\n".join(lines))
        made.add_component(event)
    if days:
        # From the year before to the year after: what the rules were in 1970 is nobody's concern.
        made.add_missing_timezones(date(min(days).year - 1, 1, 1), date(max(days).year + 2, 1, 1))
    return made.to_ical()
