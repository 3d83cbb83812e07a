"""Lines: places on a trunk, one for each call leg on it, and what they cost while they are up.

A line is counted from the moment it is taken until it is let go, on whatever node. The spend guard counts a running
line's first minute at once, so what is still to be paid for a call that has just begun is never spent twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from kernel.errors import InvalidInput, NotFound, QuotaExceeded
from kernel.money import Money

from telephony.domain.countries import Tier
from telephony.domain.trunks import Limits, five_units

CALLS_PER_SECOND = 5
MAX_CALLS_PER_SECOND = 200
SECOND = timedelta(seconds=1)
FIRST_MINUTE = timedelta(minutes=1)
_MINUTE = Decimal(60_000_000)


class LineNotFound(NotFound):
    """The line was let go already."""

    reason = "LINE_NOT_FOUND"


class TrunkLimitReached(QuotaExceeded):
    """As many calls are on the trunk as it may carry."""

    reason = "TRUNK_LIMIT_REACHED"


class CallRateLimitReached(QuotaExceeded):
    """As many calls began in this second as may."""

    reason = "CALL_RATE_LIMIT_REACHED"


class SpendLimitReached(QuotaExceeded):
    """What may be spent today is spent, or will be by the calls that are up."""

    reason = "SPEND_LIMIT_REACHED"


@dataclass(frozen=True)
class Line:
    """One leg's place on a trunk. `tenant_id` is the trunk's owner, `caller_tenant_id` whose call it is; calls in
    cost nothing."""

    line_id: str
    tenant_id: str
    caller_tenant_id: str
    trunk_id: str
    gateway_id: str
    call_id: str
    node_id: str
    inbound: bool
    country: str
    tier: Tier
    price: Money
    take_time: datetime
    answer_time: datetime | None = None

    @property
    def risky(self) -> bool:
        return self.tier is not Tier.STANDARD


@dataclass(frozen=True)
class OutboundSettings:
    """What a tenant may spend on calls out in a day (UTC), and how fast it may make them.

    Without limits of its own, and in every currency but that of `spend`, five units hold: a stolen sign-in costs no
    more than that. `risky` is the part that may go above the STANDARD tier, where fraud goes.
    """

    spend: Money | None = None
    risky: Money | None = None
    calls_per_second: int = CALLS_PER_SECOND
    update_time: datetime | None = None
    version: int = 0

    def most(self, currency: str) -> Decimal:
        """The day's limit in this currency."""
        limit = self.spend if self.spend and self.spend.currency == currency else five_units(currency)
        return limit.amount

    def most_risky(self, currency: str) -> Decimal:
        """The day's limit for countries above the STANDARD tier in this currency; never more than for all."""
        limit = self.risky if self.risky and self.risky.currency == currency else five_units(currency)
        return min(limit.amount, self.most(currency))


def check_settings(settings: OutboundSettings) -> OutboundSettings:
    """The settings when they can work; InvalidInput naming the field that can't."""
    for name, limit in (("spend_limit", settings.spend), ("risky_spend_limit", settings.risky)):
        if limit is not None and limit.amount < 0:
            raise InvalidInput.of(f"settings.{name}", "must not be negative")
    if settings.spend and settings.risky and settings.spend.currency != settings.risky.currency:
        raise InvalidInput.of("settings.risky_spend_limit", "must be in the currency of spend_limit")
    if not 1 <= settings.calls_per_second <= MAX_CALLS_PER_SECOND:
        raise InvalidInput.of("settings.max_calls_per_second", f"must be 1 to {MAX_CALLS_PER_SECOND}")
    return settings


def cost(line: Line, now: datetime) -> Money:
    """What the line has cost by now, exact to the microsecond; nothing before it is answered."""
    if line.answer_time is None or line.inbound:
        return Money.zero(line.price.currency)
    return _price_of(line, now - line.answer_time)


def owed(line: Line, now: datetime) -> Money:
    """What the line must be taken to cost: what it has by now, and at least its first minute."""
    if line.inbound:
        return Money.zero(line.price.currency)
    return _price_of(line, max(FIRST_MINUTE, now - (line.answer_time or now)))


