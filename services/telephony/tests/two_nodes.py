"""What can become of a node, played in one process: killed, asleep and awake again. And people who come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from chassis.auth import acting_for
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.live.house import Pulse
from testkit import eventually
from testkit.webrtc import Peer

from .conftest import Exchange, an_id

CUSTOMER_HZ, ANN_HZ = 440.0, 880.0


@dataclass
class Pair:
    """A node with calls, and another one."""

    first: Exchange
    second: Exchange

    async def talk(self) -> tuple[call_service_pb2.StartWebCallResponse, Peer, Peer, str]:
        """(call, customer, Ann, her id) of a conversation on the first node."""
        customer, ann, ann_id = self.first.peer(CUSTOMER_HZ), self.first.peer(ANN_HZ), an_id("usr")
        await self.first.attach(ann, ann_id)
        call = await self.first.call(customer)
        await self.first.accept(call.call_id, ann_id)
        await customer.hears(ANN_HZ)
        return call, customer, ann, ann_id

    async def moved(self) -> int:
        return (await self.first.facts()).count("CallMoved")


async def kill(node: Exchange) -> None:
    """As SIGKILL does: nothing is written, nobody is told, all sockets are closed."""
    await node.process.tasks.close()
    for live in node.switchboard.calls:
        live.earpiece.stop()
        live.room.close()
    node.switchboard._live.clear()
    node.switchboard.stations._live.clear()
    for leg in list(node.house.plane.legs):
        await node.house.plane.close_leg(leg)
    await node.server.stop()


async def fall_asleep(node: Exchange) -> None:
    """As SIGSTOP does, as far as others see it: no beat, no answer; what it holds in memory stays."""
    await node.process.tasks.close()
    await node.server.stop()


async def wake_up(node: Exchange) -> None:
    """As SIGCONT does: what was due is done, in whatever order."""
    node.house.pulse._ran = monotonic() - 10 * Pulse.ASLEEP_SECONDS
    node.process.tasks.every(0.05, node.watch.look, "look")
    await node.nodes.beat()


async def adopted(node: Exchange, *call_ids: str) -> None:
    """Wait until the node has these calls, looking for dead ones meanwhile."""

    async def looked() -> bool:
        await node.nodes.beat()
        await node.nodes.look()
        return all(node.switchboard.find(call_id) is not None for call_id in call_ids)

    await eventually(looked)


async def known_to_each_other(*nodes: Exchange) -> None:
    for _ in range(2):
        for node in nodes:
            await node.nodes.beat()


async def back(
    node: Exchange, call: call_service_pb2.StartWebCallResponse, tone: float
) -> tuple[Peer, call_service_pb2.ReattachLegResponse]:
    """The customer's page comes back to whichever node it reaches, as this peer."""
    peer = node.peer(tone)
    with acting_for(""):
        request = call_service_pb2.ReattachLegRequest(leg_token=call.leg_token, sdp_offer=await peer.offer())
        answer = await node.calls.ReattachLeg(request)
    await peer.accept(answer.sdp_answer)
    return peer, answer


async def owner(node: Exchange, call_id: str) -> str:
    """The node that owns a call, empty when it has ended."""
    from telephony.ops import nodes as ops

    found = await node.house.db.run(node.tenant_id, lambda tx: ops.owner(tx, call_id), read_only=True)
    return found.node_id if found is not None else ""


async def stored_call(node: Exchange) -> str:
    """A call that the node owns by the rows."""
    from telephony.domain.calls import Call, CallState
    from telephony.ops import calls as ops

    now = node.house.now()
    call = Call(
        call_id=an_id("call"), state=CallState.QUEUED, brand_id="", brand_name="", language="en", flow_id="",
        dialed_number="+15550100", node_id=node.house.settings.node_id, start_time=now, state_time=now,
    )  # fmt: skip
    await node.house.db.run(node.tenant_id, lambda tx: ops.start_call(tx, call, an_id("leg"), 0, now))
    return call.call_id


async def passed(seconds: float) -> None:
    """Wait until this much time has passed: an outage's length, not somebody's work."""
    until = monotonic() + seconds
    await eventually(lambda: monotonic() > until)


async def cdrs(node: Exchange, call_id: str) -> Sequence[call_pb2.Cdr]:
    with node.as_owner():
        return list((await node.calls.ListCdrs(call_service_pb2.ListCdrsRequest(call_id=call_id))).cdrs)


async def shown(node: Exchange, call_id: str) -> call_pb2.Call:
    with node.as_owner():
        return await node.calls.GetCall(call_service_pb2.GetCallRequest(call_id=call_id))


async def do(node: Exchange, as_whom: str, verb: str, call_id: str, **fields: Any) -> Any:
    """A verb of an agent, asked at this node."""
    request = getattr(call_service_pb2, f"{verb}Request")(call_id=call_id, **fields)
    with node.as_agent(as_whom):
        return await getattr(node.calls, verb)(request)
