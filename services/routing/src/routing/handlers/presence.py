"""NotReadyReasonService."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chassis.instants import time_out
from kernel.ids import require_id
from merkez.routing.v1 import presence_pb2, presence_service_pb2
from merkez.routing.v1.presence_service_pb2_grpc import NotReadyReasonServiceServicer

from routing import convert
from routing.domain.presence import NotReadyReason
from routing.handlers.asking import Asked
from routing.ledger import Ledger
from routing.ops import presence as ops

_CHANGEABLE = ("display_name", "names", "color", "paid", "archived")


class NotReadyReasonServicer(Asked, NotReadyReasonServiceServicer):
    """Reasons of NOT_READY."""

    async def CreateNotReadyReason(
        self, request: presence_service_pb2.CreateNotReadyReasonRequest, context: Any
    ) -> presence_pb2.NotReadyReason:
        draft = _from_proto(request.not_ready_reason)

        async def create(tx: Ledger) -> presence_pb2.NotReadyReason:
            return _to_proto(await ops.create_reason(tx, draft, self._desk.clock.now()))

        return await self._once("CreateNotReadyReason", request, presence_pb2.NotReadyReason, create)

    async def ListNotReadyReasons(
        self, request: presence_service_pb2.ListNotReadyReasonsRequest, context: Any
    ) -> presence_service_pb2.ListNotReadyReasonsResponse:
        now = self._desk.clock.now()
        found = await self._run(lambda tx: ops.list_reasons(tx, now))
        return presence_service_pb2.ListNotReadyReasonsResponse(
            not_ready_reasons=[_to_proto(each) for each in found if request.include_archived or not each.archived]
        )

    async def UpdateNotReadyReason(
        self, request: presence_service_pb2.UpdateNotReadyReasonRequest, context: Any
    ) -> presence_pb2.NotReadyReason:
        message, now = request.not_ready_reason, self._desk.clock.now()
        reason_id = require_id("nrr", message.not_ready_reason_id, "not_ready_reason.not_ready_reason_id")
        fields = convert.masked(request.update_mask, message, _CHANGEABLE)
        draft = _from_proto(message)
        changes = {name: getattr(draft, name) for name in fields}
        return _to_proto(await self._run(lambda tx: ops.update_reason(tx, reason_id, changes, request.version, now)))


def _from_proto(message: presence_pb2.NotReadyReason) -> NotReadyReason:
    """A draft: what is output only is ignored."""
    return NotReadyReason(
        "", message.display_name, datetime.min.replace(tzinfo=UTC), dict(message.names), message.color, message.paid,
        message.archived,
    )  # fmt: skip


def _to_proto(reason: NotReadyReason) -> presence_pb2.NotReadyReason:
    return presence_pb2.NotReadyReason(
        not_ready_reason_id=reason.not_ready_reason_id,
        display_name=reason.display_name,
        names=dict(reason.names),
        color=reason.color,
        paid=reason.paid,
        archived=reason.archived,
        create_time=time_out(reason.create_time),
        version=reason.version,
    )
