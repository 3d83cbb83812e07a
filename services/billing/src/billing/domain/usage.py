"""Usage records: metered facts, their identity, and how calls are rated: increments, quantity, charge."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import cached_property
from typing import Any

from kernel.errors import Conflict, InvalidInput

from billing.domain.aggregates import Event
from billing.domain.meters import BUILT_IN, CALL_OVER, REQUEST_OVER, Feed, Meter, may_fall
from billing.domain.money import exact
from billing.domain.plans import VOICE_PREPAID, PlanHeld, Rate

FUTURE, PAST = timedelta(minutes=15), timedelta(days=400)
"""How far from when it comes usage may have been used: clocks are wrong by minutes, invoices are mended for a year."""
MOST_PROPERTIES, LONGEST_NAME, LONGEST_VALUE = 20, 64, 256
BY_TALK = "talk"
"""Marks digests of calls whose seconds are those that are billed; before, they were the whole record's."""
TELEPHONY = "telephony"
"""Source of calls."""
OUR_SOURCES = frozenset({TELEPHONY, CALL_OVER, REQUEST_OVER})
"""Sources of facts. A program that used one could take a call's identity before the call is billed."""
OPERATORS = "operator/"
"""What sources begin with of what operators record for a company: apart from those of the company's own programs."""
_EARLIEST = datetime.min.replace(tzinfo=UTC)


class UsageConflict(Conflict):
    """The identity of a usage record is taken by another body: it is refused, and somebody must look."""

    reason = "USAGE_CONFLICT"


class UsageInvalid(InvalidInput):
    """A usage event that can't be: without an id, of a time out of bounds, of an absurd quantity."""

    reason = "USAGE_INVALID"


class By(Enum):
    """Who tells of usage."""

    PROGRAM = "program"
    OPERATOR = "operator"
    FACT = "fact"

    def may_say(self, source: str) -> bool:
        """Whether a source is theirs: nobody takes the identities of another's events before they come."""
        theirs = source not in OUR_SOURCES and source.startswith(OPERATORS) == (self is By.OPERATOR)
        return self is By.FACT or theirs

    def may_feed(self, meter: Meter) -> bool:
        """Whether a meter takes events of theirs: built-in ones that no fact feeds are the operators'."""
        return not meter.built_in or self is By.FACT or (self is By.OPERATOR and meter.meter not in OUR_SOURCES)


@dataclass(frozen=True)
class EndedCall:
    """What billing needs of a CDR. Seconds are whole, a begun one counting: `used_seconds` are billed, `record_seconds`
    is the record's whole length, with the ringing of a call out."""

    meter: str
    call_id: str
    brand_id: str
    start_time: datetime
    used_seconds: int
    dialed_number: str = ""
    """What decides the price: the number that was called, ours of a call in."""
    record_seconds: int = 0
    refused_by_wallet: bool = False
    """It ended because its wallet had nothing for it, so it was prepaid, also where nothing could be reserved."""


