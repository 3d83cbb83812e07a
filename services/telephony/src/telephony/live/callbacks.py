"""Customers who are called back: by an agent who has accepted the contact that waited for them, or before the agent who
is kept for them is asked."""

from __future__ import annotations

from chassis.auth import acting_for
from chassis.statuses import RemoteFailed
from chassis.telemetry import log
from kernel.errors import DomainError
from merkez.routing.v1 import callback_pb2, callback_rules_pb2
from merkez.telephony.v1 import call_pb2, call_service_pb2, call_service_pb2_grpc

from telephony.domain.answers import MessageUnplayable
from telephony.domain.calls import Actor, Call
from telephony.live.dialing import CalledFirst, Dialing
from telephony.live.house import House
from telephony.live.nodes import Nodes
from telephony.live.switchboard import NodeDraining

_ON_MACHINE = {
    callback_rules_pb2.CALLBACK_MACHINE_ACTION_HANG_UP: call_pb2.MACHINE_ACTION_HANG_UP,
    callback_rules_pb2.CALLBACK_MACHINE_ACTION_LEAVE_MESSAGE: call_pb2.MACHINE_ACTION_LEAVE_MESSAGE,
}
"""What is listened for; nothing when the agent is to hear whatever answers."""


class Callbacks:
    """Calls customers for agents who accepted a callback, or are kept for one."""

    def __init__(self, house: House, dialing: Dialing, nodes: Nodes) -> None:
        self._house, self._dialing, self._nodes = house, dialing, nodes

    def begin(self, tenant_id: str, contact_id: str, agent_id: str) -> None:
        """Call, from the node the agent's media is on."""
        self._house.tasks.spawn(self._begin(tenant_id, contact_id, agent_id), "call back")

    async def _begin(self, tenant_id: str, contact_id: str, agent_id: str) -> None:
        try:
            there = await self._nodes.dialing_node(tenant_id, agent_id)
            if there is None:
                await self.dial(tenant_id, contact_id, agent_id)
                return
            await _dial_at(there, tenant_id, contact_id, agent_id)
        except (DomainError, RemoteFailed) as error:
            log.info("a customer is not called back", contact_id=contact_id, exc_info=error)

    async def dial(self, tenant_id: str, contact_id: str, agent_id: str) -> call_pb2.Call:
        """Call from here, or from another node while this one drains. Errors as DialCallback says; routing has heard of
        them."""
        try:
            return await self._dial(tenant_id, contact_id, agent_id)
        except NodeDraining:
            there = await self._nodes.taking_calls()
            if there is None:
                await self._house.routing.fail_callback(tenant_id, contact_id, agent_id)
                raise
            return await _dial_at(there, tenant_id, contact_id, agent_id)

    async def _dial(self, tenant_id: str, contact_id: str, agent_id: str) -> call_pb2.Call:
        routing = self._house.routing
        try:
            wanted = await routing.callback_dial(tenant_id, contact_id)
            request = await self._request(tenant_id, contact_id, wanted)

            async def begun(call: Call) -> str:
                return await routing.begin_callback(tenant_id, contact_id, agent_id, call.call_id)

            actor, first = Actor("agent", agent_id), None
            if wanted.order == callback_rules_pb2.CALLBACK_ORDER_CUSTOMER_FIRST:
                actor, first = (
                    Actor("system"),
                    CalledFirst(contact_id, wanted.ring_timeout.ToTimedelta().total_seconds()),
                )
                # Each release is a ring of its own: the agent who was kept by the one before may be gone, and their
                # release be heard of only when the callback is another agent's.
                request.request_id += f":{wanted.version}:{agent_id}"
            try:
                return await self._dialing.dial(tenant_id, actor, request, contact_of=begun, first=first)
            except MessageUnplayable:
                # The prompt is gone since the queue was set up: the customer is called all the same.
                log.warning("a callback's message can't be played", contact_id=contact_id)
                request.detection.CopyFrom(call_pb2.AnswerDetection(on_machine=call_pb2.MACHINE_ACTION_HANG_UP))
                return await self._dialing.dial(tenant_id, actor, request, contact_of=begun, first=first)
        except NodeDraining:
            raise  # Nothing was begun: another node can.
        except Exception:
            # A call that began tells its end by itself, and routing leaves such a contact as it is.
            await routing.fail_callback(tenant_id, contact_id, agent_id)
            raise

    async def _request(
        self, tenant_id: str, contact_id: str, wanted: callback_pb2.CallbackDial
    ) -> call_service_pb2.DialCallRequest:
        """The customer is shown the number they had dialled, if it is the company's still."""
        numbers = await self._house.tenancy.caller_numbers(tenant_id, wanted.brand_id)
        request = call_service_pb2.DialCallRequest(
            request_id=f"{contact_id}:callback", number=wanted.number, brand_id=wanted.brand_id,
            caller_number=wanted.dialed_number if wanted.dialed_number in numbers.numbers else "",
        )  # fmt: skip
        action = _ON_MACHINE.get(wanted.on_machine)
        if action is not None:
            request.detection.on_machine = action
            request.detection.message_prompt_id = wanted.message_prompt_id
        return request


async def _dial_at(
    there: call_service_pb2_grpc.CallServiceAsyncStub, tenant_id: str, contact_id: str, agent_id: str
) -> call_pb2.Call:
    request = call_service_pb2.DialCallbackRequest(contact_id=contact_id, agent_id=agent_id)
    with acting_for(tenant_id):
        return await there.DialCallback(request, timeout=9)
