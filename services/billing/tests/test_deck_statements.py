"""A plan that prices calls by a rate deck: lines by destination, open to each call, the same whenever they are made."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from billing.domain.client_bills import ClientAccount, ClientBill, PriceList, PriceRule
from billing.domain.decks import DeckHeader, Markup
from billing.domain.plans import Model, Rate
from billing.domain.rates import DeckCharge, Destination, Metered, RateInvalid, by_destination
from billing.domain.resales import Resale
from billing.domain.statements import StatementLine
from billing.exporting import Exporter
from billing.live.decks import read_parts
from billing.ops import client_bills, decks, invoicing, line_records, resales
from billing.ops.current import current_usage
from billing.ops.issuing import preview_invoice
from billing.providers.lago import Lago
from billing.store import decks as store
from chassis.instants import time_out
from hypothesis import given
from hypothesis import strategies as st
from kernel.tenant import PLATFORM
from merkez.telephony.v1 import call_pb2
from merkez.tenancy.v1 import number_pb2, plan_pb2, tenancy_events_pb2
from merkez.type.v1 import money_pb2

from .conftest import MARCH, call_fact
from .http_double import http_double
from .invoice_house import APRIL, DAY, MAY, RULES, House, entity
from .test_statements import plan

OUT = call_pb2.DIRECTION_OUTBOUND
ACME, BETA = "brd_1", "brd_2"
HEAD = "prefix,destination,price_per_minute,increments,connect_fee\n"
DECK = f"{HEAD}90,Turkey,0.10,60/60,0\n905,Turkey mobile,0.30,60/60,0.05\n"
DEARER = f"{HEAD}90,Turkey,1.00,60/60,0\n"


async def deck(house: House, text: str = DECK, at: datetime = MARCH - 30 * DAY, deck_id: str = "") -> str:
    """A deck of the platform in force from `at` on, or its next version."""
    header = DeckHeader("EUR")

    async def make(tx: Any) -> str:
        name = deck_id or (await decks.create(tx, "World", header, "", Markup(), at)).rate_deck_id
        version = (await decks.begin_import(tx, name, at)).version
        await decks.upload_part(tx, name, version, 0, text)
        file = read_parts(await store.read_parts(tx, name, version), header)
        digests = await store.part_digests(tx, name, version)
        await decks.activate(tx, name, version, file, digests, at, True, at)
        return name

    return await house.ledger.db.run(PLATFORM, make)


def by_deck(deck_id: str, **more: Any) -> plan_pb2.Rate:
    return plan_pb2.Rate(
        meter="voice_outbound_minute", model=plan_pb2.RATE_MODEL_DECK, rate_deck_id=deck_id, rate_id="out", **more
    )


async def call(house: House, name: str, number: str, seconds: int, day: int, brand_id: str = "brd_1") -> None:
    fact = call_fact(name, seconds, MARCH + day * DAY, direction=OUT)
    fact.cdr.dialed_number, fact.cdr.brand_id = number, brand_id
    await house.ledger.tell(fact)


async def invoice(house: House, *rates: plan_pb2.Rate) -> invoicing.Whole:
    await house.set_up()
    await house.ledger.tell(plan(*rates))
    await call(house, "c1", "+902121234567", 61, 1)
    await call(house, "c2", "+905321234567", 30, 2)
    await call(house, "c3", "+902121234567", 10, 20)
    await call(house, "c4", "+15550100", 60, 21)
    made = await house.issued()
    return await house.whole(made.invoice_id)


def shown(whole: invoicing.Whole) -> dict[str, tuple[str, str]]:
    return {
        line.description_parameters.get("destination", "") or line.description_parameters.get("reason", ""): (
            str(line.quantity), str(line.amount),
        )
        for line in whole.statement.lines
    }  # fmt: skip


async def test_calls_are_lines_by_destination_and_one_no_rate_is_for_shows(house: House) -> None:
    whole = await invoice(house, by_deck(await deck(house)))
    assert shown(whole) == {"Turkey": ("3", "0.30"), "Turkey mobile": ("1", "0.35"), "NO_RATE": ("1", "0.00")}
    assert whole.invoice.total == Decimal("0.65")


async def test_each_line_opens_to_its_calls_with_what_each_cost(house: House) -> None:
    whole = await invoice(house, by_deck(await deck(house)))
    now, found = house.ledger.clock.now(), dict[str, list[Any]]()
    for line in whole.statement.lines:
        page, token = await house.ledger.rating.run(
            house.ledger.tenant,
            lambda tx, at_hand, line=line: line_records.list_line_records(
                tx, whole.invoice.invoice_id, line.line_id, 1, "", now, at_hand
            ),
        )
        while token:
            more, token = await house.ledger.rating.run(
                house.ledger.tenant,
                lambda tx, at_hand, line=line, token=token: line_records.list_line_records(
                    tx, whole.invoice.invoice_id, line.line_id, 1, token, now, at_hand
                ),
            )
            page += more
        name = line.description_parameters["destination"]
        found[name] = [(each.usage.source_id, each.charge) for each in page if each.usage] if name else []
        assert sum((each.quantity for each in page), 0) == line.quantity
    assert found["Turkey"] == [("c1", Fraction(1, 5)), ("c3", Fraction(1, 10))]
    assert found["Turkey mobile"] == [("c2", Fraction(7, 20))]


async def test_each_call_is_sent_to_another_billing_program_once_though_its_rate_has_many_lines(house: House) -> None:
    whole = await invoice(house, by_deck(await deck(house)))
    assert len(whole.statement.lines) == 3
    with http_double() as double:
        double.answer("POST /api/v1/", 200, {})
        await Exporter(house.ledger.rating, Lago(double.url, lambda: "key_1")).export_due()
        sent = [each for asked in double.of("/api/v1/events/batch") for each in asked.body["events"]]
    assert sorted(each["properties"]["source_id"] for each in sent) == ["c1", "c2", "c3", "c4"]


async def test_rebuilt_after_the_deck_became_dearer_it_is_the_same_to_the_byte(house: House) -> None:
    deck_id = await deck(house)
    whole = await invoice(house, by_deck(deck_id))
    await deck(house, DEARER, APRIL + 3 * DAY, deck_id)
    again, data = await house.ledger.rating.run(
        house.ledger.tenant, lambda tx, at_hand: invoicing.rebuild(tx, whole.invoice.invoice_id, at_hand)
    )
    assert data == again.statement
    await call(house, "late", "+902121234567", 60, 5)
    await house.run(MAY + 2 * DAY)
    second = await house.whole((await house.invoices())[1].invoice_id)
    [late] = [line for line in second.statement.lines if line.kind == "late"]
    assert (late.amount, late.description_parameters["deck_version"]) == (Decimal("0.10"), "1")


async def test_deck_that_changes_within_the_month_has_lines_of_both_versions(house: House) -> None:
    deck_id = await deck(house)
    await deck(house, DEARER, MARCH + 10 * DAY, deck_id)
    whole = await invoice(house, by_deck(deck_id))
    turkey = {
        line.description_parameters["deck_version"]: line.amount
        for line in whole.statement.lines
        if line.description_parameters["destination"] == "Turkey"
    }
    assert turkey == {"1": Decimal("0.20"), "2": Decimal("1.00")}


async def test_included_minutes_are_eaten_in_order_of_time_over_all_destinations(house: House) -> None:
    whole = await invoice(house, by_deck(await deck(house), included_units="2"))
    assert shown(whole)["Turkey"] == ("3", "0.10") and shown(whole)["Turkey mobile"] == ("1", "0.35")


def check_adds_up(line: StatementLine) -> None:
    assert sum((each.quantity for each in line.brands), Fraction(0)) == line.quantity
    assert sum((each.included for each in line.brands), Fraction(0)) == line.included
    assert sum((each.amount for each in line.brands), Decimal(0)) == line.amount


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "brd_1", "brd_2"]), st.sampled_from("xyz"), st.integers(0, 90)), max_size=9
    ),
    st.integers(0, 200),
)
def test_records_of_each_destination_are_its_brands_to_the_last_unit(
    calls: list[tuple[str, str, int]], included: int
) -> None:
    def price(rate: Rate, record: Metered) -> DeckCharge:
        return DeckCharge(record.quantity * 3, record.quantity + 1, Destination(record.number))

    records = [
        Metered(MARCH + place * DAY, str(place), Fraction(used), number=to, brand_id=brand)
        for place, (brand, to, used) in enumerate(calls)
    ]
    rate = Rate(Decimal(0), model=Model.DECK, rate_deck_id="rdk_1")
    found = by_destination(rate, records, included=Fraction(included), deck=price)
    for each in found:
        assert sum(each.brands.values(), Fraction(0)) == each.quantity
        assert set(each.brands) == {brand for brand, to, _ in calls if to == each.destination.name}
    assert sum((each.quantity for each in found), Fraction(0)) == sum(used + 1 for _, _, used in calls)


async def two_brands(house: House, deck_id: str) -> None:
    """March of two brands: 2 and 1 minutes to Turkey, 1 to a mobile there, one to where nothing has a price."""
    await house.set_up()
    await house.ledger.tell(plan(by_deck(deck_id, included_units="1")))
    await call(house, "c1", "+902121234567", 61, 1, ACME)
    await call(house, "c2", "+902121234567", 10, 2, BETA)
    await call(house, "c3", "+905321234567", 30, 3, BETA)
    await call(house, "c4", "+15550100", 60, 4, "")


async def test_lines_of_a_deck_are_their_brands_as_the_deck_bills_them_and_so_is_what_comes_late(house: House) -> None:
    await two_brands(house, await deck(house))
    whole = await house.whole((await house.issued()).invoice_id)
    of = {line.description_parameters["destination"]: line for line in whole.statement.lines}
    for line in whole.statement.lines:
        check_adds_up(line)
    minutes = {name: {each.brand_id: each.quantity for each in line.brands} for name, line in of.items()}
    assert minutes == {"Turkey": {ACME: 2, BETA: 1}, "Turkey mobile": {BETA: 1}, "": {"": 1}}
    # 3 minutes, the first of them included: 0.20 in all, shared as the minutes are.
    assert [str(each.amount) for each in of["Turkey"].brands] == ["0.13", "0.07"]
    await call(house, "late", "+902121234567", 60, 5, BETA)
    await house.run(MAY + 2 * DAY)
    [late] = (await house.whole((await house.invoices())[1].invoice_id)).statement.lines
    check_adds_up(late)
    assert {each.brand_id: each.quantity for each in late.brands if each.quantity} == {BETA: 1}


async def test_every_statement_that_is_made_of_a_deck_has_its_prices(house: House) -> None:
    await two_brands(house, await deck(house))
    rating, tenant, now = house.ledger.rating, house.ledger.tenant, house.go_to(APRIL + 2 * DAY)
    preview = await rating.run(tenant, lambda tx, decks: preview_invoice(tx, MARCH, decks))
    assert preview.subtotal == Decimal("0.55")
    usage = await rating.run(tenant, lambda tx, decks: current_usage(tx, MARCH, decks))
    assert [str(each.standing.amount) for each in usage.rates] == ["11/20"]
    _, brands = await rating.run(tenant, lambda tx, decks: client_bills.brand_statements(tx, MARCH, now, decks))
    costs = {each.brand_id: sum((line.cost for line in each.lines), Decimal(0)) for each in brands}
    assert costs == {ACME: Decimal("0.13"), BETA: Decimal("0.42"), "": 0}
    await house.do(lambda tx: resales.set_reseller(tx, Resale(tenant, "ten_r", "prl_w", MARCH), 0))
    resold = await rating.run(tenant, lambda tx, decks: resales.own_lines(tx, MARCH, now, decks))
    assert resold is not None and sum(line.cost for line in resold[1].lines) == preview.subtotal


async def test_bill_to_a_client_is_of_the_decks_prices_and_so_is_what_comes_late_of_it(house: House) -> None:
    await two_brands(house, await deck(house))
    made = PriceList("", 0, "Clients", "EUR", (PriceRule("", Decimal(100)),), Decimal(0), MARCH)
    prices = await house.do(lambda tx: client_bills.save_price_list(tx, made, 0, MARCH))
    await house.do(lambda tx: client_bills.update_sender(tx, entity("ACM-"), 0))
    await house.do(lambda tx: client_bills.update_account(tx, ClientAccount(BETA, prices.price_list_id), 0))

    async def bill(month: datetime, now: datetime) -> ClientBill:
        house.go_to(now)
        return await house.ledger.rating.run(
            house.ledger.tenant, lambda tx, decks: client_bills.issue(tx, BETA, month, now, RULES.settle, decks)
        )

    first = await bill(MARCH, APRIL + 2 * DAY)
    assert (first.cost, first.subtotal) == (Decimal("0.42"), Decimal("0.84"))
    await call(house, "late", "+905321234567", 60, 5, BETA)
    second = await bill(APRIL, MAY + 2 * DAY)
    assert second.subtotal == Decimal("0.70"), "another minute to a mobile at 0.35, by March's prices"


async def test_plan_whose_deck_is_nowhere_says_so(house: House) -> None:
    await house.ledger.tell(plan(by_deck("rdk_nowhere")))
    await call(house, "c1", "+902121234567", 61, 1)
    with pytest.raises(RateInvalid, match="rate_deck_id"):
        await house.ledger.rating.run(
            house.ledger.tenant, lambda tx, at_hand: invoicing.draft_next(tx, APRIL + DAY, at_hand)
        )


async def test_toll_free_number_and_calls_to_it_have_prices_of_their_own(house: House) -> None:
    def rate(meter: str, price: str, **properties: str) -> plan_pb2.Rate:
        return plan_pb2.Rate(
            meter=meter, price=money_pb2.Money(currency="EUR", amount=price), properties=properties,
            rate_id=f"{meter}-{'-'.join(properties.values())}",
        )  # fmt: skip

    free = {"price_class": "toll-free"}
    await house.set_up()
    await house.ledger.tell(
        plan(
            rate("number_month", "3"), rate("number_month", "10", **free), rate("voice_inbound_minute", "0.01"),
            rate("voice_inbound_minute", "0.07", **free),
        )
    )  # fmt: skip
    for number, kind in (("+908001234567", "toll-free"), ("+902121234567", "local")):
        held = number_pb2.Number(number=number, assign_time=time_out(MARCH), price_class=kind)
        await house.ledger.tell(tenancy_events_pb2.NumberAssigned(number=held))
        fact = call_fact(f"to {number}", 600, MARCH + timedelta(days=3))
        fact.cdr.dialed_number = number
        await house.ledger.tell(fact)
    whole = await house.whole((await house.issued()).invoice_id)
    assert {line.rate_id: str(line.amount) for line in whole.statement.lines} == {
        "number_month-": "3.00", "number_month-toll-free": "10.00", "voice_inbound_minute-": "0.10",
        "voice_inbound_minute-toll-free": "0.70",
    }  # fmt: skip
    for line in whole.statement.lines:
        page, _ = await house.do(
            lambda tx, line=line: line_records.list_line_records(
                tx, whole.invoice.invoice_id, line.line_id, 0, "", house.ledger.clock.now()
            )
        )
        assert len(page) == 1


@pytest.mark.parametrize("backwards", [False, True])
async def test_number_that_becomes_toll_free_is_half_a_month_of_each_whatever_is_heard_first(
    house: House, backwards: bool
) -> None:
    def rate(price: str, **properties: str) -> plan_pb2.Rate:
        return plan_pb2.Rate(
            meter="number_month", price=money_pb2.Money(currency="EUR", amount=price), properties=properties,
            rate_id="-".join(("number", *properties.values())),
        )  # fmt: skip

    await house.set_up()
    await house.ledger.tell(plan(rate("3"), rate("10", price_class="toll-free")))
    middle, held = MARCH + timedelta(days=31) / 2, {"number": "+908001234567", "assign_time": time_out(MARCH)}
    facts = [
        (tenancy_events_pb2.NumberAssigned(number=number_pb2.Number(**held, price_class="local")), MARCH),
        (tenancy_events_pb2.NumberChanged(number=number_pb2.Number(**held, price_class="toll-free")), middle),
        (tenancy_events_pb2.NumberChanged(number=number_pb2.Number(number="+902121234567", test=True)), middle),
        (tenancy_events_pb2.NumberChanged(number=number_pb2.Number(number="+902121234568", brought=True)), middle),
    ]
    for fact, time in facts[::-1] if backwards else facts:
        await house.ledger.tell(fact, time)
    whole = await house.whole((await house.issued()).invoice_id)
    assert {line.rate_id: (str(line.quantity), str(line.amount)) for line in whole.statement.lines} == {
        "number": ("1/2", "1.50"), "number-toll-free": ("1/2", "5.00"),
    }  # fmt: skip
    for line in whole.statement.lines:
        [held_for], _ = await house.do(
            lambda tx, line=line: line_records.list_line_records(
                tx, whole.invoice.invoice_id, line.line_id, 0, "", house.ledger.clock.now()
            )
        )
        assert held_for.quantity == line.quantity
