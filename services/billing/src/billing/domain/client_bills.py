"""What a company bills the clients whose brands it serves: price lists, what a brand's usage comes to by one, bills.

A brand's lines are its shares of the company's own lines, so that whatever the company is billed for is some brand's or
nobody's, once. Nothing here changes what the company itself pays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from kernel.errors import AlreadyExists, FailedPrecondition, InvalidInput, NotFound
from kernel.money import rounded

from billing.domain import brands, money
from billing.domain.charges import CurrenciesMixed
from billing.domain.parties import BillingProfile, LegalEntity, ProfileInvalid, check_profile
from billing.domain.statements import LineKind, Statement, StatementLine, Tax

MOST_RULES, LONGEST_NAME, LONGEST_TAX_NAME = 100, 120, 60
LEAST_MARKUP, MOST_MARKUP = Decimal(-100), Decimal(1000)
_ZERO = Fraction(0)


class PriceListNotFound(NotFound):
    """There is no such price list."""

    reason = "PRICE_LIST_NOT_FOUND"


class PriceListInvalid(InvalidInput):
    """Something in a price list can't be."""

    reason = "PRICE_LIST_INVALID"


class ClientNotSetUp(FailedPrecondition):
    """Before a bill is issued it has to be said who sends it, who gets it, and by which price list."""

    reason = "CLIENT_NOT_SET_UP"


class ClientPeriodNotOver(FailedPrecondition):
    """The period isn't over, or only just: what is written at this moment may belong to it."""

    reason = "CLIENT_PERIOD_NOT_OVER"


class ClientBillExists(AlreadyExists):
    """The client was billed for the period already; void that bill first."""

    reason = "CLIENT_BILL_EXISTS"


class ClientBillNotFound(NotFound):
    """There is no such bill."""

    reason = "CLIENT_BILL_NOT_FOUND"


class ClientBillStateWrong(FailedPrecondition):
    """The bill is void already."""

    reason = "CLIENT_BILL_STATE_WRONG"


class BillState(StrEnum):
    """Where a bill stands."""

    ISSUED = "ISSUED"
    VOID = "VOID"


@dataclass(frozen=True)
class PriceRule:
    """How a meter is priced; an empty meter is every other one. One of the two is set."""

    meter: str
    markup_percent: Decimal | None = None
    unit_price: Decimal | None = None


@dataclass(frozen=True)
class PriceList:
    """One version of a price list; it never changes."""

    price_list_id: str
    version: int
    name: str
    currency: str
    rules: Sequence[PriceRule]
    period_fee: Decimal
    create_time: datetime

    def rule_for(self, meter: str) -> PriceRule:
        """The meter's own rule, or that of every other one."""
        own = {rule.meter: rule for rule in self.rules}
        return own.get(meter) or own[""]


@dataclass(frozen=True)
class ClientAccount:
    """How a client is billed."""

    client_id: str
    """A brand, or a company that is resold: of one the list is said by its `ResalePrice`."""
    price_list_id: str
    buyer: BillingProfile = field(default_factory=BillingProfile)
    tax_name: str = ""
    tax_percent: Decimal = Decimal(0)
    version: int = 0


@dataclass(frozen=True)
class Sender:
    """In whose name a company bills its clients, and the number that comes next."""

    entity: LegalEntity
    next_number: int = 1
    version: int = 0


@dataclass(frozen=True)
class BrandLine:
    """A line of a brand with what it costs the company; `own` is how the client's bill says it."""

    own: StatementLine
    cost: Decimal


@dataclass(frozen=True)
class ClientBill:
    """A bill to a client; `statement` is what it says, canonical bytes that never change."""

    client_bill_id: str
    client_id: str
    """The brand it is for, or the company that is resold."""
    state: BillState
    start_time: datetime
    end_time: datetime
    cutoff_time: datetime
    time_zone: str
    number: str
    sequence: int
    issue_time: datetime
    due_time: datetime
    price_list_id: str
    price_list_version: int
    currency: str
    statement: bytes
    digest: str
    subtotal: Decimal
    total: Decimal
    cost: Decimal
    seller: LegalEntity
    buyer: BillingProfile
    void_time: datetime | None = None
    void_reason: str = ""
    version: int = 1
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the client was called when it was issued, by id."""

    @property
    def is_of_brand(self) -> bool:
        """Whether it is for a brand's client; otherwise for a company that is resold."""
        return not self.client_id.startswith("ten_")


@dataclass(frozen=True)
class BrandStatement:
    """What a brand used in a period, and what its client pays for it if it has a price list."""

    brand_id: str
    lines: Sequence[BrandLine]
    currency: str
    prices: PriceList | None
    bill: ClientBill | None
    name: str = ""


