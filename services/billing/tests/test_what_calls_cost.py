"""Calls that nobody answered, and prepaid calls of plans whose minutes aren't priced flat."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from chassis.instants import duration_out, time_out
from merkez.telephony.v1 import call_pb2, telephony_events_pb2
from merkez.tenancy.v1 import number_pb2, plan_pb2, tenancy_events_pb2
from merkez.type.v1 import money_pb2

from .conftest import MARCH, Ledger
from .till import Till, till

__all__ = ["till"]
SECOND = timedelta(seconds=1)


def eur(amount: str) -> money_pb2.Money:
    return money_pb2.Money(currency="EUR", amount=amount)


def held(*rates: plan_pb2.Rate, version: int = 2) -> tenancy_events_pb2.PlanSubscribed:
    plan = plan_pb2.Plan(plan_id="team", version=version, currency="EUR", rates=rates)
    return tenancy_events_pb2.PlanSubscribed(
        plan=plan, effective_time=time_out(MARCH + timedelta(hours=1)), time_zone="UTC"
    )


def called(call_id: str, rang: int, talked: int, cause: str) -> telephony_events_pb2.CallEnded:
    """A call out: its record begins when it is dialled."""
    begin, end = MARCH + timedelta(hours=10), MARCH + timedelta(hours=10) + (rang + talked) * SECOND
    cdr = call_pb2.Cdr(
        call_id=call_id, direction=call_pb2.DIRECTION_OUTBOUND, start_time=time_out(begin), end_time=time_out(end),
        duration=duration_out(end - begin), end_cause=cause, dialed_number="+994501112233",
    )  # fmt: skip
    if talked:
        cdr.answer_time.CopyFrom(time_out(begin + rang * SECOND))
    return telephony_events_pb2.CallEnded(cdr=cdr)


OUT = plan_pb2.Rate(
    meter="voice_outbound_minute", price=eur("1"), first_increment_seconds=60, next_increment_seconds=60
)


@pytest.mark.parametrize("cause", ["BUSY", "NO_ANSWER", "UNREACHABLE", "REJECTED", "CANCELLED"])
async def test_call_nobody_answered_costs_nothing(ledger: Ledger, cause: str) -> None:
    await ledger.tell(held(OUT))
    await ledger.tell(called(f"call_{cause}", 25, 0, cause))
    assert (await ledger.amounts(MARCH + timedelta(days=2))).get("voice_outbound_minute", 0) == 0


async def test_ringing_is_no_part_of_what_a_call_out_costs(ledger: Ledger) -> None:
    await ledger.tell(held(OUT))
    await ledger.tell(called("call_1", 25, 50, "NORMAL"))
    assert (await ledger.amounts(MARCH + timedelta(days=2)))["voice_outbound_minute"] == Decimal("1.00")


async def test_prepaid_company_isnt_invoiced_for_a_call_nobody_answered(till: Till) -> None:
    await till.ledger.tell(held(OUT))
    await till.configure()
    await till.top_up("100")
    await till.ledger.tell(called("call_1", 25, 0, "BUSY"))
    assert (await till.ledger.amounts(MARCH + timedelta(days=2))).get("voice_outbound_minute", 0) == 0


TIERS = [plan_pb2.RateTier(up_to="100", unit_price=eur("60")), plan_pb2.RateTier(unit_price=eur("30"))]


async def test_prepaid_call_of_a_plan_with_tiers_isnt_free(till: Till) -> None:
    await till.ledger.tell(
        held(plan_pb2.Rate(meter="voice_inbound_minute", model=plan_pb2.RATE_MODEL_GRADUATED, tiers=TIERS))
    )
    await till.configure()
    await till.top_up("1000")
    await till.reserve("call_1")
    await till.settle("call_1", 120)
    assert await till.balance() == (Decimal(880), 0)


async def test_prepaid_call_is_priced_by_the_rate_of_its_numbers_class(till: Till) -> None:
    """The ids are tenancy's (`Rate.rate_id`): the meter, and what tells a rate from others of it."""
    await till.ledger.tell(
        held(
            plan_pb2.Rate(rate_id="voice_inbound_minute", meter="voice_inbound_minute", price=eur("60")),
            plan_pb2.Rate(
                rate_id="voice_inbound_minute:price_class=toll_free",
                meter="voice_inbound_minute",
                price=eur("120"),
                properties={"price_class": "toll_free"},
            ),
        )
    )
    number = number_pb2.Number(number="+994800550100", assign_time=time_out(MARCH), price_class="toll_free")
    await till.ledger.tell(tenancy_events_pb2.NumberAssigned(number=number))
    await till.configure()
    await till.top_up("1000")
    await till.reserve("call_1", number=number.number)
    await till.settle("call_1", 60)
    assert await till.balance() == (Decimal(880), 0)


async def test_prepaid_call_that_was_granted_nothing_costs_nothing(till: Till) -> None:
    """As docs/mechanisms/wallets.md says: the plan of the till has minutes at 60, in 30/6."""
    await till.configure()
    found = await till.reserve("call_1")
    assert (found.granted.seconds, found.refusal) == (0, "BALANCE_USED_UP")
    now = till.ledger.clock.now()
    cdr = call_pb2.Cdr(
        call_id="call_1", direction=call_pb2.DIRECTION_INBOUND, start_time=time_out(now),
        end_time=time_out(now + SECOND),
        duration=duration_out(SECOND), end_cause="BALANCE_USED_UP",
    )  # fmt: skip
    await till.ledger.tell(telephony_events_pb2.CallEnded(cdr=cdr))
    assert (await till.ledger.amounts()).get("voice_inbound_minute", 0) == 0
