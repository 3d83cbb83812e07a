"""Statements from the database: of facts and events, plans and subscriptions, heard of until a moment."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from billing.domain import late
from billing.domain.aggregates import EPOCH, Aggregation
from billing.domain.charges import CurrenciesMixed
from billing.domain.discounts import Coupon, Frequency
from billing.domain.meters import Meter
from billing.domain.statements import BilledPeriod, LineKind, Scope, Statement
from billing.domain.taxes import TaxData, TaxRate, Treatment
from billing.domain.usage import By, UsageRecord
from billing.ops import coupons, meters, statements, taxes
from billing.ops import usage as ops
from billing.ops.coupons import KeptCoupon
from billing.ops.usage import Offered
from billing.store import days
from billing.store.charge_tables import usage_days
from billing.store.tables import usage_records
from chassis.instants import time_out
from kernel.ids import new_id
from merkez.routing.v1 import contact_pb2, routing_events_pb2
from merkez.tenancy.v1 import plan_pb2, subscription_pb2, tenancy_events_pb2
from merkez.type.v1 import money_pb2
from sqlalchemy import delete, update

from .conftest import MARCH, Ledger, call_fact, user_fact

APRIL, MAY = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HALF = MARCH + (APRIL - MARCH) / 2


def be_at(ledger: Ledger, time: datetime) -> None:
    """Let it be this moment."""
    ledger.clock.advance(time - ledger.clock.now())


def eur(amount: str) -> money_pb2.Money:
    return money_pb2.Money(currency="EUR", amount=amount)


def plan(
    *rates: plan_pb2.Rate, version: int = 1, since: datetime = MARCH, plan_id: str = "pro", **more: Any
) -> tenancy_events_pb2.PlanSubscribed:
    """A plan with these rates, held from a moment on."""
    made = plan_pb2.Plan(plan_id=plan_id, version=version, currency=more.pop("currency", "EUR"), rates=rates, **more)
    return tenancy_events_pb2.PlanSubscribed(plan=made, effective_time=time_out(since), time_zone="UTC")


def message_rate(price: str = "0.10", **more: Any) -> plan_pb2.Rate:
    return plan_pb2.Rate(meter="message", price=eur(price), **more)


def subscription(version: int, at: datetime, **more: Any) -> tenancy_events_pb2.SubscriptionChanged:
    """How a subscription stands from a moment on; its periods are counted from March 1."""
    add_ons = more.pop("priced", [])
    more.setdefault("state", subscription_pb2.SUBSCRIPTION_STATE_ACTIVE)
    value = subscription_pb2.Subscription(version=version, anchor_time=time_out(MARCH), **more)
    return tenancy_events_pb2.SubscriptionChanged(subscription=value, add_ons=add_ons, change_time=time_out(at))


def signed(agent_id: str, version: int, at: datetime, *, on: bool) -> routing_events_pb2.AgentStateChanged:
    """An agent who signed in or off."""
    off, ready = contact_pb2.AGENT_STATE_OFFLINE, contact_pb2.AGENT_STATE_AVAILABLE
    agent = contact_pb2.Agent(
        agent_id=agent_id, state=ready if on else off, state_time=time_out(at), version=version
    )  # fmt: skip
    return routing_events_pb2.AgentStateChanged(agent=agent, previous_state=off if on else ready)


def event(name: str, at: datetime, quantity: str = "1", meter: str = "message", **properties: str) -> Offered:
    record = UsageRecord("", meter, "program", name, at, 0, "", properties=properties)
    return Offered(record, quantity)


async def record(ledger: Ledger, *events: Offered) -> None:
    outcomes = await ledger.db.run(ledger.tenant, lambda tx: ops.record(tx, events, By.FACT))
    assert [each.error for each in outcomes] == [None] * len(events)


async def statement(
    ledger: Ledger,
    start: datetime = MARCH,
    end: datetime = APRIL,
    cutoff: datetime | None = None,
    earlier: Sequence[BilledPeriod] = (),
    scope: Scope = Scope.WHOLE,
) -> Statement:
    at = cutoff or ledger.clock.now()
    return await ledger.db.run(
        ledger.tenant, lambda tx: statements.statement_of(tx, start, end, at, earlier, scope), read_only=True
    )


def shown(found: Statement) -> list[tuple[str, str]]:
    return [(line.description_key, str(line.amount)) for line in found.lines]


async def test_fee_of_the_plan_and_usage_beyond_what_it_includes_are_lines(ledger: Ledger) -> None:
    be_at(ledger, HALF)
    await ledger.tell(plan(message_rate(included_units="2"), price=eur("49")))
    await record(ledger, event("a", HALF, "5"), event("b", HALF - DAY, "0.5"))
    found = await statement(ledger)
    assert shown(found) == [("invoice.plan_fee", "49.00"), ("invoice.message", "0.35")]
    assert (found.subtotal, found.total) == (Decimal("49.35"), Decimal("49.35"))


async def test_upgrade_credits_what_is_unused_and_charges_the_rest(ledger: Ledger) -> None:
    be_at(ledger, HALF)
    await ledger.tell(plan(price=eur("10")))
    await ledger.tell(subscription(1, MARCH))
    await ledger.tell(plan(price=eur("20"), plan_id="max", since=HALF))
    await ledger.tell(subscription(2, HALF))
    assert shown(await statement(ledger)) == [
        ("invoice.plan_fee", "10.00"), ("invoice.plan_credit", "-5.00"), ("invoice.plan_fee", "10.00"),
    ]  # fmt: skip
    assert shown(await statement(ledger, APRIL, MAY)) == [("invoice.plan_fee", "20.00")]


async def test_trial_pause_and_end_cost_no_fee_whatever_the_order_they_are_heard_in(ledger: Ledger) -> None:
    state = subscription_pb2
    facts = [
        plan(price=eur("31")),
        subscription(
            1, MARCH, state=state.SUBSCRIPTION_STATE_TRIAL, trial_end_time=time_out(MARCH + 10 * DAY)
        ),
        subscription(2, MARCH + 10 * DAY, trial_end_time=time_out(MARCH + 10 * DAY)),
        subscription(
            3, MARCH + 15 * DAY, state=state.SUBSCRIPTION_STATE_PAUSED, pause_time=time_out(MARCH + 15 * DAY)
        ),
        subscription(4, MARCH + 20 * DAY),
        subscription(
            5, MARCH + 30 * DAY, state=state.SUBSCRIPTION_STATE_CANCELLED, cancel_time=time_out(MARCH + 30 * DAY)
        ),
    ]  # fmt: skip
    be_at(ledger, APRIL)
    for fact in facts:
        await ledger.tell(fact)
    found = await statement(ledger)
    assert [str(line.amount) for line in found.lines] == ["21.00", "-16.00", "11.00", "-1.00"]
    assert (await statement(ledger, APRIL, MAY)).lines == ()
    other = ledger.twin()
    for told in random.Random(1).sample(ledger.told * 2, 12):
        await other.work(told)
    assert await statement(other) == found


async def test_add_ons_are_charged_by_number_for_the_time_they_are_held(ledger: Ledger) -> None:
    be_at(ledger, APRIL)
    priced = plan_pb2.AddOn(add_on_id="more_calls", version=1, currency="EUR", price=eur("6.20"))
    held = subscription_pb2.HeldAddOn(
        add_on_id="more_calls", version=1, quantity=2, start_time=time_out(MARCH + 10 * DAY)
    )  # fmt: skip
    await ledger.tell(plan())
    await ledger.tell(subscription(1, MARCH))
    await ledger.tell(subscription(2, MARCH + 10 * DAY, add_ons=[held], priced=[priced]))
    ended = subscription_pb2.HeldAddOn()
    ended.CopyFrom(held)
    ended.end_time.CopyFrom(time_out(MARCH + 21 * DAY))
    await ledger.tell(subscription(3, MARCH + 21 * DAY, add_ons=[ended], priced=[priced]))
    assert shown(await statement(ledger)) == [("invoice.add_on_fee", "8.40"), ("invoice.add_on_credit", "-4.00")]


async def test_periods_begin_on_the_subscriptions_day_also_after_a_short_month(ledger: Ledger) -> None:
    await ledger.tell(plan(price=eur("10"), since=datetime(2026, 1, 31, 9, tzinfo=UTC)))
    fact = subscription(1, datetime(2026, 1, 31, 9, tzinfo=UTC))
    fact.subscription.anchor_time.CopyFrom(time_out(datetime(2026, 1, 31, 9, tzinfo=UTC)))
    await ledger.tell(fact)
    periods = [
        await ledger.db.run(ledger.tenant, lambda tx, at=at: statements.current_period(tx, at))
        for at in (datetime(2026, 2, 10, tzinfo=UTC), datetime(2026, 3, 10, tzinfo=UTC))
    ]
    assert [(start.day, end.day, start.hour) for start, end in periods] == [(31, 28, 9), (28, 31, 9)]


async def test_agents_are_counted_by_peak_by_people_and_by_hours(ledger: Ledger) -> None:
    rates = [
        plan_pb2.Rate(meter=meter, price=eur(price))
        for meter, price in (("seat_concurrent", "50"), ("seat_active", "35"), ("seat_hour", "0.5"))
    ]
    be_at(ledger, APRIL)
    await ledger.tell(plan(*rates))
    stays = [("usr_1", 0, 8), ("usr_2", 7, 9), ("usr_3", 9, 10), ("usr_1", 24, 26)]
    for place, (agent, since, until) in enumerate(stays):
        await ledger.tell(signed(agent, 2 * place + 2, MARCH + timedelta(hours=until), on=False))
        await ledger.tell(signed(agent, 2 * place + 1, MARCH + timedelta(hours=since), on=True))
    found = {line.meter: (line.quantity, line.amount) for line in (await statement(ledger)).lines}
    assert found == {
        "seat_concurrent": (2, Decimal("100.00")), "seat_active": (3, Decimal("105.00")),
        "seat_hour": (13, Decimal("6.50")),
    }  # fmt: skip


async def test_agent_signed_in_now_is_counted_until_now_and_not_until_the_months_end(ledger: Ledger) -> None:
    be_at(ledger, MARCH + timedelta(hours=5))
    await ledger.tell(plan(plan_pb2.Rate(meter="seat_hour", price=eur("1"))))
    await ledger.tell(signed("usr_1", 1, MARCH + timedelta(hours=2), on=True))
    assert (await statement(ledger)).total == 3


@pytest.mark.parametrize(
    ("how", "recurring", "march", "april"),
    [
        (Aggregation.COUNT, False, "3", "0"),
        (Aggregation.SUM, False, "9", "0"),
        (Aggregation.MAX, False, "5", "0"),
        (Aggregation.LATEST, False, "1", "0"),
        (Aggregation.LATEST, True, "1", "1"),
        (Aggregation.UNIQUE_COUNT, False, "2", "0"),
        (Aggregation.WEIGHTED_SUM, False, "6", "0"),
        (Aggregation.WEIGHTED_SUM, True, "6", "9"),
    ],
)
async def test_meters_of_operators_count_as_they_say(
    ledger: Ledger, how: Aggregation, recurring: bool, march: str, april: str
) -> None:
    name = f"m_{how.value}_{recurring}".lower()
    meter = Meter(name, "unit", how, recurring, "who" if how == Aggregation.UNIQUE_COUNT else "")
    await ledger.db.system(lambda tx: meters.create_meter(tx, meter))
    be_at(ledger, MAY)
    await ledger.tell(plan(plan_pb2.Rate(meter=name, price=eur("1"))))
    await record(
        ledger, event("b", HALF, "5", name, who="x"), event("a", MARCH, "3", name, who="x"),
        event("c", HALF, "1", name, who="y"),
    )  # fmt: skip
    assert (await statement(ledger)).total == Decimal(march)
    assert (await statement(ledger, APRIL, MAY)).total == Decimal(april)


async def test_rates_price_apart_what_their_properties_keep_apart(ledger: Ledger) -> None:
    be_at(ledger, APRIL)
    await ledger.tell(
        plan(
            message_rate("1"),
            message_rate("2", rate_id="chat", properties={"channel": "chat"}),
            message_rate("5", rate_id="far", properties={"channel": "chat", "country": "AZ"}),
        )
    )
    await record(
        ledger, event("a", HALF, channel="sms"), event("b", HALF, channel="chat"),
        event("c", HALF, "3", channel="chat", country="AZ"), event("d", HALF, channel="chat", country="TR"),
    )  # fmt: skip
    found = {line.rate_id: (line.quantity, line.amount) for line in (await statement(ledger)).lines}
    assert found == {"message": (1, Decimal(1)), "chat": (2, Decimal(4)), "far": (3, Decimal(15))}


async def test_percentage_with_bounds_of_each_record_reads_the_records(ledger: Ledger) -> None:
    be_at(ledger, APRIL)
    rate = plan_pb2.Rate(
        meter="carrier_cost", model=plan_pb2.RATE_MODEL_PERCENTAGE, percent="10", free_records=1,
        record_minimum=eur("0.50"), record_maximum=eur("3"), record_fee=eur("0.10"),
    )  # fmt: skip
    await ledger.tell(plan(rate))
    await record(
        ledger, event("c", HALF + DAY, "100", "carrier_cost"), event("a", MARCH, "70", "carrier_cost"),
        event("b", HALF, "1", "carrier_cost"), event("d", HALF + 2 * DAY, "20", "carrier_cost"),
    )  # fmt: skip
    assert (await statement(ledger)).total == Decimal("5.60")  # free, 0.50 at least, 3 at most, 2 and the fee


async def test_committed_spend_of_rate_and_plan_is_trued_up_at_the_periods_end(ledger: Ledger) -> None:
    be_at(ledger, HALF)
    await ledger.tell(plan(message_rate(minimum=eur("2")), price=eur("5"), minimum=eur("30")))
    await record(ledger, event("a", HALF, "5"))
    found = await statement(ledger)
    assert shown(found) == [
        ("invoice.plan_fee", "5.00"), ("invoice.message", "0.50"), ("invoice.minimum", "1.50"),
        ("invoice.plan_minimum", "23.00"),
    ]  # fmt: skip
    assert shown(await statement(ledger, scope=Scope.SO_FAR)) == shown(found)[:2]
    assert shown(await statement(ledger, scope=Scope.ADVANCE)) == shown(found)[:1]


async def test_yearly_commitment_counts_what_the_months_before_were_billed(ledger: Ledger) -> None:
    be_at(ledger, APRIL)
    yearly = plan_pb2.BILLING_INTERVAL_YEAR
    await ledger.tell(
        plan(message_rate("1"), minimum=eur("100"), interval=yearly, since=datetime(2025, 4, 1, tzinfo=UTC))
    )
    anchored = subscription(1, MARCH)
    anchored.subscription.anchor_time.CopyFrom(time_out(datetime(2025, 4, 1, tzinfo=UTC)))
    await ledger.tell(anchored)
    await record(ledger, event("a", MARCH - 9 * DAY, "30"), event("b", HALF, "50"))
    february = await statement(ledger, datetime(2026, 2, 1, tzinfo=UTC), MARCH)
    assert february.total == 30
    found = await statement(ledger, earlier=late.billed([february]))
    assert shown(found) == [("invoice.message", "50.00"), ("invoice.plan_minimum", "20.00")]


async def test_what_was_heard_after_the_cutoff_is_not_there_and_both_ways_of_reading_agree(ledger: Ledger) -> None:
    be_at(ledger, HALF)
    await ledger.tell(plan(message_rate("0.333", included_units="1")))
    await record(ledger, *(event(f"e{n}", MARCH + n * DAY, f"{n}.5") for n in range(10)))
    await ledger.tell(call_fact("call_1", 90, MARCH + DAY))
    await ledger.tell(user_fact("usr_1", 1), MARCH)
    cutoff = ledger.clock.now()
    before = await statement(ledger, cutoff=cutoff)
    ledger.clock.advance(3600)
    await record(ledger, event("late", MARCH + DAY, "100"))
    await ledger.tell(plan(message_rate("7"), version=2, since=MARCH + 5 * DAY))
    await ledger.tell(user_fact("usr_2", 1), MARCH)
    assert await statement(ledger, cutoff=cutoff) == before
    after = await statement(ledger)
    assert after.total > before.total
    await ledger.db.run(ledger.tenant, lambda tx: days.rebuild(tx, None, None, {}))
    assert await statement(ledger) == after


async def test_calls_recorded_before_days_were_kept_are_on_the_statement_once_billing_has_started(
    ledger: Ledger,
) -> None:
    be_at(ledger, APRIL)
    await ledger.tell(plan(plan_pb2.Rate(meter="voice_inbound_minute", price=eur("1"))))
    await ledger.tell(call_fact("call_1", 120, MARCH))
    forgotten = delete(usage_days).where(usage_days.c.tenant_id == ledger.tenant)
    old = update(usage_records).where(usage_records.c.tenant_id == ledger.tenant).values(record_time=EPOCH)
    for statement_of_old in (forgotten, old):
        await ledger.db.run(ledger.tenant, lambda tx, each=statement_of_old: tx.execute(each))
    await ledger.tell(call_fact("call_2", 60, MARCH))
    assert (await statement(ledger)).total == 1
    for _ in range(2):
        await ops.keep_days(ledger.db)
        assert (await statement(ledger)).total == 3


@pytest.mark.parametrize("seed", range(4))
async def test_repeated_shuffled_and_late_events_make_the_same_statement(ledger: Ledger, seed: int) -> None:
    chance = random.Random(seed)
    facts = [
        plan(message_rate("0.07", included_units="20"), price=eur("9.99")),
        plan(message_rate("0.05", rate_id="m2"), version=2, since=HALF, price=eur("29")),
        subscription(1, MARCH), subscription(2, HALF),
        *(signed(f"usr_{n % 3}", n + 1, MARCH + n * DAY, on=n % 2 == 0) for n in range(9)),
        *(call_fact(f"call_{n}", chance.randrange(400), MARCH + n * DAY) for n in range(9)),
    ]  # fmt: skip
    events = [
        event(f"e{n}", MARCH + timedelta(minutes=chance.randrange(44_000)), str(chance.randrange(90)), channel="chat")
        for n in range(40)
    ]
    be_at(ledger, APRIL)
    for fact in facts:
        await ledger.tell(fact)
    await record(ledger, *events)
    again = ledger.twin()
    again.clock.advance(35 * DAY)
    deliveries: list[Any] = [*ledger.told * 10, *(events[n : n + 7] for n in range(0, 40, 5) for _ in range(10))]
    chance.shuffle(deliveries)
    for delivery in deliveries:
        if isinstance(delivery, list):
            await record(again, *delivery)
        else:
            await again.work(delivery)
    first, second = await statement(ledger), await statement(again)
    assert replace(second, cutoff_time=first.cutoff_time) == first and first.total > 0


async def test_late_usage_is_a_dated_line_of_the_next_invoice_and_only_once(ledger: Ledger) -> None:
    be_at(ledger, APRIL)
    await ledger.tell(plan(message_rate("1", included_units="2")))
    await record(ledger, event("a", HALF, "5"))
    march = await statement(ledger)
    be_at(ledger, APRIL + 10 * DAY)
    await record(ledger, event("late", HALF, "4"), event("b", APRIL + DAY, "3"))
    april = await statement(ledger, APRIL, MAY, earlier=late.billed([march]))
    assert [(line.kind, str(line.amount), line.quantity, line.start_time) for line in april.lines] == [
        (LineKind.USAGE, "1.00", 3, APRIL), (LineKind.LATE, "4.00", 4, MARCH),
    ]  # fmt: skip
    be_at(ledger, MAY + 10 * DAY)
    may = await statement(ledger, MAY, MAY + 31 * DAY, earlier=late.billed([march, april]))
    assert may.lines == ()
    whole = await statement(ledger)
    assert whole.total == march.total + 4


async def test_invoice_within_a_period_leaves_the_rest_for_its_end(ledger: Ledger) -> None:
    be_at(ledger, MARCH)
    await ledger.tell(plan(message_rate("1"), price=eur("40")))
    first = await statement(ledger, scope=Scope.ADVANCE)
    assert shown(first) == [("invoice.plan_fee", "40.00")]
    be_at(ledger, APRIL)
    await record(ledger, event("a", HALF, "5"))
    rest = await statement(ledger, earlier=late.billed([first]))
    assert shown(rest) == [("invoice.message", "5.00")]


async def test_coupons_and_taxes_are_of_what_was_heard_of(ledger: Ledger) -> None:
    be_at(ledger, HALF)
    now = ledger.clock.now()
    code = new_id("cpn", now)
    coupon = Coupon(code, code[-9:].upper(), "Spring", Frequency.REPEATING, percent=Decimal(25), periods=2)
    kept = KeptCoupon(coupon, None, 0, 0, False, now, 1)
    region = "Q" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[now.microsecond % 26]
    rate = TaxRate(new_id("txr", now), "vat", "VAT", region, Decimal(18), False, MARCH)
    await ledger.tell(plan(price=eur("99.99")))
    await ledger.db.system(lambda tx: coupons.create_coupon(tx, kept))
    await ledger.db.system(lambda tx: coupons.redeem(tx, ledger.tenant, now, code=coupon.code))
    await ledger.db.system(lambda tx: taxes.create_rate(tx, rate))
    await ledger.db.run(ledger.tenant, lambda tx: taxes.set_tax_data(tx, TaxData(region), 0))
    found = await statement(ledger)
    assert [str(each.amount) for each in (*found.discounts, *found.taxes)] == ["25.00", "13.50"]
    assert str(found.total) == "88.49"
    be_at(ledger, MAY + 10 * DAY)
    totals = [
        str((await statement(ledger, start, end)).total)
        for start, end in ((APRIL, MAY), (MAY, datetime(2026, 6, 1, tzinfo=UTC)))
    ]
    assert totals == ["88.49", "117.99"]
    reverse = TaxData(region, Treatment.REVERSE_CHARGE, "AZ1")
    await ledger.db.run(ledger.tenant, lambda tx: taxes.set_tax_data(tx, reverse, 1))
    [none] = (await statement(ledger)).taxes
    assert (none.tax_code, none.amount, (await statement(ledger)).total) == ("reverse_charge", 0, Decimal("74.99"))


async def test_plans_of_two_currencies_in_a_period_are_refused_not_added(ledger: Ledger) -> None:
    be_at(ledger, APRIL)
    await ledger.tell(plan(price=eur("10")))
    await ledger.tell(plan(version=2, since=HALF, currency="JPY"))
    with pytest.raises(CurrenciesMixed):
        await statement(ledger)


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "4"), ("KWD", "3.500"), ("EUR", "3.50")])
async def test_amounts_have_the_digits_of_their_currency(ledger: Ledger, currency: str, amount: str) -> None:
    be_at(ledger, APRIL)
    price = money_pb2.Money(currency=currency, amount="3.5")
    await ledger.tell(plan(plan_pb2.Rate(meter="message", price=price), currency=currency))
    await record(ledger, event("a", HALF))
    assert str((await statement(ledger)).total) == amount
