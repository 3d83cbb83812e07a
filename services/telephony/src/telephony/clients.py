"""The calls to other services that telephony really needs."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

import grpc.aio
from chassis.auth import acting_for
from chassis.grpc import Peers
from chassis.instants import duration_out, time_out
from chassis.statuses import error_of
from kernel.errors import FailedPrecondition, Unavailable
from kernel.features import Feature
from merkez.flows.v1 import flow_service_pb2, flow_service_pb2_grpc, run_service_pb2, run_service_pb2_grpc
from merkez.recording.v1 import recording_pb2, recording_service_pb2, recording_service_pb2_grpc
from merkez.routing.v1 import (
    callback_pb2,
    callback_service_pb2,
    callback_service_pb2_grpc,
    contact_pb2,
    contact_service_pb2,
    contact_service_pb2_grpc,
    queue_service_pb2,
    queue_service_pb2_grpc,
)
from merkez.tenancy.v1 import number_service_pb2, number_service_pb2_grpc, tenant_pb2

from telephony.domain import dialing
from telephony.domain.call_rules import CallRules, ParkEnd, RecordingTone
from telephony.domain.calls import Call
from telephony.domain.legs import Leg
from telephony.media.recorder import Presence
from telephony.media.sealing import RecordingKey
from telephony.media.segment_files import Finish
from telephony.media.tracks import Entry

_FRESH_SECONDS = 3.0
_STALE_SECONDS = 900.0
_ROUTES = 2000


class NoFlow(FailedPrecondition):
    """The number leads nowhere yet: no flow is set."""

    reason = "NUMBER_HAS_NO_FLOW"


class FlowNotPublished(FailedPrecondition):
    """The flow has no release yet."""

    reason = "FLOW_NOT_PUBLISHED"


@dataclass(frozen=True)
class Route:
    """Where a widget's or a number's call leads, and what the tenant may use. `caller_number` is what is shown to those
    who are called in the brand's name; empty when it has none."""

    tenant_id: str
    brand_id: str
    brand_name: str
    language: str
    number: str
    flow_id: str
    max_concurrent_calls: int
    recorded: bool
    suspended: bool
    caller_number: str = ""
    trunk_id: str = ""
    """The company's trunk the number came with, of one it brought."""
    rules: CallRules = field(default_factory=CallRules)
    calls_are_soft: bool = False
    """Whether more calls than `max_concurrent_calls` are let in, told and metered."""


@dataclass(frozen=True)
class CallerNumbers:
    """What the tenant may show when it calls, and what it may do."""

    numbers: frozenset[str]
    default: str
    brand_name: str
    language: str
    max_concurrent_calls: int
    recorded: bool
    suspended: bool
    trunks: Mapping[str, str] = field(default_factory=dict)
    """Of numbers the company brought, the trunk that alone shows each."""
    restricted: bool = False
    """It owes: it calls nobody until it has paid."""
    brand_id: str = ""
    """In whose name is called: the brand that was named, or the only one there is."""
    rules: CallRules = field(default_factory=CallRules)
    calls_are_soft: bool = False
    """Whether more calls than `max_concurrent_calls` are let in, told and metered."""

    @property
    def to_show(self) -> dialing.CallerNumbers:
        """As the rules of calling out look at them."""
        return dialing.CallerNumbers(self.numbers, self.default, self.trunks)


