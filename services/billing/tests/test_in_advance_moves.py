"""What is charged in advance where periods move, somebody else pays, or a currency takes over; how it is written."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from billing.documents import bytes_of
from billing.documents.ubl import CAC, CBC
from billing.documents.view import of_invoice
from billing.documents.words import words_of
from billing.domain import canonical
from billing.domain.discounts import Frequency
from billing.domain.invoicing import Format, Kind
from billing.domain.parties import LANGUAGES
from billing.ops import following, invoicing, line_records
from billing.ops.issuing import preview_invoice
from chassis.instants import time_out
from merkez.billing.v1 import resale_service_pb2 as ask
from merkez.tenancy.v1 import plan_pb2, subscription_pb2, tenancy_events_pb2
from merkez.type.v1 import money_pb2

from .conftest import MARCH, call_fact, user_fact, zone_fact
from .invoice_house import APRIL, DAY, MAY, House
from .resale_house import Market, market
from .test_anchors_move import ACTIVE, CANCELLED, eur, plan, stands
from .test_in_advance import MINUTES, begin, coupon, in_order, parts, run_daily, seats, statements, totals

__all__ = ["market"]


async def test_who_begins_anew_within_a_month_paid_ahead_pays_no_day_twice(house: House) -> None:
    """Ended on April 10, begun anew on the 20th: the month that was foreseen until May ends there."""
    await begin(house, seats("30"), price=eur("90"))
    await house.ledger.tell(user_fact("usr_1", 1), MARCH)
    await run_daily(house, APRIL + 9 * DAY)
    tell, ended, again = house.ledger.tell, APRIL + 9 * DAY, APRIL + 19 * DAY
    await tell(stands(2, ended, CANCELLED, MARCH, cancel_time=time_out(ended)))
    await run_daily(house, again)
    await tell(plan(seats("30"), since=again, plan_id="anew", price=eur("90")))
    await tell(stands(3, again, ACTIVE, again))
    await run_daily(house, again + 32 * DAY)
    found = await statements(house)
    billed = sum((each.total for each in found), Decimal(0))
    assert billed == 120 + 36 + 120 + 120, "March, nine days of April, from April 20 and from May 20 a month each"


async def test_end_that_was_asked_for_is_known_before_it_comes(house: House) -> None:
    await begin(house, MINUTES, price=eur("100"))
    await run_daily(house, MARCH + 10 * DAY)
    asked = stands(2, MARCH + 10 * DAY, ACTIVE, MARCH)
    asked.subscription.pending_change.CopyFrom(subscription_pb2.PendingChange(effective_time=time_out(APRIL)))
    await house.ledger.tell(asked)
    await house.ledger.tell(asked)
    assert not parts(await house.do(lambda tx: preview_invoice(tx, tx.now()))), "no fee of April"
    await run_daily(house, APRIL + 2 * DAY)
    assert await totals(house) == ["100.00", "0.00"], "tenancy hasn't said yet that it ended"
    taken_back = stands(3, MARCH + 20 * DAY, ACTIVE, MARCH)
    await house.ledger.tell(taken_back)
    await run_daily(house, MAY + 2 * DAY)
    assert (await totals(house))[-1] == "200.00", "it goes on: April and May"


async def test_end_told_again_with_another_time_is_another_body(house: House) -> None:
    await begin(house, price=eur("100"))
    for time in (APRIL, MAY):
        asked = stands(2, MARCH + 10 * DAY, ACTIVE, MARCH)
        asked.subscription.pending_change.CopyFrom(subscription_pb2.PendingChange(effective_time=time_out(time)))
        await house.ledger.tell(asked)
    assert not parts(await house.do(lambda tx: preview_invoice(tx, APRIL - DAY))), "the first stands"


async def test_month_in_another_currency_is_paid_ahead_by_an_invoice_of_its_own(house: House) -> None:
    await begin(house, MINUTES, price=eur("100"))
    await house.ledger.tell(call_fact("call_1", 60, MARCH + DAY))
    await run_daily(house, APRIL - DAY)
    usd = money_pb2.Money(currency="USD", amount="80")
    await house.ledger.tell(plan(price=usd, since=APRIL, plan_id="us", currency="USD"))
    await house.ledger.tell(stands(2, APRIL, ACTIVE, MARCH))
    await run_daily(house, APRIL + 3 * DAY)
    found = [(each.kind, each.currency, str(each.total), each.start_time) for each in await in_order(house)]
    assert found == [
        (Kind.ADVANCE, "EUR", "100.00", MARCH), (Kind.OWN, "EUR", "1.00", MARCH), (Kind.ADVANCE, "USD", "80.00", APRIL),
    ]  # fmt: skip
    await run_daily(house, MAY + 2 * DAY)
    assert (await totals(house))[-1] == "80.00"


async def test_currency_that_takes_over_within_a_month_is_invoiced_then_and_not_when_the_old_month_would_have_ended(
    house: House,
) -> None:
    await begin(house, price=eur("100"))
    await run_daily(house, APRIL + 9 * DAY)
    usd, over = money_pb2.Money(currency="USD", amount="900"), APRIL + 9 * DAY
    await house.ledger.tell(stands(2, over, CANCELLED, MARCH, cancel_time=time_out(over)))
    await house.ledger.tell(plan(price=usd, since=over, plan_id="us", currency="USD"))
    await house.ledger.tell(stands(3, over, ACTIVE, over))
    await run_daily(house, over + 3 * DAY)
    found = [(each.kind, each.start_time, each.currency, str(each.total)) for each in await in_order(house)]
    assert found[-2:] == [(Kind.OWN, APRIL, "EUR", "-70.00"), (Kind.ADVANCE, over, "USD", "900.00")]
    assert await statements(house)


@pytest.mark.parametrize("place", [0, 1])
async def test_invoice_issued_anew_after_the_month_it_charged_ahead_takes_a_coupon_off_once(
    house: House, place: int
) -> None:
    """The coupon came after the month was charged ahead, and was taken off by the month's own invoice."""
    await begin(house, MINUTES, price=eur("100"))
    await run_daily(house, (MARCH, APRIL)[place] + 5 * DAY)
    await coupon(house, frequency=Frequency.ONCE, percent=Decimal(10))
    await house.ledger.tell(call_fact("call_1", 600, (MARCH, APRIL)[place] + 6 * DAY))
    await run_daily(house, MAY + 5 * DAY)
    first = (await in_order(house))[place]
    now = house.ledger.clock.now()
    await house.do(lambda tx: invoicing.declare_void(tx, first.invoice_id, "wrong name", 0, now))
    house.ledger.clock.advance(3600)
    await house.do(lambda tx: following.reissue(tx, first.invoice_id, house.ledger.clock.now()))
    await run_daily(house, MAY + 9 * DAY)
    counted = [each for each in await in_order(house) if each.void_time is None]
    billed = sum((each.total for each in counted), Decimal(0))
    assert billed == 300 + 10 - 11, "three fees and ten minutes, less a tenth of the coupon's month"
    assert await statements(house)