def check_price_list(wanted: PriceList) -> PriceList:
    """The list with its texts tidied. Raises `PriceListInvalid`, `CurrencyUnknown`, naming the field."""
    at, name = "price_list", wanted.name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise PriceListInvalid.of(f"{at}.name", f"is required, up to {LONGEST_NAME} printable characters")
    money.currency(wanted.currency, f"{at}.currency")
    if not 1 <= len(wanted.rules) <= MOST_RULES:
        raise PriceListInvalid.of(f"{at}.rules", f"must be 1 to {MOST_RULES}")
    for place, rule in enumerate(wanted.rules):
        if any(rule.meter == other.meter for other in wanted.rules[:place]):
            raise PriceListInvalid.of(f"{at}.rules[{place}].meter", "is there already")
        if (rule.markup_percent is None) == (rule.unit_price is None):
            raise PriceListInvalid.of(f"{at}.rules[{place}]", "must say markup_percent or unit_price, one of them")
        markup = rule.markup_percent
        if markup is not None and not LEAST_MARKUP <= markup <= MOST_MARKUP:
            raise PriceListInvalid.of(f"{at}.rules[{place}].markup_percent", "must be -100 to 1000")
        if rule.unit_price is not None and not rule.meter:
            raise PriceListInvalid.of(f"{at}.rules[{place}].unit_price", "needs a meter: units differ")
    if all(rule.meter for rule in wanted.rules):
        raise PriceListInvalid.of(f"{at}.rules", "must have one for every other meter")
    return replace(wanted, name=name)


def check_account(wanted: ClientAccount) -> ClientAccount:
    """The account with its texts tidied. Raises `ProfileInvalid`, naming the field."""
    if len(wanted.tax_name) > LONGEST_TAX_NAME or not (wanted.tax_name or " ").isprintable():
        raise ProfileInvalid.of("account.tax_name", f"must be up to {LONGEST_TAX_NAME} printable characters")
    if wanted.tax_percent > 100:
        raise ProfileInvalid.of("account.tax_percent", "must be 0 to 100")
    return replace(wanted, buyer=check_profile(wanted.buyer))


def shares_of(statement: Statement) -> dict[str, list[BrandLine]]:
    """Every line of usage of a company's statement, by brand: unpriced, each share once. A line of before brands were
    told is nobody's."""
    found: dict[str, list[BrandLine]] = {}
    for line in statement.lines:
        if line.kind is not LineKind.USAGE:
            continue
        for share in brands.of_line(line.brands, line.quantity, line.included, line.amount):
            own = replace(
                line, quantity=share.quantity, included=share.included, amount=share.amount, brands=(),
                discount=Decimal(0),
            )  # fmt: skip
            found.setdefault(share.brand_id, []).append(BrandLine(own, share.amount))
    return found


def priced(
    lines: Sequence[BrandLine], prices: PriceList, currency: str, period: tuple[datetime, datetime]
) -> list[BrandLine]:
    """A brand's lines as its client is billed, each rounded once, with the fee of the period. `currency` is that of the
    costs. Raises `CurrenciesMixed` when the list has another one."""
    if prices.currency != currency:
        raise CurrenciesMixed(f"The price list is in {prices.currency}, the company's own plan in {currency}.")
    found = [_priced(line, prices) for line in lines]
    if prices.period_fee:
        fee = StatementLine(
            f"fee:{prices.price_list_id}", LineKind.FEE, rounded(Fraction(prices.period_fee), currency), *period,
            prices.price_list_id, prices.version, quantity=Fraction(1), unit_price=prices.period_fee,
            description_key="invoice.plan_fee", description_parameters={"name": prices.name, "interval": "month"},
            tax_code="subscription",
        )  # fmt: skip
        found.insert(0, BrandLine(fee, Decimal(0)))
    return found


def _priced(line: BrandLine, prices: PriceList) -> BrandLine:
    rule, own = prices.rule_for(line.own.meter), line.own
    if rule.unit_price is not None:
        amount = rounded(own.quantity * Fraction(rule.unit_price), prices.currency)
        return replace(line, own=replace(own, amount=amount, unit_price=rule.unit_price, included=_ZERO))
    factor = 1 + Fraction(rule.markup_percent or 0) / 100
    amount = rounded(Fraction(line.cost) * factor, prices.currency)
    # What a unit comes to isn't one price any more: included units and tiers are the company's own.
    return replace(line, own=replace(own, amount=amount, unit_price=Decimal(0), included=_ZERO))


def bill_statement(
    lines: Iterable[StatementLine], prices: PriceList, account: ClientAccount, period: tuple[datetime, datetime],
    cutoff: datetime,
) -> Statement:  # fmt: skip
    """What a bill says: the lines, one tax on all of them, the total."""
    own = tuple(lines)
    nothing = rounded(_ZERO, prices.currency)
    subtotal = sum((line.amount for line in own), nothing)
    taxes = ()
    if account.tax_name and subtotal:
        amount = rounded(Fraction(subtotal) * Fraction(account.tax_percent) / 100, prices.currency)
        taxes = (Tax("vat", account.tax_name, account.tax_percent, subtotal, amount),)
    total = subtotal + sum((tax.amount for tax in taxes), nothing)
    return Statement(
        prices.currency, *period, cutoff, prices.price_list_id, prices.version, own, (), taxes, subtotal, total
    )


def rules_json(rules: Sequence[PriceRule]) -> list[dict[str, Any]]:
    """As a row keeps them."""
    return [
        {name: None if value is None else str(value) for name, value in asdict(rule).items()} for rule in rules
    ]  # fmt: skip


def rules_from(values: Sequence[Mapping[str, Any]]) -> tuple[PriceRule, ...]:
    """What `rules_json` made."""

    def decimal(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    return tuple(
        PriceRule(each["meter"], decimal(each["markup_percent"]), decimal(each["unit_price"])) for each in values
    )
