"""What telephony asks of billing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

from chassis.auth import acting_for
from chassis.grpc import Peers
from chassis.instants import duration_out, time_out
from merkez.billing.v1 import rate_deck_pb2, reservation_service_pb2, reservation_service_pb2_grpc

from telephony.domain.calls import Call, Direction
from telephony.domain.prepaid import Credit


class Billing:
    """What prepaid calls reserve."""

    def __init__(self, peers: Peers) -> None:
        self._reservations = cast(
            "reservation_service_pb2_grpc.ReservationServiceAsyncStub",
            peers.stub(reservation_service_pb2_grpc.ReservationServiceStub, "billing"),
        )

    async def reserve(self, tenant_id: str, call: Call, begin: datetime) -> Credit:
        """The call's first slice, or what it has already. `begin` is when it began to count."""
        inbound = call.direction is Direction.INBOUND
        direction = rate_deck_pb2.RATE_DIRECTION_INBOUND if inbound else rate_deck_pb2.RATE_DIRECTION_OUTBOUND
        request = reservation_service_pb2.ReserveCallRequest(
            call_id=call.call_id,
            number=call.dialed_number,
            direction=direction,
            start_time=time_out(begin),
            brand_id=call.brand_id,
        )
        with acting_for(tenant_id):
            return _credit(await self._reservations.ReserveCall(request, timeout=3))

    async def check(self, tenant_id: str, number: str) -> tuple[bool, str]:
        """Whether the company pays beforehand, and why a call to the number can't be begun; empty when it can."""
        outbound = rate_deck_pb2.RATE_DIRECTION_OUTBOUND
        request = reservation_service_pb2.CheckCallRequest(number=number, direction=outbound)
        with acting_for(tenant_id):
            answer = await self._reservations.CheckCall(request, timeout=2)
        return answer.prepaid, answer.refusal

    async def extend(self, tenant_id: str, call_id: str, talked: timedelta) -> Credit:
        """The next slice. RESERVATION_NOT_FOUND."""
        request = reservation_service_pb2.ExtendReservationRequest(call_id=call_id, talked=duration_out(talked))
        with acting_for(tenant_id):
            return _credit(await self._reservations.ExtendReservation(request, timeout=3))


def _credit(answer: reservation_service_pb2.CallReservation) -> Credit:
    granted = answer.granted.ToTimedelta()
    return Credit(prepaid=answer.prepaid, granted=granted, last=answer.last, refusal=answer.refusal)
