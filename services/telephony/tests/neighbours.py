"""The services around telephony, made for its tests."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import tink
from kernel.clock import SystemClock
from kernel.errors import DomainError, NotFound, Unavailable
from kernel.ids import new_id
from merkez.flows.v1 import flow_pb2, flow_service_pb2, flow_service_pb2_grpc, run_service_pb2, run_service_pb2_grpc
from merkez.recording.v1 import recording_pb2, recording_service_pb2, recording_service_pb2_grpc
from merkez.routing.v1 import (
    callback_pb2,
    callback_service_pb2,
    callback_service_pb2_grpc,
    contact_pb2,
    contact_service_pb2,
    contact_service_pb2_grpc,
    queue_pb2,
    queue_service_pb2_grpc,
)
from merkez.tenancy.v1 import number_service_pb2, number_service_pb2_grpc, tenant_pb2
from testkit.rpc import RpcHouse
from tink import aead, secret_key_access


def an_id(prefix: str) -> str:
    return new_id(prefix, SystemClock().now())


class FakeTenancy(number_service_pb2_grpc.NumberServiceServicer):
    """Knows the widgets the test gave it."""

    def __init__(self) -> None:
        self.routes: dict[str, number_service_pb2.LookupRouteResponse] = {}
        self.down = False
        self.brands: set[str] | None = None
        """The company's, when the test cares which there are."""
        self.caller_numbers = number_service_pb2.GetCallerNumbersResponse(
            numbers=["+15550100"],
            default_number="+15550100",
            tenant_state=tenant_pb2.TENANT_STATE_ACTIVE,
            brand_id=an_id("brd"),
        )
        self.caller_numbers.entitlements.limits.max_concurrent_calls = 5
        self.caller_numbers.entitlements.features.append("recording")

    async def GetCallerNumbers(self, request: Any, context: Any) -> number_service_pb2.GetCallerNumbersResponse:
        if self.down:
            raise Unavailable("down")
        if not request.brand_id:
            return self.caller_numbers
        if self.brands is not None and request.brand_id not in self.brands:
            error = NotFound("no such brand")
            error.reason = "BRAND_NOT_FOUND"
            raise error
        answer = number_service_pb2.GetCallerNumbersResponse()
        answer.MergeFrom(self.caller_numbers)
        answer.brand_id = request.brand_id
        return answer

    async def LookupRoute(self, request: Any, context: Any) -> number_service_pb2.LookupRouteResponse:
        if self.down:
            raise Unavailable("down")
        found = self.routes.get(request.number or request.widget_key)
        if found is None:
            error = NotFound("no such number or widget")
            error.reason = "NUMBER_NOT_FOUND" if request.number else "WIDGET_NOT_FOUND"
            raise error
        return found

    def number(self, tenant_id: str, number: str, **more: Any) -> str:
        """A number of the tenant that calls come in on."""
        route = self.routes[self.widget(tenant_id, **more)]
        route.number.number = number
        self.routes[number] = route
        return number

    def widget(self, tenant_id: str, *, limit: int = 5, language: str = "en", suspended: bool = False) -> str:
        key = secrets.token_hex(8)
        response = number_service_pb2.LookupRouteResponse(tenant_id=tenant_id)
        response.brand.brand_id, response.brand.display_name = an_id("brd"), "Nova"
        response.brand.language = language
        response.number.number, response.number.flow_id = "+15550100", an_id("flw")
        response.entitlements.limits.max_concurrent_calls = limit
        response.entitlements.features.append("recording")
        states = tenant_pb2.TENANT_STATE_SUSPENDED, tenant_pb2.TENANT_STATE_ACTIVE
        response.tenant_state = states[0] if suspended else states[1]
        self.routes[key] = response
        return key


Script = Callable[["FakeFlows", run_service_pb2.AdvanceRunRequest | None], run_service_pb2.Instruction]


