"""Companies that are resold: platform to reseller by a wholesale list, reseller to company by one of its own. What one
level pays is what the next one's markup is on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from kernel.errors import FailedPrecondition, InvalidInput, NotFound

from billing.domain.client_bills import BrandLine, ClientBill, PriceList, priced
from billing.domain.statements import LineKind, Statement

RESOLD = (LineKind.USAGE, LineKind.FEE, LineKind.COMMITMENT)
"""Lines that are resold: of these a period consists, whoever pays it."""


class ResaleInvalid(InvalidInput):
    """A resale that can't be: by oneself, by a company that is resold itself, from a moment that is over."""

    reason = "RESALE_INVALID"


class ResoldTenantNotFound(NotFound):
    """There is no such company, or it is another reseller's."""

    reason = "RESOLD_TENANT_NOT_FOUND"


class NotResold(FailedPrecondition):
    """The company is billed by the platform itself."""

    reason = "NOT_RESOLD"


@dataclass(frozen=True)
class Resale:
    """Who resells a company for periods that begin from `start_time` on; an empty reseller is nobody."""

    tenant_id: str
    reseller_id: str
    wholesale_list_id: str
    start_time: datetime
    version: int = 0


@dataclass(frozen=True)
class ResalePrice:
    """By which of its lists a reseller bills a company."""

    customer_id: str
    price_list_id: str
    version: int = 0


@dataclass(frozen=True)
class Resold:
    """A company's period at one level: `lines` with what they cost who bills, `priced` once it is said how."""

    tenant_id: str
    period: tuple[datetime, datetime]
    currency: str
    lines: Sequence[BrandLine]
    priced: bool
    price_version: int = 0
    name: str = ""
    """What the company is called; empty while it wasn't heard of."""
    bill: ClientBill | None = None
    """What the reseller issued of the period."""


def of_statement(statement: Statement) -> list[BrandLine]:
    """A company's own lines, as its plan prices them: what the wholesale list is applied to."""
    return [
        BrandLine(replace(line, brands=(), discount=Decimal(0)), line.amount)
        for line in statement.lines
        if line.kind in RESOLD
    ]


def one_level_down(lines: Sequence[BrandLine]) -> list[BrandLine]:
    """What was the price of the level above is the cost of this one."""
    return [replace(line, cost=line.own.amount) for line in lines]


def at(level: Resold, prices: PriceList) -> Resold:
    """The same by a list. Raises `CurrenciesMixed`."""
    return replace(level, lines=priced(level.lines, prices, level.currency, level.period), priced=True)


def retail(owed: Resold, prices: PriceList | None, version: int) -> Resold:
    """What the company owes its reseller, whose costs are what it owes itself; unpriced while the reseller has no list
    for it in its currency. `version` is that of the choice of the list."""
    below = replace(owed, lines=one_level_down(owed.lines), priced=False)
    if prices is None or prices.currency != below.currency:
        return below
    return replace(at(below, prices), price_version=version)


def check(wanted: Resale, sold_on: bool, is_resold: bool, now: datetime) -> None:
    """Raises `ResaleInvalid`, naming the field. `sold_on`: the company resells others; `is_resold`: the reseller is
    resold."""
    if wanted.reseller_id == wanted.tenant_id:
        raise ResaleInvalid.of("resale.reseller_id", "must be another company")
    if wanted.reseller_id and (sold_on or is_resold):
        raise ResaleInvalid.of("resale.reseller_id", "must not make a chain: a reseller isn't resold itself")
    if wanted.start_time < now:
        raise ResaleInvalid.of("resale.start_time", "must not be over")


def check_currency(prices: PriceList, currency: str) -> None:
    """Raises `ResaleInvalid` when a wholesale list isn't in the currency of a company's plan; an empty one is that of
    who holds none yet."""
    if currency and prices.currency != currency:
        raise ResaleInvalid.of("resale.wholesale_price_list_id", f"must be in {currency}, as the company's plan")


def in_force(resales: Sequence[Resale], time: datetime) -> Resale | None:
    """Who resells a company in a period that begins at `time`; None when nobody does."""
    begun = [each for each in resales if each.start_time <= time]
    last = max(begun, key=lambda each: each.start_time, default=None)
    return last if last is not None and last.reseller_id else None
