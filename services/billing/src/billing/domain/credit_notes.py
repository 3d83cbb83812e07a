"""What is taken back of an invoice: whole or by line, never more than is left of a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from kernel.errors import FailedPrecondition, InvalidInput, NotFound
from kernel.money import minor_digits, rounded

from billing.domain.invoicing import InvoiceLineNotFound
from billing.domain.statements import ADVANCE_START, LineKind, Statement, StatementLine, Tax

CREDITED_BEFORE = "invoice.credited_before"
"""Key of a line that takes off what is given back what a credit note gave back already."""


class CreditNoteNotFound(NotFound):
    """There is no such credit note, or it is another company's."""

    reason = "CREDIT_NOTE_NOT_FOUND"


class CreditExceedsLine(FailedPrecondition):
    """More was to be credited than is left of a line."""

    reason = "CREDIT_EXCEEDS_LINE"


class CreditExceedsInvoice(FailedPrecondition):
    """More was to be credited than is left of the invoice, which has lines that give something back."""

    reason = "CREDIT_EXCEEDS_INVOICE"


class CreditTooLow(FailedPrecondition):
    """More was to be paid back than the company's credit is."""

    reason = "CREDIT_TOO_LOW"


class AmountInvalid(InvalidInput):
    """An amount is negative, nothing, of another currency, or has more digits than its currency."""

    reason = "AMOUNT_INVALID"


@dataclass(frozen=True)
class CreditedLine:
    """How much of a line is taken back, before tax."""

    line_id: str
    amount: Decimal


@dataclass(frozen=True)
class CreditNote:
    """What was taken back. `total` = `applied` (it lowered what was owed) + `to_balance` (it was paid already)."""

    credit_note_id: str
    tenant_id: str
    invoice_id: str
    number: str
    reason: str
    currency: str
    lines: Sequence[CreditedLine]
    taxes: Sequence[Tax]
    total: Decimal
    applied: Decimal
    to_balance: Decimal
    issue_time: datetime


def money_amount(amount: str, currency: str, expected: str, field: str) -> Decimal:
    """A positive amount of the expected currency. Raises `AmountInvalid` naming the field."""
    if currency != expected:
        raise AmountInvalid.of(f"{field}.currency", f"must be {expected}")
    try:
        value = Decimal(amount)
    except ArithmeticError:
        raise AmountInvalid.of(f"{field}.amount", "is not a decimal number") from None
    if not value.is_finite() or not 0 < value < Decimal(10) ** 12:
        raise AmountInvalid.of(f"{field}.amount", "must be above 0 and below 10^12")
    digits = minor_digits(expected)
    if value != value.quantize(Decimal(1).scaleb(-digits)):
        raise AmountInvalid.of(f"{field}.amount", f"must have at most {digits} digits after the point")
    return value.quantize(Decimal(1).scaleb(-digits))


def left(statement: Statement, before: Sequence[CreditNote], later: Iterable[Statement] = ()) -> dict[str, Decimal]:
    """What is left to credit of each line, before tax; a line of what was given back is negative. What invoices `later`
    gave back of what it charges ahead isn't left: somebody ended, or holds less."""
    credited = _sums(before)
    rest = {
        line.line_id: line.amount - line.discount - credited.get(line.line_id, Decimal(0)) for line in statement.lines
    }
    ahead = [_Given(line, rest[line.line_id]) for line in statement.lines if _is_ahead(line) and rest[line.line_id] > 0]
    for each in later:
        off = {line.line_id: line.amount for line in each.lines if line.description_key == CREDITED_BEFORE}
        for line in each.lines:
            back = line.discount - line.amount - off.get(_credited_id(line), Decimal(0))
            if back > 0:
                _take(ahead, line, back)
    return rest | {each.line.line_id: each.left for each in ahead}


def wanted_lines(
    statement: Statement, before: Sequence[CreditNote], asked: Sequence[CreditedLine], later: Iterable[Statement] = ()
) -> list[CreditedLine]:
    """The lines to credit: those asked for, or all that is `left` when none are. Raises `CreditExceedsLine`,
    `InvoiceLineNotFound`, `AmountInvalid`."""
    rest = left(statement, before, later)
    if not asked:
        found = [CreditedLine(line_id, amount) for line_id, amount in rest.items() if amount]
        if not found or (before and _gone(statement, before) >= statement.total > 0):
            raise CreditExceedsLine(
                "Nothing is left of the invoice: it is credited already, or a later one gave it back."
            )
        return found
    if len({each.line_id for each in asked}) != len(asked):
        raise AmountInvalid.of("lines", "name a line twice")
    for each in asked:
        if each.line_id not in rest:
            raise InvoiceLineNotFound("The invoice has no such line.", metadata={"line_id": each.line_id})
        if each.amount > rest[each.line_id]:
            raise CreditExceedsLine(
                f"Only {max(rest[each.line_id], Decimal(0))} is left of this line.",
                metadata={"line_id": each.line_id, "left": str(max(rest[each.line_id], Decimal(0)))},
            )
    return list(asked)


