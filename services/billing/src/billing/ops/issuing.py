"""What an invoice says: the statement of its period, with what earlier invoices have billed taken into account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from chassis.sql import Tx

from billing.domain import canonical, charges, invoicing, late
from billing.domain.charges import CurrenciesMixed
from billing.domain.invoicing import Invoice, InvoiceNotFound, Kind, State
from billing.domain.plans import currency_changes, plan_at
from billing.domain.rates import DeckPrice
from billing.domain.statements import FORMAT, LATE_START, BilledPeriod, LineKind, Statement, StatementLine
from billing.domain.subscriptions import Timeline
from billing.domain.wholesale import COMPANY
from billing.ops import wholesale
from billing.ops.statements import books_again, changed_since, current_period, statement_of, timeline_of
from billing.store import invoicing as store
from billing.store import names, usage
from billing.store import plans as plan_store


@dataclass(frozen=True)
class LeftOut:
    """What came late of an invoice's period and is owed in another currency than the next invoice."""

    invoice: Invoice
    amount: Decimal


async def statement_for(
    tx: Tx, invoice: Invoice, cutoff: datetime, decks: DeckPrice | None = None, format_: int = FORMAT
) -> Statement:
    """What an invoice says of everything heard of until the cutoff, of whichever kind it is, by a format's rules.

    Raises `NothingSubscribed`, `CurrenciesMixed`."""
    if invoice.kind is Kind.RESALE:
        return await wholesale.statement_of(tx, invoice, cutoff, decks, format_)
    return await whole_statement(tx, invoice.start_time, invoice.end_time, cutoff, decks, format_)


async def names_on(tx: Tx, statement: Statement, decks: DeckPrice | None = None) -> dict[str, str]:
    """What brands and companies of a statement's lines are called now, by id; what was never heard of is left out."""
    brand_ids = {share.brand_id for line in statement.lines for share in line.brands if share.brand_id}
    found = await names.every(tx, brand_ids) if brand_ids else {}
    companies = {line.description_parameters.get(COMPANY, "") for line in statement.lines} - {""}
    return found | (wholesale.hand_of(decks).names(companies) if companies else {})


async def whole_statement(
    tx: Tx, start: datetime, end: datetime, cutoff: datetime, decks: DeckPrice | None = None, format_: int = FORMAT
) -> Statement:
    """The statement of a period less what invoices before this one billed of it, with what was heard of late of the
    periods before it. Raises `NothingSubscribed`, `CurrenciesMixed`."""
    invoices, frozen = await _frozen_before(tx, start, cutoff)
    try:
        statement = await statement_of(tx, start, end, cutoff, _earlier(frozen, start), deck=decks, format_=format_)
    except CurrenciesMixed:
        # An amount of another currency can't stand here: it is listed for the operators, see `left_out`.
        own = [each for each in _earlier(frozen, start) if each.start_time == start]
        currency = (await statement_of(tx, start, end, cutoff, own, deck=decks, format_=format_)).currency
        same = [each for each in frozen if each.currency == currency]
        statement = await statement_of(tx, start, end, cutoff, _earlier(same, start), deck=decks, format_=format_)
    numbers = {each.start_time.isoformat(): each.number for each in invoices}
    return replace(statement, lines=tuple(_numbered(line, numbers) for line in statement.lines))


async def left_out(
    tx: Tx, start: datetime, currency: str, cutoff: datetime, decks: DeckPrice | None = None
) -> list[LeftOut]:
    """What came late of periods before `start` that were invoiced in another currency, and isn't billed yet."""
    invoices, frozen = await _frozen_before(tx, start, cutoff)
    newest = {each.start_time: each for each in invoices}
    found: list[LeftOut] = []
    for each in _earlier(frozen, start):
        if each.start_time == start:
            continue
        invoice = newest[each.start_time]
        if invoice.currency == currency or not await changed_since(tx, each, cutoff):
            continue
        books = await books_again(tx, each, _earlier(frozen, start), cutoff, decks)
        lines = late.late_lines(charges.lines_of(books), each)
        if lines:
            found.append(LeftOut(invoice, sum((line.amount for line in lines), Decimal(0))))
    return found


async def preview_invoice(tx: Tx, time: datetime, decks: DeckPrice | None = None) -> Statement:
    """What the invoice of the period `time` lies in would say were it finalized now.

    Raises `NothingSubscribed`, `CurrenciesMixed`, `RangeInvalid`.
    """
    start, end = await current_period(tx, time)
    first, account = await store.first_plan_time(tx), await store.account(tx)
    if first is not None and time >= (account.last_end_time if account and account.last_end_time else first):
        by = await calendar_of(tx, first)
        last = account.last_end_time if account else None
        start, end = invoicing.next_period(first, last, *by)
        while end <= time:
            start, end = invoicing.next_period(first, end, *by)
    else:
        drafts = [each for each in await store.before(tx, time) if each.state is State.DRAFT and time < each.end_time]
        start, end = next(((each.start_time, each.end_time) for each in drafts), (start, end))
    return await whole_statement(tx, start, end, tx.now(), decks)


async def preview_named(
    tx: Tx, time: datetime, decks: DeckPrice | None = None
) -> tuple[Statement, dict[str, str]]:  # fmt: skip
    """`preview_invoice` with what its brands are called."""
    found = await preview_invoice(tx, time, decks)
    return found, await names_on(tx, found, decks)


async def calendar_of(tx: Tx, first: datetime) -> tuple[str, Timeline, list[datetime]]:
    """What the tenant's periods follow: its zone, its subscription, and where the currency of its plans changed."""
    return await zone_of(tx, first), await timeline_of(tx), currency_changes(await plan_store.list_plans(tx))


async def zone_of(tx: Tx, time: datetime) -> str:
    """The zone the tenant's periods follow, that of its plan at `time` while it hasn't moved."""
    changed_to = await usage.zone(tx)
    plan = None if changed_to else plan_at(await plan_store.list_plans(tx), time)
    return changed_to or (plan.time_zone if plan else "UTC")


async def _frozen_before(tx: Tx, start: datetime, cutoff: datetime) -> tuple[list[Invoice], list[Statement]]:
    """The invoices that count and were issued before one of this period and cutoff, with what they say."""
    found: list[Invoice] = []
    for each in await store.finalized(tx):
        issued_before = each.cutoff_time is not None and (each.cutoff_time, each.start_time) < (cutoff, start)
        # As of the cutoff, so that what is declared void later doesn't change what is rebuilt.
        if issued_before and (each.void_time is None or each.void_time > cutoff):
            whole = await store.invoice(tx, each.invoice_id)
            if whole is None:
                raise InvoiceNotFound("There is no such invoice.")
            found.append(whole)
    return found, [canonical.statement_from(each.statement) for each in found]


def _earlier(frozen: Sequence[Statement], start: datetime) -> list[BilledPeriod]:
    # A period whose own invoice is void isn't billed by the lines of what came late of it.
    own = {each.start_time for each in frozen}
    return [
        each
        for each in late.billed(frozen)
        if each.start_time == start or (each.start_time < start and each.start_time in own)
    ]


def _numbered(line: StatementLine, numbers: Mapping[str, str]) -> StatementLine:
    if line.kind is not LineKind.LATE:
        return line
    number = numbers.get(line.description_parameters.get(LATE_START, ""), "")
    return late.with_number(line, number)
