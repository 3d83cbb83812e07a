"""Calls of a company that pays beforehand last as long as what is paid for, and no call waits for billing."""

from __future__ import annotations

from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
import pytest_asyncio
from chassis.instants import duration_out
from kernel.errors import DomainError, Unavailable
from merkez.billing.v1 import rate_deck_pb2, reservation_service_pb2
from merkez.billing.v1.reservation_service_pb2_grpc import (
    ReservationServiceServicer,
    add_ReservationServiceServicer_to_server,
)
from telephony.domain.prepaid import Credit
from telephony.live.billing import Billing
from telephony.live.prepaid import Prepaid
from testkit import eventually

from .conftest import Exchange
from .neighbours import queue_instruction

SECOND = timedelta(seconds=1)


class FakeBilling(ReservationServiceServicer):
    """A wallet of so many seconds for each call."""

    def __init__(self) -> None:
        self.prepaid = True
        self.seconds = 3600
        self.refusal = ""
        self.away = False
        self.asked: list[Any] = []
        self.checked: list[str] = []

    async def ReserveCall(self, request: Any, context: Any) -> reservation_service_pb2.CallReservation:
        return self._answer(request, 0)

    async def CheckCall(self, request: Any, context: Any) -> reservation_service_pb2.CheckCallResponse:
        if self.away:
            raise Unavailable("billing restarts")
        self.checked.append(request.number)
        return reservation_service_pb2.CheckCallResponse(prepaid=self.prepaid, refusal=self.refusal)

    async def ExtendReservation(self, request: Any, context: Any) -> reservation_service_pb2.CallReservation:
        return self._answer(request, request.talked.ToTimedelta() // SECOND)

    def _answer(self, request: Any, talked: int) -> reservation_service_pb2.CallReservation:
        if self.away:
            raise Unavailable("billing restarts")
        self.asked.append(request)
        if not self.prepaid:
            return reservation_service_pb2.CallReservation(call_id=request.call_id)
        granted = min(talked + 6, self.seconds)
        refusal = self.refusal or ("BALANCE_USED_UP" if granted <= talked else "")
        return reservation_service_pb2.CallReservation(
            call_id=request.call_id, prepaid=True, granted=duration_out(granted * SECOND),
            last=granted < talked + 6, refusal=refusal,
        )  # fmt: skip


@pytest_asyncio.fixture
async def billing(exchange: Exchange) -> FakeBilling:
    made = FakeBilling()  # pyright: ignore[reportAbstractUsage]
    await exchange.rpc.serve("billing", [(add_ReservationServiceServicer_to_server, made)])
    exchange.house.settings.__dict__["prepaid_grace_seconds"] = 1.0
    prepaid = Prepaid(exchange.house, exchange.switchboard, Billing(exchange.rpc.peers("telephony")))
    exchange.process.tasks.every(0.1, prepaid.look, "prepaid calls")
    return made


async def cause_of(exchange: Exchange, call_id: str) -> str:
    """Why a call ended, once it has."""

    async def found() -> str:
        facts = await exchange.told()
        return next((each.cdr.end_cause for each in facts if each.DESCRIPTOR.name == "CallEnded"), "")

    return await eventually(found)


@pytest.mark.media
async def test_call_ends_with_its_balance_and_its_parties_hear_so_before(
    exchange: Exchange, billing: FakeBilling
) -> None:
    billing.seconds = 3
    exchange.flows.steps = [queue_instruction()]
    customer = exchange.peer(440.0)
    call = await exchange.call(customer)
    assert await cause_of(exchange, call.call_id) == "BALANCE_USED_UP"
    assert any("credit is almost used up" in text for text in exchange.house.clips.spoken)  # type: ignore[attr-defined]
    [first, *later] = billing.asked
    assert first.direction == rate_deck_pb2.RATE_DIRECTION_INBOUND
    assert later[-1].talked.ToTimedelta() < 4 * SECOND


@pytest.mark.media
async def test_call_goes_on_slice_by_slice_while_there_is_money(exchange: Exchange, billing: FakeBilling) -> None:
    exchange.flows.steps = [queue_instruction()]
    call = await exchange.call(exchange.peer(440.0))
    await eventually(lambda: len(billing.asked) >= 3)
    talked = [each.talked.ToTimedelta() for each in billing.asked[1:]]
    assert talked == sorted(talked)
    assert exchange.switchboard.find(call.call_id) is not None


@pytest.mark.media
async def test_company_that_pays_by_invoice_is_asked_about_once(exchange: Exchange, billing: FakeBilling) -> None:
    billing.prepaid = False
    exchange.flows.steps = [queue_instruction()]
    for _ in range(2):
        await exchange.call(exchange.peer(440.0))
        await eventually(lambda: billing.asked)
    assert len(billing.asked) == 1


@pytest.mark.media
async def test_number_without_a_price_is_hung_up_on(exchange: Exchange, billing: FakeBilling) -> None:
    billing.refusal, billing.seconds = "NO_RATE", 0
    exchange.flows.steps = [queue_instruction()]
    call = await exchange.call(exchange.peer(440.0))
    assert await cause_of(exchange, call.call_id) == "BALANCE_USED_UP"


@pytest.mark.media
async def test_call_outlives_billing_by_a_bounded_grace(exchange: Exchange, billing: FakeBilling) -> None:
    exchange.flows.steps = [queue_instruction()]
    call = await exchange.call(exchange.peer(440.0))
    await eventually(lambda: billing.asked)
    billing.away, began = True, monotonic()
    assert await cause_of(exchange, call.call_id) == "BILLING_UNREACHABLE"
    assert 4 < monotonic() - began < 15


@pytest.mark.media
async def test_call_that_nobody_knows_the_payer_of_goes_on_without_billing(
    exchange: Exchange, billing: FakeBilling
) -> None:
    billing.away = True
    exchange.flows.steps = [queue_instruction()]
    call = await exchange.call(exchange.peer(440.0))
    await eventually(lambda: exchange.switchboard.find(call.call_id))
    billing.away = False
    await eventually(lambda: billing.asked)
    assert exchange.switchboard.find(call.call_id) is not None


def test_credit_says_when_a_call_is_over() -> None:
    unknown = Credit(2 * SECOND)
    assert not unknown.unanswered().over(900 * SECOND)
    paid = unknown.told(Credit(prepaid=True, granted=6 * SECOND))
    assert not paid.over(5 * SECOND)
    assert paid.over(6 * SECOND)
    assert not paid.unanswered().over(7 * SECOND)
    assert paid.unanswered().over(8 * SECOND)
    assert not paid.told(Credit(prepaid=False)).over(900 * SECOND)
    assert paid.pause(5 * SECOND, 2.0) == 1.0
    assert paid.pause(timedelta(seconds=5.9), 2.0) == 0.2
    assert paid.unanswered().pause(5 * SECOND, 1.0) == 1.0


@pytest.mark.parametrize(("refusal", "reason"), [
    ("BALANCE_USED_UP", "BALANCE_TOO_LOW_TO_CALL"), ("NO_RATE", "NUMBER_HAS_NO_RATE"),
    ("BLOCKED", "NUMBER_HAS_NO_RATE"),
])  # fmt: skip
async def test_number_that_cant_be_paid_for_is_refused_before_it_is_rung(
    exchange: Exchange, billing: FakeBilling, refusal: str, reason: str
) -> None:
    prepaid = Prepaid(exchange.house, exchange.switchboard, Billing(exchange.rpc.peers("telephony")))
    billing.refusal = refusal
    with pytest.raises(DomainError) as refused:
        await prepaid.check(exchange.tenant_id, "+15550100199")
    assert refused.value.reason == reason
    billing.refusal = ""
    await prepaid.check(exchange.tenant_id, "+15550100199")
    billing.away = True
    await prepaid.check(exchange.tenant_id, "+15550100199")


async def test_company_that_pays_by_invoice_is_asked_about_one_number_and_then_trusted(
    exchange: Exchange, billing: FakeBilling
) -> None:
    prepaid = Prepaid(exchange.house, exchange.switchboard, Billing(exchange.rpc.peers("telephony")))
    billing.prepaid = False
    for _ in range(2):
        await prepaid.check(exchange.tenant_id, "+15550100199")
    assert billing.checked == ["+15550100199"]