class Tenancy:
    """Number look-ups. Calls keep coming in while tenancy restarts: a route seen lately is used until it is back."""

    def __init__(self, peers: Peers) -> None:
        self._numbers = cast(
            "number_service_pb2_grpc.NumberServiceAsyncStub",
            peers.stub(number_service_pb2_grpc.NumberServiceStub, "tenancy"),
        )
        self._routes: OrderedDict[str, tuple[float, Route]] = OrderedDict()

    async def widget_route(self, widget_key: str) -> Route:
        """NotFound WIDGET_NOT_FOUND, NoFlow, Unavailable."""
        return await self._route(widget_key, number_service_pb2.LookupRouteRequest(widget_key=widget_key))

    async def number_route(self, number: str) -> Route:
        """Where calls to a number (E.164) lead. NotFound NUMBER_NOT_FOUND, NoFlow, Unavailable."""
        # No widget key has a plus sign.
        return await self._route(number, number_service_pb2.LookupRouteRequest(number=number))

    async def caller_numbers(self, tenant_id: str, brand_id: str) -> CallerNumbers:
        """The numbers a call of the tenant may show. Asked anew each time: a number given back must not be shown.
        NotFound BRAND_NOT_FOUND, Unavailable."""
        with acting_for(tenant_id):
            request = number_service_pb2.GetCallerNumbersRequest(brand_id=brand_id)
            found = await self._numbers.GetCallerNumbers(request, timeout=3)
        return CallerNumbers(
            numbers=frozenset(found.numbers),
            default=found.default_number,
            brand_name=found.brand_name,
            language=found.language or "en",
            max_concurrent_calls=found.entitlements.limits.max_concurrent_calls,
            recorded=Feature.RECORDING in found.entitlements.features,
            calls_are_soft="max_concurrent_calls" in found.entitlements.soft_limits,
            suspended=found.tenant_state == tenant_pb2.TENANT_STATE_SUSPENDED,
            restricted=found.tenant_restricted,
            trunks=dict(found.trunk_ids),
            brand_id=found.brand_id,
            rules=_rules(found.call_rules),
        )

    async def _route(self, key: str, request: number_service_pb2.LookupRouteRequest) -> Route:
        now = time.monotonic()
        known = self._routes.get(key)
        if known is not None and now - known[0] < _FRESH_SECONDS:
            return known[1]
        try:
            with acting_for(""):
                found = await self._numbers.LookupRoute(request, timeout=3)
        except Unavailable:
            if known is not None and now - known[0] < _STALE_SECONDS:
                return known[1]
            raise
        route = _route(found)
        self._routes[key] = (now, route)
        self._routes.move_to_end(key)
        if len(self._routes) > _ROUTES:
            self._routes.popitem(last=False)
        return route

    def forget(self, tenant_id: str) -> None:
        """The tenant's numbers or its standing changed: look them up again."""
        for key in [key for key, (_, route) in self._routes.items() if route.tenant_id == tenant_id]:
            del self._routes[key]


def _route(found: number_service_pb2.LookupRouteResponse) -> Route:
    if not found.number.flow_id:
        raise NoFlow("the number has no flow yet")
    return Route(
        tenant_id=found.tenant_id,
        brand_id=found.brand.brand_id,
        brand_name=found.brand.display_name,
        language=found.brand.language or "en",
        number=found.number.number,
        flow_id=found.number.flow_id,
        max_concurrent_calls=found.entitlements.limits.max_concurrent_calls,
        suspended=found.tenant_state == tenant_pb2.TENANT_STATE_SUSPENDED,
        recorded=Feature.RECORDING in found.entitlements.features,
        calls_are_soft="max_concurrent_calls" in found.entitlements.soft_limits,
        caller_number=found.caller_number,
        trunk_id=found.number.trunk_id,
        rules=_rules(found.brand.call_rules),
    )


_TONES = {
    tenant_pb2.RECORDING_TONE_ONCE: RecordingTone.ONCE,
    tenant_pb2.RECORDING_TONE_REPEATED: RecordingTone.REPEATED,
}
_PARK_ENDS = {tenant_pb2.PARK_END_QUEUE: ParkEnd.QUEUE, tenant_pb2.PARK_END_HANG_UP: ParkEnd.HANG_UP}


def _rules(message: tenant_pb2.CallRules) -> CallRules:
    usual = CallRules()
    return CallRules(
        _TONES.get(message.recording_tone, RecordingTone.NONE),
        message.recording_tone_seconds or usual.tone_seconds,
        message.recording_tone_for_agents,
        message.park_seconds or usual.park_seconds,
        _PARK_ENDS.get(message.park_end, ParkEnd.VOICEMAIL),
        message.callers_hidden,
    )


