"""What the platform bills a reseller: an invoice for each of its own periods and each currency, of its companies'
periods that ended within it. Runs as the reseller; what companies come to is brought to hand (`live.rating`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from chassis.sql import Tx
from kernel.ids import new_id

from billing.domain import canonical, late, wholesale
from billing.domain.invoicing import Invoice, InvoiceNotFound, Kind, State
from billing.domain.rates import DeckPrice, RateInvalid
from billing.domain.statements import FORMAT, Statement, StatementLine
from billing.domain.wholesale import WINDOW, Asked, AtHand, ResoldPeriod
from billing.store import invoicing as store
from billing.store import parties, taxes
from billing.store import resales as resale_store


def hand_of(decks: DeckPrice | None) -> AtHand:
    """What is at hand of companies. Raises `RateInvalid` where nothing can be brought."""
    if not isinstance(decks, AtHand):
        raise RateInvalid.of("invoice_id", "needs what its companies come to")
    return decks


async def draft_next(tx: Tx, now: datetime, settle: timedelta, decks: DeckPrice | None = None) -> bool:
    """Makes the drafts of the reseller's next period that is over, one for each currency its companies are owed in;
    whether there was such a period. Run again, or by two at once, it makes them once."""
    last = await resale_store.billed_until(tx)
    own = await store.next_own(tx, last, now - WINDOW - settle)
    if own is None:
        return False
    found = await _lines(tx, (own.start_time, own.end_time), now, hand_of(decks))
    profile = await parties.profile(tx)
    for currency in sorted(found):
        statement = await _statement(tx, found[currency], currency, (own.start_time, own.end_time), now)
        made = Invoice(
            invoice_id=new_id("ivc", now), tenant_id=tx.tenant_id, state=State.DRAFT, start_time=own.start_time,
            end_time=own.end_time, currency=currency, statement=canonical.statement_bytes(statement), digest="",
            subtotal=statement.subtotal, total=statement.total, create_time=now, time_zone=own.time_zone,
            purchase_order=profile.purchase_order, notes=profile.notes, kind=Kind.RESALE,
        )  # fmt: skip
        await store.insert_invoice(tx, made)
    await resale_store.save_billed_until(tx, own.end_time)
    return True


async def statement_of(
    tx: Tx, invoice: Invoice, cutoff: datetime, decks: DeckPrice | None, format_: int = FORMAT
) -> Statement:
    """What an invoice to a reseller says of everything heard of until the cutoff: the same events, plans, price lists
    and cutoff, the same statement."""
    period = (invoice.start_time, invoice.end_time)
    found = await _lines(tx, period, cutoff, hand_of(decks), format_)
    return await _statement(tx, found.get(invoice.currency, []), invoice.currency, period, cutoff, format_)


async def _lines(
    tx: Tx, period: tuple[datetime, datetime], cutoff: datetime, hand: AtHand, format_: int = FORMAT
) -> dict[str, list[StatementLine]]:
    """By currency: the lines of the companies' periods that ended within this one, less what was billed of them, and
    dated ones of what was heard of late of those that ended earlier."""
    invoices, voids = await _before(tx, period[0], cutoff)
    known = wholesale.billed(canonical.statement_from(each.statement) for each in invoices)
    numbers = {(each.start_time, each.currency): each.number for each in invoices}
    periods = sorted(hand.periods_of(tx.tenant_id, cutoff), key=lambda each: (each.tenant_id, each.start_time))
    own = [each for each in periods if each.ends_within(*period)]
    earlier = [each for each in periods if each.end_time <= period[0] + WINDOW]
    asked = [Asked(each, cutoff, format=known[each.key].format if each.key in known else format_) for each in own]
    for each in earlier:
        of = known.get(each.key)
        asked.append(Asked(each, cutoff, of.cutoff_time, of.format) if of else Asked(each, cutoff, format=format_))
    found: dict[str, list[StatementLine]] = {}
    for each, resold in zip([*own, *earlier], hand.resold_of(asked), strict=True):
        if resold is None:
            continue
        lines, before = wholesale.lines_of(resold, each), wholesale.before_of(each, known, cutoff)
        if each.ends_within(*period):
            lines = late.rest_of(lines, before)
        elif _stands(each, resold.currency, voids):
            number = _number_of(each, resold.currency, numbers, invoices)
            lines = [late.with_number(line, number) for line in late.late_lines(lines, before)]
        else:
            lines = []
        if lines:
            found.setdefault(resold.currency, []).extend(lines)
    return found


async def _statement(
    tx: Tx, lines: Sequence[StatementLine], currency: str, period: tuple[datetime, datetime], cutoff: datetime,
    format_: int = FORMAT,
) -> Statement:  # fmt: skip
    rates, data = await taxes.list_rates(tx, cutoff), await taxes.data(tx, cutoff)
    return wholesale.statement(lines, currency, period, cutoff, rates, data, format_)


async def _before(tx: Tx, start: datetime, cutoff: datetime) -> tuple[list[Invoice], list[Invoice]]:
    """The reseller's invoices for its companies that were issued before one of this period and cutoff, with what they
    say; and those of them that were void by then and have none in their place."""
    standing: list[Invoice] = []
    voids: list[Invoice] = []
    for each in await store.finalized(tx, Kind.RESALE):
        if each.cutoff_time is None or (each.cutoff_time, each.start_time) >= (cutoff, start):
            continue
        if each.void_time is not None and each.void_time <= cutoff:
            voids.append(each)
            continue
        whole = await store.invoice(tx, each.invoice_id)
        if whole is None:
            raise InvoiceNotFound("There is no such invoice.")
        standing.append(whole)
    there = {(each.start_time, each.currency) for each in standing}
    return standing, [each for each in voids if (each.start_time, each.currency) not in there]


def _stands(period: ResoldPeriod, currency: str, voids: Sequence[Invoice]) -> bool:
    # What a void invoice was for is billed by the one in its place, not by lines of what came late.
    return not any(each.currency == currency and period.ends_within(each.start_time, each.end_time) for each in voids)


def _number_of(
    period: ResoldPeriod, currency: str, numbers: dict[tuple[datetime, str], str], invoices: Sequence[Invoice]
) -> str:
    of = (each for each in invoices if each.currency == currency)
    start = next((each.start_time for each in of if period.ends_within(each.start_time, each.end_time)), None)
    return numbers.get((start, currency), "") if start is not None else ""
