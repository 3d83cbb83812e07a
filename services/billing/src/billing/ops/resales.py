"""Who resells whom, and what is owed at each level. Each function runs as one of the three: the platform, a reseller, a
company; the handler goes from one to the next, so that no transaction sees two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chassis.sql import Tx
from kernel.proration import YEAR

from billing.domain import canonical, late, resales
from billing.domain.client_bills import ClientAccount, PriceList
from billing.domain.parties import PartyVersionConflict
from billing.domain.rates import DeckPrice
from billing.domain.resales import Resale, ResalePrice, Resold, ResoldTenantNotFound
from billing.domain.statements import FORMAT, BilledLine, BilledPeriod, LineKind, Statement
from billing.domain.wholesale import Asked
from billing.ops.bill_sources import check_held
from billing.ops.client_bills import price_list
from billing.ops.statements import changed_since, current_period, statement_of
from billing.store import client_bills as accounts_store
from billing.store import invoicing, names, parties, plans
from billing.store import resales as store

of_reseller = store.of_reseller
every = store.every
mine = store.mine
periods_of = store.periods_of
resellers = store.resellers


async def holds_a_plan(tx: Tx) -> bool:
    """Whether billing has heard of the tenant."""
    return bool(await plans.list_plans(tx))


async def plan_currency(tx: Tx) -> str:
    """The currency of the plan the tenant holds; empty while none was heard of."""
    held = await plans.list_plans(tx)
    return held[-1].currency if held else ""


async def set_reseller(tx: Tx, wanted: Resale, version: int) -> Resale:
    """As the company: who resells it from a moment on. Raises `ResoldTenantNotFound`, `PartyVersionConflict`."""
    if not await holds_a_plan(tx):
        raise ResoldTenantNotFound("There is no such company.")
    known = await store.mine(tx)
    newest = max((each.version for each in known), default=0)
    if version not in (0, newest):
        raise PartyVersionConflict("Who resells the company has changed since: read it again.")
    saved = replace(wanted, version=newest + 1)
    await store.save(tx, saved)
    return saved


async def set_price(tx: Tx, wanted: ResalePrice, version: int) -> ResalePrice:
    """As the reseller: by which list it bills a company. Raises `PriceListNotFound`, `PartyVersionConflict`."""
    await price_list(tx, wanted.price_list_id)
    known = await store.price(tx, wanted.customer_id)
    if version not in (0, known.version if known else 0):
        raise PartyVersionConflict("The company's price list has changed since: read it again.")
    saved = replace(wanted, version=(known.version if known else 0) + 1)
    await store.save_price(tx, saved)
    return saved


async def retail(tx: Tx, customer_id: str, start: datetime) -> tuple[PriceList | None, int]:
    """As the reseller: the list it bills a company's period that begins at `start` by, and the version of that choice;
    none while none was set. A period that was billed keeps the version it was billed by."""
    known = await store.price(tx, customer_id)
    bill = (await accounts_store.of_period(tx, start)).get(customer_id)
    if bill is not None:
        return await price_list(tx, bill.price_list_id, bill.price_list_version), known.version if known else 0
    return (await price_list(tx, known.price_list_id), known.version) if known else (None, 0)


async def of_period(tx: Tx, asked: Asked, decks: DeckPrice | None = None) -> Resold | None:
    """As the company: a period that is over, of everything heard of until a moment; None when nothing was since
    `asked.since`."""
    period, cutoff = asked.period, asked.cutoff
    if asked.since is not None:
        before = BilledPeriod(period.start_time, period.end_time, asked.since, ())
        if not await changed_since(tx, before, cutoff):
            return None
    statement = await _statement(tx, (period.start_time, period.end_time), cutoff, decks, asked.format)
    lines, name = resales.of_statement(statement), await _name(tx)
    bounds = (period.start_time, period.end_time)
    return Resold(tx.tenant_id, bounds, statement.currency, lines, priced=False, name=name)


async def _statement(
    tx: Tx, period: tuple[datetime, datetime], cutoff: datetime, decks: DeckPrice | None, format_: int = FORMAT
) -> Statement:
    """The company's own statement of a period; of a minimum its earlier months count, whoever billed them."""
    earlier: list[BilledPeriod] = []
    if any((plan.interval == YEAR or format_ > 2) and plan.minimum for plan in await plans.list_plans(tx, cutoff)):
        # All told as of this cutoff: nothing of it is late here, it is billed by its own invoice.
        invoiced = [each for each in await _invoiced(tx, cutoff) if each.end_time <= period[0]]
        earlier = [replace(each, cutoff_time=cutoff) for each in invoiced]
        for each in await store.my_periods(tx, period[0], cutoff):
            then = await statement_of(tx, each.start_time, each.end_time, cutoff, deck=decks, format_=format_)
            lines: dict[str, BilledLine] = {}
            for line in then.lines:
                late.add(lines, line)
            earlier.append(BilledPeriod(each.start_time, each.end_time, cutoff, tuple(lines.values())))
    statement = await statement_of(tx, *period, cutoff, earlier, deck=decks, format_=format_)
    own = tuple(line for line in statement.lines if line.kind is not LineKind.LATE)
    return replace(statement, lines=own)


async def _invoiced(tx: Tx, cutoff: datetime) -> list[BilledPeriod]:
    """What the platform invoiced the company itself, as of the cutoff."""
    frozen = [
        each
        for each in await invoicing.finalized(tx)
        if each.cutoff_time and each.cutoff_time <= cutoff and (each.void_time is None or each.void_time > cutoff)
    ]
    whole = [await invoicing.invoice(tx, each.invoice_id) for each in frozen]
    return late.billed([canonical.statement_from(each.statement) for each in whole if each is not None])


async def _name(tx: Tx) -> str:
    """What the company is called; what it is billed as while billing hasn't heard."""
    return await names.name_of(tx, tx.tenant_id) or (await parties.profile(tx)).legal_name


async def own_lines(
    tx: Tx, time: datetime, cutoff: datetime, decks: DeckPrice | None = None
) -> tuple[Resale, Resold] | None:
    """As the company: its period as its plan prices it, and who resells it then; None when nobody does."""
    period = await current_period(tx, time)
    await check_held(tx, period)
    resale = resales.in_force(await store.mine(tx), period[0])
    if resale is None:
        return None
    statement = await _statement(tx, period, cutoff, decks)
    lines = resales.of_statement(statement)
    name = await _name(tx)
    return resale, Resold(tx.tenant_id, period, statement.currency, lines, priced=False, name=name)


async def list_accounts(tx: Tx) -> list[ClientAccount]:
    """As the reseller: how its companies are billed; those of which nothing was saved are left out."""
    return [each for each in await accounts_store.accounts(tx) if each.client_id.startswith("ten_")]


async def billed_periods(tx: Tx, found: Sequence[Resold]) -> list[Resold]:
    """As the reseller: the same with the bill that was issued of each."""
    bills = {each.period[0]: await accounts_store.of_period(tx, each.period[0]) for each in found}
    return [replace(each, bill=bills[each.period[0]].get(each.tenant_id)) for each in found]