async def test_company_that_is_resold_pays_nothing_ahead_and_does_again_when_it_pays_itself(market: Market) -> None:
    house = market.house
    await house.set_up()
    for each in (market.company, market.reseller):
        await each.tell(plan(MINUTES, price=eur("100")))
    await market.company.tell(stands(1, MARCH, ACTIVE, MARCH))
    await market.reseller.tell(plan(since=MARCH, price=eur("0")))
    await market.resold(market.reseller)
    await house.run(MARCH + 3 * DAY)
    await house.run(MARCH + 4 * DAY)
    assert not await house.invoices()
    freed = ask.Resale(tenant_id=market.company.tenant, start_time=time_out(APRIL))
    await market.ask(None, "SetReseller", resale=freed)
    for day in range(2, 6):
        await house.run(APRIL + day * DAY)
    [mine] = await in_order(house)
    assert (mine.kind, mine.start_time, str(mine.total)) == (Kind.ADVANCE, APRIL, "100.00")


async def test_company_that_is_resold_from_the_next_month_has_no_fee_of_it_on_its_last_invoice(market: Market) -> None:
    house = market.house
    await house.set_up()
    for each in (market.company, market.reseller):
        await each.tell(plan(MINUTES, price=eur("100")))
        await each.tell(stands(1, MARCH, ACTIVE, MARCH))
    await house.run(MARCH + 2 * DAY)
    sold = ask.Resale(
        tenant_id=market.company.tenant, reseller_id=market.reseller.tenant, start_time=time_out(APRIL),
        wholesale_price_list_id=await market.list(None, "-20"),
    )  # fmt: skip
    await market.ask(None, "SetReseller", resale=sold)
    for day in range(2, 5):
        await house.run(APRIL + day * DAY)
    assert [str(each.total) for each in await in_order(house)] == ["100.00", "0.00"]


