"""What flows asks of routing about callbacks."""

from __future__ import annotations

from chassis.grpc import Peers
from chassis.statuses import RemoteFailed
from chassis.telemetry import log
from kernel.errors import DomainError, FailedPrecondition, InvalidInput, NotFound, QuotaExceeded
from merkez.routing.v1 import callback_pb2, callback_service_pb2, callback_service_pb2_grpc, queue_pb2

from flows.domain.deeds import CallbackChecked, CallbackMade, CheckCallback, RequestCallback
from flows.domain.runs import Run

_ROUTING_SECONDS = 2.0


class Callbacks:
    """Whether one is offered, and asking for one."""

    def __init__(self, peers: Peers):
        self._callbacks = peers.stub(callback_service_pb2_grpc.CallbackServiceStub, "routing")

    async def check(self, effect: CheckCallback) -> CallbackChecked:
        """Whether a callback is offered to somebody who comes now. A caller is not kept by routing being away."""
        request = callback_service_pb2.GetCallbackOfferRequest(
            queue_id=effect.queue_id, required_skills=_levels(effect), priority=effect.priority
        )
        try:
            found = await self._callbacks.GetCallbackOffer(request, timeout=_ROUTING_SECONDS)
        except (DomainError, RemoteFailed) as error:
            log.info("whether to offer a callback can't be told", reason=type(error).__name__)
            return CallbackChecked(None)
        return CallbackChecked(found.offered)

    async def request(self, effect: RequestCallback, run: Run) -> CallbackMade:
        """Ask for one. A refusal for good is a result; Unavailable is raised, to be tried again."""
        attributes = run.state.attributes
        callback = callback_pb2.Callback(
            queue_id=effect.queue_id, number=effect.number, caller_name=attributes.get("caller_name", ""),
            customer_id=attributes.get("customer_id", ""), brand_id=run.brand_id,
            dialed_number=attributes.get("dialed_number", ""), required_skills=_levels(effect),
            priority=effect.priority, attributes=dict(effect.attributes),
            previous_contact_id=effect.left_contact_id,
        )  # fmt: skip
        request = callback_service_pb2.CreateCallbackRequest(request_id=effect.request_id, callback=callback)
        try:
            made = await self._callbacks.CreateCallback(request, timeout=_ROUTING_SECONDS)
        except (NotFound, InvalidInput, FailedPrecondition, QuotaExceeded) as error:
            log.error("routing refused a callback", call_id=run.call_id, reason=error.reason)
            return CallbackMade("", refusal=error.reason)
        return CallbackMade(made.callback.callback_id, made.already_open)


def _levels(effect: CheckCallback | RequestCallback) -> list[queue_pb2.SkillLevel]:
    return [
        queue_pb2.SkillLevel(skill_id=skill_id, proficiency=proficiency)
        for skill_id, proficiency in sorted(effect.skills.items())
    ]
