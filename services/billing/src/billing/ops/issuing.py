"""What an invoice says: the statement of its period, with what earlier invoices have billed taken into account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from chassis.sql import Tx

from billing.domain import canonical, charges, invoicing, late, resales
from billing.domain.charges import CurrenciesMixed
from billing.domain.invoicing import Following, Invoice, InvoiceNotFound, Kind
from billing.domain.plans import currency_changes, plan_at
from billing.domain.rates import DeckPrice
from billing.domain.statements import (
    ADVANCE_START,
    FORMAT,
    LATE_START,
    Ahead,
    BilledPeriod,
    LineKind,
    Statement,
    StatementLine,
)
from billing.domain.subscriptions import Timeline
from billing.domain.wholesale import COMPANY
from billing.ops import wholesale
from billing.ops.statements import (
    advance_statement,
    books_again,
    changed_since,
    current_period,
    in_advance,
    statement_of,
    timeline_of,
)
from billing.store import invoicing as store
from billing.store import names, payments, usage
from billing.store import plans as plan_store
from billing.store import resales as resale_store

Period = tuple[datetime, datetime]


@dataclass(frozen=True)
class LeftOut:
    """What came late of an invoice's period and is owed in another currency than the next invoice."""

    invoice: Invoice
    amount: Decimal


async def statement_for(
    tx: Tx, invoice: Invoice, cutoff: datetime, decks: DeckPrice | None = None, frozen: Statement | None = None, *,
    drafts: bool = False,
) -> Statement:  # fmt: skip
    """What an invoice says of everything heard of until the cutoff, of whichever kind it is; when it was `frozen`, by
    its format's rules and in advance for the same period. `drafts`: as if what drafts charge in advance were billed.

    Raises `NothingSubscribed`, `CurrenciesMixed`."""
    format_ = frozen.format if frozen else FORMAT
    if invoice.kind is Kind.RESALE:
        return await wholesale.statement_of(tx, invoice, cutoff, decks, format_)
    period = (invoice.start_time, invoice.end_time)
    drafted = await drafted_ahead(tx, period[0], invoice.kind) if drafts else []
    if invoice.kind is Kind.ADVANCE:
        return await advance_of(tx, period, cutoff, decks, format_, drafted=drafted)
    if frozen is not None:
        then = frozen.advance
    else:  # one for what came late beside an invoice that stands leaves what follows to that one
        then = None if invoice.follow_kind == Following.SUPPLEMENTS else await coming(tx, invoice.end_time)
    return await whole_statement(tx, *period, cutoff, decks, then, format_, drafted=drafted)


async def names_on(tx: Tx, statement: Statement, decks: DeckPrice | None = None) -> dict[str, str]:
    """What brands and companies of a statement's lines are called now, by id; what was never heard of is left out."""
    brand_ids = {share.brand_id for line in statement.lines for share in line.brands if share.brand_id}
    found = await names.every(tx, brand_ids) if brand_ids else {}
    companies = {line.description_parameters.get(COMPANY, "") for line in statement.lines} - {""}
    return found | (wholesale.hand_of(decks).names(companies) if companies else {})


async def coming(tx: Tx, end: datetime) -> tuple[datetime, datetime] | None:
    """The period after one that ends at `end`, which that one's invoice charges in advance; None where somebody else
    pays for it."""
    first = await store.first_plan_time(tx)
    if first is None or resales.in_force(await resale_store.mine(tx), end) is not None:
        return None
    return invoicing.next_period(first, end, *await calendar_of(tx, first))


async def advance_of(
    tx: Tx, period: Period, cutoff: datetime, decks: DeckPrice | None = None, format_: int = FORMAT, *,
    drafted: Sequence[Statement] = (),
) -> Statement:  # fmt: skip
    """What a period costs in advance, less what invoices before billed of it, as a statement of its own; `drafted` as
    `whole_statement`. Raises `NothingSubscribed`, `CurrenciesMixed`."""
    _, frozen = await _frozen_before(tx, period[0], cutoff, Kind.ADVANCE)
    frozen += drafted
    return await advance_statement(tx, period, cutoff, late.billed(frozen), decks, format_)