def _price_of(line: Line, length: timedelta) -> Money:
    return line.price * (Decimal(max(timedelta(0), length) // timedelta(microseconds=1)) / _MINUTE)


@dataclass(frozen=True)
class Spent:
    """What was spent today by calls that are over, in one currency."""

    all: Decimal = Decimal(0)
    risky: Decimal = Decimal(0)


@dataclass(frozen=True)
class Load:
    """What is on something now, a trunk or a tenant: its live lines, how many began within the last second (ended ones
    too), and the day's spending by currency."""

    lines: Sequence[Line] = ()
    started: int = 0
    spent: Mapping[str, Spent] | None = None
    others: int = 0
    """Live lines besides `lines`, which cost nothing: calls in."""

    @property
    def live(self) -> int:
        """How many calls are up on it."""
        return len(self.lines) + self.others

    def plus(self, line: Line) -> Load:
        """The load with a line that was taken now."""
        return replace(self, lines=(*self.lines, line), started=self.started + 1)

    def total(self, currency: str, now: datetime, *, risky: bool = False, sure: bool = False) -> Decimal:
        """Spent and owed in this currency; `risky` counts only what goes above the STANDARD tier, `sure` only what has
        been spoken so far."""
        before = (self.spent or {}).get(currency, Spent())
        count = cost if sure else owed
        running = (
            count(line, now).amount
            for line in self.lines
            if line.price.currency == currency and (line.risky or not risky)
        )
        return (before.risky if risky else before.all) + sum(running, Decimal(0))


def check_trunk_room(line: Line, limits: Limits, load: Load) -> None:
    """Whether the trunk takes one more. TrunkLimitReached, CallRateLimitReached, SpendLimitReached."""
    if load.live >= limits.calls:
        raise TrunkLimitReached("the trunk carries as many calls as it may", metadata={"limit": str(limits.calls)})
    _check_rate(load.started, limits.calls_per_second)
    if limits.spend is not None and not line.inbound:
        _check_spend(line, load.total(line.price.currency, line.take_time), limits.spend)


def check_tenant_room(line: Line, settings: OutboundSettings, load: Load) -> None:
    """Whether the tenant may make one more call. CallRateLimitReached, SpendLimitReached."""
    currency, now = line.price.currency, line.take_time
    _check_rate(load.started, settings.calls_per_second)
    _check_spend(line, load.total(currency, now), settings.most(currency))
    if line.risky:
        _check_spend(line, load.total(currency, now, risky=True), settings.most_risky(currency))


Caller = tuple[OutboundSettings, Load]
"""What a tenant may, and has on its trunks and the platform's."""


def admit(
    wished: Sequence[Line], limits: Limits, on_trunk: Load, callers: Mapping[str, Caller]
) -> Sequence[Line | QuotaExceeded]:
    """Who gets a line of one trunk, of those who come at once, in their order: each who does counts for the next. Calls
    out are held to their tenant's limits, in `callers`, too.

    Nobody gets a line who would not have got it alone after those before.
    """
    callers, outcomes = dict(callers), list[Line | QuotaExceeded]()
    for line in wished:
        try:
            if not line.inbound:
                check_tenant_room(line, *callers[line.caller_tenant_id])
            check_trunk_room(line, limits, on_trunk)
        except QuotaExceeded as refusal:
            outcomes.append(refusal)
            continue
        on_trunk = on_trunk.plus(line)
        if not line.inbound:
            settings, load = callers[line.caller_tenant_id]
            callers[line.caller_tenant_id] = settings, load.plus(line)
        outcomes.append(line)
    return outcomes


def overspent(
    line: Line, limits: Limits, on_trunk: Load, settings: OutboundSettings, of_tenant: Load, now: datetime
) -> bool:
    """Whether a running line must be cut: what has been spoken reached a limit."""
    currency = line.price.currency
    if line.inbound or line.answer_time is None or not line.price.amount:
        return False
    if limits.spend is not None and on_trunk.total(currency, now, sure=True) >= limits.spend:
        return True
    if of_tenant.total(currency, now, sure=True) >= settings.most(currency):
        return True
    return line.risky and of_tenant.total(currency, now, risky=True, sure=True) >= settings.most_risky(currency)


def _check_rate(started: int, most: int) -> None:
    if started >= most:
        raise CallRateLimitReached(
            "as many calls began in this second as may", metadata={"limit": str(most)}, retry_after=SECOND
        )


def _check_spend(line: Line, spent: Decimal, most: Decimal) -> None:
    if spent + owed(line, line.take_time).amount > most:
        raise SpendLimitReached(
            "what may be spent on calls today is spent",
            metadata={"limit": f"{most:f}", "currency": line.price.currency},
        )