class Flows:
    """Runs and prompts."""

    def __init__(self, peers: Peers) -> None:
        self._runs = cast(
            "run_service_pb2_grpc.RunServiceAsyncStub", peers.stub(run_service_pb2_grpc.RunServiceStub, "flows")
        )
        self._prompts = cast(
            "flow_service_pb2_grpc.PromptServiceAsyncStub", peers.stub(flow_service_pb2_grpc.PromptServiceStub, "flows")
        )
        self._flows = cast(
            "flow_service_pb2_grpc.FlowServiceAsyncStub", peers.stub(flow_service_pb2_grpc.FlowServiceStub, "flows")
        )

    async def may_lead(self, tenant_id: str, flow_id: str) -> None:
        """Whether a call can be sent to the flow. NotFound FLOW_NOT_FOUND, FlowNotPublished, Unavailable."""
        with acting_for(tenant_id):
            found = await self._flows.GetFlow(flow_service_pb2.GetFlowRequest(flow_id=flow_id), timeout=3)
        if not found.release_id:
            raise FlowNotPublished("the flow has no release yet: publish it")

    async def start_run(self, tenant_id: str, request: run_service_pb2.StartRunRequest) -> run_service_pb2.Instruction:
        with acting_for(tenant_id):
            return await self._runs.StartRun(request, timeout=10)

    async def resume_run(
        self, tenant_id: str, request: run_service_pb2.ResumeRunRequest
    ) -> run_service_pb2.Instruction:
        with acting_for(tenant_id):
            return await self._runs.ResumeRun(request, timeout=10)

    async def advance_run(
        self, tenant_id: str, request: run_service_pb2.AdvanceRunRequest, timeout: float
    ) -> run_service_pb2.Instruction:
        with acting_for(tenant_id):
            return await self._runs.AdvanceRun(request, timeout=timeout)

    async def prompt_audio(self, tenant_id: str, prompt_id: str) -> bytes:
        with acting_for(tenant_id):
            request = flow_service_pb2.GetPromptAudioRequest(prompt_id=prompt_id)
            return (await self._prompts.GetPromptAudio(request, timeout=5)).audio