@dataclass(frozen=True)
class UsageRecord:
    """One metered fact and its price. `billed_seconds` is exact, quantity and charge of a call are derived from it;
    `amount` is the quantity of what isn't a call.

    Until the plan it is rated by is known, `plan_id` is empty and nothing is billed.
    """

    usage_record_id: str
    meter: str
    source: str
    source_id: str
    usage_time: datetime
    used_seconds: int
    brand_id: str
    billed_seconds: int = 0
    plan_id: str = ""
    plan_version: int = 0
    currency: str = ""
    price: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    record_time: datetime = _EARLIEST
    traceparent: str = ""
    """Of the trace it was metered in (W3C), a call's its own; empty of before, and where nothing was traced."""

    @property
    def is_call(self) -> bool:
        """Whether it is metered in seconds."""
        known = BUILT_IN.get(self.meter)
        return known is not None and known.feed == Feed.CALLS

    @property
    def quantity(self) -> Fraction:
        """In the meter's unit, exact; minutes of a call."""
        return Fraction(self.billed_seconds, 60) if self.is_call else Fraction(self.amount)

    @property
    def charge(self) -> Fraction:
        """Price of the quantity before included units, not rounded."""
        return self.quantity * Fraction(self.price)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of what makes a repeat the same: the fact, not how it was rated."""
        body = self._body(self.meter, self.used_seconds)
        if self.is_call:
            return _digest(f"{body}|{BY_TALK}")
        return _digest(f"{body}|{self.amount.normalize():f}|{shown_properties(self.properties)}")

    def repeats(self, fingerprint: str, call: EndedCall) -> bool:
        """Whether what is recorded with `fingerprint` is this record of `call`: by whichever meter, as its reservation
        may have been heard of in between, and also as it was recorded before ringing was left out."""
        meters = {self.meter, call.meter, VOICE_PREPAID}
        now = {_digest(f"{self._body(meter, self.used_seconds)}|{BY_TALK}") for meter in meters}
        return fingerprint in now | {_digest(self._body(meter, call.record_seconds)) for meter in meters}

    def _body(self, meter: str, used_seconds: int) -> str:
        time = self.usage_time.isoformat()
        return f"{meter}|{self.source}|{self.source_id}|{time}|{used_seconds}|{self.brand_id}"

    def event(self, meter: Meter) -> Event:
        """As the meter counts it."""
        value = self.properties.get(meter.unique_property, "") if meter.unique_property else ""
        key = f"{self.source}/{self.source_id}"
        return Event(self.usage_time, key, self.amount, value, self.used_seconds, self.billed_seconds)


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def grouped(record: UsageRecord, meter: Meter) -> str:
    """The properties its meter keeps apart, as text that orders and compares."""
    return shown_properties({name: record.properties[name] for name in meter.group_by if name in record.properties})


def shown_properties(properties: Mapping[str, str]) -> str:
    """Properties as one text, the same for the same ones."""
    return json.dumps(dict(sorted(properties.items())), ensure_ascii=False, separators=(",", ":")) if properties else ""


def billed_seconds(used: int, rate: Rate) -> int:
    """`used` seconds rounded up: the first increment once, then whole next increments. Nothing used costs nothing.

    30/6 bills 10 s as 30 and 31 s as 36; increments of 0 mean whole seconds.
    """
    if used <= 0:
        return 0
    first, following = max(rate.first_increment, 1), max(rate.next_increment, 1)
    return first + -(-max(0, used - first) // following) * following


def rating(record: UsageRecord, plan: PlanHeld) -> dict[str, Any]:
    """How a record is rated under a plan, by the fields that say so."""
    _, rate = plan.rate_for(record.meter, record.properties)
    return {
        "billed_seconds": billed_seconds(record.used_seconds, rate) if record.is_call else 0,
        "plan_id": plan.plan_id,
        "plan_version": plan.version,
        "currency": plan.currency,
        "price": rate.price,
    }


def rated(record: UsageRecord, plan: PlanHeld) -> UsageRecord:
    """The record under a plan; rating it again under the same plan changes nothing."""
    return replace(record, **rating(record, plan))


def checked(record: UsageRecord, quantity: str, meter: Meter, now: datetime) -> Decimal:
    """The record's quantity, when it can be. Raises `UsageInvalid` or `AmountInvalid`, naming the field."""
    for name in ("source", "source_id"):
        value = getattr(record, name)
        if not 1 <= len(value) <= 128 or not value.isprintable():
            raise UsageInvalid.of(name, "is required, up to 128 printable characters")
    if record.usage_time > now + FUTURE:
        raise UsageInvalid.of("usage_time", "is in the future")
    if record.usage_time < now - PAST:
        raise UsageInvalid.of("usage_time", f"is more than {PAST.days} days ago")
    if len(record.properties) > MOST_PROPERTIES:
        raise UsageInvalid.of("properties", f"must be at most {MOST_PROPERTIES}")
    for name, value in record.properties.items():
        if not 1 <= len(name) <= LONGEST_NAME or len(value) > LONGEST_VALUE or "\0" in name + value:
            raise UsageInvalid.of("properties", f"has a name over {LONGEST_NAME} or a value over {LONGEST_VALUE}")
    if meter.unique_property and not record.properties.get(meter.unique_property):
        raise UsageInvalid.of("properties", f"must have {meter.unique_property}, which the meter counts")
    return exact(quantity or "1", "quantity", negative=may_fall(meter))
