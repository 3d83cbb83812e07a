"""What came after an invoice was finalized: the difference to what was billed, as dated lines of the next one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from billing.domain import brands
from billing.domain.money import shared
from billing.domain.statements import (
    ADVANCE_END,
    ADVANCE_START,
    FORMAT,
    LATE_END,
    LATE_START,
    BilledLine,
    BilledPeriod,
    BrandShare,
    LineKind,
    Statement,
    StatementLine,
)

LATE = "late:"
"""What ids of late lines begin with."""
_DATES = ("late_", "advance_")


def billed(statements: Iterable[Statement]) -> list[BilledPeriod]:
    """What finalized statements have billed of each period, oldest first. Late lines count for the period they date,
    and so do those in advance: of the period that begins when theirs was to."""
    cutoffs: dict[tuple[datetime, datetime], datetime] = {}
    lines: dict[tuple[datetime, datetime], dict[str, BilledLine]] = {}
    ordered = sorted(statements, key=lambda each: (each.cutoff_time, each.start_time))
    whole = [each for each in ordered if not each.in_advance]
    formats = {(each.start_time, each.end_time): each.format for each in reversed(whole)}
    for each in whole:
        own = (each.start_time, each.end_time)
        cutoffs[own] = max(each.cutoff_time, cutoffs.get(own, each.cutoff_time))
    by_start = {start: (start, end) for start, end in cutoffs}
    discounts: dict[datetime, dict[str, Decimal]] = {}
    for each in ordered:
        for start, discount_id, amount in _discounted(each):
            of = discounts.setdefault(start, {})
            of[discount_id] = of.get(discount_id, Decimal(0)) + amount
        for line in each.lines:
            if line.kind == LineKind.ADJUSTMENT:
                continue
            period = (each.start_time, each.end_time)
            if ADVANCE_START in line.description_parameters:
                # A period may end otherwise than was foreseen; what was heard of it until then is not all of it.
                foreseen = _dates_of(line, ADVANCE_START, ADVANCE_END)
                period = by_start.setdefault(foreseen[0], foreseen)
                cutoffs.setdefault(period, each.cutoff_time)
            elif line.kind == LineKind.LATE:
                period = _period_of(line)
                cutoffs[period] = max(each.cutoff_time, cutoffs.get(period, each.cutoff_time))
            add(lines.setdefault(period, {}), line)
    return [
        BilledPeriod(
            *period, cutoffs[period], tuple(lines.get(period, {}).values()), formats.get(period, FORMAT),
            discounts.get(period[0], {}), period in formats,
        )
        for period in sorted(cutoffs)
    ]  # fmt: skip


def rest_of(lines: Sequence[StatementLine], before: BilledPeriod | None) -> list[StatementLine]:
    """The lines of a period less what was billed of it already; lines of which nothing is left are left out."""
    if before is None:
        return list(lines)
    known = {each.line_id: each for each in before.lines}
    found: list[StatementLine] = []
    for line in lines:
        was = known.pop(line.line_id, None)
        if was is None:
            found.append(line)
        elif line.amount != was.amount or line.quantity != was.quantity:
            found.append(
                replace(
                    line, amount=line.amount - was.amount, quantity=line.quantity - was.quantity,
                    included=line.included - was.included,
                    brands=brands.less(_whose(line), _whose(was)) if line.brands else (),
                )
            )  # fmt: skip
    return [*found, *(_taken_back(each, before) for each in known.values() if each.amount or each.quantity)]


def late_lines(lines: Sequence[StatementLine], before: BilledPeriod) -> list[StatementLine]:
    """Dated lines of what a finalized period costs more or less than it was billed, now that more was heard of."""
    return dated(rest_of(lines, before), before)


def dated(lines: Iterable[StatementLine], before: BilledPeriod) -> list[StatementLine]:
    """The lines as late ones of the period."""
    return [_dated(line, before) for line in lines]


def ahead_of(lines: Iterable[StatementLine], period: tuple[datetime, datetime]) -> list[StatementLine]:
    """The lines as ones in advance for a period."""
    start, end = (each.astimezone(UTC).isoformat() for each in period)
    dates = {ADVANCE_START: start, ADVANCE_END: end}
    return [replace(line, description_parameters={**line.description_parameters, **dates}) for line in lines]


def _discounted(statement: Statement) -> Iterator[tuple[datetime, str, Decimal]]:
    # Before format 3 late lines were discounted by the coupons of the period they were billed with.
    by_start: dict[datetime, Decimal] = {statement.start_time: Decimal(0)}
    if statement.format < 3:
        for line in statement.lines:
            start = _period_of(line)[0] if line.kind == LineKind.LATE else statement.start_time
            by_start[start] = by_start.get(start, Decimal(0)) + line.discount
    for each in statement.discounts:
        if each.late_start or len(by_start) == 1:
            yield each.late_start or statement.start_time, each.discount_id, each.amount
        else:
            parts = shared(each.amount, list(by_start.values()), statement.currency)
            yield from ((start, each.discount_id, part) for start, part in zip(by_start, parts, strict=True))


def _dated(line: StatementLine, before: BilledPeriod) -> StatementLine:
    parameters = {
        **line.description_parameters, "late_kind": line.kind.value,
        LATE_START: before.start_time.isoformat(), LATE_END: before.end_time.isoformat(),
    }  # fmt: skip
    return replace(line, line_id=LATE + line.line_id, kind=LineKind.LATE, description_parameters=parameters)


def billed_before(earlier: Iterable[BilledPeriod], start: datetime) -> list[BilledLine | StatementLine]:
    """Every line billed of the periods before the one that begins at `start`."""
    return [line for each in earlier if each.start_time < start for line in each.lines]


def _whose(line: StatementLine | BilledLine) -> list[BrandShare]:
    return brands.of_line(line.brands, line.quantity, line.included, line.amount)


def _period_of(line: StatementLine) -> tuple[datetime, datetime]:
    return _dates_of(line, LATE_START, LATE_END)


def _dates_of(line: StatementLine, *names: str) -> tuple[datetime, datetime]:
    start, end = (datetime.fromisoformat(line.description_parameters[name]) for name in names)
    return start, end


def with_number(line: StatementLine, number: str) -> StatementLine:
    """The late line with the number of the invoice or bill its period was billed by."""
    return replace(line, description_parameters={**line.description_parameters, "invoice": number})


def add(known: dict[str, BilledLine], line: StatementLine) -> None:
    """Adds a line to what was billed of its period, by its id."""
    line_id = line.line_id.removeprefix(LATE)
    was = known.get(line_id) or BilledLine(line_id, Decimal(0), start_time=line.start_time, end_time=line.end_time)
    kind = LineKind(line.description_parameters.get("late_kind", line.kind))
    whose = brands.plus(was.brands, _whose(line)) if line.brands or was.brands else ()
    known[line_id] = BilledLine(
        line_id, was.amount + line.amount, was.quantity + line.quantity, was.included + line.included, kind,
        line.plan_id, line.plan_version, line.rate_id, line.meter, line.tax_code, line.description_key,
        {key: value for key, value in line.description_parameters.items() if not key.startswith(_DATES)},
        whose, was.start_time, was.end_time,
    )  # fmt: skip


def _taken_back(was: BilledLine, before: BilledPeriod) -> StatementLine:
    return StatementLine(
        was.line_id, was.kind, -was.amount, before.start_time, before.end_time, was.plan_id, was.plan_version,
        was.rate_id, was.meter, -was.quantity, -was.included, description_key=was.description_key,
        description_parameters=was.description_parameters, tax_code=was.tax_code,
        brands=[brands.minus(each) for each in was.brands],
    )  # fmt: skip
