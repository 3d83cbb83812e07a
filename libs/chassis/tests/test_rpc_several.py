"""A service of several processes: one that goes dead is soon asked no more, though nothing says that it died; what one
refuses waits for another that is about to come back."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from chassis.auth import acting_for
from chassis.grpc import serve
from chassis.settings import ProcessSettings
from chassis.statuses import RemoteFailed
from kernel.errors import DomainError, Unavailable
from merkez.routing.v1 import queue_pb2, queue_service_pb2, queue_service_pb2_grpc
from merkez_local.postgres import free_port
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

    async def GetQueueStanding(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    async def DeleteQueue(self, request: Any, context: Any) -> Any:
        raise NotImplementedError


class NodeDraining(Unavailable):
    """As telephony says it."""

    reason = "NODE_DRAINING"


class Draining(Queues):
    """Takes nothing new."""

    def __init__(self) -> None:
        self.left: list[float] = []
        """Seconds the asker still had, of each try."""
        self.thrice = asyncio.Event()

    async def CreateQueue(self, request: Any, context: Any) -> Any:
        self.left.append(context.time_remaining())
        if len(self.left) == 3:
            self.thrice.set()
        raise NodeDraining("this node takes no calls")


class Open(Queues):
    """Takes what is new."""

    async def CreateQueue(self, request: Any, context: Any) -> Any:
        return queue_pb2.Queue(queue_id="que_open")


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
        await eventually(lambda: answered(8), deadline=15)
    await way.close()


async def test_what_a_draining_one_refuses_is_taken_by_another_that_has_just_come_back(rpc: RpcHouse) -> None:
    draining, port = Draining(), free_port()
    refuses = await rpc.serve("routing", [(ADD, draining)])
    rpc.addresses["routing"] = f"ipv4:{refuses.address},127.0.0.1:{port}"
    stub = rpc.stub(queue_service_pb2_grpc.QueueServiceStub, "routing")
    back = serve([(ADD, Open())], ProcessSettings(service="routing", internal_key=rpc.internal_key, grpc_port=port))

    async def comes_back() -> None:
        await draining.thrice.wait()
        await back.start()

    try:
        with acting_for(TENANT):
            asked = stub.CreateQueue(queue_service_pb2.CreateQueueRequest(request_id="r-1"))
            made, _ = await asyncio.gather(asked, comes_back())
        assert made.queue_id == "que_open"
    finally:
        await back.close()


async def test_nobody_is_asked_again_past_the_deadline_and_the_answer_says_why(rpc: RpcHouse) -> None:
    draining = Draining()
    refuses = await rpc.serve("routing", [(ADD, draining)])
    rpc.addresses["routing"] = f"ipv4:{refuses.address},127.0.0.1:{free_port()}"
    stub = rpc.stub(queue_service_pb2_grpc.QueueServiceStub, "routing")
    request = queue_service_pb2.CreateQueueRequest(request_id="r-1")
    with acting_for(TENANT):
        with pytest.raises(Unavailable) as refused:
            await stub.CreateQueue(request, timeout=1.0)
        assert refused.value.reason == "NODE_DRAINING"
        assert 1 < len(draining.left) <= 4, "pauses of 0.1, 0.2, 0.4 and 0.8 s don't fit"
        assert sorted(draining.left, reverse=True) == draining.left and draining.left[0] - draining.left[-1] > 0.05
        tries = len(draining.left)
        with pytest.raises(Unavailable):
            await stub.CreateQueue(queue_service_pb2.CreateQueueRequest(), timeout=2)
    assert len(draining.left) == tries + 1, "without a request id it may have been done"


async def test_what_one_of_several_does_not_implement_is_done_by_another(rpc: RpcHouse) -> None:
    # Its address became another service's, or it is of the version before: nothing was done there.
    stranger = await rpc.serve("telephony", [])
    real = await rpc.serve("routing", [(ADD, Open())])
    rpc.addresses["routing"] = f"ipv4:{stranger.address},{real.address}"
    stub = rpc.stub(queue_service_pb2_grpc.QueueServiceStub, "routing")
    with acting_for(TENANT):
        for number in range(8):
            assert (await stub.GetQueue(GET(queue_id=f"que_{number}"))).queue_id == f"que_{number}"
            assert (await stub.CreateQueue(queue_service_pb2.CreateQueueRequest())).queue_id == "que_open"


async def test_what_none_of_several_implements_is_refused_in_time(rpc: RpcHouse) -> None:
    strangers = [await rpc.serve("telephony", []) for _ in range(2)]
    rpc.addresses["routing"] = f"ipv4:{','.join(each.address for each in strangers)}"
    stub = rpc.stub(queue_service_pb2_grpc.QueueServiceStub, "routing")
    with acting_for(TENANT), pytest.raises(RemoteFailed):
        await stub.GetQueue(GET(queue_id="que_1"), timeout=1.0)


class Stopping(Queues):
    """Stops as it is asked: cancels what has just come in."""

    def __init__(self) -> None:
        self.asked = 0

    async def GetQueue(self, request: Any, context: Any) -> queue_pb2.Queue:
        self.asked += 1
        if self.asked == 1:
            await context.abort(grpc.StatusCode.CANCELLED)
        return await super().GetQueue(request, context)

    async def CreateQueue(self, request: Any, context: Any) -> Any:
        self.asked += 1
        await context.abort(grpc.StatusCode.CANCELLED)


async def test_what_a_server_cancels_as_it_stops_is_asked_again_where_that_does_no_harm(rpc: RpcHouse) -> None:
    stopping = Stopping()
    await rpc.serve("routing", [(ADD, stopping)])
    stub = rpc.stub(queue_service_pb2_grpc.QueueServiceStub, "routing")
    with acting_for(TENANT):
        assert (await stub.GetQueue(GET(queue_id="que_1"))).queue_id == "que_1"
        assert stopping.asked == 2
        with pytest.raises(DomainError):
            await stub.CreateQueue(queue_service_pb2.CreateQueueRequest())
    assert stopping.asked == 3, "without a request id it may have been done"
