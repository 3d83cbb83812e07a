"""CallService: requests to verbs, results to messages."""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

from chassis.auth import acting_as, principal
from chassis.instants import time_in
from chassis.paging import encode_token, page_size
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from kernel.errors import InvalidInput
from kernel.ids import require_id, require_request_id
from kernel.phone import require_e164
from merkez.telephony.v1 import call_pb2, call_service_pb2, call_service_pb2_grpc

from telephony.convert import call_message, cdr_message, moment_message, supervision_mode
from telephony.domain.calls import Actor, Call
from telephony.domain.legs import Leg, Party
from telephony.domain.supervision import PERMISSION_OF, SupervisionNotAllowed
from telephony.domain.wishes import WebCall, check_digits, check_web_call
from telephony.live.callbacks import Callbacks
from telephony.live.conversations import Conversations, Target
from telephony.live.dialing import Dialing
from telephony.live.house import House
from telephony.live.nodes import Nodes
from telephony.live.switchboard import CallElsewhere, NodeDraining, Switchboard
from telephony.live.web_calls import WebCalls
from telephony.ops import calls as ops

MAX_TOKEN = 400
Handler = TypeVar("Handler", bound=Callable[..., Awaitable[Any]])
_PARK_CODE = re.compile(r"[0-9]{3,8}")
_PREFIXES = {"queue": "que", "agent": "usr", "flow": "flw"}


class TransferTargetRequired(InvalidInput):
    """A transfer or consult names nobody."""

    reason = "TRANSFER_TARGET_REQUIRED"


def _actor() -> Actor:
    who = principal()
    return Actor(who.role, who.subject)


def _asked(request: Any) -> tuple[str, str, Actor]:
    """(tenant, call, who asks) of a verb on one call."""
    return principal().tenant_id, require_id("call", request.call_id, "call_id"), _actor()


def _leg(leg_id: str) -> str:
    return require_id("leg", leg_id, "leg_id") if leg_id else ""


def _target(request: call_service_pb2.TransferCallRequest | call_service_pb2.ConsultCallRequest) -> Target:
    """Where to, checked. InvalidInput naming the field."""
    named = request.WhichOneof("target")
    value = getattr(request, named) if named else ""
    if not named or not value.strip():
        raise TransferTargetRequired.of("target", "name a queue, an agent, a flow or a number")
    kind = named.removesuffix("_id")
    if kind in _PREFIXES:
        require_id(_PREFIXES[kind], value, named)
    return Target(kind, value)


def _shown(found: tuple[Call, Sequence[Leg]]) -> call_pb2.Call:
    """The call as its asker may see it: who supervises it is for those who may supervise themselves."""
    call, legs = found
    if not any(map(principal().may, PERMISSION_OF.values())):
        legs = [leg for leg in legs if leg.party != Party.SUPERVISOR]
    return call_message(call, legs)


def _at_owner(handler: Handler) -> Handler:
    """The rpc needs the call's media: the node that has it carries it out."""

    @functools.wraps(handler)
    async def carried_out(self: CallHandlers, request: Message, context: Any) -> Any:
        try:
            return await handler(self, request, context)
        except CallElsewhere as error:
            answer = await self._nodes.at_owner(error, handler.__name__, request)
            return await handler(self, request, context) if answer is None else answer

    return cast(Handler, carried_out)


