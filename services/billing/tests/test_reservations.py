"""What calls reserve of a wallet, over the wire and on a real database."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from billing.handlers.reservations import Reservations
from billing.live.charging import Charges
from billing.live.decks import DeckShelf
from billing.ops import reservations as reservation_ops
from chassis.instants import duration_out, time_out
from chassis.turns import TurnTaking
from merkez.billing.v1 import (
    reservation_service_pb2_grpc,
    wallet_pb2,
)
from merkez.telephony.v1 import call_pb2, telephony_events_pb2
from testkit import RpcHouse

from .till import Till, till

__all__ = ["till"]
SECOND = timedelta(seconds=1)


def ended(call_id: str, till: Till, seconds: int) -> telephony_events_pb2.CallEnded:
    """An inbound call that ended now."""
    now = till.ledger.clock.now()
    cdr = call_pb2.Cdr(
        call_id=call_id, direction=call_pb2.DIRECTION_INBOUND, start_time=time_out(now - seconds * SECOND),
        end_time=time_out(now), duration=duration_out(seconds * SECOND), end_cause="NORMAL",
    )  # fmt: skip
    return telephony_events_pb2.CallEnded(cdr=cdr)


# -- calls -------------------------------------------------------------------------------------------------------


async def test_call_reserves_slices_debits_as_it_goes_and_gets_the_rest_back(till: Till) -> None:
    await till.configure()
    await till.top_up("100")
    first = await till.reserve("call_1")
    assert (first.prepaid, first.granted.seconds, first.last, first.refusal) == (True, 6, False, "")
    assert await till.balance() == (70, 30)  # the first 30 s are one increment
    again = await till.reserve("call_1")
    assert again == first
    till.ledger.clock.advance(SECOND)
    assert (await till.extend("call_1", 4.2)).granted.seconds == 11
    assert await till.balance() == (70, 0)
    till.ledger.clock.advance(SECOND)
    assert (await till.extend("call_1", 27)).granted.seconds == 33
    till.ledger.clock.advance(SECOND)
    assert await till.balance() == (64, 6)
    await till.extend("call_1", 20)  # late news changes nothing
    await till.settle("call_1", 27.5)
    for _ in range(2):
        await till.settle("call_1", 90)
    assert await till.balance() == (70, 0)
    assert [each.kind for each in await till.entries("call_1")] == [
        wallet_pb2.LEDGER_ENTRY_KIND_REFUND, wallet_pb2.LEDGER_ENTRY_KIND_RESERVE,
        wallet_pb2.LEDGER_ENTRY_KIND_CHARGE, wallet_pb2.LEDGER_ENTRY_KIND_RESERVE,
    ]  # fmt: skip
    await till.balances_by_ledger()


async def test_call_that_the_wallet_paid_for_is_counted_and_on_no_invoice(till: Till) -> None:
    await till.configure()
    await till.top_up("100")
    await till.reserve("call_paid")
    for call_id in ("call_paid", "call_unpaid"):
        await till.ledger.tell(ended(call_id, till, 60))
    found = {each.source_id: each.meter for each in await till.ledger.usage()}
    assert found == {"call_paid": "voice_prepaid_minute", "call_unpaid": "voice_inbound_minute"}
    amounts = await till.ledger.amounts()
    assert amounts["voice_prepaid_minute"] == 0 < amounts["voice_inbound_minute"]


async def test_call_without_money_is_told_so_and_goes_on_once_there_is_some(till: Till) -> None:
    await till.configure()
    await till.top_up("29")
    answer = await till.reserve("call_1")
    assert (answer.granted.seconds, answer.refusal) == (0, "BALANCE_USED_UP")
    await till.top_up("1")
    assert (await till.extend("call_1", 0)).granted.seconds == 6
    last = await till.extend("call_1", 26)
    assert (last.granted.seconds, last.last, last.refusal) == (30, True, "")
    over = await till.extend("call_1", 30)
    assert (over.granted.seconds, over.refusal) == (30, "BALANCE_USED_UP")


async def test_crashed_call_gives_back_within_a_minute_what_it_did_not_talk(till: Till) -> None:
    await till.configure()
    await till.top_up("100")
    await till.reserve("call_1")
    await till.extend("call_1", 31)
    assert await till.balance() == (58, 6)
    till.ledger.clock.advance(timedelta(seconds=40))
    await till.sweeps.reservations()
    assert await till.balance() == (58, 6)
    till.ledger.clock.advance(timedelta(seconds=10))
    await till.sweeps.reservations()
    await till.sweeps.reservations()
    assert await till.balance() == (64, 0)
    # Another node has adopted it: it goes on, and its end settles it.
    assert (await till.extend("call_1", 36)).granted.seconds == 42
    await till.ledger.tell(ended("call_1", till, 40))
    await till.sweeps.reservations()
    assert await till.balance() == (100 - 42, 0)
    await till.balances_by_ledger()


async def test_detail_record_settles_a_call_whoever_forgot_to(till: Till) -> None:
    await till.configure()
    await till.top_up("100")
    await till.reserve("call_1")
    for _ in range(2):
        await till.ledger.tell(ended("call_1", till, 10))
        await till.sweeps.reservations()
    assert await till.balance() == (70, 0)
    await till.ledger.tell(ended("call_2", till, 10))  # that reserved nothing
    await till.sweeps.reservations()
    assert await till.balance() == (70, 0)


async def test_calls_of_two_processes_share_one_wallet_without_overspending(till: Till, rpc: RpcHouse) -> None:
    await till.configure()
    await till.top_up("95")
    db = till.ledger.db
    twin = TurnTaking(db.engine, db.system_engine, "billing", till.ledger.clock)  # which takes no turns with the other
    servicer = Reservations(twin, Charges(twin, DeckShelf(twin)))
    add = reservation_service_pb2_grpc.add_ReservationServiceServicer_to_server
    await rpc.serve("billing-1", [(add, servicer)])
    other = replace(till, calls=rpc.stub(reservation_service_pb2_grpc.ReservationServiceStub, "billing-1"))
    answers = await asyncio.gather(*((other if n % 2 else till).reserve(f"call_{n}") for n in range(6)))
    assert sorted(each.granted.seconds for each in answers) == [0, 0, 0, 6, 6, 6]
    assert await till.balance() == (5, 90)
    await till.balances_by_ledger()


async def test_number_without_a_price_is_refused_with_its_reason(till: Till) -> None:
    twin = till.ledger.twin()  # has no plan, so no price of a minute
    till.ledger.tenant = twin.tenant
    await till.configure()
    await till.top_up("5")
    answer = await till.reserve("call_1")
    assert (answer.prepaid, answer.granted.seconds, answer.refusal) == (True, 0, "NO_RATE")


async def test_postpaid_wallet_that_may_go_negative_grants_to_its_limit(till: Till) -> None:
    await till.configure(negative_allowed=True, credit_limit="31")
    assert (await till.reserve("call_1")).granted.seconds == 6
    assert (await till.reserve("call_2")).granted.seconds == 0
    await till.settle("call_1", 3)
    assert await till.balance() == (-30, 0)
    await till.top_up("40")
    assert await till.balance() == (10, 0)
    await till.balances_by_ledger()


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_at_once_no_money_is_made_lost_or_overspent(till: Till, seed: int) -> None:
    chance = random.Random(seed)
    await till.configure()
    await till.top_up("200")
    talked: dict[str, int] = {f"call_{n}": 0 for n in range(6)}
    granted: dict[str, int] = {}

    async def one(call_id: str) -> None:
        for _ in range(5):
            match chance.randrange(6):
                case 0:
                    answer = await till.reserve(call_id)
                case 1 | 2 | 3 if call_id in granted:
                    talked[call_id] = min(talked[call_id] + chance.randrange(7), granted[call_id])
                    answer = await till.extend(call_id, talked[call_id])
                case 4 if call_id in granted:
                    await till.settle(call_id, talked[call_id])
                    continue
                case _:
                    if chance.random() < 0.3:
                        till.ledger.clock.advance(chance.choice([1, 20, 50]) * SECOND)
                    await till.sweeps.reservations()
                    continue
            granted[call_id] = max(granted.get(call_id, 0), answer.granted.seconds)

    await asyncio.gather(*(one(call_id) for call_id in talked))
    sums = await till.balances_by_ledger()
    assert -sums["paid"] == 200
    assert sums.get("debt", Decimal(0)) >= -30 * len(talked)
    rows = [
        await till.ledger.db.run(till.tenant, lambda tx, c=call_id: reservation_ops.find(tx, c)) for call_id in talked
    ]
    charged = sum((row.reservation.charged for row in rows if row is not None), Decimal(0))
    assert sums.get("revenue", Decimal(0)) == charged
