"""Meters: what is counted, and how. Some are built in and fed by facts, operators define others, fed by events."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kernel.errors import Conflict, FailedPrecondition, InvalidInput, NotFound

from billing.domain.aggregates import Aggregation
from billing.domain.plans import (
    NUMBER,
    SEAT,
    SEAT_ACTIVE,
    SEAT_HOUR,
    SEAT_PEAK,
    STORAGE,
    VOICE,
    VOICE_OUT,
    VOICE_PREPAID,
)

PRESENCE = "presence"
"""Items that last: agents who are signed in. The seat meters by use read it; nobody is billed for it by itself."""
CALL_OVER, REQUEST_OVER = "call_over_limit", "api_request_over_limit"
"""What a soft limit let happen beyond it: calls that began, programs' requests."""
_METER = re.compile(r"[a-z][a-z0-9_]{0,62}")
_PROPERTY = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,62}")
_MOST_GROUPS = 5


class MeterInvalid(InvalidInput):
    """A meter that can't be."""

    reason = "METER_INVALID"


class MeterNotFound(NotFound):
    """No such meter."""

    reason = "METER_NOT_FOUND"


class MeterConflict(Conflict):
    """Somebody changed the meter in between."""

    reason = "VERSION_CONFLICT"


class MeterFixed(FailedPrecondition):
    """What a meter counts never changes once it is there; a built-in meter can't be changed at all."""

    reason = "METER_FIXED"


class Feed(StrEnum):
    """Where a meter's quantity comes from."""

    EVENTS = "events"
    """Usage events: recorded by programs, or made of facts."""
    CALLS = "calls"
    """Calls that ended: minutes by the rate's increments."""
    LEVELS = "levels"
    """Things that last, by their share of the period."""
    PRESENCE = "presence"
    """Who was signed in when."""


@dataclass(frozen=True)
class Meter:
    """What is counted. What it counts is fixed; `archived` and the names may change."""

    meter: str
    unit: str
    aggregation: Aggregation
    recurring: bool = False
    unique_property: str = ""
    """Property whose values UNIQUE_COUNT counts."""
    group_by: Sequence[str] = ()
    """Properties its quantity is kept apart by, so that rates may price them apart."""
    tax_code: str = "service"
    names: Mapping[str, str] | None = None
    archived: bool = False
    version: int = 0
    feed: Feed = Feed.EVENTS
    built_in: bool = False


def _built(meter: str, unit: str, how: Aggregation, feed: Feed, recurring: bool = False, *groups: str) -> Meter:
    tax_code = "telecom" if feed == Feed.CALLS else "service"
    return Meter(meter, unit, how, recurring, "", groups, tax_code, feed=feed, built_in=True)


BUILT_IN: Mapping[str, Meter] = {
    each.meter: each
    for each in (
        _built(SEAT, "month", Aggregation.WEIGHTED_SUM, Feed.LEVELS, True),
        _built(NUMBER, "month", Aggregation.WEIGHTED_SUM, Feed.LEVELS, True),
        _built(STORAGE, "gb_month", Aggregation.WEIGHTED_SUM, Feed.LEVELS, True),
        _built(SEAT_PEAK, "seat", Aggregation.MAX, Feed.PRESENCE),
        _built(SEAT_ACTIVE, "seat", Aggregation.UNIQUE_COUNT, Feed.PRESENCE),
        _built(SEAT_HOUR, "hour", Aggregation.SUM, Feed.PRESENCE),
        _built(VOICE, "minute", Aggregation.SUM, Feed.CALLS),
        _built(VOICE_OUT, "minute", Aggregation.SUM, Feed.CALLS),
        _built(VOICE_PREPAID, "minute", Aggregation.SUM, Feed.CALLS),
        _built("message", "message", Aggregation.SUM, Feed.EVENTS, False, "channel", "direction"),
        _built(CALL_OVER, "call", Aggregation.SUM, Feed.EVENTS),
        _built(REQUEST_OVER, "request", Aggregation.SUM, Feed.EVENTS),
        _built("carrier_cost", "amount", Aggregation.SUM, Feed.EVENTS, False, "carrier"),
    )
}
"""Meters every installation has."""


def meter_of(known: Mapping[str, Meter], meter: str) -> Meter:
    """The meter of this name; one that nobody defined sums up, so that no usage of it is lost."""
    return BUILT_IN.get(meter) or known.get(meter) or Meter(meter, "unit", Aggregation.SUM)


def check(meter: Meter) -> None:
    """Raises `MeterInvalid`, naming the field."""
    if not _METER.fullmatch(meter.meter):
        raise MeterInvalid.of("meter.meter", "must be lower-case letters, digits and _, at most 63, a letter first")
    if meter.meter in BUILT_IN or meter.meter == PRESENCE:
        raise MeterFixed("This meter is built in.")
    if not 1 <= len(meter.unit) <= 32:
        raise MeterInvalid.of("meter.unit", "is required, up to 32 characters")
    if len(meter.group_by) > _MOST_GROUPS or len(set(meter.group_by)) != len(meter.group_by):
        raise MeterInvalid.of("meter.group_by", f"must be at most {_MOST_GROUPS} properties, each once")
    if not all(_PROPERTY.fullmatch(each) for each in meter.group_by):
        raise MeterInvalid.of("meter.group_by", "must be names of properties")
    if (meter.aggregation == Aggregation.UNIQUE_COUNT) != bool(meter.unique_property):
        raise MeterInvalid.of("meter.unique_property", "is for UNIQUE_COUNT, which needs it")
    if meter.unique_property and not _PROPERTY.fullmatch(meter.unique_property):
        raise MeterInvalid.of("meter.unique_property", "must be the name of a property")


def may_fall(meter: Meter) -> bool:
    """Whether its events may be negative: those that move a level which lasts."""
    lasting = meter.aggregation == Aggregation.WEIGHTED_SUM
    return lasting or (meter.recurring and meter.aggregation == Aggregation.SUM)
