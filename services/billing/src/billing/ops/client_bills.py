"""What a company bills its clients: the verbs, each within one transaction. Nothing of the company's own invoices is
written here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from chassis.sql import Tx
from kernel.ids import new_id

from billing.domain import canonical, invoicing, late, parties
from billing.domain import client_bills as domain
from billing.domain.client_bills import (
    BillState,
    BrandLine,
    BrandStatement,
    ClientAccount,
    ClientBill,
    ClientBillExists,
    ClientBillNotFound,
    ClientBillStateWrong,
    ClientNotSetUp,
    PriceList,
    PriceListInvalid,
    PriceListNotFound,
    Sender,
)
from billing.domain.invoicing import InvoiceVersionConflict
from billing.domain.parties import LegalEntity, NumbersInUse, PartyVersionConflict
from billing.domain.rates import DeckPrice
from billing.domain.statements import BilledPeriod, StatementLine
from billing.ops.bill_sources import Period, Source, check_held, source_of
from billing.ops.statements import current_period, statement_of
from billing.store import client_bills as store
from billing.store import invoicing as invoicing_store
from billing.store import names

list_price_lists = store.list_price_lists
list_bills = store.list_bills
get_sender = store.sender


async def price_list(tx: Tx, price_list_id: str, version: int = 0) -> PriceList:
    """A version of a list of the tenant's, the newest for 0. Raises `PriceListNotFound`."""
    found = await store.price_list(tx, price_list_id, version)
    if found is None:
        raise PriceListNotFound("There is no such price list.")
    return found


async def price_list_at(tx: Tx, price_list_id: str, time: datetime) -> PriceList:
    """The version of a list that was the newest at `time`, of one that was made later its first. Raises
    `PriceListNotFound`."""
    found = await store.price_list_at(tx, price_list_id, time)
    return found if found is not None else await price_list(tx, price_list_id, 1)


async def save_price_list(tx: Tx, wanted: PriceList, version: int, now: datetime) -> PriceList:
    """A new list, or the next version of one. Raises `PriceListNotFound`, `PriceListInvalid`, `CurrencyUnknown`,
    `PartyVersionConflict`."""
    checked = domain.check_price_list(wanted)
    if not wanted.price_list_id:
        made = replace(checked, price_list_id=new_id("prl", now), version=1, create_time=now)
    else:
        known = await price_list(tx, wanted.price_list_id)
        if version not in (0, known.version):
            raise PartyVersionConflict("The price list has a newer version: read it again.")
        if checked.currency != known.currency:
            raise PriceListInvalid.of("price_list.currency", "can't change: make another list")
        made = replace(checked, version=known.version + 1, create_time=now)
    await store.insert_price_list(tx, made)
    return made


async def update_sender(tx: Tx, wanted: LegalEntity, version: int) -> Sender:
    """Says in whose name bills are issued. Raises `LegalEntityInvalid`, `NumbersInUse`, `PartyVersionConflict`."""
    known = await store.sender(tx)
    if version not in (0, known.version if known else 0):
        raise PartyVersionConflict("Who sends bills has changed since: read it again.")
    # Bills have no credit notes: the prefix of their numbers stands in so that the same rules check both.
    checked = parties.check_entity(replace(wanted, credit_note_prefix="-"))
    if known and known.next_number > 1 and checked.number_prefix != known.entity.number_prefix:
        raise NumbersInUse("Numbers with the old prefix were given already.")
    saved = Sender(checked, known.next_number if known else 1, (known.version if known else 0) + 1)
    await store.save_sender(tx, saved)
    return saved


async def update_account(tx: Tx, wanted: ClientAccount, version: int) -> ClientAccount:
    """Says how a client is billed. Raises `PriceListNotFound`, `ProfileInvalid`, `PartyVersionConflict`."""
    if wanted.price_list_id:
        await price_list(tx, wanted.price_list_id)
    known = await store.account(tx, wanted.client_id)
    if version not in (0, known.version if known else 0):
        raise PartyVersionConflict("How the client is billed has changed since: read it again.")
    saved = replace(domain.check_account(wanted), version=(known.version if known else 0) + 1)
    await store.save_account(tx, saved)
    return saved


async def brand_statements(
    tx: Tx, time: datetime, cutoff: datetime, decks: DeckPrice | None = None
) -> tuple[tuple[datetime, datetime], list[BrandStatement]]:
    """The period `time` lies in by brand: together all usage of the company's own statement, each piece once. Raises
    `NothingSubscribed`, also for a period before the first plan, `CurrenciesMixed`, `RangeInvalid`."""
    period = await current_period(tx, time)
    await check_held(tx, period)
    statement = await statement_of(tx, *period, cutoff, deck=decks)
    billed, accounts = await store.of_period(tx, period[0]), await _brands(tx)
    called = await names.every(tx)
    shares = domain.shares_of(statement)
    found: list[BrandStatement] = []
    for brand_id in sorted({*shares, *accounts}):
        lines, prices, bill = shares.get(brand_id, []), None, billed.get(brand_id)
        if brand_id and brand_id in accounts:
            # A period that was billed keeps the version it was billed by.
            by = (bill.price_list_id, bill.price_list_version) if bill else (accounts[brand_id].price_list_id, 0)
            prices = await price_list(tx, *by)
            if prices.currency == statement.currency:
                lines = domain.priced(lines, prices, statement.currency, period)
            else:
                prices = None
        found.append(BrandStatement(brand_id, lines, statement.currency, prices, bill, called.get(brand_id, "")))
    return period, found


