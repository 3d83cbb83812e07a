"""A plan that prices calls by a rate deck: lines by destination, open to each call, the same whenever they are made."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from billing.domain.decks import DeckHeader, Markup
from billing.domain.rates import RateInvalid
from billing.exporting import Exporter
from billing.live.decks import read_parts
from billing.ops import decks, invoicing, line_records
from billing.providers.lago import Lago
from billing.store import decks as store
from chassis.instants import time_out
from kernel.tenant import PLATFORM
from merkez.telephony.v1 import call_pb2
from merkez.tenancy.v1 import number_pb2, plan_pb2, tenancy_events_pb2
from merkez.type.v1 import money_pb2

from .conftest import MARCH, call_fact
from .http_double import http_double
from .invoice_house import APRIL, DAY, MAY, House
from .test_statements import plan

OUT = call_pb2.DIRECTION_OUTBOUND
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
        await Exporter(house.ledger.rating, Lago(double.url, "key_1")).export_due()
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