def taxes_of(statement: Statement, before: Sequence[CreditNote], lines: Sequence[CreditedLine]) -> list[Tax]:
    """The taxes given back with these lines.

    Reckoned from what is credited altogether, less what was given back before: many small credit notes give back what
    one large one does, and all of the invoice all of its taxes.
    """
    lines_by_id = {line.line_id: line for line in statement.lines}
    credited = dict(_sums(before))
    for each in lines:
        credited[each.line_id] = credited.get(each.line_id, Decimal(0)) + each.amount
    found: list[Tax] = []
    for tax in statement.taxes:
        given = [each for note in before for each in note.taxes if _key(each) == _key(tax)]
        whole = sum((line.amount - line.discount for line in statement.lines if tax.falls_on(line)), Decimal(0))
        part = sum((amount for line_id, amount in credited.items() if tax.falls_on(lines_by_id[line_id])), Decimal(0))
        if not whole:
            continue
        share = Fraction(part) / Fraction(whole)
        base = rounded(Fraction(tax.base) * share, statement.currency) - sum((each.base for each in given), Decimal(0))
        back = rounded(Fraction(tax.amount) * share, statement.currency)
        back -= sum((each.amount for each in given), Decimal(0))
        if back or base:
            found.append(replace(tax, base=base, amount=back))
    return found


def check_within(
    statement: Statement, before: Sequence[CreditNote], lines: Sequence[CreditedLine], taxes: Sequence[Tax]
) -> None:
    """Raises `CreditExceedsInvoice` when all that is credited comes to more than the invoice, or its taxes to more than
    the invoice's: lines that gave something back have to be taken back with those they were set off against."""
    left = max(statement.total - _gone(statement, before), Decimal(0))
    rest = {_key(tax): tax.amount for tax in statement.taxes}
    for tax in (*(each for note in before for each in note.taxes), *taxes):
        rest[_key(tax)] -= tax.amount
    owes = {_key(tax): tax.amount for tax in statement.taxes}
    too_much = any(rest[key] < 0 <= owes[key] for key in rest)
    if total_of(lines, taxes) > left or too_much:
        raise CreditExceedsInvoice(
            f"Only {left} is left of this invoice: name the lines too that gave something back.",
            metadata={"left": str(left)},
        )


def total_of(lines: Sequence[CreditedLine], taxes: Sequence[Tax]) -> Decimal:
    """Sum of the lines and of the taxes that weren't in them."""
    amounts = sum((line.amount for line in lines), Decimal(0))
    return amounts + sum((tax.amount for tax in taxes if not tax.included), Decimal(0))


@dataclass
class _Given:
    line: StatementLine
    left: Decimal


def given_before(
    lines: Sequence[StatementLine], issued: Iterable[tuple[Statement, Sequence[CreditNote]]]
) -> list[StatementLine]:
    """A line for each of `lines` that gives back what was paid ahead, as far as credit notes of the invoices `issued`
    gave it back already: what somebody was credited isn't given back again when they end or hold less. What an earlier
    invoice has taken off for the same credit note isn't taken off once more."""
    given: list[_Given] = []
    taken: list[StatementLine] = []
    for statement, notes in issued:
        sums = _sums(notes)
        taken += [line for line in statement.lines if line.description_key == CREDITED_BEFORE]
        given += [
            _Given(line, sums[line.line_id]) for line in statement.lines
            if sums.get(line.line_id, Decimal(0)) > 0 and _is_ahead(line)
        ]  # fmt: skip
    for line in taken:
        _take(given, line, line.amount)
    found: list[StatementLine] = []
    for line in lines:
        back = line.discount - line.amount
        if back > 0 and (part := _take(given, line, back)):
            made = replace(
                line, line_id=_credited_id(line), kind=LineKind.ADJUSTMENT, amount=part,
                discount=line.discount * 0,
                quantity=Fraction(0), included=Fraction(0), unit_price=Decimal(0), brands=(),
                description_key=CREDITED_BEFORE,
            )  # fmt: skip
            found.append(made)
    return found


def _take(given: Sequence[_Given], line: StatementLine, wanted: Decimal) -> Decimal:
    taken = wanted * 0
    for each in given:
        of = each.line
        if _what(of) == _what(line) and of.start_time < line.end_time and line.start_time < of.end_time:
            part = min(wanted - taken, each.left)
            each.left -= part
            taken += part
    return taken


def _credited_id(line: StatementLine) -> str:
    """Of the line that takes off what this one gives back and a credit note gave back before."""
    return f"credited:{line.line_id}"


def _is_ahead(line: StatementLine) -> bool:
    return line.kind is LineKind.FEE or ADVANCE_START in line.description_parameters


def _what(line: StatementLine) -> tuple[str, int, str, str]:
    return line.plan_id, line.plan_version, line.meter, line.rate_id


def _gone(statement: Statement, before: Sequence[CreditNote]) -> Decimal:
    return sum((note.total for note in before), Decimal(0) * statement.total)


def _sums(before: Sequence[CreditNote]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for note in before:
        for line in note.lines:
            found[line.line_id] = found.get(line.line_id, Decimal(0)) + line.amount
    return found


def _key(tax: Tax) -> tuple[str, Decimal, bool, tuple[str, ...]]:
    return tax.tax_code, tax.percent, tax.included, tuple(tax.line_ids)