class Routing:
    """Contacts that telephony itself begins: what agents do without a flow."""

    def __init__(self, peers: Peers) -> None:
        self._contacts = cast(
            "contact_service_pb2_grpc.ContactServiceAsyncStub",
            peers.stub(contact_service_pb2_grpc.ContactServiceStub, "routing"),
        )
        self._offers = cast(
            "contact_service_pb2_grpc.OfferServiceAsyncStub",
            peers.stub(contact_service_pb2_grpc.OfferServiceStub, "routing"),
        )
        self._agents = cast(
            "contact_service_pb2_grpc.AgentServiceAsyncStub",
            peers.stub(contact_service_pb2_grpc.AgentServiceStub, "routing"),
        )
        self._callbacks = cast(
            "callback_service_pb2_grpc.CallbackServiceAsyncStub",
            peers.stub(callback_service_pb2_grpc.CallbackServiceStub, "routing"),
        )
        self._queues = cast(
            "queue_service_pb2_grpc.QueueServiceAsyncStub",
            peers.stub(queue_service_pb2_grpc.QueueServiceStub, "routing"),
        )

    async def has_queue(self, tenant_id: str, queue_id: str) -> None:
        """Whether a call can be sent to the queue. NotFound QUEUE_NOT_FOUND, Unavailable."""
        with acting_for(tenant_id):
            await self._queues.GetQueue(queue_service_pb2.GetQueueRequest(queue_id=queue_id), timeout=3)

    async def queue_name(self, tenant_id: str, queue_id: str) -> str:
        """As it is shown. NotFound QUEUE_NOT_FOUND, Unavailable."""
        with acting_for(tenant_id):
            found = await self._queues.GetQueue(queue_service_pb2.GetQueueRequest(queue_id=queue_id), timeout=3)
        return found.display_name

    async def start_contact(self, tenant_id: str, call: Call, agent_id: str, kind: str) -> str:
        """The agent is on it at once: kind OUTBOUND or TRANSFER; its id. AGENT_NOT_AVAILABLE."""
        contact = _contact_of(call, kind)
        request = contact_service_pb2.StartOutboundContactRequest(
            request_id=f"{call.call_id}:{kind}:{agent_id}:{call.version}", agent_id=agent_id, contact=contact
        )
        with acting_for(tenant_id):
            return (await self._contacts.StartOutboundContact(request, timeout=3)).contact_id

    async def callback_dial(self, tenant_id: str, contact_id: str) -> callback_pb2.CallbackDial:
        """How the customer of a callback is called that an agent has accepted, or is kept for.
        CONTACT_NOT_FOUND, CALLBACK_STATE_CHANGED."""
        request = callback_service_pb2.GetCallbackDialRequest(contact_id=contact_id)
        with acting_for(tenant_id):
            return await self._callbacks.GetCallbackDial(request, timeout=3)

    async def begin_callback(self, tenant_id: str, contact_id: str, agent_id: str, call_id: str) -> str:
        """The agent's call to that customer begins; the contact's id. CALLBACK_STATE_CHANGED, CALL_ENDED."""
        request = callback_service_pb2.BeginCallbackCallRequest(
            contact_id=contact_id, agent_id=agent_id, call_id=call_id
        )
        with acting_for(tenant_id):
            return (await self._callbacks.BeginCallbackCall(request, timeout=3)).contact_id

    async def answer_callback(self, tenant_id: str, contact_id: str, call_id: str) -> callback_pb2.CallbackWait:
        """The customer who was called first has answered; how they wait. CALLBACK_STATE_CHANGED."""
        request = callback_service_pb2.AnswerCallbackCallRequest(contact_id=contact_id, call_id=call_id)
        with acting_for(tenant_id):
            return await self._callbacks.AnswerCallbackCall(request, timeout=3)

    async def fail_callback(self, tenant_id: str, contact_id: str, agent_id: str) -> None:
        """That customer can't be called. CONTACT_NOT_FOUND."""
        request = callback_service_pb2.FailCallbackCallRequest(contact_id=contact_id, agent_id=agent_id)
        with acting_for(tenant_id):
            await self._callbacks.FailCallbackCall(request, timeout=3)

    async def enqueue_consult(self, tenant_id: str, call: Call, leg: Leg, asking: str, queue_id: str = "") -> str:
        """Ask the leg's agent, or whoever serves a queue; the contact's id. AGENT_NOT_AVAILABLE, QUEUE_NOT_FOUND."""
        contact = _contact_of(call, "CONSULT")
        contact.queue_id, contact.target_agent_id, contact.consulting_agent_id = queue_id, leg.agent_id, asking
        request = contact_service_pb2.EnqueueContactRequest(request_id=leg.leg_id, contact=contact)
        with acting_for(tenant_id):
            return (await self._contacts.EnqueueContact(request, timeout=3)).contact_id

    async def take_offer(self, tenant_id: str, offer_id: str, agent_id: str, request_id: str) -> None:
        """Accept for an agent who took it on a telephone. OFFER_NOT_PENDING, OFFER_NOT_FOUND."""
        request = contact_service_pb2.TakeOfferRequest(request_id=request_id, offer_id=offer_id, agent_id=agent_id)
        with acting_for(tenant_id):
            await self._offers.TakeOffer(request, timeout=3)

    async def miss_offer(self, tenant_id: str, offer_id: str, agent_id: str) -> None:
        """None of the agent's telephones can be reached. OFFER_NOT_FOUND."""
        request = contact_service_pb2.MissOfferRequest(offer_id=offer_id, agent_id=agent_id)
        with acting_for(tenant_id):
            await self._offers.MissOffer(request, timeout=3)

    async def check_agent(self, tenant_id: str, agent_id: str) -> None:
        """AGENT_NOT_FOUND."""
        with acting_for(tenant_id):
            await self._agents.GetAgent(contact_service_pb2.GetAgentRequest(agent_id=agent_id), timeout=3)

    async def cancel(self, tenant_id: str, contact_id: str) -> None:
        """Nobody waits for this contact any more, also when it rings."""
        request = contact_service_pb2.DequeueContactRequest(
            contact_id=contact_id, reason="cancelled", rescind_offer=True
        )
        with acting_for(tenant_id):
            await self._contacts.DequeueContact(request, timeout=3)