async def test_line_of_seats_paid_ahead_opens_to_whose_they_are(house: House) -> None:
    await begin(house, seats("30"))
    for number in range(2):
        await house.ledger.tell(user_fact(f"usr_{number}", 1), MARCH)
    await run_daily(house, APRIL + 2 * DAY)
    now = house.ledger.clock.now()
    for each in await in_order(house):
        ahead = next(line for line in (await house.whole(each.invoice_id)).statement.lines if line.meter)
        records, _ = await house.do(
            lambda tx, each=each, line=ahead: line_records.list_line_records(
                tx, each.invoice_id, line.line_id, 0, "", now
            )
        )
        assert [(record.item_id, record.quantity) for record in records] == [("usr_0", 1), ("usr_1", 1)]


async def test_documents_say_of_each_line_when_it_is_for_and_what_is_in_advance(house: House) -> None:
    await begin(house, MINUTES, price=eur("100"))
    await house.ledger.tell(call_fact("call_1", 60, MARCH + DAY))
    await run_daily(house, APRIL + 2 * DAY)
    [_, second] = [
        await house.do(lambda tx, each=each: invoicing.get(tx, each.invoice_id)) for each in await in_order(house)
    ]
    document = of_invoice(second)
    rows = list(csv.DictReader(io.StringIO(bytes_of(document, Format.CSV).decode("utf-8-sig"))))
    assert [(row["start_date"], row["end_date"]) for row in rows] == [
        ("2026-03-01", "2026-03-31"), ("2026-04-01", "2026-04-30")
    ]  # fmt: skip
    assert rows[1]["description"].endswith(", in advance")
    root = ET.fromstring(bytes_of(document, Format.UBL))
    spaces = {"cac": CAC, "cbc": CBC}
    dates = [
        (period.findtext("cbc:StartDate", "", spaces), period.findtext("cbc:EndDate", "", spaces))
        for period in root.iterfind(".//cac:InvoicePeriod", spaces)
    ]
    assert dates == [("2026-03-01", "2026-04-30"), ("2026-03-01", "2026-03-31"), ("2026-04-01", "2026-04-30")]
    assert bytes_of(document, Format.PDF).startswith(b"%PDF") and not document.of_one_period
    assert len({words_of(language).say("in_advance", what="x") for language in LANGUAGES}) == 4


async def test_statement_of_the_older_format_says_nothing_of_advance(house: House) -> None:
    await begin(house, price=eur("100"))
    await run_daily(house, APRIL + 2 * DAY)
    for each in await statements(house):
        data = canonical.statement_bytes(each)
        assert canonical.statement_from(data) == each and canonical.statement_bytes(each, 3).count(b'"advance":') == 0


async def test_plan_told_long_after_it_began_is_charged_with_the_month_and_not_ahead(house: House) -> None:
    await house.set_up()
    await house.run(datetime(2026, 3, 20, tzinfo=UTC))
    await house.run(APRIL + timedelta(hours=1))
    await house.ledger.tell(tenancy_events_pb2.PlanSubscribed.FromString(plan(price=eur("100")).SerializeToString()))
    await house.ledger.tell(stands(1, MARCH, ACTIVE, MARCH))
    await run_daily(house, APRIL + 3 * DAY)
    assert await totals(house) == ["200.00"]


async def test_company_that_moves_to_another_zone_pays_each_months_fee_once_and_its_invoices_stay(house: House) -> None:
    """Berlin's clocks went forward within the month it moved in: fees fall due an hour earlier than was foreseen."""
    await begin(house, price=eur("100"))
    await house.run(MARCH + 2 * DAY)
    await house.run(APRIL + 2 * DAY)
    await house.ledger.tell(zone_fact("Europe/Berlin", 2))
    await house.run(MAY + 2 * DAY)
    await house.ledger.tell(zone_fact("Europe/Berlin", 3))
    await house.run(MAY + 33 * DAY)
    assert await totals(house) == ["100.00"] * 4, "March to June"


async def test_add_on_in_another_currency_next_month_doesnt_hold_this_months_invoice(house: House) -> None:
    await begin(house, MINUTES, price=eur("100"))
    await house.ledger.tell(call_fact("call_1", 60, MARCH + DAY))
    await house.run(MARCH + 2 * DAY)
    usd = plan_pb2.AddOn(
        add_on_id="extra", version=1, currency="USD", price=money_pb2.Money(currency="USD", amount="5")
    )
    more = stands(2, APRIL, ACTIVE, MARCH)
    more.subscription.add_ons.add(add_on_id="extra", version=1, quantity=1, start_time=time_out(APRIL))
    more.add_ons.append(usd)
    await house.ledger.tell(more)
    await house.run(APRIL + 2 * DAY)
    assert await totals(house) == ["100.00", "1.00"]