class CallHandlers(call_service_pb2_grpc.CallServiceServicer):
    """CallService."""

    def __init__(self, house: House, switchboard: Switchboard, dialing: Dialing, nodes: Nodes) -> None:
        self._db = house.db
        self._switchboard = switchboard
        self._dialing = dialing
        self._conversations = Conversations(house, switchboard, dialing)
        self._nodes = nodes
        self._callbacks = Callbacks(house, dialing, nodes)
        switchboard.call_back = self._callbacks.begin
        self._web_calls = WebCalls(house, switchboard)

    async def StartWebCall(
        self, request: call_service_pb2.StartWebCallRequest, context: Any
    ) -> call_service_pb2.StartWebCallResponse:
        wish = check_web_call(
            WebCall(
                widget_key=request.widget_key,
                sdp_offer=request.sdp_offer,
                caller_name=request.caller_name,
                caller_number=request.caller_number,
                attributes=dict(request.attributes),
                request_id=request.request_id,
            )
        )
        try:
            return await self._web_calls.start(request, wish)
        except NodeDraining:
            there = await self._nodes.taking_calls()
            if there is None:
                raise
            with acting_as(principal()):
                return await there.StartWebCall(request, timeout=9)

    @_at_owner
    async def ReattachLeg(
        self, request: call_service_pb2.ReattachLegRequest, context: Any
    ) -> call_service_pb2.ReattachLegResponse:
        if len(request.leg_token) > MAX_TOKEN:
            raise InvalidInput.of("leg_token", f"is longer than {MAX_TOKEN} characters")
        return await self._web_calls.reattach(request.leg_token, request.sdp_offer)

    async def DialCall(self, request: call_service_pb2.DialCallRequest, context: Any) -> call_pb2.Call:
        require_request_id(request.request_id)
        if not request.number.strip():
            raise InvalidInput.of("number", "is required")
        if request.brand_id:
            require_id("brd", request.brand_id, "brand_id")
        if request.caller_number:
            require_e164(request.caller_number, "caller_number")
        who = principal()
        require_id("usr", who.subject, "agent_id")
        there = await self._nodes.dialing_node(who.tenant_id, who.subject)
        if there is None and self._switchboard.draining:
            there = await self._nodes.taking_calls()
        if there is not None:
            return await there.DialCall(request, timeout=9)
        return await self._dialing.dial(who.tenant_id, _actor(), request)

    async def DialCallback(self, request: call_service_pb2.DialCallbackRequest, context: Any) -> call_pb2.Call:
        contact_id = require_id("con", request.contact_id, "contact_id")
        agent_id = require_id("usr", request.agent_id, "agent_id")
        return await self._callbacks.dial(principal().tenant_id, contact_id, agent_id)

    async def HangUp(self, request: call_service_pb2.HangUpRequest, context: Any) -> call_pb2.Call:
        call_id = require_id("call", request.call_id, "call_id")
        return _shown(await self._conversations.hang_up(principal().tenant_id, call_id, _actor()))

    async def HoldCall(self, request: call_service_pb2.HoldCallRequest, context: Any) -> call_pb2.Call:
        return _shown(await self._conversations.hold(*_asked(request), _leg(request.leg_id)))

    async def ResumeCall(self, request: call_service_pb2.ResumeCallRequest, context: Any) -> call_pb2.Call:
        return _shown(await self._conversations.resume(*_asked(request), _leg(request.leg_id)))

    async def SetMute(self, request: call_service_pb2.SetMuteRequest, context: Any) -> call_pb2.Call:
        call_id = require_id("call", request.call_id, "call_id")
        return _shown(
            await self._conversations.set_mute(
                principal().tenant_id, call_id, _actor(), _leg(request.leg_id), request.muted
            )
        )

    async def DropLeg(self, request: call_service_pb2.DropLegRequest, context: Any) -> call_pb2.Call:
        call_id = require_id("call", request.call_id, "call_id")
        return _shown(
            await self._conversations.drop(
                principal().tenant_id, call_id, _actor(), require_id("leg", request.leg_id, "leg_id")
            )
        )

    async def LeaveCall(self, request: call_service_pb2.LeaveCallRequest, context: Any) -> call_pb2.Call:
        return _shown(await self._conversations.leave(*_asked(request)))

    async def SwapCall(self, request: call_service_pb2.SwapCallRequest, context: Any) -> call_pb2.Call:
        return _shown(await self._conversations.swap(*_asked(request)))

    async def JoinCall(self, request: call_service_pb2.JoinCallRequest, context: Any) -> call_pb2.Call:
        return _shown(await self._conversations.join(*_asked(request)))

    async def CompleteTransfer(self, request: call_service_pb2.CompleteTransferRequest, context: Any) -> call_pb2.Call:
        return _shown(await self._conversations.complete_transfer(*_asked(request)))

    async def CancelConsult(self, request: call_service_pb2.CancelConsultRequest, context: Any) -> call_pb2.Call:
        return _shown(await self._conversations.cancel_consult(*_asked(request)))

    async def ParkCall(self, request: call_service_pb2.ParkCallRequest, context: Any) -> call_pb2.Call:
        return _shown(await self._conversations.park(*_asked(request)))

    @_at_owner
    async def TransferCall(self, request: call_service_pb2.TransferCallRequest, context: Any) -> call_pb2.Call:
        return _shown(await self._conversations.transfer(*_asked(request), _target(request)))

    @_at_owner
    async def ConsultCall(self, request: call_service_pb2.ConsultCallRequest, context: Any) -> call_pb2.Call:
        return _shown(await self._conversations.consult(*_asked(request), _target(request)))

    async def StopSupervising(self, request: call_service_pb2.StopSupervisingRequest, context: Any) -> call_pb2.Call:
        return _shown(await self._conversations.stop_supervising(*_asked(request)))

    async def TakeOverCall(self, request: call_service_pb2.TakeOverCallRequest, context: Any) -> call_pb2.Call:
        agent_id = require_id("usr", request.agent_id, "agent_id") if request.agent_id else ""
        return _shown(await self._conversations.take_over(*_asked(request), agent_id))

    async def RetrieveCall(self, request: call_service_pb2.RetrieveCallRequest, context: Any) -> call_pb2.Call:
        if not _PARK_CODE.fullmatch(request.park_code):
            raise InvalidInput.of("park_code", "is required: the digits the call was parked under")
        return _shown(await self._conversations.retrieve(principal().tenant_id, _actor(), request.park_code))

    async def SuperviseCall(self, request: call_service_pb2.SuperviseCallRequest, context: Any) -> call_pb2.Call:
        call_id = require_id("call", request.call_id, "call_id")
        mode = supervision_mode(request.mode)
        if mode is None:
            raise InvalidInput.of("mode", "is required: LISTEN, WHISPER or BARGE")
        agent_id = require_id("usr", request.agent_id, "agent_id") if request.agent_id else ""
        who = principal()
        if not who.may(PERMISSION_OF[mode]):
            raise SupervisionNotAllowed(f"your role lacks the permission {PERMISSION_OF[mode]}")
        return _shown(await self._conversations.supervise(who.tenant_id, call_id, _actor(), mode, agent_id))

    @_at_owner
    async def SendDigits(self, request: call_service_pb2.SendDigitsRequest, context: Any) -> Empty:
        call_id = require_id("call", request.call_id, "call_id")
        digits = check_digits(request.digits)
        await self._conversations.send_digits(principal().tenant_id, call_id, _actor(), digits)
        return Empty()

    async def GetCall(self, request: call_service_pb2.GetCallRequest, context: Any) -> call_pb2.Call:
        call_id = require_id("call", request.call_id, "call_id")
        found = await self._db.run(principal().tenant_id, lambda tx: ops.get_call(tx, call_id), read_only=True)
        return _shown(found)

    async def ListCalls(
        self, request: call_service_pb2.ListCallsRequest, context: Any
    ) -> call_service_pb2.ListCallsResponse:
        size = page_size(request.page_size)
        found = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.list_calls(
                tx, token=request.page_token, size=size, live=request.live, parked=request.parked
            ),
            read_only=True,
        )
        last = found[size - 1][0] if len(found) > size else None
        return call_service_pb2.ListCallsResponse(
            calls=[_shown(one) for one in found[:size]],
            next_page_token=encode_token(last.start_time, last.call_id) if last else "",
        )

    async def ListCallMoments(
        self, request: call_service_pb2.ListCallMomentsRequest, context: Any
    ) -> call_service_pb2.ListCallMomentsResponse:
        call_id = require_id("call", request.call_id, "call_id")
        found = await self._db.run(principal().tenant_id, lambda tx: ops.moments_of(tx, call_id), read_only=True)
        return call_service_pb2.ListCallMomentsResponse(moments=map(moment_message, found))

    async def ListCdrs(
        self, request: call_service_pb2.ListCdrsRequest, context: Any
    ) -> call_service_pb2.ListCdrsResponse:
        size = page_size(request.page_size)
        call_id = require_id("call", request.call_id, "call_id") if request.call_id else ""
        start = time_in(request, "start_time")
        end = time_in(request, "end_time")
        found = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.list_cdrs(tx, token=request.page_token, size=size, call_id=call_id, start=start, end=end),
            read_only=True,
        )
        last = found[size - 1] if len(found) > size else None
        return call_service_pb2.ListCdrsResponse(
            cdrs=[cdr_message(cdr) for cdr in found[:size]],
            next_page_token=encode_token(last.start_time, last.cdr_id) if last else "",
        )
