"""Usage that was heard of after its period was finalized: what it costs becomes dated lines of the next invoice.

The earlier period is computed anew with what is known now, and what was billed for it is taken off, line by line: so
tiers, included units and minimums come out as if it had been heard of in time, and what is billed twice can't be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from billing.domain.invoices import rounded
from billing.domain.statements import LineKind, Statement, StatementLine, Tax

_PREFIX = "late/"


@dataclass(frozen=True)
class Earlier:
    """A finalized period: what its statement was and what it would be now."""

    number: str
    frozen: Statement
    now: Statement


@dataclass
class _Billed:
    net: Decimal = Decimal(0)
    quantity: Fraction = Fraction(0)
    included: Fraction = Fraction(0)
    line: StatementLine | None = None


def late_lines(earlier: Earlier, later_lines: Iterable[StatementLine]) -> list[StatementLine]:
    """What of the earlier period isn't billed yet, as lines dated by it.

    `later_lines` are the lines of the invoices after it, whose late lines of this period count as billed.
    """
    billed: dict[str, _Billed] = {}
    for line in earlier.frozen.lines:
        if line.kind is not LineKind.LATE:
            _count(billed, line.line_id, line)
    mark = _mark(earlier.frozen.start_time)
    for line in later_lines:
        if line.kind is LineKind.LATE and line.line_id.startswith(mark):
            _count(billed, line.line_id.removeprefix(mark), line)
    known = {line.line_id: line for line in earlier.now.lines if line.kind is not LineKind.LATE}
    found: list[StatementLine] = []
    for line_id in [*known, *(each for each in billed if each not in known)]:
        before, line = billed.get(line_id, _Billed()), known.get(line_id)
        net = line.amount - line.discount if line else Decimal(0)
        shape = line or before.line
        assert shape is not None
        quantity = (line.quantity if line else Fraction(0)) - before.quantity
        included = (line.included if line else Fraction(0)) - before.included
        if net == before.net and quantity == 0:
            continue
        found.append(
            replace(
                shape, line_id=mark + line_id, kind=LineKind.LATE, amount=net - before.net, quantity=quantity,
                included=included, discount=Decimal(0),
                description_parameters={**shape.description_parameters, "invoice": earlier.number},
            )
        )  # fmt: skip
    return found


def with_late_lines(statement: Statement, earlier: Sequence[Earlier], lines: Sequence[StatementLine]) -> Statement:
    """The statement with these lines at its end, taxed by the rates their own periods had."""
    if not lines:
        return statement
    known = {_key(tax): replace(tax, base=Decimal(0), amount=Decimal(0)) for each in earlier for tax in each.now.taxes}
    known |= {_key(tax): tax for tax in statement.taxes}
    taxes = [more for tax in known.values() if (more := _more(tax, list(known.values()), lines, statement.currency))]
    subtotal = statement.subtotal + sum((line.amount for line in lines), Decimal(0))
    discounts = sum((each.amount for each in statement.discounts), Decimal(0))
    added = sum((tax.amount for tax in taxes if not tax.included), Decimal(0))
    return replace(
        statement, lines=(*statement.lines, *lines), taxes=tuple(taxes), subtotal=subtotal,
        total=subtotal - discounts + added,
    )  # fmt: skip


def _key(tax: Tax) -> tuple[str, Decimal, bool]:
    return tax.tax_code, tax.percent, tax.included


def _more(tax: Tax, all_taxes: Sequence[Tax], lines: Sequence[StatementLine], currency: str) -> Tax | None:
    base = Fraction(0)
    for line in lines:
        if tax.falls_on(line):
            inside = sum(
                (Fraction(each.percent) for each in all_taxes if each.included and each.falls_on(line)), Fraction(0)
            )
            base += Fraction(line.amount) * 100 / (100 + inside)
    more = replace(
        tax, base=tax.base + rounded(base, currency),
        amount=tax.amount + rounded(base * Fraction(tax.percent) / 100, currency),
    )  # fmt: skip
    return more if more.base or more.amount else None


def _count(billed: dict[str, _Billed], line_id: str, line: StatementLine) -> None:
    known = billed.setdefault(line_id, _Billed(line=line))
    known.net += line.amount - line.discount
    known.quantity += line.quantity
    known.included += line.included


def _mark(start: datetime) -> str:
    return f"{_PREFIX}{start.astimezone(UTC):%Y%m%dT%H%M%S}/"
