"""A wallet that is topped up by itself, once for each time its balance fell below the mark; and what a number costs
before it is called."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from billing.collecting import Collector
from billing.domain.aggregates import Aggregation
from billing.domain.meters import Meter
from billing.domain.payments import Method, Outcome, PaymentState, ProviderEvent, ProviderUnavailable
from billing.handlers.plan_rating import PlanRating
from billing.ops import paying
from billing.ops import wallets as ops
from billing.providers.stripe_payments import StripePayments
from billing.store import meters, payments
from chassis.auth import acting_for
from merkez.billing.v1 import plan_rating_service_pb2, rate_deck_pb2, reservation_service_pb2
from merkez.billing.v1.plan_rating_service_pb2_grpc import (
    PlanRatingServiceStub,
    add_PlanRatingServiceServicer_to_server,
)
from merkez.tenancy.v1 import plan_pb2
from merkez.type.v1 import money_pb2
from testkit.rpc import RpcHouse

from .test_ops_paying import SUCCEEDED, Bank
from .till import Till, till

__all__ = ["till"]


async def spend(till: Till, amount: str) -> None:
    now = till.ledger.clock.now()
    await till.ledger.db.run(till.tenant, lambda tx: ops.debit(tx, Decimal(amount), now))


async def ready(till: Till, *, card: bool = True) -> None:
    """A balance of 30 that asks for 50 below 20."""
    await till.configure(auto_top_up_amount="50", auto_top_up_below="20")
    await till.top_up("30")
    if card:
        method = Method("stripe", "cus_1", "pm_1", "visa 4242")
        await till.ledger.db.run(till.tenant, lambda tx: payments.save_method(tx, method))


async def test_balance_that_falls_below_its_mark_is_charged_once_and_again_only_when_it_falls_anew(till: Till) -> None:
    await ready(till)
    bank = Bank(SUCCEEDED, Outcome(PaymentState.SUCCEEDED, "pi_2"))
    collector = Collector(till.ledger.db, bank)  # pyright: ignore[reportArgumentType]
    await spend(till, "5")
    await collector.top_up_due()
    assert bank.asked == []
    await spend(till, "10")
    await spend(till, "1")
    await collector.top_up_due()
    await collector.top_up_due()
    assert [each.amount for each in bank.asked] == [Decimal(50)]
    assert await till.balance() == (Decimal(64), 0)
    await spend(till, "60")
    await collector.top_up_due()
    assert len(bank.asked) == 2 and (await till.balance())[0] == Decimal(54)


async def test_wish_that_is_finer_than_what_cards_are_charged_by_is_charged_and_comes_in_as_the_next_step(
    till: Till,
) -> None:
    """Stripe takes dinars in multiples of ten fils."""
    await till.configure(currency="KWD", auto_top_up_amount="5.003", auto_top_up_below="2")
    await till.top_up("3")
    method = Method("stripe", "cus_1", "pm_1", "visa 4242")
    await till.ledger.db.run(till.tenant, lambda tx: payments.save_method(tx, method))
    bank = Bank(ProviderUnavailable("away"), SUCCEEDED)
    stripe = StripePayments(lambda: "sk_test_1", lambda: "whsec_1", till.ledger.clock.now)
    bank.least = stripe.least  # type: ignore[method-assign]
    collector = Collector(till.ledger.db, bank)  # pyright: ignore[reportArgumentType]
    await spend(till, "2")
    await collector.top_up_due()
    till.ledger.clock.advance(timedelta(minutes=6))
    await collector.top_up_due()
    assert [str(each.amount) for each in bank.asked] == ["5.010", "5.010"]
    assert (await till.balance())[0] == Decimal("6.010")


async def test_provider_that_gave_no_answer_is_asked_again_with_the_same_key(till: Till) -> None:
    await ready(till)
    bank = Bank(ProviderUnavailable("away"), SUCCEEDED)
    collector = Collector(till.ledger.db, bank)  # pyright: ignore[reportArgumentType]
    await spend(till, "15")
    await collector.top_up_due()
    await collector.top_up_due()
    assert len(bank.asked) == 1
    till.ledger.clock.advance(timedelta(minutes=6))
    await collector.top_up_due()
    assert len({each.payment_id for each in bank.asked}) == 1 and len(bank.asked) == 2
    assert (await till.balance())[0] == Decimal(65)


async def test_event_that_tells_what_the_answer_told_adds_nothing(till: Till) -> None:
    await ready(till)
    bank = Bank(SUCCEEDED)
    collector = Collector(till.ledger.db, bank)  # pyright: ignore[reportArgumentType]
    await spend(till, "15")
    await collector.top_up_due()
    event = ProviderEvent("evt_1", till.tenant, "payment_succeeded", payment_id=bank.asked[0].payment_id,
                          reference="pi_1", amount=Decimal(50), currency="EUR")  # fmt: skip
    now = till.ledger.clock.now()
    assert not await till.ledger.db.run(till.tenant, lambda tx: paying.take_event(tx, "stripe", event, now))
    assert (await till.balance())[0] == Decimal(65)


async def test_failure_is_told_and_not_tried_again_by_itself(till: Till) -> None:
    await ready(till)
    bank = Bank(Outcome(PaymentState.FAILED, "pi_1", "card_declined"))
    collector = Collector(till.ledger.db, bank)  # pyright: ignore[reportArgumentType]
    await spend(till, "15")
    await collector.top_up_due()
    till.ledger.clock.advance(timedelta(days=1))
    await collector.top_up_due()
    assert len(bank.asked) == 1 and (await till.balance())[0] == Decimal(15)


async def test_without_a_card_or_a_provider_nobody_is_asked_and_it_is_told(till: Till) -> None:
    await ready(till, card=False)
    bank = Bank()
    await spend(till, "15")
    await Collector(till.ledger.db, bank).top_up_due()  # pyright: ignore[reportArgumentType]
    await Collector(till.ledger.db, None).top_up_due()
    assert bank.asked == [] and (await till.balance())[0] == Decimal(15)


async def test_number_that_cant_be_paid_for_is_refused_before_it_is_called(till: Till) -> None:
    async def check() -> Any:
        request = reservation_service_pb2.CheckCallRequest(
            number="+49301234567", direction=rate_deck_pb2.RATE_DIRECTION_INBOUND
        )
        with acting_for(till.tenant):
            return await till.calls.CheckCall(request)

    assert not (await check()).prepaid
    await till.configure()
    assert ((await check()).prepaid, (await check()).refusal) == (True, "BALANCE_USED_UP")
    await till.top_up("100")
    assert (await check()).refusal == ""
    assert await till.balance() == (Decimal(100), 0)


async def test_plan_that_cant_be_rated_is_told_at_its_field(till: Till, rpc: RpcHouse) -> None:
    await rpc.serve("billing", [(add_PlanRatingServiceServicer_to_server, PlanRating(till.ledger.db))])
    stub = rpc.stub(PlanRatingServiceStub, "billing")
    cats = Meter("cats_fed", "cat", Aggregation.SUM)
    await till.ledger.db.system(lambda tx: meters.insert_meter(tx, cats))
    euro = money_pb2.Money(currency="EUR", amount="1")
    plan = plan_pb2.Plan(
        currency="EUR",
        rates=[
            plan_pb2.Rate(meter="voice_inbound_minute", price=euro),
            plan_pb2.Rate(
                meter="voice_outbound_minute", model=plan_pb2.RATE_MODEL_DECK, rate_deck_id="rdk_nowhere"
            ),
            plan_pb2.Rate(meter="number_month", model=plan_pb2.RATE_MODEL_GRADUATED),
            plan_pb2.Rate(meter="dogs_walked", unit="dog", price=euro),
            plan_pb2.Rate(meter="cats_fed", unit="cat", price=euro),
            plan_pb2.Rate(meter="cats_fed", unit="tail", price=euro, included_per_meter="dogs_walked"),
        ],
    )  # fmt: skip
    with acting_for(till.tenant):
        answer = await stub.CheckPlanRates(plan_rating_service_pb2.CheckPlanRatesRequest(plan=plan))
    assert [(each.field, each.fault) for each in answer.faults] == [
        ("plan.rates[1].rate_deck_id", "UNKNOWN"), ("plan.rates[2].tiers", "NOT_RATEABLE"),
        ("plan.rates[3].meter", "UNKNOWN"), ("plan.rates[5].included_per_meter", "UNKNOWN"),
        ("plan.rates[5].unit", "UNKNOWN"),
    ]  # fmt: skip
