"""CallbackService."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.paging import encode_token, page_size
from chassis.telemetry import current_traceparent
from kernel.ids import require_id
from kernel.phone import require_e164
from merkez.routing.v1 import callback_pb2, callback_service_pb2, contact_pb2
from merkez.routing.v1.callback_service_pb2_grpc import CallbackServiceServicer

from routing import callbacks_proto as proto
from routing import convert
from routing.handlers.asking import Asked, page
from routing.ledger import Ledger
from routing.ops import callbacks as ops


class CallbackServicer(Asked, CallbackServiceServicer):
    """Callbacks."""

    async def GetCallbackOffer(
        self, request: callback_service_pb2.GetCallbackOfferRequest, context: Any
    ) -> callback_pb2.CallbackOffer:
        require_id("que", request.queue_id, "queue_id")
        draft, now = proto.arrival_from_proto(request), self._desk.clock.now()
        found = await self._run(lambda tx: ops.callback_offer(tx, draft, now), read_only=True)
        return proto.offered_to_proto(found)

    async def CreateCallback(
        self, request: callback_service_pb2.CreateCallbackRequest, context: Any
    ) -> callback_service_pb2.CreateCallbackResponse:
        draft = proto.callback_from_proto(request.callback, current_traceparent())
        if draft.previous_contact_id:
            require_id("con", draft.previous_contact_id, "callback.previous_contact_id")
        when = proto.wanted_time(request.callback, "callback.due_time", request.local_due_time)

        async def create(tx: Ledger) -> callback_service_pb2.CreateCallbackResponse:
            anybodys = principal().may("contacts.write")
            made, known = await ops.create_callback(tx, draft, when, self._desk.clock.now(), anybodys=anybodys)
            return callback_service_pb2.CreateCallbackResponse(
                callback=proto.callback_to_proto(made), already_open=known
            )

        return await self._once(
            "CreateCallback", request, callback_service_pb2.CreateCallbackResponse, create
        )  # fmt: skip

    async def GetCallback(
        self, request: callback_service_pb2.GetCallbackRequest, context: Any
    ) -> callback_pb2.Callback:  # fmt: skip
        callback_id = require_id("cbk", request.callback_id, "callback_id")
        return proto.callback_to_proto(await self._run(lambda tx: ops.get_callback(tx, callback_id), read_only=True))

    async def ListCallbacks(
        self, request: callback_service_pb2.ListCallbacksRequest, context: Any
    ) -> callback_service_pb2.ListCallbacksResponse:
        size = page_size(request.page_size)
        wanted = ops.CallbackFilter(
            queue_id=require_id("que", request.queue_id, "queue_id") if request.queue_id else "",
            states=proto.callback_states(request.states),
            number=require_e164(request.number, "number") if request.number else "",
        )
        rows = await self._run(lambda tx: ops.list_callbacks(tx, wanted, size, request.page_token), read_only=True)
        listed, token = page(rows, size, lambda each: encode_token(each.create_time, each.callback_id))
        return callback_service_pb2.ListCallbacksResponse(
            callbacks=map(proto.callback_to_proto, listed), next_page_token=token
        )

    async def CancelCallback(
        self, request: callback_service_pb2.CancelCallbackRequest, context: Any
    ) -> callback_pb2.Callback:
        callback_id, now = require_id("cbk", request.callback_id, "callback_id"), self._desk.clock.now()
        return proto.callback_to_proto(
            await self._run(lambda tx: ops.cancel_callback(tx, callback_id, request.reason, now))
        )

    async def RescheduleCallback(
        self, request: callback_service_pb2.RescheduleCallbackRequest, context: Any
    ) -> callback_pb2.Callback:
        callback_id, now = require_id("cbk", request.callback_id, "callback_id"), self._desk.clock.now()
        when = proto.wanted_time(request, "due_time", request.local_due_time)
        return proto.callback_to_proto(
            await self._run(lambda tx: ops.reschedule_callback(tx, callback_id, when, request.version, now))
        )

    async def GetCallbackDial(
        self, request: callback_service_pb2.GetCallbackDialRequest, context: Any
    ) -> callback_pb2.CallbackDial:
        contact_id = require_id("con", request.contact_id, "contact_id")
        found = await self._run(lambda tx: ops.callback_dial(tx, contact_id), read_only=True)
        return proto.dial_to_proto(found.callback, found.on_machine, found.prompt_id, found.ring_timeout)

    async def BeginCallbackCall(
        self, request: callback_service_pb2.BeginCallbackCallRequest, context: Any
    ) -> contact_pb2.Contact:
        contact_id, agent_id, call_id = (
            require_id("con", request.contact_id, "contact_id"),
            require_id("usr", request.agent_id, "agent_id"),
            require_id("call", request.call_id, "call_id"),
        )
        now = self._desk.clock.now()
        return convert.contact_to_proto(
            await self._run(lambda tx: ops.begin_call(tx, contact_id, agent_id, call_id, now))
        )

    async def AnswerCallbackCall(
        self, request: callback_service_pb2.AnswerCallbackCallRequest, context: Any
    ) -> callback_pb2.CallbackWait:
        contact_id = require_id("con", request.contact_id, "contact_id")
        call_id, now = require_id("call", request.call_id, "call_id"), self._desk.clock.now()
        queue = await self._run(lambda tx: ops.answer_call(tx, contact_id, call_id, now))
        return callback_pb2.CallbackWait(
            queue_id=queue.queue_id, greeting_prompt_id=queue.callbacks.greeting_prompt_id
        )  # fmt: skip

    async def FailCallbackCall(
        self, request: callback_service_pb2.FailCallbackCallRequest, context: Any
    ) -> contact_pb2.Contact:
        contact_id, agent_id = (
            require_id("con", request.contact_id, "contact_id"),
            require_id("usr", request.agent_id, "agent_id"),
        )
        now = self._desk.clock.now()
        return convert.contact_to_proto(await self._run(lambda tx: ops.fail_call(tx, contact_id, agent_id, now)))
