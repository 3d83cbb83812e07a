"""What resellers are invoiced for their companies, and what they bill them: frozen, numbered, the same made again."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from billing.documents import render_invoice
from billing.domain.invoicing import Format, Invoice, Kind, State
from billing.domain.statements import LineKind
from billing.handlers.invoice_operators import InvoiceOperators
from billing.ops import following, invoicing, line_records
from chassis.instants import time_out
from kernel.errors import DomainError
from kernel.ids import new_id
from merkez.billing.v1 import client_bill_pb2, client_bill_service_pb2, invoice_pb2
from merkez.billing.v1 import invoice_operator_service_pb2 as operators
from merkez.billing.v1 import resale_service_pb2 as ask
from merkez.tenancy.v1 import plan_pb2, tenancy_events_pb2, tenant_pb2

from .conftest import MARCH, Ledger, call_fact, plan_fact
from .invoice_house import APRIL, DAY, MAY
from .resale_house import Market, market
from .test_statements import eur, event, message_rate, plan, record, subscription

__all__ = ["market"]
MINUTE = timedelta(minutes=1)


async def named(ledger: Ledger, name: str) -> None:
    await ledger.tell(tenancy_events_pb2.TenantSignedUp(tenant=tenant_pb2.Tenant(display_name=name, version=1)))


async def set_up(market: Market) -> None:
    """The company used 6.00 in March, which its reseller pays 4.80 for."""
    await market.set_up()
    await named(market.company, "Beta Bikes")
    await market.house.set_up()


async def run(market: Market, time: datetime) -> None:
    """Two sweeps: one notes what is over, the next, a little later, may finalize it."""
    await market.house.run(time)
    await market.house.run(time + 2 * MINUTE)


async def invoices(ledger: Ledger, kind: Kind = Kind.RESALE) -> list[Invoice]:
    found, _ = await ledger.db.run(ledger.tenant, lambda tx: invoicing.list_invoices(tx, None, 0, ""))
    return sorted((each for each in found if each.kind is kind), key=lambda each: (each.start_time, each.number))


async def whole(ledger: Ledger, invoice: Invoice) -> invoicing.Whole:
    now = ledger.clock.now()
    return await ledger.rating.run(ledger.tenant, lambda tx, decks: invoicing.whole(tx, invoice.invoice_id, now, decks))


async def is_identical(ledger: Ledger, invoice: Invoice) -> bool:
    frozen, data = await ledger.rating.run(
        ledger.tenant, lambda tx, decks: invoicing.rebuild(tx, invoice.invoice_id, decks)
    )
    return frozen.statement == data


async def test_a_reseller_is_invoiced_for_each_company_by_the_wholesale_list_and_the_company_isnt(
    market: Market,
) -> None:
    await set_up(market)
    await run(market, APRIL + 3 * DAY)
    [made] = await invoices(market.reseller)
    [own] = await invoices(market.reseller, Kind.OWN)
    assert (made.state, made.total, own.total) == (State.FINALIZED, Decimal("4.80"), Decimal("0.00"))
    [theirs] = await invoices(market.other, Kind.OWN)
    given = sorted(each.number for each in (made, own, theirs))
    assert given == ["MRK-000001", "MRK-000002", "MRK-000003"], "one series, without a gap"
    assert (made.start_time, made.end_time, made.currency) == (MARCH, APRIL, "EUR")
    [line] = (await whole(market.reseller, made)).statement.lines
    assert line.description_parameters["company"] == market.company.tenant and line.quantity == 100
    assert await is_identical(market.reseller, made)
    assert not await invoices(market.company) and not await invoices(market.company, Kind.OWN)
    assert not await invoices(market.other), "who resells nobody has no such invoice"


async def test_its_documents_say_the_companys_name_as_it_was_and_are_the_same_bytes_each_time(market: Market) -> None:
    await set_up(market)
    await run(market, APRIL + 3 * DAY)
    [made] = await invoices(market.reseller)
    frozen = (await whole(market.reseller, made)).invoice
    files = {wanted: (await render_invoice(frozen, wanted)).data for wanted in Format}
    assert f"{market.company.tenant},Beta Bikes" in files[Format.CSV].decode("utf-8-sig")
    assert "Beta Bikes: " in files[Format.UBL].decode() and files[Format.PDF][:5] == b"%PDF-"
    later = tenant_pb2.Tenant(display_name="Gamma", time_zone="UTC", version=2)
    await market.company.tell(tenancy_events_pb2.TenantChanged(tenant=later))
    again = (await whole(market.reseller, made)).invoice
    assert {wanted: (await render_invoice(again, wanted)).data for wanted in Format} == files
    assert again.names == {market.company.tenant: "Beta Bikes"}


async def test_what_comes_late_is_a_dated_line_of_the_next_by_the_list_of_its_own_period(market: Market) -> None:
    await set_up(market)
    [resale] = (await market.ask(None, "ListResales")).resales
    await run(market, APRIL + 3 * DAY)
    await market.list(None, "900", resale.wholesale_price_list_id)
    await market.company.tell(call_fact("late", 600, MARCH + 20 * DAY))
    await market.company.tell(call_fact("april", 600, APRIL + 5 * DAY))
    await run(market, MAY + 3 * DAY)
    march, april = await invoices(market.reseller)
    lines = {each.kind: each for each in (await whole(market.reseller, april)).statement.lines}
    assert lines[LineKind.LATE].amount == Decimal("0.48"), "0.60 less March's 20 %"
    assert lines[LineKind.USAGE].amount == Decimal("6.00"), "0.60 by the list of April"
    assert lines[LineKind.LATE].description_parameters["invoice"] == march.number
    assert lines[LineKind.LATE].description_parameters["late_start"] == MARCH.isoformat()
    assert march.total == Decimal("4.80")
    for each in (march, april):
        assert await is_identical(market.reseller, each)
    await run(market, MAY + 34 * DAY)
    assert len(await invoices(market.reseller)) == 2, "nothing of it is billed again"


async def test_duplicated_shuffled_and_late_facts_make_the_same_sum(market: Market) -> None:
    await set_up(market)
    calls = [call_fact(f"more_{place}", 60 * place, MARCH + place * DAY) for place in range(1, 9)]
    order = [*calls, *calls]
    random.Random(7).shuffle(order)
    for each in order[:8]:
        await market.company.tell(each)
    await run(market, APRIL + 3 * DAY)
    for each in order[8:]:
        await market.company.tell(each)
    await run(market, MAY + 3 * DAY)
    total = sum((each.total for each in await invoices(market.reseller)), Decimal(0))
    assert total == Decimal("6.53"), "136 minutes at 0.06, less 20 %, each sum rounded once"


async def test_a_void_one_is_made_anew_and_what_was_late_isnt_billed_twice(market: Market) -> None:
    await set_up(market)
    await run(market, APRIL + 3 * DAY)
    [march] = await invoices(market.reseller)
    await market.company.tell(call_fact("late", 600, MARCH + 20 * DAY))
    await run(market, MAY + 3 * DAY)
    now, ledger = market.house.ledger.clock.now(), market.reseller
    await ledger.db.run(ledger.tenant, lambda tx: invoicing.declare_void(tx, march.invoice_id, "wrong", 0, now))
    await run(market, MAY + 34 * DAY)
    assert len(await invoices(ledger)) == 2, "a void one's period isn't billed by what comes later"
    now = market.house.ledger.clock.now()
    await ledger.rating.run(
        ledger.tenant, lambda tx, decks: following.reissue(tx, march.invoice_id, now, decks)
    )  # fmt: skip
    await run(market, MAY + 35 * DAY)
    old, *rest = await invoices(ledger)
    again = next(each for each in rest if each.follows_invoice_id == march.invoice_id)
    assert (old.state, again.total) == (State.VOID, Decimal("4.80"))
    assert all([await is_identical(ledger, each) for each in (old, *rest)])
    standing = [each.total for each in rest]
    assert sum(standing, Decimal(0)) == Decimal("5.28"), "110 minutes, once"


async def test_two_sweeps_at_once_make_one_invoice(market: Market) -> None:
    await set_up(market)
    market.house.go_to(APRIL + 3 * DAY)
    await asyncio.gather(market.house.sweeper.sweep(), market.house.sweeper.sweep())
    market.house.go_to(APRIL + 3 * DAY + 2 * MINUTE)
    await asyncio.gather(market.house.sweeper.sweep(), market.house.sweeper.sweep())
    [made] = await invoices(market.reseller)
    assert made.total == Decimal("4.80")


async def test_what_a_company_used_in_detail_stays_its_own(market: Market) -> None:
    await set_up(market)
    await run(market, APRIL + 3 * DAY)
    [made] = await invoices(market.reseller)
    found = await whole(market.reseller, made)
    ledger, line = market.reseller, found.statement.lines[0]
    records, _ = await ledger.rating.run(
        ledger.tenant,
        lambda tx, decks: line_records.list_line_records(
            tx, made.invoice_id, line.line_id, 10, "", ledger.clock.now(), decks
        ),
    )
    assert not records
    with market.as_(None):
        operator: Any = InvoiceOperators(ledger.rating, timedelta(seconds=60))
        said = await operator.GetTenantInvoice(
            operators.GetTenantInvoiceRequest(tenant_id=ledger.tenant, invoice_id=made.invoice_id), None
        )
        rebuilt = await operator.RebuildInvoice(
            operators.RebuildInvoiceRequest(tenant_id=ledger.tenant, invoice_id=made.invoice_id), None
        )
    assert said.resale and rebuilt.identical
    assert [(each.tenant_id, each.tenant_name, each.has_records) for each in said.lines] == [
        (market.company.tenant, "Beta Bikes", False)
    ]


async def test_a_company_in_a_zone_behind_its_resellers_is_on_the_same_months_invoice(market: Market) -> None:
    await set_up(market)
    company = market.company
    moved = tenant_pb2.Tenant(display_name="Beta Bikes", time_zone="Pacific/Honolulu", version=2)
    await company.tell(tenancy_events_pb2.TenantChanged(tenant=moved))
    await run(market, APRIL + 3 * DAY)
    [made] = await invoices(market.reseller)
    assert made.total == Decimal("4.80") and (made.start_time, made.end_time) == (MARCH, APRIL)


# -- what the reseller bills its company ----------------------------------------------------------------------------


async def ready_to_bill(market: Market, markup: str = "50") -> str:
    """The reseller's list, sender and account for the company; the list's id."""
    await set_up(market)
    made = await market.list(market.reseller, markup)
    price = ask.ResalePrice(tenant_id=market.company.tenant, price_list_id=made)
    await market.ask(market.reseller, "SetResalePrice", price=price)
    sender = {"name": "Reseller", "address": {"country": "AZ"}, "number_prefix": "RES-"}
    await market.bills(market.reseller, "UpdateBillSender", sender=sender)
    account = ask.ResaleAccount(
        tenant_id=market.company.tenant, buyer=invoice_pb2.BillingProfile(legal_name="Beta", language="tr"),
        payment_terms_days=7, tax_name="KDV", tax_percent="20",
    )  # fmt: skip
    saved = await market.ask(market.reseller, "UpdateResaleAccount", account=account)
    assert saved.version == 1 and (await market.ask(market.reseller, "ListResaleAccounts")).accounts == [saved]
    return made


async def issue(market: Market, time: datetime = MARCH, who: Ledger | None = None, request_id: str = "") -> Any:
    request_id = request_id or new_id("req", market.company.clock.now())
    said = {"request_id": request_id, "tenant_id": market.company.tenant, "time": time_out(time)}
    return await market.ask(who or market.reseller, "IssueResaleBill", **said)


async def refusal(market: Market, *given: Any, **said: Any) -> str:
    with pytest.raises(DomainError) as refused:
        await issue(market, *given, **said)
    return refused.value.reason


async def test_a_reseller_bills_its_company_as_it_bills_clients(market: Market) -> None:
    await ready_to_bill(market)
    assert await refusal(market) == "CLIENT_PERIOD_NOT_OVER"
    await run(market, APRIL + DAY)
    bill = await issue(market, request_id="req_1")
    assert bill == await issue(market, request_id="req_1")
    assert (bill.number, bill.tenant_id, bill.brand_id, bill.client_name) == (
        "RES-000001", market.company.tenant, "", "Beta Bikes",
    )  # fmt: skip
    # 6.00 at 20 % off costs 4.80; half as much again is 7.20, with 20 % tax 8.64.
    assert (bill.cost.amount, bill.subtotal.amount, bill.total.amount) == ("4.80", "7.20", "8.64")
    file = await market.bills(
        market.reseller, "GetClientBillDocument", client_bill_id=bill.client_bill_id, format="DOCUMENT_FORMAT_UBL"
    )
    assert b"7.20" in file.data and b"4.80" not in file.data, "no document says what it costs the reseller"
    [stands] = (await market.ask(market.reseller, "ListResaleStatements", time=time_out(MARCH))).statements
    assert stands.client_bill_id == bill.client_bill_id and stands.tenant_name == "Beta Bikes"
    theirs = await market.ask(market.company, "GetResoldStatement", time=time_out(MARCH))
    assert not theirs.client_bill_id
    only = {"tenant_id": market.company.tenant}
    assert list((await market.bills(market.reseller, "ListClientBills", **only)).bills) == [bill]
    assert not (await market.bills(market.reseller, "ListBrandAccounts")).accounts, "a company is no brand"


async def test_a_later_version_of_the_list_bends_no_bill_and_late_usage_is_priced_by_the_old_one(
    market: Market,
) -> None:
    made = await ready_to_bill(market)
    await run(market, APRIL + DAY)
    first = await issue(market)
    await market.list(market.reseller, "900", made)
    theirs = await market.ask(market.company, "GetResoldStatement", time=time_out(MARCH))
    assert theirs.price.amount == first.subtotal.amount, "nor what the company is shown of it"
    await market.company.tell(call_fact("late", 600, MARCH + 20 * DAY))
    await market.company.tell(call_fact("april", 600, APRIL + 5 * DAY))
    await run(market, MAY + DAY)
    second = await issue(market, APRIL)
    # Late: 0.60 costs 0.48, by 50 % 0.72. April: 0.60 costs 0.48, by 900 % 4.80.
    assert (second.subtotal.amount, second.price_list_version) == ("5.52", 2)
    listed = (await market.bills(market.reseller, "ListClientBills")).bills
    assert [each for each in listed if each.number == first.number] == [first]
    void = {"client_bill_id": first.client_bill_id, "reason": "wrong address"}
    await market.bills(market.reseller, "VoidClientBill", **void)
    again = await issue(market)
    # 110 minutes cost 5.28, by the list of now 52.80; 0.72 of them stand on the second bill already.
    assert (again.number, again.subtotal.amount) == ("RES-000003", "52.08")


async def test_two_resale_bills_at_once_are_one_and_nobody_elses_company_is_billed(market: Market) -> None:
    await ready_to_bill(market)
    await run(market, APRIL + DAY)
    found = await asyncio.gather(*(issue(market) for _ in range(3)), return_exceptions=True)
    assert sorted(getattr(each, "reason", "made") for each in found) == ["CLIENT_BILL_EXISTS"] * 2 + ["made"]
    assert await refusal(market, MARCH, market.other) == "RESOLD_TENANT_NOT_FOUND"
    account = ask.ResaleAccount(tenant_id=market.company.tenant)
    assert await market.reason(market.other, "UpdateResaleAccount", account=account) == "RESOLD_TENANT_NOT_FOUND"
    stale = {"account": ask.ResaleAccount(tenant_id=market.company.tenant), "version": 9}
    assert await market.reason(market.reseller, "UpdateResaleAccount", **stale) == "VERSION_CONFLICT"


async def test_a_resale_bill_waits_until_it_is_said_how_and_for_a_period_that_was_resold(market: Market) -> None:
    await set_up(market)
    await run(market, APRIL + DAY)
    assert await refusal(market) == "CLIENT_NOT_SET_UP"
    await ready_for(market)
    assert await refusal(market, MARCH - DAY) == "CLIENT_PERIOD_NOT_OVER", "it wasn't resold then"
    assert await refusal(market, APRIL) == "CLIENT_PERIOD_NOT_OVER"
    before = time_out(MARCH - 20 * DAY)
    assert await market.reason(market.company, "GetResoldStatement", time=before) == "NOTHING_SUBSCRIBED"
    assert not (await market.ask(market.reseller, "ListResaleStatements", time=before)).statements


async def ready_for(market: Market) -> None:
    made = await market.list(market.reseller, "50")
    price = ask.ResalePrice(tenant_id=market.company.tenant, price_list_id=made)
    await market.ask(market.reseller, "SetResalePrice", price=price)
    sender = {"name": "Reseller", "address": {"country": "AZ"}, "number_prefix": "RES-"}
    await market.bills(market.reseller, "UpdateBillSender", sender=sender)
    account = ask.ResaleAccount(tenant_id=market.company.tenant)
    await market.ask(market.reseller, "UpdateResaleAccount", account=account)


async def test_a_client_isnt_billed_for_a_time_before_the_company_was_there(market: Market) -> None:
    await market.company.tell(plan_fact())
    first = await market.bills(market.company, "ListBrandStatements", time=time_out(MARCH + DAY))
    assert first.first_period_start_time.ToDatetime() == MARCH.replace(tzinfo=None)
    with pytest.raises(DomainError) as refused:
        await market.bills(market.company, "ListBrandStatements", time=time_out(MARCH - DAY))
    assert refused.value.reason == "NOTHING_SUBSCRIBED"


async def test_a_list_that_could_not_price_a_company_is_refused_before_it_is_sold_by_it(market: Market) -> None:
    await market.set_up()
    dollars = client_bill_pb2.PriceList(
        name="Dollars", currency="USD", rules=[client_bill_pb2.PriceRule(markup_percent="0")]
    )
    with market.as_(None):
        request = {"request_id": new_id("req", MARCH), "price_list": dollars}
        made = await market.lists.SavePriceList(client_bill_service_pb2.SavePriceListRequest(**request))
    resale = ask.Resale(
        tenant_id=market.company.tenant, reseller_id=market.other.tenant,
        wholesale_price_list_id=made.price_list_id, start_time=time_out(APRIL),
    )  # fmt: skip
    assert await market.reason(None, "SetReseller", resale=resale) == "RESALE_INVALID"
    with pytest.raises(DomainError) as refused, market.as_(None):
        dollars.price_list_id, dollars.currency = made.price_list_id, "EUR"
        again = {"request_id": new_id("req", MARCH), "price_list": dollars}
        await market.lists.SavePriceList(client_bill_service_pb2.SavePriceListRequest(**again))
    assert refused.value.reason == "PRICE_LIST_INVALID", "what was sold by it keeps its currency"


async def test_of_a_yearly_minimum_the_months_before_count_whoever_billed_them(market: Market) -> None:
    await market.house.set_up()
    for each in (market.reseller, market.other):
        await each.tell(plan_fact())
    since, yearly = datetime(2025, 5, 1, tzinfo=UTC), plan_pb2.BILLING_INTERVAL_YEAR
    await market.company.tell(plan(message_rate("1"), minimum=eur("100"), interval=yearly, since=since))
    anchored = subscription(1, MARCH)
    anchored.subscription.anchor_time.CopyFrom(time_out(since))
    await market.company.tell(anchored)
    await record(
        market.company, event("own", MARCH - 9 * DAY, "20"), event("first", MARCH - MINUTE, "30")
    )  # fmt: skip
    await market.resold(market.reseller)
    market.house.go_to(MARCH + 20 * DAY)
    await record(market.company, event("march", MARCH + DAY, "5"))
    await run(market, APRIL + 3 * DAY)
    await record(market.company, event("april", APRIL + DAY, "10"))
    await run(market, MAY + 3 * DAY)
    march, april = await invoices(market.reseller)
    assert march.total == Decimal("4.00"), "5 less 20 %"
    # 20 and 30 were invoiced to the company itself, 5 and 10 to its reseller: 35 are missing of 100.
    assert april.total == Decimal("36.00"), "10 and 35, less 20 %"
    for each in (march, april):
        assert await is_identical(market.reseller, each)


async def test_what_comes_late_of_a_time_before_it_was_resold_is_listed_and_billed_to_the_company(
    market: Market,
) -> None:
    await market.house.set_up()
    company, february = market.company, datetime(2026, 2, 1, tzinfo=UTC)
    for each in (company, market.reseller, market.other):
        await each.tell(plan_fact(february))
    await market.resold(market.reseller)
    await company.tell(call_fact("own", 600, february + DAY))
    await run(market, MARCH + 3 * DAY)
    [own] = await invoices(company, Kind.OWN)
    assert own.total == Decimal("0.60")
    await company.tell(call_fact("late", 6000, february + 9 * DAY))
    await run(market, APRIL + 3 * DAY)
    assert not await invoices(market.reseller), "its reseller doesn't pay for it"
    listed, _ = await company.db.system(lambda tx: following.list_left_out(tx, 200, ""))
    assert [(each.number, each.amount) for each in listed if each.tenant_id == company.tenant] == [
        (own.number, Decimal("6.00"))
    ]
    now = company.clock.now()
    await company.db.run(company.tenant, lambda tx: following.bill_left_out(tx, own.invoice_id, now))
    await run(market, APRIL + 4 * DAY)
    [first, second] = await invoices(company, Kind.OWN)
    assert (first.total, second.total) == (Decimal("0.60"), Decimal("6.00"))
    assert await is_identical(company, second)


async def test_after_months_of_standstill_there_is_an_invoice_for_each(market: Market) -> None:
    await set_up(market)
    await market.company.tell(call_fact("april", 600, APRIL + DAY))
    await market.company.tell(call_fact("may", 1200, MAY + DAY))
    await run(market, MAY + 40 * DAY)
    made = await invoices(market.reseller)
    assert [(each.start_time, each.total) for each in made] == [
        (MARCH, Decimal("4.80")), (APRIL, Decimal("0.48")), (MAY, Decimal("0.96")),
    ]  # fmt: skip
