"""The plan versions a tenant held, with their prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from kernel.proration import MONTH

SEAT, NUMBER, STORAGE = "seat_month", "number_month", "recording_storage_gb_month"
SEAT_PEAK, SEAT_ACTIVE, SEAT_HOUR = "seat_concurrent", "seat_active", "seat_hour"
VOICE, VOICE_OUT = "voice_inbound_minute", "voice_outbound_minute"
VOICE_PREPAID = "voice_prepaid_minute"
"""Minutes of calls that a wallet has paid for: counted, and priced by no plan, so that nobody pays twice."""

PRICE_CLASS = "price_class"
"""Property that says what a number costs by, and calls to it: local, toll-free and so on, as the number says."""

_EARLIEST = datetime.min.replace(tzinfo=UTC)


class Model(StrEnum):
    """How a price is applied to the quantity of a period."""

    STANDARD = "standard"
    GRADUATED = "graduated"
    VOLUME = "volume"
    PACKAGE = "package"
    PERCENTAGE = "percentage"
    GRADUATED_PERCENTAGE = "graduated_percentage"
    DECK = "deck"


class Timing(StrEnum):
    """When a period is charged."""

    ARREARS = "arrears"
    ADVANCE = "advance"


CHARGED_AHEAD = (Model.STANDARD, Model.DECK)
"""Models whose price of a call depends on the call alone, so that a wallet can be charged for it while it is up."""


@dataclass(frozen=True)
class Tier:
    """Units up to and with `up_to`, which is None for the last tier."""

    up_to: Decimal | None
    unit_price: Decimal = Decimal(0)
    flat_fee: Decimal = Decimal(0)
    percent: Decimal = Decimal(0)
    package_size: Decimal = Decimal(0)
    """Units one `unit_price` is for, every package begun counting; 0 prices each unit."""


@dataclass(frozen=True)
class Rate:
    """How a meter is priced within a plan; amounts are in major units of the plan's currency."""

    price: Decimal
    included: Decimal = Decimal(0)
    first_increment: int = 0
    next_increment: int = 0
    model: Model = Model.STANDARD
    tiers: Sequence[Tier] = ()
    package_size: Decimal = Decimal(1)
    percent: Decimal = Decimal(0)
    record_fee: Decimal = Decimal(0)
    free_records: int = 0
    record_minimum: Decimal | None = None
    record_maximum: Decimal | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    timing: Timing = Timing.ARREARS
    rate_id: str = ""
    meter: str = ""
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    rate_deck_id: str = ""
    included_per: str = ""
    """Meter whose quantity the included units are multiplied by, such as seats; empty: they are included once."""
    flat_at_zero: bool = False
    """Whether the first tier's flat fee is charged also when nothing was used."""

    @property
    def by_record(self) -> bool:
        """Whether it needs the single records, in order of time, not only their sums."""
        bounded = self.record_minimum is not None or self.record_maximum is not None
        shares = self.model in (Model.PERCENTAGE, Model.GRADUATED_PERCENTAGE)
        return self.model == Model.DECK or (shares and (bounded or self.free_records > 0))


@dataclass(frozen=True)
class PlanHeld:
    """A plan version in force for a tenant from `effective_time` until the next one's."""

    plan_id: str
    version: int
    currency: str
    rates: Mapping[str, Rate]
    """By rate id, which is the meter where a plan has one rate of it."""
    effective_time: datetime
    time_zone: str
    fact_time: datetime = _EARLIEST
    """When it was told of."""
    fee: Decimal = Decimal(0)
    interval: str = MONTH
    minimum: Decimal | None = None
    record_time: datetime = _EARLIEST
    """When it was heard of."""
    subscription_version: int = 0
    """Of the subscription that holds it: of two for the same moment the later choice counts, in whatever order they are
    heard of and whatever the clock said when they were told. 0 of before it was told: then `fact_time` decides."""

    @property
    def choice(self) -> tuple[int, datetime, str, int]:
        """What orders choices for the same moment."""
        return self.subscription_version, self.fact_time, self.plan_id, self.version

    def rates_of(self, meter: str) -> list[tuple[str, Rate]]:
        """The meter's rates by their ids, those with most properties first: the order in which they are tried."""
        found = [(key, rate) for key, rate in self.rates.items() if (rate.meter or key) == meter]
        return sorted(found, key=lambda each: (-len(each[1].properties), each[0]))

    def rate_for(self, meter: str, properties: Mapping[str, str]) -> tuple[str, Rate]:
        """The rate of usage with these properties: of those that fit the one with most; a free one when none does."""
        for key, rate in self.rates_of(meter):
            if all(properties.get(name) == value for name, value in rate.properties.items()):
                return key, rate
        return meter, Rate(Decimal(0))


def in_force(plans: Sequence[PlanHeld]) -> list[PlanHeld]:
    """The plans that count, oldest first, one for each moment."""
    chosen: dict[datetime, PlanHeld] = {}
    for plan in plans:
        known = chosen.get(plan.effective_time)
        if known is None or known.choice < plan.choice:
            chosen[plan.effective_time] = plan
    return [chosen[moment] for moment in sorted(chosen)]


def currency_changes(plans: Sequence[PlanHeld]) -> list[datetime]:
    """When a plan of another currency took the place of one: a period ends there, since no invoice has two."""
    ordered = in_force(plans)
    return [
        plan.effective_time for before, plan in pairwise(ordered) if before.currency != plan.currency
    ]  # fmt: skip


def plan_at(plans: Sequence[PlanHeld], time: datetime) -> PlanHeld | None:
    """The plan in force at `time`; the first one for what came before it, None when there is none at all."""
    ordered = in_force(plans)
    held = [plan for plan in ordered if plan.effective_time <= time]
    return held[-1] if held else next(iter(ordered), None)


def segments(plans: Sequence[PlanHeld], start: datetime, end: datetime) -> list[tuple[PlanHeld, datetime, datetime]]:
    """The stretches of [start, end) under each plan, without gap or overlap."""
    ordered = in_force(plans)
    found: list[tuple[PlanHeld, datetime, datetime]] = []
    for index, plan in enumerate(ordered):
        since = start if index == 0 else max(start, plan.effective_time)
        until = min(end, ordered[index + 1].effective_time) if index + 1 < len(ordered) else end
        if since < until:
            found.append((plan, since, until))
    return found
