"""An rpc is admitted by token and permission, and its errors arrive as they left."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import grpc
import pytest
from chassis.auth import STRANGER, InternalTokens, acting_as, acting_for, generate_key, principal
from chassis.grpc import Peers, permission_of, serve
from chassis.settings import ProcessSettings
from chassis.statuses import DETAILS_KEY, NeighbourUnavailable, RemoteFailed
from google.protobuf.empty_pb2 import Empty
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from kernel.errors import (
    AlreadyExists,
    Conflict,
    DomainError,
    FailedPrecondition,
    FieldViolation,
    Forbidden,
    InvalidInput,
    NotFound,
    QuotaExceeded,
    Unauthenticated,
    Unavailable,
)
from kernel.tenant import Principal
from merkez.recording.v1 import recording_service_pb2, recording_service_pb2_grpc
from merkez.routing.v1 import queue_pb2, queue_service_pb2, queue_service_pb2_grpc
from merkez_local.postgres import free_port
from opentelemetry import trace
from testkit import RpcHouse, eventually, someone

GET = queue_service_pb2.GetQueueRequest
ADD = queue_service_pb2_grpc.add_QueueServiceServicer_to_server
TENANT = "ten_1"


class QueueMissing(NotFound):
    """A domain error as services make them."""

    reason = "QUEUE_NOT_FOUND"


class Queues(queue_service_pb2_grpc.QueueServiceServicer):
    """Answers with who asked; misbehaves on demand."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.asked: list[Principal] = []
        self.times = 0
        self.cancelled = asyncio.Event()
        self.started = asyncio.Event()
        self.go = asyncio.Event()

    async def GetQueueStanding(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    async def GetQueue(self, request: Any, context: Any) -> queue_pb2.Queue:
        self.asked.append(principal())
        self.times += 1
        if self.error is not None:
            raise self.error
        if request.queue_id == "slow":
            self.started.set()
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        return queue_pb2.Queue(queue_id=request.queue_id, display_name=principal().name)

    async def DeleteQueue(self, request: Any, context: Any) -> Empty:
        self.times += 1
        if self.error is not None:
            raise self.error
        return Empty()

    async def ListQueues(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    async def UpdateQueue(self, request: Any, context: Any) -> Any:
        raise NotImplementedError

    async def CreateQueue(self, request: Any, context: Any) -> queue_pb2.Queue:
        self.times += 1
        if self.error is not None and self.times < 2:
            raise self.error
        return request.queue


class Recordings(recording_service_pb2_grpc.RecordingServiceServicer):
    """A stream that may break off, or be left by its reader."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self.times = self.refused = 0

    async def GetRecordingAudio(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self.times += 1
        try:
            if self.times <= self.refused:
                raise Unavailable("away")
            yield recording_service_pb2.RecordingAudioChunk()
            if request.recording_id == "gone":
                raise QueueMissing("gone")
            if request.recording_id == "away":
                raise Unavailable("away")
            while request.recording_id == "endless":
                yield recording_service_pb2.RecordingAudioChunk(data=bytes(100_000))
            yield recording_service_pb2.RecordingAudioChunk()
        finally:
            principal()  # what closes a stream is still the rpc
            self.closed.set()


@pytest.fixture
def queues() -> Queues:
    return Queues()


async def _stub(rpc: RpcHouse, queues: Queues) -> Any:
    await rpc.serve("routing", [(ADD, queues)])
    return rpc.stub(queue_service_pb2_grpc.QueueServiceStub, "routing")


async def test_the_servicer_knows_who_asks(rpc: RpcHouse, queues: Queues) -> None:
    stub = await _stub(rpc, queues)
    asker = someone("agent", TENANT, "usr_1", name="Zoë Əliyeva")
    with acting_as(asker):
        assert (await stub.GetQueue(GET(queue_id="que_1"))).display_name == "Zoë Əliyeva"
    with acting_for("ten_2"):
        await stub.GetQueue(GET())
    assert queues.asked[0] == asker
    assert (queues.asked[1].tenant_id, queues.asked[1].role, queues.asked[1].subject) == ("ten_2", "service", "gateway")


async def test_nobody_calls_anonymously(rpc: RpcHouse, queues: Queues) -> None:
    stub = await _stub(rpc, queues)
    with pytest.raises(LookupError, match="acting_for"):
        await stub.GetQueue(GET())
    with pytest.raises(LookupError):
        principal()


@pytest.mark.parametrize(
    ("role", "may_read", "may_write"),
    [
        ("owner", True, True), ("admin", True, True), ("supervisor", True, False), ("agent", True, False),
        ("service", True, True), ("customer", False, False), ("stranger", False, False), ("operator", False, False),
        ("api_client", False, False),
    ],
)  # fmt: skip
async def test_a_role_may_what_the_rpc_declares(
    rpc: RpcHouse, queues: Queues, role: str, may_read: bool, may_write: bool
) -> None:
    stub = await _stub(rpc, queues)
    for call, request, allowed in (
        (stub.GetQueue, GET(), may_read),
        (stub.DeleteQueue, queue_service_pb2.DeleteQueueRequest(), may_write),
    ):
        with acting_as(someone(role, TENANT)):
            if allowed:
                await call(request)
                continue
            with pytest.raises(Forbidden) as refused:
                await call(request)
            assert refused.value.reason == "PERMISSION_DENIED"


async def test_an_api_key_may_what_it_was_given_and_no_more(rpc: RpcHouse, queues: Queues) -> None:
    stub = await _stub(rpc, queues)
    with acting_as(someone("api_client", TENANT, permissions={"queues.read"})):
        await stub.GetQueue(GET())
        with pytest.raises(Forbidden):
            await stub.DeleteQueue(queue_service_pb2.DeleteQueueRequest())


@pytest.mark.parametrize("header", [None, "Bearer ", "Bearer x.y.z", "Basic abc", "forged", "other audience", "stale"])
async def test_a_token_that_is_not_ours_is_refused(rpc: RpcHouse, queues: Queues, header: str | None) -> None:
    server = await rpc.serve("routing", [(ADD, queues)])
    ours = InternalTokens.load(rpc.internal_key, "gateway")
    if header == "forged":
        header = "Bearer " + InternalTokens.from_json(generate_key(), "gateway").issue(STRANGER, "routing")
    elif header == "other audience":
        header = "Bearer " + ours.issue(STRANGER, "billing")
    elif header == "stale":
        header = "Bearer " + ours.issue(STRANGER, "routing", now=1_700_000_000.0)
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = queue_service_pb2_grpc.QueueServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetQueue(GET(), metadata=(("authorization", header),) if header else ())
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED and queues.asked == []


@pytest.mark.parametrize(
    "kind",
    [
        InvalidInput, NotFound, AlreadyExists, FailedPrecondition, Conflict, QuotaExceeded, Unauthenticated, Forbidden,
        Unavailable,
    ],
)  # fmt: skip
async def test_an_error_arrives_as_it_left(rpc: RpcHouse, queues: Queues, kind: type[DomainError]) -> None:
    stub = await _stub(rpc, queues)
    told = type("Told", (kind,), {"reason": "TOLD_YOU"})
    violation = FieldViolation("queue.name", "is too long")
    queues.error = told("no", metadata={"limit": "5"}, fields=[violation], retry_after=timedelta(seconds=1.5))
    with acting_for(TENANT), pytest.raises(kind) as refused:
        await stub.DeleteQueue(queue_service_pb2.DeleteQueueRequest())
    found = refused.value
    assert (found.reason, found.message, found.metadata) == ("TOLD_YOU", "no", {"limit": "5"})
    assert found.fields == (violation,) and found.retry_after == timedelta(seconds=1.5)


async def test_a_status_carries_exactly_one_error_info(rpc: RpcHouse, queues: Queues) -> None:
    server = await rpc.serve("routing", [(ADD, queues)])
    queues.error = QueueMissing("no such queue")
    token = InternalTokens.load(rpc.internal_key, "gateway").issue(someone("owner", TENANT), "routing")
    async with grpc.aio.insecure_channel(server.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            stub = queue_service_pb2_grpc.QueueServiceStub(channel)
            await stub.GetQueue(GET(), metadata=(("authorization", f"Bearer {token}"),))
    trailing = dict(refused.value.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailing[DETAILS_KEY])  # type: ignore[arg-type]
    info = error_details_pb2.ErrorInfo()
    assert len([item for item in status.details if item.Unpack(info)]) == 1
    assert (info.reason, info.domain) == ("QUEUE_NOT_FOUND", "merkez")


async def test_a_bug_tells_the_caller_nothing(
    rpc: RpcHouse, queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    stub = await _stub(rpc, queues)
    queues.error = RuntimeError("password is hunter2")
    with acting_for(TENANT), pytest.raises(RemoteFailed) as refused:
        await stub.GetQueue(GET())
    assert "hunter2" not in str(refused.value) and refused.value.code is grpc.StatusCode.INTERNAL
    assert "rpc failed" in capsys.readouterr().err


async def test_an_rpc_this_server_lacks_is_unimplemented(rpc: RpcHouse, queues: Queues) -> None:
    stub = await _stub(rpc, queues)
    with acting_for(TENANT), pytest.raises(RemoteFailed) as refused:
        await stub.ListQueues(queue_service_pb2.ListQueuesRequest())
    assert refused.value.code is grpc.StatusCode.UNIMPLEMENTED


async def test_a_nul_in_a_text_is_refused_by_its_field(rpc: RpcHouse, queues: Queues) -> None:
    stub = await _stub(rpc, queues)
    wrong = queue_service_pb2.CreateQueueRequest(queue=queue_pb2.Queue(display_name="a\0b"))
    with acting_for(TENANT), pytest.raises(InvalidInput) as refused:
        await stub.CreateQueue(wrong)
    assert refused.value.fields[0].field == "queue.display_name" and queues.times == 0


async def test_reading_is_tried_again_and_changing_only_with_a_request_id(rpc: RpcHouse, queues: Queues) -> None:
    stub = await _stub(rpc, queues)
    queues.error = Unavailable("away")
    create = queue_service_pb2.CreateQueueRequest
    with acting_for(TENANT):
        for call, request, times in (
            (stub.GetQueue, GET(), 3),
            (stub.DeleteQueue, queue_service_pb2.DeleteQueueRequest(), 1),
            (stub.CreateQueue, create(), 1),
        ):
            queues.times = 0
            with pytest.raises(Unavailable):
                await call(request)
            assert queues.times == times
        queues.times = 0
        await stub.CreateQueue(create(request_id="r-1"))
        assert queues.times == 2


async def test_a_neighbour_that_is_down_is_unavailable_soon_and_back_soon(rpc: RpcHouse, queues: Queues) -> None:
    port = free_port()
    rpc.addresses["routing"] = f"127.0.0.1:{port}"
    stub = rpc.stub(queue_service_pb2_grpc.QueueServiceStub, "routing")
    with acting_for(TENANT):
        with pytest.raises(NeighbourUnavailable) as refused:
            await stub.GetQueue(GET())
        assert refused.value.metadata["code"] == "UNAVAILABLE", "long before the deadline"
        server = serve(
            [(ADD, queues)], ProcessSettings(service="routing", internal_key=rpc.internal_key, grpc_port=port)
        )
        await server.start()

        async def answers() -> bool:
            try:
                return bool(await stub.GetQueue(GET(queue_id="que_1")))
            except Unavailable:
                return False

        await eventually(answers)
        await server.close()


async def test_a_deadline_cancels_the_work_and_reads_as_unavailable(rpc: RpcHouse, queues: Queues) -> None:
    stub = await _stub(rpc, queues)
    with acting_for(TENANT), pytest.raises(NeighbourUnavailable) as refused:
        await stub.GetQueue(GET(queue_id="slow"), timeout=1.0)
    assert refused.value.metadata["code"] == "DEADLINE_EXCEEDED"
    await asyncio.wait_for(queues.cancelled.wait(), 30)


async def test_a_message_too_large_is_refused(rpc: RpcHouse, queues: Queues) -> None:
    stub = await _stub(rpc, queues)
    with acting_for(TENANT), pytest.raises(QuotaExceeded):
        await stub.GetQueue(GET(queue_id="x" * 5_000_000))
    assert queues.times == 0


async def test_a_stream_that_its_reader_leaves_ends_on_both_sides_and_nothing_is_out_of_place(
    rpc: RpcHouse, caplog: pytest.LogCaptureFixture
) -> None:
    recordings = Recordings()  # pyright: ignore[reportAbstractUsage]
    add = recording_service_pb2_grpc.add_RecordingServiceServicer_to_server
    await rpc.serve("recording", [(add, recordings)])
    stub = rpc.stub(recording_service_pb2_grpc.RecordingServiceStub, "recording")
    request = recording_service_pb2.GetRecordingAudioRequest(recording_id="endless")

    async def first_of(stream: AsyncIterator[Any]) -> None:
        await anext(stream)

    with acting_for(TENANT):
        stream: Any = stub.GetRecordingAudio(request)
        before = trace.get_current_span()
        await anext(stream)
        assert trace.get_current_span() is before, "the reader's own span goes on"
        await asyncio.create_task(first_of(stream))  # noqa: TID251 - read on in another task than it is left in
        await stream.aclose()
    async with asyncio.timeout(30):
        await recordings.closed.wait()
    gc.collect()
    await asyncio.sleep(0)
    assert caplog.messages == []


async def test_a_stream_breaks_off_with_its_error(rpc: RpcHouse) -> None:
    add = recording_service_pb2_grpc.add_RecordingServiceServicer_to_server
    await rpc.serve("recording", [(add, Recordings())])  # pyright: ignore[reportAbstractUsage]
    stub = rpc.stub(recording_service_pb2_grpc.RecordingServiceStub, "recording")
    request = recording_service_pb2.GetRecordingAudioRequest
    with acting_for(TENANT):
        assert len([chunk async for chunk in stub.GetRecordingAudio(request())]) == 2
        with pytest.raises(NotFound) as broke:
            _ = [chunk async for chunk in stub.GetRecordingAudio(request(recording_id="gone"))]
    assert broke.value.reason == "QUEUE_NOT_FOUND"
    with acting_as(STRANGER), pytest.raises(Forbidden):
        _ = [chunk async for chunk in stub.GetRecordingAudio(request())]


async def test_a_stream_is_tried_again_until_it_has_begun(rpc: RpcHouse) -> None:
    recordings = Recordings()  # pyright: ignore[reportAbstractUsage]
    add = recording_service_pb2_grpc.add_RecordingServiceServicer_to_server
    await rpc.serve("recording", [(add, recordings)])
    stub = rpc.stub(recording_service_pb2_grpc.RecordingServiceStub, "recording")
    request = recording_service_pb2.GetRecordingAudioRequest
    with acting_for(TENANT):
        recordings.refused = 2
        assert len([chunk async for chunk in stub.GetRecordingAudio(request())]) == 2
        assert recordings.times == 3
        recordings.times, recordings.refused = 0, 9
        with pytest.raises(Unavailable):
            _ = [chunk async for chunk in stub.GetRecordingAudio(request())]
        assert recordings.times == 3
        recordings.times = recordings.refused = 0
        with pytest.raises(Unavailable):
            _ = [chunk async for chunk in stub.GetRecordingAudio(request(recording_id="away"))]
        assert recordings.times == 1


async def test_draining_lets_a_live_rpc_finish_and_refuses_new_ones(rpc: RpcHouse, queues: Queues) -> None:
    server = await rpc.serve("routing", [(ADD, queues)])
    stub = rpc.stub(queue_service_pb2_grpc.QueueServiceStub, "routing")
    async with grpc.aio.insecure_channel(server.address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        serving = await health.Check(health_pb2.HealthCheckRequest(service="merkez.routing.v1.QueueService"))
        assert serving.status == health_pb2.HealthCheckResponse.SERVING
    with acting_for(TENANT):
        call: Any = stub.GetQueue(GET(queue_id="slow"))
        live = asyncio.get_running_loop().create_task(call)
        await queues.started.wait()
        draining = asyncio.get_running_loop().create_task(server.drain(5))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await stub.CreateQueue(queue_service_pb2.CreateQueueRequest(), timeout=1)
        queues.go.set()
        assert (await live).queue_id == "slow"
    await draining


async def test_a_server_with_an_undeclared_permission_refuses_to_start(
    rpc: RpcHouse, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ProcessSettings(service="routing", internal_key=rpc.internal_key)
    for permission in ("", "queues.reed", "queues.read|queues.reed", "queues.read|service"):
        monkeypatch.setattr("chassis.rpc_server.permission_of", lambda path, found=permission: found)
        with pytest.raises(ValueError, match="QueueService/GetQueue"):
            serve([(ADD, queues)], settings)


async def test_a_server_can_be_explored_by_reflection(rpc: RpcHouse, queues: Queues) -> None:
    server = await rpc.serve("routing", [(ADD, queues)])
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # pyright: ignore[reportArgumentType]
        answers = [answer async for answer in stub.ServerReflectionInfo(iter([asked]))]
    names = {service.name for service in answers[0].list_services_response.service}
    assert "merkez.routing.v1.QueueService" in names


def test_the_permission_of_an_rpc_is_read_from_its_contract() -> None:
    assert permission_of("/merkez.routing.v1.QueueService/CreateQueue") == "queues.write"


async def test_a_peer_without_an_address_is_named(rpc: RpcHouse) -> None:
    peers = Peers(ProcessSettings(service="flows", internal_key=rpc.internal_key))
    with pytest.raises(ValueError, match="MERKEZ_ROUTING_ADDRESS"):
        peers.stub(queue_service_pb2_grpc.QueueServiceStub, "routing")