class FakeFlows(
    run_service_pb2_grpc.RunServiceServicer,
    flow_service_pb2_grpc.PromptServiceServicer,
    flow_service_pb2_grpc.FlowServiceServicer,
):
    """Gives out the instructions of `steps`, one per report, the last one again and again; keeps the reports. A run
    that is begun again goes on with its newest instruction."""

    def __init__(self) -> None:
        self.steps: list[run_service_pb2.Instruction] = [queue_instruction()]
        self.reports: list[run_service_pb2.AdvanceRunRequest] = []
        self.started: list[run_service_pb2.StartRunRequest] = []
        self.resumed: list[run_service_pb2.ResumeRunRequest] = []
        self.down = False
        self.working = asyncio.Event()
        """Cleared, turns take until it is set, also when whoever reported has stopped waiting."""
        self.working.set()
        self.prompts: dict[str, bytes] = {}
        self.released: dict[str, bool] = {}
        self._newest: dict[tuple[str, int], run_service_pb2.Instruction] = {}
        self._calls: dict[str, tuple[str, int]] = {}
        self._served: dict[str, str] = {}

    async def StartRun(self, request: Any, context: Any) -> run_service_pb2.Instruction:
        if self.down:
            raise Unavailable("down")
        self.started.append(request)
        which = request.call_id, request.turn
        if which not in self._newest:
            run_id = an_id("run")
            self._calls[run_id] = which
            self._newest[which] = self._step(1, run_id)
        return self._newest[which]

    async def AdvanceRun(self, request: Any, context: Any) -> run_service_pb2.Instruction:
        if self.down:
            raise Unavailable("down")
        self.reports.append(request)
        return await asyncio.shield(self._advanced(request))

    async def _advanced(self, request: Any) -> run_service_pb2.Instruction:
        await self.working.wait()
        instruction = self._newest[self._calls[request.run_id]] = self._step(request.sequence + 1, request.run_id)
        return instruction

    async def ResumeRun(self, request: Any, context: Any) -> run_service_pb2.Instruction:
        if self.down:
            raise Unavailable("down")
        self.resumed.append(request)
        which = self._calls[request.run_id]
        if self._served.get(request.run_id) != request.contact_id:
            self._served[request.run_id] = request.contact_id
            self._newest[which] = self._step(self._newest[which].sequence + 1, request.run_id)
        return self._newest[which]

    async def GetFlow(self, request: Any, context: Any) -> flow_pb2.Flow:
        if request.flow_id not in self.released:
            error = NotFound("there is no such flow")
            error.reason = "FLOW_NOT_FOUND"
            raise error
        return flow_pb2.Flow(flow_id=request.flow_id, release_id="rel_x" if self.released[request.flow_id] else "")

    async def GetPromptAudio(self, request: Any, context: Any) -> flow_service_pb2.GetPromptAudioResponse:
        if request.prompt_id not in self.prompts:
            raise NotFound("no such prompt")
        return flow_service_pb2.GetPromptAudioResponse(audio=self.prompts[request.prompt_id])

    def events(self) -> list[tuple[str, str]]:
        kind = run_service_pb2.RunEventKind
        return [(kind.Name(r.event).removeprefix("RUN_EVENT_KIND_"), r.digits) for r in self.reports]

    def _step(self, sequence: int, run_id: str) -> run_service_pb2.Instruction:
        instruction = run_service_pb2.Instruction()
        instruction.CopyFrom(self.steps[min(sequence, len(self.steps)) - 1])
        instruction.run_id, instruction.sequence, instruction.release_id = run_id, sequence, "rel_x"
        return instruction


