"""Telephony's nodes and the calls they hold, by telephony's own rpcs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.auth import acting_for
from chassis.statuses import RemoteFailed
from kernel.errors import DomainError, NotFound
from merkez.telephony.v1 import (
    call_pb2,
    call_service_pb2,
    call_service_pb2_grpc,
    node_service_pb2,
    node_service_pb2_grpc,
)
from merkez.tenancy.v1 import operator_service_pb2, operator_service_pb2_grpc, tenant_pb2

from merkez_ops.installation import Installation, addresses_of

SILENT = timedelta(seconds=10)
"""A node that wasn't heard of for so long is gone: a pod of before, most of the time."""


class NoNodes(NotFound):
    """Nobody answers where the region's telephony is said to be."""

    reason = "NO_NODES"


@dataclass(frozen=True)
class Node:
    """A node as operators see it."""

    node_id: str
    address: str
    state: str
    live_calls: int
    heard_seconds: float
    """Since it was heard of last."""
    start_time: str
    drain_deadline_time: str


@dataclass(frozen=True)
class LiveCall:
    """A call under way; nothing of who speaks."""

    call_id: str
    tenant_id: str
    state: str
    direction: str
    legs: int
    age_seconds: int
    trace_id: str


def _nodes(here: Installation) -> node_service_pb2_grpc.NodeServiceAsyncStub:
    found: node_service_pb2_grpc.NodeServiceAsyncStub = here.stub(node_service_pb2_grpc.NodeServiceStub, "telephony")
    return found


async def list_nodes(here: Installation, now: datetime) -> list[Node]:
    """Every node ever seen, by name."""
    with acting_for(""):
        answer = await _nodes(here).ListNodes(node_service_pb2.ListNodesRequest())
    return [_seen(each, now) for each in answer.nodes]


async def drain(here: Installation, node_id: str, bound: timedelta | None, now: datetime) -> Node:
    """Let a node take no new calls and hand over those it has. `bound`: how long what can't be moved may go on."""
    request = node_service_pb2.DrainNodeRequest(node_id=node_id)
    if bound is not None:
        request.drain_duration.FromTimedelta(bound)
    with acting_for(""):
        return _seen(await _nodes(here).DrainNode(request), now)


async def undrain(here: Installation, node_id: str, now: datetime) -> Node:
    """Let it take calls again."""
    with acting_for(""):
        return _seen(await _nodes(here).UndrainNode(node_service_pb2.UndrainNodeRequest(node_id=node_id)), now)


async def nodes_here(here: Installation) -> list[str]:
    """Names of the nodes that answer at this region's telephony address. Every region has a release and so an address
    of its own, while the nodes' rows are in the one database of all. NoNodes."""
    _nodes(here)  # says what is missing
    told = here.settings.peers["telephony"]
    found = await asyncio.gather(*(_name_at(here, each) for each in await _resolved(told)))
    names = sorted({name for name in found if name})
    if not names:
        raise NoNodes(f"no telephony node answers at {told}")
    return names


async def list_calls(here: Installation, now: datetime, tenant_id: str = "") -> list[LiveCall]:
    """Calls under way, of one tenant or of all, the oldest first."""
    tenants = [tenant_id] if tenant_id else await _tenants(here)
    found: list[LiveCall] = []
    for each in tenants:
        found += [_call(call, each, now) for call in await _calls_of(here, each)]
    return sorted(found, key=lambda call: -call.age_seconds)


async def _tenants(here: Installation) -> list[str]:
    stub: operator_service_pb2_grpc.OperatorServiceAsyncStub = here.stub(
        operator_service_pb2_grpc.OperatorServiceStub, "tenancy"
    )
    found: list[str] = []
    token = ""
    with acting_for(""):
        while True:
            answer = await stub.ListTenants(operator_service_pb2.ListTenantsRequest(page_size=200, page_token=token))
            tenants = [each.tenant for each in answer.tenants]
            found += [each.tenant_id for each in tenants if each.state != tenant_pb2.TENANT_STATE_CLOSED]
            token = answer.next_page_token
            if not token:
                return found


async def _calls_of(here: Installation, tenant_id: str) -> list[call_pb2.Call]:
    stub: call_service_pb2_grpc.CallServiceAsyncStub = here.stub(call_service_pb2_grpc.CallServiceStub, "telephony")
    found: list[call_pb2.Call] = []
    token = ""
    with acting_for(tenant_id):
        while True:
            answer = await stub.ListCalls(call_service_pb2.ListCallsRequest(page_size=200, page_token=token, live=True))
            found += answer.calls
            token = answer.next_page_token
            if not token:
                return found


async def _resolved(address: str) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    found: list[str] = []
    for each in addresses_of(address):
        host, _, port = each.rpartition(":")
        try:
            infos = await loop.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
        except OSError:
            continue
        found += [f"[{info[4][0]}]:{port}" if ":" in str(info[4][0]) else f"{info[4][0]}:{port}" for info in infos]
    return list(dict.fromkeys(found))


async def _name_at(here: Installation, address: str) -> str:
    stub: node_service_pb2_grpc.NodeServiceAsyncStub = here.peers.stub_at(
        node_service_pb2_grpc.NodeServiceStub, "telephony", address
    )  # type: ignore[assignment]
    try:
        with acting_for(""):
            return (await stub.PingNode(node_service_pb2.PingNodeRequest(), timeout=3)).node_id
    except (DomainError, RemoteFailed):
        return ""


def _seen(node: node_service_pb2.Node, now: datetime) -> Node:
    heard = (now - node.heartbeat_time.ToDatetime(now.tzinfo)).total_seconds()
    silent = heard > SILENT.total_seconds()
    return Node(
        node_id=node.node_id,
        address=node.address,
        state="gone" if silent else "draining" if node.draining else "taking calls",
        live_calls=node.live_calls,
        heard_seconds=round(max(0.0, heard), 1),
        start_time=node.start_time.ToJsonString(),
        drain_deadline_time=node.drain_deadline_time.ToJsonString() if node.HasField("drain_deadline_time") else "",
    )


def _call(call: call_pb2.Call, tenant_id: str, now: datetime) -> LiveCall:
    return LiveCall(
        call_id=call.call_id,
        tenant_id=tenant_id,
        state=call_pb2.CallState.Name(call.state).removeprefix("CALL_STATE_"),
        direction=call_pb2.Direction.Name(call.direction).removeprefix("DIRECTION_"),
        legs=len(call.legs),
        age_seconds=int((now - call.start_time.ToDatetime(now.tzinfo)).total_seconds()),
        trace_id=call.trace_id,
    )
