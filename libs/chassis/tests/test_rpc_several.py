"""A service of several processes: one that goes dead is soon asked no more, though nothing says that it died."""

from __future__ import annotations

import asyncio
from typing import Any

from chassis.auth import acting_for
from kernel.errors import Unavailable
from merkez.routing.v1 import queue_pb2, queue_service_pb2, queue_service_pb2_grpc
from testkit import RpcHouse, eventually

GET = queue_service_pb2.GetQueueRequest
ADD = queue_service_pb2_grpc.add_QueueServiceServicer_to_server
TENANT = "ten_1"


class Queues(queue_service_pb2_grpc.QueueServiceServicer):
    """Answers."""

    async def GetQueue(self, request: Any, context: Any) -> queue_pb2.Queue:
        return queue_pb2.Queue(queue_id=request.queue_id)

    async def ListQueues(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    async def CreateQueue(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    async def UpdateQueue(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    async def DeleteQueue(self, request: Any, context: Any) -> Any:
        raise NotImplementedError


class Frozen:
    """A way to a server that may go dead without breaking, as when its machine is gone or its process stands still."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._tasks: list[asyncio.Task[None]] = []
        self._writers: list[asyncio.StreamWriter] = []
        self.port = 0
        self.dead = False
        self.passed = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._taken, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self._address.rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        self._writers += [writer, far_writer]
        for pair in ((reader, far_writer), (far_reader, writer)):
            self._tasks.append(asyncio.get_running_loop().create_task(self._pass(*pair)))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if not self.dead:
                self.passed += 1
                writer.write(data)


async def test_one_of_several_that_goes_dead_without_a_word_is_soon_asked_no_more(rpc: RpcHouse) -> None:
    alive = await rpc.serve("routing", [(ADD, Queues())])
    way = Frozen(alive.address)
    await way.start()
    rpc.addresses["routing"] = f"ipv4:{alive.address},127.0.0.1:{way.port}"
    stub = rpc.stub(queue_service_pb2_grpc.QueueServiceStub, "routing")

    async def answered(times: int) -> bool:
        try:
            for _ in range(times):
                await stub.GetQueue(GET(queue_id="que_1"), timeout=0.5)
        except Unavailable:
            return False
        return True

    with acting_for(TENANT):
        await eventually(lambda: answered(4))
        before = way.passed
        await eventually(lambda: answered(4))
        assert way.passed > before, "both have their share"
        way.dead = True
        assert not await answered(4)
        await eventually(lambda: answered(8), deadline=8)
    await way.close()