class FakeRouting(
    contact_service_pb2_grpc.ContactServiceServicer,
    contact_service_pb2_grpc.OfferServiceServicer,
    contact_service_pb2_grpc.AgentServiceServicer,
    queue_service_pb2_grpc.QueueServiceServicer,
    callback_service_pb2_grpc.CallbackServiceServicer,
):
    """Gives contacts out and remembers what it was asked. Has every queue and agent but those that are
    `missing`. `on_take` is told what was taken on a telephone."""

    def __init__(self) -> None:
        self.started: list[contact_service_pb2.StartOutboundContactRequest] = []
        self.enqueued: list[contact_service_pb2.EnqueueContactRequest] = []
        self.dequeued: list[contact_service_pb2.DequeueContactRequest] = []
        self.refusal: DomainError | None = None
        self.taken: list[contact_service_pb2.TakeOfferRequest] = []
        self.missed: list[contact_service_pb2.MissOfferRequest] = []
        self.on_take: Callable[[contact_service_pb2.TakeOfferRequest], Awaitable[None]] | None = None
        self.missing: set[str] = set()
        self.callbacks: dict[str, callback_pb2.CallbackDial] = {}
        self.called_back: list[callback_service_pb2.BeginCallbackCallRequest] = []
        self.not_called_back: list[callback_service_pb2.FailCallbackCallRequest] = []
        self.answered_back: list[callback_service_pb2.AnswerCallbackCallRequest] = []
        self.waits = callback_pb2.CallbackWait(queue_id=an_id("que"))
        self.waits_refused: DomainError | None = None

    async def TakeOffer(self, request: Any, context: Any) -> contact_pb2.Offer:
        if self.refusal is not None:
            raise self.refusal
        self.taken.append(request)
        if self.on_take is not None:
            await self.on_take(request)
        return contact_pb2.Offer(offer_id=request.offer_id)

    async def MissOffer(self, request: Any, context: Any) -> contact_pb2.Offer:
        self.missed.append(request)
        return contact_pb2.Offer(offer_id=request.offer_id)

    async def GetAgent(self, request: Any, context: Any) -> contact_pb2.Agent:
        self._known(request.agent_id, "AGENT_NOT_FOUND")
        return contact_pb2.Agent(agent_id=request.agent_id)

    async def GetQueue(self, request: Any, context: Any) -> queue_pb2.Queue:
        self._known(request.queue_id, "QUEUE_NOT_FOUND")
        return queue_pb2.Queue(queue_id=request.queue_id, display_name="Support")

    def _known(self, id_: str, reason: str) -> None:
        if id_ in self.missing:
            error = NotFound("no such thing")
            error.reason = reason
            raise error

    async def StartOutboundContact(self, request: Any, context: Any) -> contact_pb2.Contact:
        if self.refusal is not None:
            raise self.refusal
        self.started.append(request)
        return contact_pb2.Contact(contact_id=an_id("con"))

    async def GetCallbackDial(self, request: Any, context: Any) -> callback_pb2.CallbackDial:
        return self.callbacks[request.contact_id]

    async def BeginCallbackCall(self, request: Any, context: Any) -> contact_pb2.Contact:
        if self.refusal is not None:
            raise self.refusal
        self.called_back.append(request)
        return contact_pb2.Contact(contact_id=request.contact_id, call_id=request.call_id)

    async def AnswerCallbackCall(self, request: Any, context: Any) -> callback_pb2.CallbackWait:
        if self.waits_refused is not None:
            raise self.waits_refused
        self.answered_back.append(request)
        return self.waits

    async def FailCallbackCall(self, request: Any, context: Any) -> contact_pb2.Contact:
        self.not_called_back.append(request)
        return contact_pb2.Contact(contact_id=request.contact_id)

    async def EnqueueContact(self, request: Any, context: Any) -> contact_pb2.Contact:
        if self.refusal is not None:
            raise self.refusal
        self.enqueued.append(request)
        return contact_pb2.Contact(contact_id=an_id("con"))

    async def DequeueContact(self, request: Any, context: Any) -> contact_pb2.Contact:
        self.dequeued.append(request)
        return contact_pb2.Contact(contact_id=request.contact_id)


