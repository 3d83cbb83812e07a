"""Offering overtime and voluntary time off, and answering."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chassis.auth import principal
from chassis.instants import time_in
from chassis.sql import Database, Tx
from kernel.ids import require_id, require_request_id
from merkez.wfm.v1 import adjustment_pb2, shift_offer_pb2, shift_offer_service_pb2, shift_offer_service_pb2_grpc

from wfm import convert
from wfm.domain.adjusting import Kind
from wfm.ops import offers as ops
from wfm.ops.offers import Offer, Reply, ShiftOfferInvalid

ask = shift_offer_service_pb2


class ShiftOffers(shift_offer_service_pb2_grpc.ShiftOfferServiceServicer):
    """merkez.wfm.v1.ShiftOfferService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def CreateShiftOffer(self, request: ask.CreateShiftOfferRequest, context: Any) -> shift_offer_pb2.ShiftOffer:
        request_id, now = require_request_id(request.request_id), self._db.clock.now()
        value = _offer_in(request.shift_offer, principal().subject, now)

        async def work(tx: Tx) -> shift_offer_pb2.ShiftOffer:
            async def create() -> shift_offer_pb2.ShiftOffer:
                return convert.offer_out(await ops.create(tx, value, now), now)

            return await tx.once(request_id, "CreateShiftOffer", request, shift_offer_pb2.ShiftOffer, create)

        return await self._db.run(principal().tenant_id, work)

    async def ListShiftOffers(self, request: ask.ListShiftOffersRequest, context: Any) -> ask.ListShiftOffersResponse:
        day, now = convert.day_in(request.day, "day"), self._db.clock.now()
        found = await self._db.run(principal().tenant_id, lambda tx: ops.list_of_day(tx, day), read_only=True)
        return ask.ListShiftOffersResponse(shift_offers=[convert.offer_out(each, now) for each in found])

    async def CancelShiftOffer(self, request: ask.CancelShiftOfferRequest, context: Any) -> shift_offer_pb2.ShiftOffer:
        key, now = _key(request.shift_offer_id), self._db.clock.now()
        return convert.offer_out(await self._db.run(principal().tenant_id, lambda tx: ops.cancel(tx, key, now)), now)

    async def ListMyShiftOffers(
        self, request: ask.ListMyShiftOffersRequest, context: Any
    ) -> ask.ListMyShiftOffersResponse:
        me, now = principal(), self._db.clock.now()
        found = await self._db.run(me.tenant_id, lambda tx: ops.list_own(tx, me.subject, now), read_only=True)
        return ask.ListMyShiftOffersResponse(shift_offers=[convert.offer_out(each, now, me.subject) for each in found])

    async def AcceptShiftOffer(self, request: ask.AcceptShiftOfferRequest, context: Any) -> shift_offer_pb2.ShiftOffer:
        key, me, now = _key(request.shift_offer_id), principal(), self._db.clock.now()
        found = await self._db.run(me.tenant_id, lambda tx: ops.accept(tx, key, me.subject, now))
        return convert.offer_out(found, now, me.subject)

    async def DeclineShiftOffer(
        self, request: ask.DeclineShiftOfferRequest, context: Any
    ) -> shift_offer_pb2.ShiftOffer:
        key, me, now = _key(request.shift_offer_id), principal(), self._db.clock.now()
        found = await self._db.run(me.tenant_id, lambda tx: ops.decline(tx, key, me.subject, now))
        return convert.offer_out(found, now, me.subject)


def _key(offer_id: str) -> str:
    return require_id("sof", offer_id, "shift_offer_id")


def _offer_in(said: shift_offer_pb2.ShiftOffer, by: str, now: datetime) -> Offer:
    start, end = time_in(said, "start_time"), time_in(said, "end_time")
    if start is None or end is None:
        field = "start_time" if start is None else "end_time"
        raise ShiftOfferInvalid.of(f"shift_offer.{field}", "must be given")
    kinds = adjustment_pb2.AdjustmentKind
    name = kinds.Name(said.kind).removeprefix("ADJUSTMENT_KIND_") if said.kind in kinds.values() else ""
    if name not in Kind.__members__:
        raise ShiftOfferInvalid.of("shift_offer.kind", "must be overtime or voluntary time off")
    replies = tuple(Reply(require_id("usr", each.user_id, "shift_offer.replies")) for each in said.replies)
    expire = time_in(said, "expire_time") or start
    return Offer("", Kind(name), start, end, said.places, expire, said.note.strip(), by, now, replies=replies)