async def whole_statement(
    tx: Tx, start: datetime, end: datetime, cutoff: datetime, decks: DeckPrice | None = None,
    then: Period | None = None, format_: int = FORMAT, *, drafted: Sequence[Statement] = (),
) -> Statement:  # fmt: skip
    """The statement of a period less what invoices before this one billed of it, with what was heard of late of the
    periods before it and what the period `then` costs in advance. `drafted`: what counts as if it were billed. Raises
    `NothingSubscribed`, `CurrenciesMixed`."""
    invoices, frozen = await _frozen_before(tx, start, cutoff)
    notes = [
        [each for each in await payments.credit_notes_of(tx, one.invoice_id) if each.issue_time <= cutoff]
        for one in invoices
    ]
    issued = list(zip(frozen, notes, strict=True))
    frozen += drafted
    ahead = await _ahead(tx, then, cutoff, frozen, decks, format_) if then else None

    async def made(of: Sequence[BilledPeriod]) -> Statement:
        return await statement_of(tx, start, end, cutoff, of, deck=decks, format_=format_, ahead=ahead, issued=issued)

    try:
        statement = await made(_earlier(frozen, start))
    except CurrenciesMixed:
        # An amount of another currency can't stand here: it is listed for the operators, see `left_out`.
        own = [each for each in _earlier(frozen, start) if each.start_time == start]
        currency = (await made(own)).currency
        same = [each for each in frozen if each.currency == currency]
        statement = await made(_earlier(same, start))
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
    opening: list[Statement] = []
    if first is not None and time >= (account.last_end_time if account and account.last_end_time else first):
        by = await calendar_of(tx, first)
        last = account.last_end_time if account else None
        start, end = invoicing.next_period(first, last, *by)
        if last is None and end > tx.now() and await coming(tx, start) is not None:
            opening = [await advance_of(tx, (start, end), tx.now(), decks)]  # its invoice is drafted in a moment
        while end <= time:
            start, end = invoicing.next_period(first, end, *by)
    else:
        drafts = await store.drafts_before(tx, time)
        within = [each for each in drafts if time < each.end_time and each.kind is Kind.OWN]
        start, end = next(((each.start_time, each.end_time) for each in within), (start, end))
        if not within:
            return await whole_statement(tx, start, end, tx.now(), decks)
    drafted = [*opening, *await drafted_ahead(tx, start)]
    return await whole_statement(tx, start, end, tx.now(), decks, await coming(tx, end), drafted=drafted)


async def preview_named(
    tx: Tx, time: datetime, decks: DeckPrice | None = None
) -> tuple[Statement, dict[str, str]]:  # fmt: skip
    """`preview_invoice` with what its brands are called."""
    found = await preview_invoice(tx, time, decks)
    return found, await names_on(tx, found, decks)


async def calendar_of(tx: Tx, first: datetime) -> tuple[str, Timeline, list[datetime]]:
    """What the tenant's periods follow: its zone, its subscription, and where they are cut: by a plan of another
    currency, and by beginning anew after an end, which is paid ahead as it begins."""
    timeline = await timeline_of(tx)
    cuts = {*currency_changes(await plan_store.list_plans(tx)), *timeline.begun_anew()}
    return await zone_of(tx, first), timeline, sorted(cuts)


async def zone_of(tx: Tx, time: datetime) -> str:
    """The zone the tenant's periods follow, that of its plan at `time` while it hasn't moved."""
    changed_to = await usage.zone(tx)
    plan = None if changed_to else plan_at(await plan_store.list_plans(tx), time)
    return changed_to or (plan.time_zone if plan else "UTC")


async def _ahead(
    tx: Tx, period: Period, cutoff: datetime, frozen: Sequence[Statement], decks: DeckPrice | None, format_: int
) -> Ahead | None:
    try:
        return (await in_advance(tx, period, cutoff, late.billed(frozen), decks, format_))[1]
    except CurrenciesMixed:  # what holds two currencies has no invoice: the period's own will say so
        return None


async def drafted_ahead(tx: Tx, start: datetime, kind: Kind = Kind.OWN) -> list[Statement]:
    """What drafts before one of a kind charge in advance for its period, and nothing else of them: as statements."""
    found: list[Statement] = []
    for each in await store.drafts_before(tx, start, kind):
        statement = canonical.statement_from(each.statement)
        if statement.advance is None or statement.advance[0] != start:
            continue
        mine = tuple(line for line in statement.lines if ADVANCE_START in line.description_parameters)
        off = tuple(one for one in statement.discounts if one.late_start == start)
        found.append(replace(statement, start_time=start, end_time=statement.advance[1], lines=mine, discounts=off))
    return found


async def _frozen_before(
    tx: Tx, start: datetime, cutoff: datetime, kind: Kind = Kind.OWN
) -> tuple[list[Invoice], list[Statement]]:
    """The invoices that count and were issued before one of this kind, period and cutoff, with what they say."""
    found: list[Invoice] = []
    place = (cutoff, start, kind is Kind.OWN)
    for each in await store.finalized(tx):
        own = each.kind is Kind.OWN
        issued_before = each.cutoff_time is not None and (each.cutoff_time, each.start_time, own) < place
        # As of the cutoff, so that what is declared void later doesn't change what is rebuilt.
        if issued_before and (each.void_time is None or each.void_time > cutoff):
            whole = await store.invoice(tx, each.invoice_id)
            if whole is None:
                raise InvoiceNotFound("There is no such invoice.")
            found.append(whole)
    return found, [canonical.statement_from(each.statement) for each in found]


def _earlier(frozen: Sequence[Statement], start: datetime) -> list[BilledPeriod]:
    # A period whose own invoice is void isn't billed by the lines of what came late of it.
    own = {each.start_time for each in frozen if not each.in_advance}
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
