"""Taxes of a statement: which rates of a region count for a company, on what, and whether prices have them in them.

Several at once are each a share of the same net amount; none is a tax on another. Each is rounded once, on the sum of
what falls under it. Who is exempt or accounts for the tax themselves pays the prices as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from kernel.money import rounded

from billing.domain.statements import ADVANCE_START, FORMAT, LATE_END, StatementLine, Tax

REVERSE_CHARGE, EXEMPT = "reverse_charge", "exempt"
_ZERO = Decimal(0)
_MOMENT = timedelta(microseconds=1)


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
    lines: Sequence[StatementLine], rates: Sequence[TaxRate], data: TaxData, time: datetime, currency: str,
    format_: int = FORMAT,
) -> list[Tax]:  # fmt: skip
    """The taxes on the lines less their discounts, ordered by their codes: by the rates in force just before `time`,
    the end of the statement's period; of what came late just before the end of its own, of what is charged in advance
    when the period begins that it is for."""
    net = sum((line.amount - line.discount for line in lines), _ZERO)
    if data.treatment != Treatment.STANDARD:
        code = REVERSE_CHARGE if data.treatment == Treatment.REVERSE_CHARGE else EXEMPT
        return [Tax(code, code, _ZERO, net, rounded(Fraction(0), currency))] if net else []
    # Lines under the same taxes are one sum: what is in a price depends on all taxes that are in it.
    sums: dict[tuple[TaxRate, ...], Decimal] = {}
    ids: dict[TaxRate, list[str]] = {}
    for line in lines:
        at = _taxed_at(line, time) if format_ > 2 else time
        here = (each for each in rates if _counts(each, data.region, at))
        under = tuple(each for each in here if not each.line_codes or line.tax_code in each.line_codes)
        sums[under] = sums.get(under, _ZERO) + line.amount - line.discount
        for each in under:
            ids.setdefault(each, []).append(line.line_id)
    exact = {under: Fraction(gross) * 100 / (100 + _inside(under)) for under, gross in sums.items()}
    bases: dict[TaxRate, Fraction] = {}
    for under, base in exact.items():
        for each in under:
            bases[each] = bases.get(each, Fraction(0)) + base
    amounts = {each: rounded(base * Fraction(each.percent) / 100, currency) for each, base in bases.items()}
    said = {each: rounded(base, currency) for each, base in bases.items()}
    if format_ > 2:
        said = _net_of_taxes(sums, exact, amounts, currency)
    found: list[Tax] = []
    for each in sorted(bases, key=_by_time if format_ > 2 else _by_id):
        if not bases[each]:
            continue
        whole = format_ < 3 or len(ids[each]) == len(lines)
        found.append(
            Tax(
                each.tax_code, each.name, each.percent, said[each], amounts[each], each.included,
                line_ids=() if whole else tuple(ids[each]),
            )
        )  # fmt: skip
    return found


def added(taxes: Sequence[Tax]) -> Decimal:
    """What taxes add to a total: those that aren't in the prices."""
    return sum((each.amount for each in taxes if not each.included), _ZERO)


def _counts(rate: TaxRate, region: str, time: datetime) -> bool:
    there = bool(region) and (rate.region == region or rate.region == region.split("-")[0])
    return there and rate.start_time <= time and (rate.end_time is None or time < rate.end_time)


def _taxed_at(line: StatementLine, end: datetime) -> datetime:
    if advance := line.description_parameters.get(ADVANCE_START, ""):
        return datetime.fromisoformat(advance)
    late_end = line.description_parameters.get(LATE_END, "")
    return (datetime.fromisoformat(late_end) if late_end else end) - _MOMENT


def _inside(under: Sequence[TaxRate]) -> Fraction:
    return sum((Fraction(each.percent) for each in under if each.included), Fraction(0))


def _net_of_taxes(
    sums: Mapping[tuple[TaxRate, ...], Decimal], exact: Mapping[tuple[TaxRate, ...], Fraction],
    amounts: Mapping[TaxRate, Decimal], currency: str,
) -> dict[TaxRate, Decimal]:  # fmt: skip
    """What each tax falls on, so that net and the taxes in the prices are the prices to the last unit."""
    nets = {under: rounded(net, currency) for under, net in exact.items()}
    priced = [under for under in sums if _inside(under)]
    if priced:
        inside = sum((amount for each, amount in amounts.items() if each.included), _ZERO)
        left = sum((sums[under] - nets[under] for under in priced), _ZERO) - inside
        largest = max(priced, key=lambda under: abs(sums[under]))
        nets[largest] += left
    return {each: sum((net for under, net in nets.items() if each in under), _ZERO) for each in amounts}


def _by_id(rate: TaxRate) -> tuple[str, str]:
    return rate.tax_code, rate.tax_rate_id


def _by_time(rate: TaxRate) -> tuple[str, datetime, str]:
    return rate.tax_code, rate.start_time, rate.tax_rate_id
