"""Companies that are resold: the same usage at two levels, and nobody sees more than their own level."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from billing.domain import resales
from billing.domain.client_bills import BrandLine, PriceList, PriceRule, priced
from billing.domain.statements import LineKind, StatementLine
from billing.ops import invoicing
from chassis.instants import time_out
from hypothesis import given
from hypothesis import strategies as st
from kernel.errors import Forbidden
from kernel.money import rounded
from merkez.billing.v1 import resale_service_pb2 as ask

from .conftest import MARCH, Ledger, call_fact
from .invoice_house import APRIL, DAY
from .resale_house import Market, market

__all__ = ["market"]


@given(st.lists(st.integers(0, 10**7), max_size=6), st.integers(-100, 200), st.integers(-100, 200))
def test_what_one_level_pays_is_what_the_next_ones_markup_is_on(cents: list[int], high: int, low: int) -> None:
    lines = [
        BrandLine(
            StatementLine(f"usage:{place}", LineKind.USAGE, Decimal(each) / 100, MARCH, APRIL, quantity=Fraction(1)),
            Decimal(each) / 100,
        )
        for place, each in enumerate(cents)
    ]  # fmt: skip

    def by(markup: int) -> PriceList:
        return PriceList("prl_1", 1, "l", "EUR", (PriceRule("", Decimal(markup)),), Decimal(0), MARCH)

    wholesale = priced(lines, by(high), "EUR", (MARCH, APRIL))
    retail = priced(resales.one_level_down(wholesale), by(low), "EUR", (MARCH, APRIL))
    assert [each.cost for each in retail] == [each.own.amount for each in wholesale]
    for line, above in zip(retail, wholesale, strict=True):
        assert line.own.amount == rounded(Fraction(above.own.amount) * (100 + low) / 100, "EUR")


async def test_each_level_is_billed_from_the_same_usage_and_sees_its_own_margin_alone(market: Market) -> None:
    await market.set_up()
    price = ask.ResalePrice(tenant_id=market.company.tenant, price_list_id=await market.list(market.reseller, "50"))
    await market.ask(market.reseller, "SetResalePrice", price=price)
    time = time_out(MARCH + DAY)
    [owed] = (await market.ask(None, "GetWholesaleStatement", reseller_id=market.reseller.tenant, time=time)).statements
    assert owed.price.amount == "4.80" and not owed.HasField("cost"), "6.00 less 20 %"
    [mine] = (await market.ask(market.reseller, "ListResaleStatements", time=time)).statements
    assert (mine.tenant_id, mine.cost.amount, mine.price.amount) == (market.company.tenant, "4.80", "7.20")
    theirs = await market.ask(market.company, "GetResoldStatement", time=time)
    assert theirs.price.amount == "7.20" and not theirs.HasField("cost")
    assert [each.quantity for each in theirs.lines] == ["100"] and not any(
        each.HasField("cost") for each in theirs.lines
    )


async def test_a_company_whose_reseller_has_set_no_price_sees_none_not_the_wholesale_one(market: Market) -> None:
    await market.set_up()
    theirs = await market.ask(market.company, "GetResoldStatement", time=time_out(MARCH + DAY))
    assert not theirs.lines and not theirs.HasField("price") and not theirs.HasField("cost")
    [mine] = (await market.ask(market.reseller, "ListResaleStatements", time=time_out(MARCH + DAY))).statements
    assert mine.cost.amount == "4.80" and not mine.HasField("price")


async def test_another_resellers_companies_are_not_there(market: Market) -> None:
    await market.set_up()
    time = time_out(MARCH + DAY)
    assert not (await market.ask(market.other, "ListResaleStatements", time=time)).statements
    price = ask.ResalePrice(tenant_id=market.company.tenant, price_list_id=await market.list(market.other, "1"))
    assert await market.reason(market.other, "SetResalePrice", price=price) == "RESOLD_TENANT_NOT_FOUND"
    stolen = ask.ResalePrice(tenant_id=market.company.tenant, price_list_id=await market.list(market.other, "1"))
    assert await market.reason(market.reseller, "SetResalePrice", price=stolen) == "PRICE_LIST_NOT_FOUND"
    assert await market.reason(market.other, "GetResoldStatement", time=time) == "NOT_RESOLD"


async def test_only_operators_say_who_resells_and_never_a_chain_or_the_past(market: Market) -> None:
    made = await market.set_up()
    for verb in ("SetReseller", "ListResales", "GetWholesaleStatement"):
        with pytest.raises(Forbidden):
            await market.ask(market.reseller, verb)

    def resale(tenant: Ledger, by: Ledger, **more: Any) -> ask.Resale:
        said = {"wholesale_price_list_id": made.wholesale_price_list_id, "start_time": time_out(MARCH + DAY)} | more
        return ask.Resale(tenant_id=tenant.tenant, reseller_id=by.tenant, **said)

    for wrong in (
        resale(market.reseller, market.other),
        resale(market.other, market.company),
        resale(market.other, market.other),
        resale(market.other, market.reseller, start_time=time_out(MARCH - DAY)),
    ):
        assert await market.reason(None, "SetReseller", resale=wrong) == "RESALE_INVALID"
    unknown = resale(market.other, market.reseller, wholesale_price_list_id="prl_none")
    assert await market.reason(None, "SetReseller", resale=unknown) == "PRICE_LIST_NOT_FOUND"
    nobody = resale(market.company.twin(), market.reseller)
    assert await market.reason(None, "SetReseller", resale=nobody) == "RESOLD_TENANT_NOT_FOUND"
    again = resale(market.company, market.other)
    assert await market.reason(None, "SetReseller", resale=again, version=9) == "VERSION_CONFLICT"


async def test_a_company_that_changes_resellers_is_the_old_ones_until_its_next_period(market: Market) -> None:
    made = await market.set_up()
    moved = ask.Resale(
        tenant_id=market.company.tenant, reseller_id=market.other.tenant,
        wholesale_price_list_id=made.wholesale_price_list_id, start_time=time_out(MARCH + 9 * DAY),
    )  # fmt: skip
    await market.ask(None, "SetReseller", resale=moved, version=made.version)
    march, april = time_out(MARCH + 20 * DAY), time_out(APRIL + DAY)
    assert (await market.ask(market.reseller, "ListResaleStatements", time=march)).statements
    assert not (await market.ask(market.other, "ListResaleStatements", time=march)).statements
    assert not (await market.ask(market.reseller, "ListResaleStatements", time=april)).statements
    assert (await market.ask(market.other, "ListResaleStatements", time=april)).statements
    [now] = (await market.ask(None, "ListResales")).resales
    assert now.reseller_id == market.other.tenant


async def test_the_platform_doesnt_invoice_a_company_whose_reseller_pays_for_it(market: Market) -> None:
    await market.set_up()
    await market.house.set_up()
    await market.house.run(APRIL + 2 * DAY)
    listed, _ = await market.house.do(lambda tx: invoicing.list_invoices(tx, None, 0, ""))
    assert not listed
    ended = ask.Resale(tenant_id=market.company.tenant, start_time=time_out(APRIL + 9 * DAY))
    await market.ask(None, "SetReseller", resale=ended)
    await market.company.tell(call_fact("call_2", 600, APRIL + 20 * DAY))
    await market.house.run(APRIL + 32 * DAY)
    await market.house.run(APRIL + 63 * DAY)
    listed, _ = await market.house.do(lambda tx: invoicing.list_invoices(tx, None, 0, ""))
    assert [each.start_time.month for each in listed] == [5], "from the period that begins after the end on"