def _contact_of(call: Call, kind: str) -> contact_pb2.Contact:
    """What routing is told of a call."""
    return contact_pb2.Contact(
        channel=contact_pb2.CHANNEL_VOICE,
        kind=contact_pb2.ContactKind.Value(f"CONTACT_KIND_{kind}"),
        call_id=call.call_id,
        brand_id=call.brand_id,
        customer_id=call.customer_id,
        queue_id=call.queue_id if kind == "TRANSFER" else "",
        caller_number=call.customers_number,
        caller_name=call.caller_name,
        dialed_number=call.dialed_number,
        attributes=call.attributes,
        previous_contact_id=call.contact_id,
    )


def _track_of(presence: Presence) -> recording_pb2.Track:
    return recording_pb2.Track(
        track=presence.track,
        party=presence.party,
        agent_id=presence.agent_id,
        start_offset=duration_out(timedelta(seconds=presence.start)),
        end_offset=duration_out(timedelta(seconds=presence.end)),
    )


def _append_of(channel: grpc.aio.Channel) -> Callable[..., Awaitable[recording_service_pb2.AppendSegmentsResponse]]:
    """AppendSegments, of a request that is serialized already: megabytes a second need not be read for being sent."""
    return channel.unary_unary(
        "/merkez.recording.v1.RecordingService/AppendSegments", request_serializer=bytes,
        response_deserializer=recording_service_pb2.AppendSegmentsResponse.FromString,
    )  # fmt: skip


class Recordings:
    """Starting a recording and sending its segments."""

    def __init__(self, peers: Peers) -> None:
        self._recordings = cast(
            "recording_service_pb2_grpc.RecordingServiceAsyncStub",
            peers.stub(recording_service_pb2_grpc.RecordingServiceStub, "recording"),
        )
        self._append = peers.stub(_append_of, "recording")

    async def start(
        self, tenant_id: str, recording: recording_pb2.Recording, part: str, start_time: datetime
    ) -> RecordingKey:
        """The recording and its key. Idempotent by call and part: each node that a call lives on records its own, and
        each message left in it is one."""
        recording.start_time.CopyFrom(time_out(start_time))
        request_id = recording.call_id + part
        request = recording_service_pb2.StartRecordingRequest(request_id=request_id, recording=recording)
        with acting_for(tenant_id):
            response = await self._recordings.StartRecording(request, timeout=3)
        return RecordingKey(response.recording.recording_id, response.keyset, response.takes_frames)

    async def append(self, tenant_id: str, segments: Sequence[Entry]) -> list[Exception | None]:
        """What became of each: None when recording has it, else its error, whatever became of the others."""
        with acting_for(tenant_id):
            response = await self._append(b"".join(segments), timeout=10)
        return [
            error_of(outcome.code, outcome.reason, outcome.message, "AppendSegments") if outcome.code else None
            for outcome in response.outcomes
        ]

    async def finish(self, finish: Finish) -> None:
        request = recording_service_pb2.FinishRecordingRequest(
            recording_id=finish.recording_id,
            duration=duration_out(timedelta(seconds=finish.seconds)),
            segment_counts=finish.segment_counts,
            tracks=[_track_of(presence) for presence in finish.presences],
        )
        with acting_for(finish.tenant_id):
            await self._recordings.FinishRecording(request, timeout=30)
