"""Facts become usage and an invoice: once, exactly, in whatever order they are heard of."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from billing.domain.plans import VOICE
from billing.domain.usage import EndedCall, UsageConflict
from billing.ops import usage as ops
from merkez.telephony.v1 import call_pb2
from merkez.tenancy.v1 import session_pb2

from .conftest import MARCH, Ledger, call_fact, number_fact, plan_fact, recording_fact, user_fact, zone_fact

APRIL = datetime(2026, 4, 1, tzinfo=UTC)
DAY = timedelta(days=1)


async def test_call_is_rated_by_the_plan_held_when_it_began(ledger: Ledger) -> None:
    await ledger.tell(plan_fact())
    await ledger.tell(plan_fact(MARCH + 5 * DAY, 2, "0.60"))
    await ledger.tell(call_fact("call_1", 30.2, MARCH + DAY))
    await ledger.tell(call_fact("call_2", 30.2, MARCH + 6 * DAY))
    later, first = await ledger.usage()
    assert (first.used_seconds, first.billed_seconds, first.plan_version) == (31, 36, 1)
    assert first.charge == Decimal("0.036") and later.charge == Decimal("0.36") and later.plan_version == 2


async def test_call_that_comes_before_its_plan_is_kept_and_rated_when_the_plan_comes(ledger: Ledger) -> None:
    await ledger.tell(call_fact("call_1", 10, MARCH + DAY))
    [pending] = await ledger.usage()
    assert (pending.used_seconds, pending.billed_seconds, pending.plan_id) == (10, 0, "")
    await ledger.tell(plan_fact())
    [rated] = await ledger.usage()
    assert (rated.billed_seconds, rated.plan_id) == (30, "starter")


async def test_plan_heard_of_late_rates_anew_what_was_used_under_it(ledger: Ledger) -> None:
    await ledger.tell(plan_fact())
    for day in (1, 6, 11):
        await ledger.tell(call_fact(f"call_{day}", 60, MARCH + day * DAY))
    await ledger.tell(plan_fact(MARCH + 10 * DAY, 3, "0.30"))
    await ledger.tell(plan_fact(MARCH + 5 * DAY, 2, "0.12"))
    assert [record.plan_version for record in await ledger.usage()] == [3, 2, 1]


async def test_same_call_with_another_length_is_refused_and_the_first_stands(ledger: Ledger) -> None:
    await ledger.tell(plan_fact())
    first, other = (EndedCall(VOICE, "call_1", "brd_1", MARCH, seconds) for seconds in (60, 90))
    for _ in range(2):
        await ledger.db.run(ledger.tenant, lambda tx: ops.rate_ended_call(tx, first, MARCH))
    with pytest.raises(UsageConflict):
        await ledger.db.run(ledger.tenant, lambda tx: ops.rate_ended_call(tx, other, MARCH))
    await ledger.tell(call_fact("call_1", 90, MARCH))  # over the bus: alarmed, not tried for ever
    assert [record.used_seconds for record in await ledger.usage()] == [60]


async def test_two_at_once_record_a_call_once(ledger: Ledger) -> None:
    await ledger.tell(plan_fact())
    fact = call_fact("call_1", 60, MARCH)
    await asyncio.gather(*(ledger.tell(fact) for _ in range(4)))
    assert len(await ledger.usage()) == 1


async def test_busy_hour_of_one_tenant_is_rated_without_loss(ledger: Ledger) -> None:
    await ledger.tell(plan_fact())
    await asyncio.gather(*(ledger.tell(call_fact(f"call_{number}", 31, MARCH)) for number in range(128)))
    assert await ledger.amounts() == {VOICE: Decimal("4.61")}


async def test_refused_call_is_not_billed_and_zero_seconds_cost_nothing(ledger: Ledger) -> None:
    await ledger.tell(plan_fact())
    await ledger.tell(call_fact("call_1", 5, MARCH, "CONCURRENT_CALL_LIMIT_REACHED"))
    await ledger.tell(call_fact("call_3", 5, MARCH, "TENANT_SUSPENDED"))
    await ledger.tell(call_fact("call_2", 0, MARCH))
    [record] = await ledger.usage()
    assert record.source_id == "call_2" and record.charge == 0


async def test_outbound_call_has_its_own_meter(ledger: Ledger) -> None:
    await ledger.tell(plan_fact())
    await ledger.tell(call_fact("call_1", 60, MARCH, direction=call_pb2.DIRECTION_OUTBOUND))
    [record] = await ledger.usage()
    assert record.meter == "voice_outbound_minute"


async def test_month_of_a_company_that_moved_is_that_of_its_new_zone(ledger: Ledger) -> None:
    await ledger.tell(plan_fact())
    for fact in (zone_fact("Asia/Baku", 3), zone_fact("Europe/London", 2)):
        await ledger.tell(fact)
    invoice = await ledger.invoice()
    assert (invoice.start_time, invoice.end_time) == (MARCH - timedelta(hours=4), APRIL - timedelta(hours=4))


async def test_seat_costs_while_its_user_is_active(ledger: Ledger) -> None:
    await ledger.tell(plan_fact())
    await ledger.tell(user_fact("usr_1", 1), MARCH)
    await ledger.tell(user_fact("usr_1", 2, active=False), MARCH + (APRIL - MARCH) / 4)
    await ledger.tell(user_fact("usr_1", 3), MARCH + (APRIL - MARCH) * 3 / 4)
    await ledger.tell(user_fact("key_1", 1, role=session_pb2.ROLE_API_CLIENT), MARCH)
    assert await ledger.amounts() == {"seat_month": Decimal("10.00")}


async def test_seats_are_the_same_in_whatever_order_their_changes_come(ledger: Ledger) -> None:
    await ledger.tell(plan_fact())
    await ledger.tell(user_fact("usr_1", 2, active=False), MARCH + (APRIL - MARCH) / 2)
    await ledger.tell(user_fact("usr_1", 1), MARCH)
    assert await ledger.amounts() == {"seat_month": Decimal("10.00")}


async def test_number_costs_from_assignment_to_release_and_a_test_number_nothing(ledger: Ledger) -> None:
    await ledger.tell(plan_fact())
    middle = MARCH + (APRIL - MARCH) / 2
    await ledger.tell(number_fact(middle, released=True))
    await ledger.tell(number_fact(MARCH))
    assert await ledger.amounts() == {"number_month": Decimal("1.50")}
    other = ledger.twin()
    await other.tell(plan_fact())
    await other.tell(number_fact(MARCH, test=True))
    assert await other.amounts() == {}


async def test_recording_costs_by_size_until_it_is_erased(ledger: Ledger) -> None:
    await ledger.tell(plan_fact())
    half, quarter = MARCH + (APRIL - MARCH) / 2, MARCH + (APRIL - MARCH) / 4
    await ledger.tell(recording_fact(4, 0), half)
    await ledger.tell(recording_fact(2, 10**9), MARCH)
    await ledger.tell(recording_fact(3, 3 * 10**9), quarter)
    assert await ledger.amounts() == {"recording_storage_gb_month": Decimal("10.00")}


async def test_what_lasts_goes_on_in_the_next_month_and_what_ended_does_not(ledger: Ledger) -> None:
    await ledger.tell(plan_fact())
    await ledger.tell(user_fact("usr_1", 1), MARCH)
    await ledger.tell(user_fact("usr_2", 1), MARCH)
    await ledger.tell(user_fact("usr_2", 2, active=False), MARCH + DAY)
    assert await ledger.amounts(APRIL + DAY) == {"seat_month": Decimal("20.00")}


async def test_event_time_picks_the_month_not_arrival(ledger: Ledger) -> None:
    await ledger.tell(plan_fact())
    ledger.clock.advance(35 * DAY)
    await ledger.tell(call_fact("call_1", 60, MARCH + DAY))
    assert await ledger.amounts(MARCH) == {VOICE: Decimal("0.06")} and await ledger.amounts() == {}


@pytest.mark.parametrize("seed", range(6))
async def test_repeated_shuffled_and_late_facts_make_the_same_invoice(ledger: Ledger, seed: int) -> None:
    chance = random.Random(seed)
    await ledger.tell(plan_fact())
    await ledger.tell(plan_fact(MARCH + 14 * DAY, 2, "0.09"))
    for number in range(12):
        start = MARCH + timedelta(minutes=chance.randrange(31 * 24 * 60))
        await ledger.tell(call_fact(f"call_{number}", chance.uniform(1, 600), start))
    for version in range(1, 5):
        await ledger.tell(user_fact("usr_1", version, active=version % 2 == 1), MARCH + version * 3 * DAY)
    await ledger.tell(number_fact(MARCH + 2 * DAY))
    await ledger.tell(number_fact(MARCH + 9 * DAY, released=True))
    await ledger.tell(recording_fact(2, 10**9), MARCH + 4 * DAY)
    await ledger.tell(recording_fact(3, 0), MARCH + 20 * DAY)
    again = ledger.twin()
    again.clock.advance(35 * DAY)
    repeated = ledger.told * 3
    chance.shuffle(repeated)
    for told in repeated:
        await again.work(told)
    first, second = await ledger.invoice(MARCH), await again.invoice(MARCH)
    assert replace(second, cutoff_time=first.cutoff_time) == first
    assert len(await again.usage()) == 12
