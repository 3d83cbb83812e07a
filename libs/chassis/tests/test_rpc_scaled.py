"""Who is added to a service has its share of what comes, and nothing that is asked meanwhile is lost."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import pytest
from chassis import rpc_server
from chassis.auth import acting_for
from chassis.grpc import serve
from chassis.settings import ProcessSettings
from kernel.errors import DomainError
from merkez.routing.v1 import queue_pb2, queue_service_pb2_grpc
from merkez_local.postgres import free_port
from testkit import RpcHouse, eventually

from .test_rpc_several import ADD, GET, TENANT, Queues


class Counting(Queues):
    """Counts who asked it."""

    def __init__(self) -> None:
        self.asked = 0

    async def GetQueue(self, request: Any, context: Any) -> queue_pb2.Queue:
        self.asked += 1
        return queue_pb2.Queue(queue_id=request.queue_id)


class Names(asyncio.DatagramProtocol):
    """A name server of one name, as a cluster's is for a headless service: whoever is ready now (RFC 1035)."""

    def __init__(self, addresses: list[str]) -> None:
        self.addresses = addresses

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        question = data[12 : data.index(b"\0", 12) + 5]
        (kind,) = struct.unpack("!H", question[-4:-2])
        given = [bytes(map(int, each.split("."))) for each in self.addresses] if kind == 1 else []
        head = data[:2] + struct.pack("!HHHHH", 0x8580, 1, len(given), 0, 0)
        answers = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4) + each for each in given)
        self._transport.sendto(head + question + answers, addr)


async def test_a_process_that_is_added_has_its_share_though_the_others_never_went_away(
    rpc: RpcHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc_server, "CONNECTION_SECONDS", 1.0)
    port, first, second = free_port(), Counting(), Counting()
    hosts = ["127.0.0.1", "127.0.0.2"]
    servers = [
        serve(
            [(ADD, each)],
            ProcessSettings(service="routing", internal_key=rpc.internal_key, grpc_host=host, grpc_port=port),
        )
        for host, each in zip(hosts, (first, second), strict=True)
    ]
    for each in servers:
        await each.start()
    transport, names = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Names(hosts[:1]), local_addr=("127.0.0.1", 0)
    )
    at = transport.get_extra_info("sockname")[1]
    rpc.addresses["routing"] = f"dns://127.0.0.1:{at}/merkez-routing.test.:{port}"
    stub, lost = rpc.stub(queue_service_pb2_grpc.QueueServiceStub, "routing"), list[DomainError]()

    async def asked(times: int) -> None:
        for _ in range(times):
            try:
                await stub.GetQueue(GET(queue_id="que_1"))
            except DomainError as error:
                lost.append(error)

    async def shared() -> bool:
        await asked(20)
        return second.asked > 10

    try:
        with acting_for(TENANT):
            await asked(20)
            assert (first.asked, second.asked) == (20, 0)
            names.addresses = hosts
            await eventually(shared, deadline=20)
        assert lost == []
    finally:
        transport.close()
        for each in servers:
            await each.close()
