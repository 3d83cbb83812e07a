"""Calls that nobody answered, and prepaid calls of plans whose minutes aren't priced flat."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from billing import consumers, convert
from billing.domain.usage import UsageRecord
from billing.store import usage as store
from chassis.instants import duration_out, time_out
from kernel.errors import InvalidInput
from merkez.billing.v1 import rate_deck_pb2
from merkez.telephony.v1 import call_pb2, telephony_events_pb2
from merkez.tenancy.v1 import number_pb2, plan_pb2, tenancy_events_pb2
from merkez.type.v1 import money_pb2

from .conftest import MARCH, Ledger
from .invoice_house import House
from .test_deck_statements import HEAD, by_deck, deck
from .till import Till, refused, till

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


@pytest.fixture
def alarms(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Reasons of the errors that are logged while facts are worked."""
    heard: list[str] = []

    def error(text: str, **fields: Any) -> None:
        heard.append(fields["reason"])

    monkeypatch.setattr(consumers.log, "error", error)
    return heard


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


async def test_customer_who_is_called_back_and_waits_is_paid_for_from_their_answer(ledger: Ledger) -> None:
    """75 s: 25 of ringing, 50 of waiting for an agent who never came."""
    await ledger.tell(held(OUT))
    fact = called("call_1", 75, 0, "CALLER_LEFT")
    fact.cdr.connect_time.FromDatetime(MARCH + timedelta(hours=10) + 25 * SECOND)
    await ledger.tell(fact)
    assert [each.used_seconds for each in await ledger.usage()] == [50]


@pytest.mark.parametrize("cause", ["BUSY", "CANCELLED"])
async def test_call_nobody_answered_pays_no_fee_of_its_record_either(ledger: Ledger, cause: str) -> None:
    fee = plan_pb2.Rate(meter="voice_outbound_minute", price=eur("1"), record_fee=eur("0.50"))
    await ledger.tell(held(fee))
    await ledger.tell(called("call_1", 25, 0, cause))
    assert await ledger.usage() == [] and not await ledger.amounts(MARCH + timedelta(days=2))


async def before(ledger: Ledger, fact: telephony_events_pb2.CallEnded) -> str:
    """Records a call as a release did that billed its whole record."""
    call = convert.call_in(fact.cdr)
    record = UsageRecord(
        "usg_before", call.meter, "telephony", call.call_id, call.start_time, call.record_seconds, call.brand_id
    )
    body = "|".join(
        (call.meter, "telephony", call.call_id, call.start_time.isoformat(), str(call.record_seconds), call.brand_id)
    )
    object.__setattr__(record, "fingerprint", sha256(body.encode()).hexdigest())
    await ledger.db.run(ledger.tenant, lambda tx: store.insert_usage(tx, record))
    return record.fingerprint


async def test_call_billed_before_an_update_is_a_repeat_after_it(ledger: Ledger, alarms: list[str]) -> None:
    """Facts may be delivered again: what was recorded with its ringing stays, and nobody is alarmed."""
    await ledger.tell(held(OUT))
    fact = called("call_1", 25, 50, "NORMAL")
    await before(ledger, fact)
    await ledger.tell(fact)
    assert [each.used_seconds for each in await ledger.usage()] == [75] and alarms == []
    await ledger.tell(called("call_1", 25, 51, "NORMAL"))
    assert alarms == ["USAGE_CONFLICT"], "another body is another body still"


async def test_same_call_with_another_answer_is_refused(ledger: Ledger, alarms: list[str]) -> None:
    """Both records are 75 s long: that one which has no ringing was recorded first makes the other no repeat."""
    await ledger.tell(held(OUT))
    await ledger.tell(called("call_1", 0, 75, "NORMAL"))
    await ledger.tell(called("call_1", 25, 50, "NORMAL"))
    assert [each.used_seconds for each in await ledger.usage()] == [75] and alarms == ["USAGE_CONFLICT"]


async def test_prepaid_company_isnt_invoiced_for_a_call_nobody_answered(till: Till) -> None:
    await till.ledger.tell(held(OUT))
    await till.configure()
    await till.top_up("100")
    await till.ledger.tell(called("call_1", 25, 0, "BUSY"))
    assert (await till.ledger.amounts(MARCH + timedelta(days=2))).get("voice_outbound_minute", 0) == 0


TIERS = [plan_pb2.RateTier(up_to="100", unit_price=eur("60")), plan_pb2.RateTier(unit_price=eur("30"))]


async def test_prepaid_call_of_a_plan_with_tiers_isnt_free(till: Till) -> None:
    """What a minute costs there depends on how many there are: none is begun that couldn't be charged."""
    await till.configure()
    await till.top_up("1000")
    tiered = plan_pb2.Rate(meter="voice_inbound_minute", model=plan_pb2.RATE_MODEL_GRADUATED, tiers=TIERS)
    await till.ledger.tell(held(tiered))
    assert (await till.reserve("call_1")).refusal == "NO_RATE"
    assert await till.balance() == (Decimal(1000), 0)
    await till.configure(prepaid=False, version=(await till.wallet()).version)
    with refused(InvalidInput, "WALLET_INVALID"):
        await till.configure(version=(await till.wallet()).version)


async def test_prepaid_call_of_a_plan_with_a_deck_is_charged_by_the_deck(till: Till) -> None:
    house = House(till.ledger)
    await till.ledger.tell(held(by_deck(await deck(house, f"{HEAD}90,Turkey,60,60/60,0\n"))))
    await till.configure()
    await till.top_up("1000")
    out = {"number": "+902121234567", "direction": rate_deck_pb2.RATE_DIRECTION_OUTBOUND}
    await till.reserve("call_1", **out)
    await till.settle("call_1", 61)
    assert await till.balance() == (Decimal(880), 0)
    assert (await till.reserve("call_2", **(out | {"number": "+15550100"}))).refusal == "NO_RATE"


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
