"""WrapUpService."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from kernel.ids import require_id
from merkez.routing.v1 import contact_pb2, wrap_up_service_pb2
from merkez.routing.v1.wrap_up_service_pb2_grpc import WrapUpServiceServicer

from routing import convert
from routing.handlers.asking import Asked
from routing.ops import wrapup as ops


class WrapUpServicer(Asked, WrapUpServiceServicer):
    """Wrap-up of the caller's own contacts."""

    async def RequestWrapUp(
        self, request: wrap_up_service_pb2.RequestWrapUpRequest, context: Any
    ) -> contact_pb2.Contact:
        contact_id, me = require_id("con", request.contact_id, "contact_id"), principal().subject
        now = self._desk.clock.now()
        return convert.contact_to_proto(
            await self._run(lambda tx: ops.request_wrap_up(tx, contact_id, me, request.wanted, now))
        )

    async def ExtendWrapUp(self, request: wrap_up_service_pb2.ExtendWrapUpRequest, context: Any) -> contact_pb2.Contact:
        contact_id, me = require_id("con", request.contact_id, "contact_id"), principal().subject
        now = self._desk.clock.now()
        return convert.contact_to_proto(await self._run(lambda tx: ops.extend_wrap_up(tx, contact_id, me, now)))
