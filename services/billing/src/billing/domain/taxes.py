"""Taxes of a statement: which rates of a region count for a company, on what, and whether prices have them in them.

Several at once are each a share of the same net amount; none is a tax on another. Each is rounded once, on the sum of
what falls under it. Who is exempt or accounts for the tax themselves pays the prices as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from kernel.money import rounded

from billing.domain.statements import StatementLine, Tax

REVERSE_CHARGE, EXEMPT = "reverse_charge", "exempt"
_ZERO = Decimal(0)


class Treatment(StrEnum):
    """How a company is taxed."""

    STANDARD = "standard"
    EXEMPT = "exempt"
    REVERSE_CHARGE = "reverse_charge"
    """The company accounts for the tax itself, as businesses abroad do; the invoice says so."""


@dataclass(frozen=True)
class TaxRate:
    """One tax of a region: a country (ISO 3166-1) or a part of it (ISO 3166-2), in percent, in force from a moment."""

    tax_rate_id: str
    tax_code: str
    name: str
    region: str
    percent: Decimal
    included: bool
    start_time: datetime
    end_time: datetime | None = None
    line_codes: tuple[str, ...] = ()
    """Tax codes of the lines it is for; empty: all."""


@dataclass(frozen=True)
class TaxData:
    """Where a company is for its taxes, and how it is treated."""

    region: str = ""
    treatment: Treatment = Treatment.STANDARD
    tax_id: str = ""


def taxed(
    lines: Sequence[StatementLine], rates: Sequence[TaxRate], data: TaxData, time: datetime, currency: str
) -> list[Tax]:
    """The taxes on the lines less their discounts, by the rates in force at `time`, ordered by their codes."""
    net = sum((line.amount - line.discount for line in lines), _ZERO)
    if data.treatment != Treatment.STANDARD:
        code = REVERSE_CHARGE if data.treatment == Treatment.REVERSE_CHARGE else EXEMPT
        return [Tax(code, code, _ZERO, net, rounded(Fraction(0), currency))] if net else []
    here = [each for each in rates if _counts(each, data.region, time)]
    # Lines under the same taxes are one sum: what is in a price depends on all taxes that are in it.
    sums: dict[tuple[TaxRate, ...], Decimal] = {}
    for line in lines:
        under = tuple(each for each in here if not each.line_codes or line.tax_code in each.line_codes)
        sums[under] = sums.get(under, _ZERO) + line.amount - line.discount
    bases: dict[TaxRate, Fraction] = {}
    for under, gross in sums.items():
        inside = sum((Fraction(each.percent) for each in under if each.included), Fraction(0))
        for each in under:
            bases[each] = bases.get(each, Fraction(0)) + Fraction(gross) * 100 / (100 + inside)
    return [
        Tax(
            each.tax_code, each.name, each.percent, rounded(base, currency),
            rounded(base * Fraction(each.percent) / 100, currency), each.included,
        )
        for each, base in sorted(bases.items(), key=lambda item: (item[0].tax_code, item[0].tax_rate_id))
        if base
    ]  # fmt: skip


def added(taxes: Sequence[Tax]) -> Decimal:
    """What taxes add to a total: those that aren't in the prices."""
    return sum((each.amount for each in taxes if not each.included), _ZERO)


def _counts(rate: TaxRate, region: str, time: datetime) -> bool:
    there = bool(region) and (rate.region == region or rate.region == region.split("-")[0])
    return there and rate.start_time <= time and (rate.end_time is None or time < rate.end_time)
