"""What a company bills the clients whose brands it serves: from its own usage, once each, in a series of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import pytest_asyncio
from billing.domain import canonical, client_bills
from billing.domain.brands import shares
from billing.domain.client_bills import ClientAccount, PriceList, PriceListInvalid, PriceRule, priced, shares_of
from billing.domain.parties import BillingProfile, ProfileInvalid
from billing.domain.statements import LineKind, Statement, StatementLine
from billing.handlers.client_bills import ClientBills
from billing.ops import statements
from chassis.auth import acting_as
from chassis.instants import time_out
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from kernel.errors import DomainError, Forbidden, InvalidInput
from kernel.ids import new_id
from kernel.money import rounded
from merkez.billing.v1 import client_bill_pb2 as bills
from merkez.billing.v1 import client_bill_service_pb2 as ask
from merkez.billing.v1 import client_bill_service_pb2_grpc, invoice_pb2
from testkit import RpcHouse, someone

from .conftest import MARCH, call_fact
from .invoice_house import APRIL, DAY, RULES, House

ACME, BETA = "brd_01jd3v9k8r5x7m2p4q6s8t0w1y", "brd_01jd3v9k8r5x7m2p4q6s8t0w1z"
PERIOD = (MARCH, APRIL)


def a_list(*rules: PriceRule, fee: str = "0", currency: str = "EUR") -> PriceList:
    return PriceList("prl_1", 1, "Clients", currency, rules or (PriceRule("", Decimal(0)),), Decimal(fee), MARCH)


# -- the rules -------------------------------------------------------------------------------------------------------

BRAND = st.sampled_from(["", "brd_1", "brd_2", "brd_3"])
USED = st.lists(
    st.tuples(st.dictionaries(BRAND, st.fractions(0, 10**5), max_size=4), st.integers(0, 10**7)), max_size=6
)


@given(USED)
def test_brands_and_what_is_nobodys_are_together_the_companys_own_usage(
    used: list[tuple[dict[str, Fraction], int]],
) -> None:
    lines = []
    for place, (of, cents) in enumerate(used):
        quantity, amount = sum(of.values(), Fraction(0)), Decimal(cents) / 100
        lines.append(
            StatementLine(
                f"usage:{place}", LineKind.USAGE, amount, *PERIOD, meter=f"m{place}", quantity=quantity,
                brands=shares(of, quantity, Fraction(0), amount, "EUR"),
            )
        )  # fmt: skip
    statement = Statement("EUR", *PERIOD, APRIL, "p", 1, lines, (), (), Decimal(0), Decimal(0))
    found = [each for own in shares_of(statement).values() for each in own]
    for line in lines:
        mine = [each for each in found if each.own.line_id == line.line_id]
        assert sum((each.own.quantity for each in mine), Fraction(0)) == line.quantity
        assert sum((each.cost for each in mine), Decimal(0)) == line.amount
    assert len(found) == sum(len(line.brands) for line in lines), "nothing twice"


@given(st.fractions(0, 10**5), st.integers(0, 10**7), st.integers(-100, 1000), st.integers(0, 10**6))
def test_a_rule_prices_by_the_cost_or_by_the_unit_and_rounds_once(
    quantity: Fraction, cents: int, markup: int, price: int
) -> None:
    cost, unit = Decimal(cents) / 100, Decimal(price) / 1000
    own = StatementLine("usage:1", LineKind.USAGE, cost, *PERIOD, meter="m", quantity=quantity)
    line = client_bills.BrandLine(own, cost)
    [by_cost] = priced([line], a_list(PriceRule("", Decimal(markup))), "EUR", PERIOD)
    assert by_cost.own.amount == rounded(Fraction(cost) * (100 + markup) / 100, "EUR") and by_cost.cost == cost
    [by_unit] = priced([line], a_list(PriceRule("", Decimal(0)), PriceRule("m", None, unit)), "EUR", PERIOD)
    assert by_unit.own.amount == rounded(quantity * Fraction(unit), "EUR")


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ([], "price_list.rules"),
        ([PriceRule("m", Decimal(1))], "price_list.rules"),
        ([PriceRule("", Decimal(1)), PriceRule("", Decimal(2))], "price_list.rules[1].meter"),
        ([PriceRule("")], "price_list.rules[0]"),
        ([PriceRule("", Decimal(-101))], "price_list.rules[0].markup_percent"),
        ([PriceRule("", None, Decimal(1))], "price_list.rules[0].unit_price"),
    ],
)
def test_a_list_that_cant_be_names_the_field(rules: list[PriceRule], field: str) -> None:
    with pytest.raises(PriceListInvalid) as refused:
        client_bills.check_price_list(replace(a_list(), rules=rules))
    assert refused.value.fields[0].field == field


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"tax_percent": Decimal("100.5")}, "account.tax_percent"),
        ({"tax_name": "x" * 61}, "account.tax_name"),
        ({"tax_name": "a\nb"}, "account.tax_name"),
        ({"buyer": BillingProfile(language="xx")}, "profile.language"),
    ],
)
def test_an_account_that_cant_be_names_the_field(said: dict[str, Any], field: str) -> None:
    account = ClientAccount("brd_1", "prl_1", tax_name="VAT", tax_percent=Decimal(100))
    assert client_bills.check_account(account) == account
    with pytest.raises(ProfileInvalid) as refused:
        client_bills.check_account(replace(account, **said))
    assert refused.value.fields[0].field == field


# -- over the wire ---------------------------------------------------------------------------------------------------


class Office:
    """A company with two brands, and its bills."""

    def __init__(self, rpc: RpcHouse, house: House) -> None:
        self.house = house
        self.stub: Any = rpc.stub(client_bill_service_pb2_grpc.ClientBillServiceStub, "billing")

    async def ask(self, verb: str, role: str = "owner", tenant: str = "", **said: Any) -> Any:
        with acting_as(someone(role, tenant or self.house.ledger.tenant)):
            return await getattr(self.stub, verb)(getattr(ask, f"{verb}Request")(**said))

    async def reason(self, verb: str, **said: Any) -> str:
        with pytest.raises(DomainError) as refused:
            await self.ask(verb, **said)
        return refused.value.reason

    async def used_march(self) -> None:
        await self.house.used_march()
        for place in range(6):
            fact = call_fact(f"call_{place}", 600, MARCH + (place + 1) * DAY)
            fact.cdr.brand_id = (ACME, ACME, BETA)[place % 3]
            await self.house.ledger.tell(fact)

    async def set_up(self, *brands: str, markup: str = "20") -> bills.PriceList:
        sender = bills.BillSender(
            name="Acme Contact", address=invoice_pb2.PostalAddress(country="AZ"), number_prefix="ACM-"
        )
        await self.ask("UpdateBillSender", sender=sender)
        made = await self.list(markup)
        for brand_id in brands:
            account = bills.BrandAccount(
                brand_id=brand_id, price_list_id=made.price_list_id, tax_name="ƏDV", tax_percent="18",
                payment_terms_days=10, buyer=invoice_pb2.BillingProfile(legal_name="Client", language="az"),
            )  # fmt: skip
            await self.ask("UpdateBrandAccount", account=account)
        return made

    async def list(self, markup: str, price_list_id: str = "", version: int = 0) -> bills.PriceList:
        wanted = bills.PriceList(
            price_list_id=price_list_id, name="Clients", currency="EUR", period_fee="50",
            rules=[bills.PriceRule(markup_percent=markup), bills.PriceRule(meter="number_month", unit_price="5")],
        )  # fmt: skip
        request_id = new_id("req", self.house.ledger.clock.now())
        return await self.ask("SavePriceList", request_id=request_id, price_list=wanted, version=version)

    async def issue(self, brand_id: str = ACME, time: datetime = MARCH, request_id: str = "", **said: Any) -> Any:
        request_id = request_id or new_id("req", self.house.ledger.clock.now())
        return await self.ask("IssueClientBill", request_id=request_id, brand_id=brand_id, time=time_out(time), **said)

    async def refusal(self, *given: Any, **said: Any) -> str:
        with pytest.raises(DomainError) as refused:
            await self.issue(*given, **said)
        return refused.value.reason


@pytest_asyncio.fixture
async def office(rpc: RpcHouse, house: House) -> AsyncIterator[Office]:
    servicer: Any = ClientBills(house.ledger.rating, RULES.settle)
    await rpc.serve("billing", [(client_bill_service_pb2_grpc.add_ClientBillServiceServicer_to_server, servicer)])
    yield Office(rpc, house)


async def test_a_client_is_billed_its_brands_usage_with_the_markup_the_fee_and_the_tax(office: Office) -> None:
    await office.used_march()
    await office.set_up(ACME)
    office.house.go_to(APRIL + DAY)
    bill = await office.issue()
    # 4 calls of 10 minutes at 0.06 cost 2.40; with 20 % 2.88, with the fee 52.88, with 18 % 62.40.
    assert (bill.cost.amount, bill.subtotal.amount, bill.total.amount) == ("2.40", "52.88", "62.40")
    assert (bill.number, bill.price_list_version) == ("ACM-000001", 1)
    again = await office.ask("GetClientBillDocument", client_bill_id=bill.client_bill_id)
    assert again.data[:5] == b"%PDF-" and again.file_name == "ACM-000001.pdf"
    assert again.data == (await office.ask("GetClientBillDocument", client_bill_id=bill.client_bill_id)).data
    rows = await office.ask("GetClientBillDocument", client_bill_id=bill.client_bill_id, format="DOCUMENT_FORMAT_CSV")
    said = rows.data.decode("utf-8-sig")
    assert "2.88" in said and "2.40" not in said, "no document says what it costs the company"


async def test_all_brands_and_what_is_nobodys_come_to_the_companys_own_usage(office: Office) -> None:
    await office.used_march()
    await office.set_up(ACME)
    found = await office.ask("ListBrandStatements", time=time_out(MARCH + DAY))
    own = await office.house.do(lambda tx: statements.statement_of(tx, *PERIOD, office.house.ledger.clock.now()))
    of = {each.brand_id: each for each in found.statements}
    assert list(of) == ["", ACME, BETA] and not of[""].HasField("price") and of[ACME].price.amount == "52.88"
    total = sum((line.amount for line in own.lines if line.kind is LineKind.USAGE), Decimal(0))
    assert sum(Decimal(each.cost.amount) for each in found.statements) == total
    for line in own.lines:
        mine = [each for one in found.statements for each in one.lines if each.line_id == line.line_id]
        assert sum((Fraction(each.quantity) for each in mine), Fraction(0)) == line.quantity
    assert [each.meter for each in of[""].lines] == ["seat_month"], "a seat is of no brand"


async def test_billing_clients_changes_nothing_of_the_companys_own_invoice(office: Office) -> None:
    await office.used_march()
    now = office.house.ledger.clock.now()
    before = await office.house.do(lambda tx: statements.statement_of(tx, *PERIOD, now))
    await office.set_up(ACME, BETA, markup="300")
    office.house.go_to(APRIL + DAY)
    await office.issue()
    await office.issue(BETA)
    after = await office.house.do(lambda tx: statements.statement_of(tx, *PERIOD, now))
    assert canonical.statement_bytes(after) == canonical.statement_bytes(before)


async def test_numbers_have_no_gap_though_bills_are_issued_at_once_and_some_are_refused(office: Office) -> None:
    await office.used_march()
    await office.set_up(ACME, BETA)
    office.house.go_to(APRIL + DAY)
    found = await asyncio.gather(*(office.issue(brand) for brand in (ACME, BETA, ACME, BETA)), return_exceptions=True)
    refused = [each.reason for each in found if isinstance(each, DomainError)]
    assert refused == ["CLIENT_BILL_EXISTS"] * 2
    listed = await office.ask("ListClientBills")
    assert sorted(each.number for each in listed.bills) == ["ACM-000001", "ACM-000002"]
    assert (await office.ask("GetBillSender")).next_number == 3


async def test_the_same_request_is_one_bill(office: Office) -> None:
    await office.used_march()
    await office.set_up(ACME)
    office.house.go_to(APRIL + DAY)
    first, second = await office.issue(request_id="req_1"), await office.issue(request_id="req_1")
    assert first == second
    assert await office.refusal(BETA, request_id="req_1") == "REQUEST_ID_REUSED"


async def test_nothing_is_billed_before_its_time_or_before_it_is_said_how(office: Office) -> None:
    await office.used_march()
    assert await office.refusal() == "CLIENT_NOT_SET_UP"
    await office.set_up(ACME)
    office.house.go_to(APRIL - DAY)
    assert await office.refusal() == "CLIENT_PERIOD_NOT_OVER"
    office.house.go_to(APRIL + timedelta(seconds=1))
    assert await office.refusal() == "CLIENT_PERIOD_NOT_OVER", "what is written just now may belong to it"


async def test_a_period_from_before_the_first_plan_is_neither_shown_nor_billed(office: Office) -> None:
    await office.used_march()
    await office.set_up(ACME)
    office.house.go_to(APRIL + DAY)
    assert await office.refusal(time=MARCH - DAY) == "NOTHING_SUBSCRIBED"
    assert await office.reason("ListBrandStatements", time=time_out(MARCH - DAY)) == "NOTHING_SUBSCRIBED"
    assert (await office.issue(time=MARCH)).number == "ACM-000001", "no number was lost by it"


async def test_a_time_that_is_none_or_missing_is_named_and_no_bill_of_some_other_month_is_made(office: Office) -> None:
    await office.used_march()
    await office.set_up(ACME)
    office.house.go_to(APRIL + DAY)
    never = Timestamp(seconds=10**12)
    asked: list[tuple[str, dict[str, Any]]] = [
        ("IssueClientBill", {"request_id": "r1", "brand_id": ACME}),
        ("IssueClientBill", {"request_id": "r2", "brand_id": ACME, "time": never}),
        ("ListBrandStatements", {"time": never}),
    ]
    for verb, said in asked:
        with pytest.raises(InvalidInput) as refused:
            await office.ask(verb, **said)
        assert [each.field for each in refused.value.fields] == ["time"]
    assert not (await office.ask("ListClientBills")).bills


async def test_late_usage_is_on_the_next_bill_by_the_prices_of_its_own_period(office: Office) -> None:
    await office.used_march()
    made = await office.set_up(ACME)
    office.house.go_to(APRIL + DAY)
    first = await office.issue()
    await office.list("100", made.price_list_id, made.version)
    late = call_fact("call_late", 600, MARCH + 20 * DAY)
    late.cdr.brand_id = ACME
    await office.house.ledger.tell(late)
    office.house.go_to(datetime(2026, 5, 2, tzinfo=UTC))
    second = await office.issue(time=APRIL)
    # 10 late minutes at 0.06 with March's 20 %, and April's fee.
    assert (second.subtotal.amount, second.price_list_version) == ("50.72", 2)
    assert [each for each in (await office.ask("ListClientBills")).bills if each.number == first.number] == [first]


async def test_a_void_bill_keeps_its_number_and_makes_room_for_another(office: Office) -> None:
    await office.used_march()
    await office.set_up(ACME)
    office.house.go_to(APRIL + DAY)
    bill = await office.issue()
    void = {"client_bill_id": bill.client_bill_id, "reason": "wrong client"}
    assert await office.reason("VoidClientBill", version=9, **void) == "VERSION_CONFLICT"
    changed = await office.ask("VoidClientBill", version=bill.version, **void)
    assert changed.state == bills.CLIENT_BILL_STATE_VOID and changed.digest == bill.digest
    assert await office.reason("VoidClientBill", **void) == "CLIENT_BILL_STATE_WRONG"
    assert (await office.issue()).number == "ACM-000002"


@pytest.mark.parametrize("anew", [0, 1])
async def test_late_usage_stays_billed_once_though_an_earlier_bill_is_void_and_made_anew(
    office: Office, anew: int
) -> None:
    await office.used_march()
    await office.set_up(ACME)
    months = [MARCH, APRIL, datetime(2026, 5, 1, tzinfo=UTC)]
    made: list[Any] = []
    for place, month in enumerate(months):
        office.house.go_to(month + 32 * DAY)
        made.append(await office.issue(time=month))
        if place == anew:
            late = call_fact("call_late", 600, MARCH + 20 * DAY)
            late.cdr.brand_id = ACME
            await office.house.ledger.tell(late)
    # March's own 52.88, the fees of April and May, and 10 late minutes at 0.06 with 20 % on one of them.
    assert sum(Decimal(each.subtotal.amount) for each in made) == Decimal("153.60")
    await office.ask("VoidClientBill", client_bill_id=made[anew].client_bill_id, reason="wrong address")
    again = await office.issue(time=months[anew])
    assert again.subtotal == made[anew].subtotal, "what came late stands on the later bill already"


async def test_a_version_of_a_price_list_never_changes_and_two_writers_are_told(office: Office) -> None:
    made = await office.list("10")
    second = await office.list("15", made.price_list_id, made.version)
    assert (second.version, [each.version for each in (await office.ask("ListPriceLists")).price_lists]) == (2, [2])
    with pytest.raises(DomainError) as refused:
        await office.list("20", made.price_list_id, made.version)
    assert refused.value.reason == "VERSION_CONFLICT"


async def test_who_sends_bills_keeps_the_prefix_once_one_was_sent(office: Office) -> None:
    await office.used_march()
    await office.set_up(ACME)
    office.house.go_to(APRIL + DAY)
    await office.issue()
    other = bills.BillSender(name="A", address=invoice_pb2.PostalAddress(country="AZ"), number_prefix="NEW-")
    assert await office.reason("UpdateBillSender", sender=other) == "NUMBERS_IN_USE"
    assert await office.reason("UpdateBillSender", sender=other, version=7) == "VERSION_CONFLICT"


async def test_another_company_sees_none_of_it_and_only_owners_do(office: Office) -> None:
    await office.used_march()
    made = await office.set_up(ACME)
    office.house.go_to(APRIL + DAY)
    bill = await office.issue()
    other = office.house.ledger.twin().tenant
    assert not (await office.ask("ListClientBills", tenant=other)).bills
    assert not (await office.ask("ListPriceLists", tenant=other)).price_lists
    id_ = {"client_bill_id": bill.client_bill_id}
    assert await office.reason("GetClientBillDocument", tenant=other, **id_) == "CLIENT_BILL_NOT_FOUND"
    assert await office.reason("VoidClientBill", tenant=other, reason="x", **id_) == "CLIENT_BILL_NOT_FOUND"
    account = bills.BrandAccount(brand_id=ACME, price_list_id=made.price_list_id)
    assert await office.reason("UpdateBrandAccount", tenant=other, account=account) == "PRICE_LIST_NOT_FOUND"
    for role in ("admin", "supervisor", "agent"):
        with pytest.raises(Forbidden):
            await office.ask("ListClientBills", role=role)
