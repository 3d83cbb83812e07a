"""What telephony asks for prepaid calls."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chassis.auth import principal
from chassis.instants import duration_in, duration_out, time_in, time_out
from chassis.sql import Database
from google.protobuf.message import Message
from kernel.errors import InvalidInput
from merkez.billing.v1 import rate_deck_pb2, reservation_service_pb2, reservation_service_pb2_grpc

from billing.domain.decks import Direction
from billing.live.charging import Charges
from billing.ops import reservations as ops

_SECOND = timedelta(seconds=1)
_LONGEST = timedelta(days=31)


class Reservations(reservation_service_pb2_grpc.ReservationServiceServicer):
    """merkez.billing.v1.ReservationService."""

    def __init__(self, db: Database, charges: Charges) -> None:
        self._db = db
        self._charges = charges

    async def ReserveCall(
        self, request: reservation_service_pb2.ReserveCallRequest, context: Any
    ) -> reservation_service_pb2.CallReservation:
        tenant_id, now = principal().tenant_id, self._db.clock.now()
        call = ops.AnsweredCall(
            _call_id(request), request.number, direction_in(request.direction), time_in(request, "start_time") or now,
            request.brand_id,
        )  # fmt: skip
        known = await self._db.run(tenant_id, lambda tx: ops.find(tx, call.call_id), read_only=True)
        if known is not None:
            return _answer(call.call_id, ops.answer_of(known))
        prepaid, deck, flat = await self._charges.begin(tenant_id, call.number, call.direction, call.start_time)
        if not prepaid:
            return reservation_service_pb2.CallReservation(call_id=call.call_id)
        answer = await self._db.run(tenant_id, lambda tx: ops.reserve(tx, call, deck, flat, self._db.clock.now()))
        return _answer(call.call_id, answer)

    async def CheckCall(
        self, request: reservation_service_pb2.CheckCallRequest, context: Any
    ) -> reservation_service_pb2.CheckCallResponse:
        tenant_id, now, direction = principal().tenant_id, self._db.clock.now(), direction_in(request.direction)
        prepaid, deck, _ = await self._charges.begin(tenant_id, request.number, direction, now)
        if not prepaid:
            return reservation_service_pb2.CheckCallResponse()
        answer = await self._db.run(
            tenant_id, lambda tx: ops.check(tx, request.number, direction, deck, now), read_only=True
        )
        return reservation_service_pb2.CheckCallResponse(prepaid=answer.prepaid, refusal=answer.refusal)

    async def ExtendReservation(
        self, request: reservation_service_pb2.ExtendReservationRequest, context: Any
    ) -> reservation_service_pb2.CallReservation:
        return await self._with(_call_id(request), _talked(request), ops.extend)

    async def SettleReservation(
        self, request: reservation_service_pb2.SettleReservationRequest, context: Any
    ) -> reservation_service_pb2.CallReservation:
        answer = await self._with(_call_id(request), _talked(request), ops.settle)
        self._charges.forget(principal().tenant_id, request.call_id)
        return answer

    async def _with(self, call_id: str, talked: int, verb: Any) -> reservation_service_pb2.CallReservation:
        tenant_id = principal().tenant_id
        row = await self._db.run(tenant_id, lambda tx: ops.get(tx, call_id), read_only=True)
        deck = await self._charges.deck_of(tenant_id, row)
        answer = await self._db.run(tenant_id, lambda tx: verb(tx, call_id, deck, talked, self._db.clock.now()))
        return _answer(call_id, answer)


def direction_in(value: int) -> Direction:
    """Outbound unless inbound is said."""
    return Direction.INBOUND if value == rate_deck_pb2.RATE_DIRECTION_INBOUND else Direction.OUTBOUND


def _call_id(request: Any) -> str:
    if not 1 <= len(request.call_id) <= 128:
        raise InvalidInput.of("call_id", "is required, up to 128 characters")
    return request.call_id


def _talked(request: Message) -> int:
    talked = duration_in(request, "talked") or timedelta(0)
    if not timedelta(0) <= talked <= _LONGEST:
        raise InvalidInput.of("talked", "must not be negative, nor more than 31 days")
    return -(-talked // _SECOND)  # a begun second counts


def _answer(call_id: str, answer: ops.Answer) -> reservation_service_pb2.CallReservation:
    made = answer.reservation
    return reservation_service_pb2.CallReservation(
        call_id=call_id,
        prepaid=answer.prepaid,
        granted=duration_out(timedelta(seconds=made.granted_seconds)) if made else None,
        last=made is not None and ops.is_last(made),
        refusal=answer.refusal,
        expire_time=time_out(made.deadline) if made else None,
    )
