"""What a line of an invoice was made of: usage records, or stretches of time something was held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from chassis.paging import decode_name_token, encode_token, page_size
from chassis.sql import Tx

from billing.domain.charges import destination_id
from billing.domain.invoicing import Following, InvoiceLineNotFound, Kind
from billing.domain.levels import spans
from billing.domain.plans import NUMBER, PRICE_CLASS, SEAT, STORAGE, Model, PlanHeld, Rate
from billing.domain.rates import DeckPrice, RateInvalid
from billing.domain.statements import LineKind, Statement, StatementLine
from billing.domain.usage import UsageRecord
from billing.ops import invoicing
from billing.ops.statements import metered
from billing.store import invoicing as store
from billing.store import line_records, plans, usage

_BATCH = 200
_LASTING = (SEAT, NUMBER, STORAGE)
"""What is held for a time; its lines are made of stretches of time."""


@dataclass(frozen=True)
class LineRecord:
    """One usage record, or one stretch of time an item was held: its share of the period, times its units. `charge` is
    what a rate deck makes of a record, exact; None where its plan has a price."""

    usage: UsageRecord | None
    item_id: str
    start_time: datetime
    end_time: datetime
    quantity: Fraction
    charge: Fraction | None = None


async def list_line_records(
    tx: Tx, invoice_id: str, line_id: str, size: int, token: str, now: datetime, decks: DeckPrice | None = None
) -> tuple[list[LineRecord], str]:
    """A page of what a line was made of, oldest first, and the token of the next one. Raises `InvoiceNotFound`,
    `InvoiceLineNotFound`, `PageTokenInvalid`; `RateInvalid` of a rate deck's line without decks."""
    whole = await invoicing.whole(tx, invoice_id, now, decks)
    line = next((each for each in whole.statement.lines if each.line_id == line_id), None)
    if line is None:
        raise InvoiceLineNotFound("The invoice has no such line.", metadata={"line_id": line_id[:200]})
    if whole.invoice.kind is Kind.RESALE:
        return [], ""  # what companies that are resold used is theirs
    cutoff = whole.invoice.cutoff_time or now
    since = None
    if line.kind is LineKind.LATE or whole.invoice.follow_kind == Following.SUPPLEMENTS:
        cutoffs = [each.cutoff_time for each in await store.finalized(tx) if each.cutoff_time]
        since = max((each for each in cutoffs if each < cutoff), default=None)
    held = await plans.list_plans(tx, cutoff)
    plan = next((each for each in held if (each.plan_id, each.version) == (line.plan_id, line.plan_version)), None)
    if line.meter in _LASTING:
        return await _held(tx, line, whole.statement, cutoff, plan, size, token)
    wanted, found, at = page_size(size), list[LineRecord](), token
    while len(found) <= wanted:
        batch, more = await line_records.usage_of_line(tx, line, since, cutoff, _BATCH, at)
        found += [made for each in batch if (made := _of_line(each, line, plan, decks)) is not None]
        if not more:
            break
        at = encode_token(batch[-1].usage_time, batch[-1].usage_record_id)
    page = found[:wanted]
    last = page[-1].usage if page else None
    return page, encode_token(last.usage_time, last.usage_record_id) if last and len(found) > wanted else ""


def _of_line(
    record: UsageRecord, line: StatementLine, plan: PlanHeld | None, decks: DeckPrice | None
) -> LineRecord | None:
    """The record as the line's rate priced it; None when it is another line's."""
    rate_id, rate = plan.rate_for(record.meter, record.properties) if plan else (line.rate_id, Rate(Decimal(0)))
    if rate_id != line.rate_id:
        return None
    time = record.usage_time
    if rate.model != Model.DECK:
        return LineRecord(record, "", time, time, record.quantity)
    if decks is None:
        raise RateInvalid.of("rate_deck_id", "has no prices at hand")
    charged = decks(rate, metered(record))
    if not line.line_id.endswith(f":{destination_id(charged.destination)}"):
        return None
    return LineRecord(record, "", time, time, charged.quantity, charged.amount)


async def _held(
    tx: Tx, line: StatementLine, statement: Statement, cutoff: datetime, plan: PlanHeld | None, size: int, token: str
) -> tuple[list[LineRecord], str]:
    after = decode_name_token(token)
    found: list[LineRecord] = []
    period = _period(line, statement)
    for span in spans(await usage.changes_until(tx, line.start_time, line.end_time, cutoff)):
        start, end = max(span.start_time, line.start_time), min(span.end_time or line.end_time, line.end_time)
        said = {PRICE_CLASS: span.price_class} if span.price_class else {}
        if span.meter == line.meter and start < end and (
            plan is None or plan.rate_for(span.meter, said)[0] == line.rate_id
        ):  # fmt: skip
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