async def first_period(tx: Tx) -> datetime | None:
    """When the first period begins that bills may be issued of: the one the first plan was held in; None before it."""
    first = await invoicing_store.first_plan_time(tx)
    return (await current_period(tx, first))[0] if first is not None else None


async def issue(
    tx: Tx, client_id: str, time: datetime, now: datetime, settle: timedelta, decks: DeckPrice | None = None
) -> ClientBill:
    """Issues the bill of the period `time` lies in, of everything heard of until `settle` ago, with what came late of
    earlier bills' periods. Raises `ClientNotSetUp`, `ClientPeriodNotOver`, `ClientBillExists`, `CurrenciesMixed`,
    `NothingSubscribed`."""
    source, cutoff = source_of(client_id), now - settle
    account, sender = await source.account(tx), await store.sender(tx)
    if account is None or sender is None:
        missing = "client" if account is None else "sender"
        raise ClientNotSetUp("It isn't said yet who bills the client, or how.", metadata={"missing": missing})
    period = await source.period(tx, time, cutoff, decks)
    if client_id in await store.of_period(tx, period[0]):
        raise ClientBillExists("The client was billed for this period already: void that bill first.")
    prices = await price_list(tx, account.price_list_id)
    own, bills = await _lines(tx, source, period, cutoff, prices, decks), await store.in_force(tx, client_id)
    frozen = late.billed([canonical.statement_from(each.statement) for each in bills])
    billed = {(each.start_time, each.end_time): each for each in frozen}
    # Of a period whose bill was declared void a later one may hold what came late: that isn't billed twice.
    before = billed.get(period)
    earlier = [(billed[each.start_time, each.end_time], each) for each in bills if each.end_time <= period[0]]
    lines = [*late.rest_of([each.own for each in own], before), *await _late(tx, source, earlier, cutoff, decks)]
    statement = domain.bill_statement(lines, prices, account, period, cutoff)
    data, sequence = canonical.statement_bytes(statement), await store.take_number(tx)
    name = await source.name(tx, period, cutoff, decks)
    bill = ClientBill(
        client_bill_id=new_id("cbl", now), client_id=client_id, state=BillState.ISSUED, start_time=period[0],
        end_time=period[1], cutoff_time=cutoff, time_zone=await source.zone(tx, period, cutoff, decks),
        number=invoicing.number_text(sender.entity.number_prefix, sequence), sequence=sequence, issue_time=now,
        due_time=now + timedelta(days=account.buyer.payment_terms_days), price_list_id=prices.price_list_id,
        price_list_version=prices.version, currency=prices.currency, statement=data, digest=canonical.digest(data),
        subtotal=statement.subtotal, total=statement.total, cost=sum((each.cost for each in own), Decimal(0)),
        seller=sender.entity, buyer=account.buyer, names={client_id: name} if name else {},
    )  # fmt: skip
    await store.insert_bill(tx, bill)
    return bill


async def get(tx: Tx, client_bill_id: str) -> ClientBill:
    """One bill. Raises `ClientBillNotFound`."""
    found = await store.bill(tx, client_bill_id)
    if found is None:
        raise ClientBillNotFound("There is no such bill.")
    return found


async def declare_void(tx: Tx, client_bill_id: str, why: str, version: int, now: datetime) -> ClientBill:
    """Declares a bill void. Raises `ClientBillNotFound`, `ClientBillStateWrong`, `InvoiceVersionConflict`,
    `InvoiceTextInvalid`."""
    known = await get(tx, client_bill_id)
    if version not in (0, known.version):
        raise InvoiceVersionConflict("The bill has changed since: read it again.")
    if known.state is BillState.VOID:
        raise ClientBillStateWrong("The bill is void already.")
    reason = invoicing.text(why, "reason", invoicing.LONGEST_REASON)
    changed = replace(known, state=BillState.VOID, void_time=now, void_reason=reason, version=known.version + 1)
    await store.save_void(tx, changed)
    return changed


async def list_accounts(tx: Tx) -> list[ClientAccount]:
    """How brands' clients are billed, by brand."""
    return list((await _brands(tx)).values())


async def _brands(tx: Tx) -> dict[str, ClientAccount]:
    return {each.client_id: each for each in await store.accounts(tx) if not each.client_id.startswith("ten_")}


async def _lines(
    tx: Tx, source: Source, period: Period, cutoff: datetime, prices: PriceList, decks: DeckPrice | None
) -> list[BrandLine]:
    lines, currency = await source.lines(tx, period, cutoff, decks)
    return domain.priced(lines, prices, currency, period)


async def _late(
    tx: Tx,
    source: Source,
    earlier: Sequence[tuple[BilledPeriod, ClientBill]],
    cutoff: datetime,
    decks: DeckPrice | None,
) -> list[StatementLine]:
    """What earlier bills' periods come to now by the price lists they were billed by, less what was billed of them."""
    found: list[StatementLine] = []
    for billed, of in earlier:
        if not await source.changed(tx, billed, cutoff, decks):
            continue
        prices = await price_list(tx, of.price_list_id, of.price_list_version)
        then = await _lines(tx, source, (billed.start_time, billed.end_time), cutoff, prices, decks)
        found += [late.with_number(line, of.number) for line in late.late_lines([each.own for each in then], billed)]
    return found