class FakeRecording(recording_service_pb2_grpc.RecordingServiceServicer):
    """Keeps the sealed segments it gets, and the keys to open them."""

    def __init__(self) -> None:
        self.down = False
        self.segments: dict[tuple[str, str, int], bytes] = {}
        self.keys: dict[str, Any] = {}
        self.asked = 0
        self._by_request: dict[str, recording_service_pb2.StartRecordingResponse] = {}
        self.takes_frames = True
        self.by_call: dict[str, str] = {}
        self.begun: dict[str, recording_pb2.Recording] = {}
        self.finished: dict[str, recording_service_pb2.FinishRecordingRequest] = {}

    async def StartRecording(
        self, request: recording_service_pb2.StartRecordingRequest, context: Any
    ) -> recording_service_pb2.StartRecordingResponse:
        self.asked += 1
        self._up()
        if request.request_id in self._by_request:
            return self._by_request[request.request_id]
        recording_id = an_id("rec")
        handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
        self.keys[recording_id] = handle.primitive(aead.Aead)
        self.by_call[request.recording.call_id] = recording_id
        self.begun[recording_id] = request.recording
        keyset = tink.proto_keyset_format.serialize(handle, secret_key_access.TOKEN)
        recording = recording_pb2.Recording(recording_id=recording_id, call_id=request.recording.call_id)
        response = recording_service_pb2.StartRecordingResponse(
            recording=recording, keyset=keyset, takes_frames=self.takes_frames
        )
        self._by_request[request.request_id] = response
        return response

    async def AppendSegments(
        self, request: recording_service_pb2.AppendSegmentsRequest, context: Any
    ) -> recording_service_pb2.AppendSegmentsResponse:
        self._up()
        for segment in request.segments:
            self.segments[segment.recording_id, segment.track, segment.sequence] = segment.sealed
        outcomes = [recording_service_pb2.SegmentOutcome() for _ in request.segments]
        return recording_service_pb2.AppendSegmentsResponse(outcomes=outcomes)

    async def FinishRecording(
        self, request: recording_service_pb2.FinishRecordingRequest, context: Any
    ) -> recording_pb2.Recording:
        self._up()
        self.finished[request.recording_id] = request
        return recording_pb2.Recording(recording_id=request.recording_id)

    def _up(self) -> None:
        if self.down:
            raise Unavailable("down")


def queue_instruction(tick: float = 30.0) -> run_service_pb2.Instruction:
    instruction = run_service_pb2.Instruction(step_id="queue")
    instruction.queue.contact_id = an_id("con")
    instruction.queue.tick_interval.FromMilliseconds(int(tick * 1000))
    return instruction


@dataclass
class Neighbours:
    """Services around telephony, made for the test."""

    tenancy: FakeTenancy
    flows: FakeFlows
    recording: FakeRecording
    routing: FakeRouting


async def neighbours(rpc: RpcHouse) -> Neighbours:
    tenancy = FakeTenancy()  # pyright: ignore[reportAbstractUsage]
    flows = FakeFlows()  # pyright: ignore[reportAbstractUsage]
    recording = FakeRecording()  # pyright: ignore[reportAbstractUsage]
    routing = FakeRouting()  # pyright: ignore[reportAbstractUsage]
    await rpc.serve("tenancy", [(number_service_pb2_grpc.add_NumberServiceServicer_to_server, tenancy)])
    await rpc.serve(
        "flows",
        [
            (run_service_pb2_grpc.add_RunServiceServicer_to_server, flows),
            (flow_service_pb2_grpc.add_PromptServiceServicer_to_server, flows),
            (flow_service_pb2_grpc.add_FlowServiceServicer_to_server, flows),
        ],
    )
    await rpc.serve("recording", [(recording_service_pb2_grpc.add_RecordingServiceServicer_to_server, recording)])
    await rpc.serve(
        "routing",
        [
            (contact_service_pb2_grpc.add_ContactServiceServicer_to_server, routing),
            (contact_service_pb2_grpc.add_OfferServiceServicer_to_server, routing),
            (contact_service_pb2_grpc.add_AgentServiceServicer_to_server, routing),
            (queue_service_pb2_grpc.add_QueueServiceServicer_to_server, routing),
            (callback_service_pb2_grpc.add_CallbackServiceServicer_to_server, routing),
        ],
    )
    return Neighbours(tenancy, flows, recording, routing)
