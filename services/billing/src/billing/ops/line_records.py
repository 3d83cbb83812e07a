"""What a line of an invoice was made of: usage records, or stretches of time something was held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from chassis.paging import decode_name_token, encode_token, page_size
from chassis.sql import Tx

from billing.domain.invoicing import InvoiceLineNotFound
from billing.domain.levels import spans
from billing.domain.plans import NUMBER, SEAT, STORAGE
from billing.domain.statements import LineKind, Statement, StatementLine
from billing.domain.usage import UsageRecord
from billing.ops import invoicing
from billing.store import invoicing as store
from billing.store import line_records, usage

_LASTING = (SEAT, NUMBER, STORAGE)
"""What is held for a time; its lines are made of stretches of time."""


@dataclass(frozen=True)
class LineRecord:
    """One usage record, or one stretch of time an item was held: its share of the period, times its units."""

    usage: UsageRecord | None
    item_id: str
    start_time: datetime
    end_time: datetime
    quantity: Fraction


async def list_line_records(
    tx: Tx, invoice_id: str, line_id: str, size: int, token: str, now: datetime
) -> tuple[list[LineRecord], str]:
    """A page of what a line was made of, oldest first, and the token of the next one. Raises `InvoiceNotFound`,
    `InvoiceLineNotFound`, `PageTokenInvalid`."""
    whole = await invoicing.whole(tx, invoice_id, now)
    line = next((each for each in whole.statement.lines if each.line_id == line_id), None)
    if line is None:
        raise InvoiceLineNotFound("The invoice has no such line.", metadata={"line_id": line_id[:200]})
    cutoff = whole.invoice.cutoff_time or now
    since = None
    if line.kind is LineKind.LATE:
        cutoffs = [each.cutoff_time for each in await store.before(tx, whole.invoice.start_time) if each.cutoff_time]
        since = max(cutoffs, default=None)
    if line.meter in _LASTING:
        return await _held(tx, line, whole.statement, cutoff, size, token)
    found, more = await line_records.usage_of_line(tx, line, since, cutoff, page_size(size), token)
    records = [LineRecord(each, "", each.usage_time, each.usage_time, each.quantity) for each in found]
    return records, encode_token(found[-1].usage_time, found[-1].usage_record_id) if more else ""


async def _held(
    tx: Tx, line: StatementLine, statement: Statement, cutoff: datetime, size: int, token: str
) -> tuple[list[LineRecord], str]:
    after = decode_name_token(token)
    found: list[LineRecord] = []
    period = _period(line, statement)
    for span in spans(await usage.changes_until(tx, line.start_time, line.end_time, cutoff)):
        start, end = max(span.start_time, line.start_time), min(span.end_time or line.end_time, line.end_time)
        if span.meter == line.meter and start < end:
            share = Fraction((end - start) // timedelta(microseconds=1), period // timedelta(microseconds=1))
            found.append(LineRecord(None, span.item_id, start, end, span.units * share))
    found.sort(key=_place)
    rest = [each for each in found if after is None or _place(each) > after]
    page = rest[: page_size(size)]
    return page, encode_token(*_place(page[-1])) if len(rest) > len(page) else ""


def _place(record: LineRecord) -> tuple[str, str]:
    return record.start_time.isoformat(), record.item_id


def _period(line: StatementLine, statement: Statement) -> timedelta:
    # A late line lies in an earlier period; a month is what both are shares of.
    inside = statement.start_time <= line.start_time < statement.end_time
    return (statement.end_time - statement.start_time) if inside else (line.end_time - line.start_time)
