"""Public gRPC: the same door in another protocol."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from merkez.recording.v1 import recording_service_pb2, recording_service_pb2_grpc
from merkez.routing.v1 import contact_service_pb2, contact_service_pb2_grpc, queue_service_pb2, queue_service_pb2_grpc
from merkez.telephony.v1 import call_service_pb2, call_service_pb2_grpc
from merkez.tenancy.v1 import plan_service_pb2, plan_service_pb2_grpc


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Metadata of somebody signed in."""
    return (("authorization", f"Bearer {token}"),)


def info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    """The error's ErrorInfo."""
    found = error_details_pb2.ErrorInfo()
    content = dict(error.trailing_metadata() or ())["grpc-status-details-bin"]
    assert isinstance(content, bytes)
    assert status_pb2.Status.FromString(content).details[0].Unpack(found)
    return found


async def test_partner_creates_a_queue_by_key(house: Any) -> None:
    house.world.add_key("mrk_abc", "queues.write")
    async with grpc.aio.insecure_channel(house.grpc_address) as channel:
        stub = queue_service_pb2_grpc.QueueServiceStub(channel)
        request = queue_service_pb2.CreateQueueRequest(request_id="r")
        request.queue.display_name = "From CRM"
        for metadata in (bearer("mrk_abc"), (("x-api-key", "mrk_abc"),)):
            assert (await stub.CreateQueue(request, metadata=metadata)).queue_id == "que_1"
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ListQueues(queue_service_pb2.ListQueuesRequest(), metadata=bearer("mrk_abc"))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert info(refused.value).reason == "PERMISSION_DENIED" and info(refused.value).domain == "merkez"
    assert (await house.audited())[0].address == "127.0.0.1"


async def test_strangers_and_expired_tokens_are_refused(house: Any) -> None:
    async with grpc.aio.insecure_channel(house.grpc_address) as channel:
        stub = queue_service_pb2_grpc.QueueServiceStub(channel)
        for metadata, reason in (
            ((), "UNAUTHENTICATED"),
            (bearer(house.token("owner", seconds=-60)), "TOKEN_EXPIRED"),
            (bearer("mrk_guess"), "API_KEY_REFUSED"),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.ListQueues(queue_service_pb2.ListQueuesRequest(), metadata=metadata)
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED and info(refused.value).reason == reason
        plans = plan_service_pb2_grpc.PlanServiceStub(channel)
        await plans.ListPlans(plan_service_pb2.ListPlansRequest())


async def test_services_refusal_keeps_its_reason(house: Any) -> None:
    async with grpc.aio.insecure_channel(house.grpc_address) as channel:
        stub = call_service_pb2_grpc.CallServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            request = call_service_pb2.HoldCallRequest(call_id="call_1")
            await stub.HoldCall(request, metadata=bearer(house.token("agent")))
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert info(refused.value).reason == "CALL_NOT_TALKING"


async def test_internal_rpcs_do_not_exist_here(house: Any) -> None:
    async with grpc.aio.insecure_channel(house.grpc_address) as channel:
        contacts = contact_service_pb2_grpc.ContactServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as missing:
            request = contact_service_pb2.EnqueueContactRequest()
            await contacts.EnqueueContact(request, metadata=bearer(house.token("owner")))
        assert missing.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_unreadable_message_is_the_callers_mistake(house: Any) -> None:
    async with grpc.aio.insecure_channel(house.grpc_address) as channel:
        raw = channel.unary_unary("/merkez.routing.v1.QueueService/ListQueues")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await raw(b"\xff\xff\xff", metadata=bearer(house.token("owner")))
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        with pytest.raises(grpc.aio.AioRpcError) as large:
            await raw(bytes(5_000_000), metadata=bearer(house.token("owner")))
        assert info(large.value).reason == "BODY_TOO_LARGE"


async def test_recording_streams(house: Any) -> None:
    async with grpc.aio.insecure_channel(house.grpc_address) as channel:
        stub = recording_service_pb2_grpc.RecordingServiceStub(channel)
        request = recording_service_pb2.GetRecordingAudioRequest(recording_id="rec_1")
        chunks = [chunk async for chunk in stub.GetRecordingAudio(request, metadata=bearer(house.token("supervisor")))]
    assert b"".join(chunk.data for chunk in chunks) == house.world.audio and chunks[0].total_bytes


async def test_partner_who_leaves_a_recording_half_heard_leaves_nothing_behind(
    house: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with grpc.aio.insecure_channel(house.grpc_address) as channel:
        stub = recording_service_pb2_grpc.RecordingServiceStub(channel)
        request = recording_service_pb2.GetRecordingAudioRequest(recording_id="rec_1")
        for _ in range(3):
            call = stub.GetRecordingAudio(request, metadata=bearer(house.token("supervisor")))
            await call.read()
            call.cancel()
        whole = [chunk async for chunk in stub.GetRecordingAudio(request, metadata=bearer(house.token("supervisor")))]
    assert b"".join(chunk.data for chunk in whole) == house.world.audio
    assert caplog.messages == []


async def test_reflection_shows_what_is_public_and_nothing_else(house: Any) -> None:
    def ask() -> tuple[list[str], set[str], set[str]]:
        with grpc.insecure_channel(house.grpc_address) as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            pool = DescriptorPool(database)
            contacts = pool.FindServiceByName("merkez.routing.v1.ContactService")
            queues = pool.FindServiceByName("merkez.routing.v1.QueueService")
            return (
                list(database.get_services()),
                {method.name for method in contacts.methods},
                {method.name for method in queues.methods},
            )

    services, contacts, queues = await asyncio.to_thread(ask)
    assert "merkez.tenancy.v1.TenantService" in services and "grpc.health.v1.Health" in services
    assert "EnqueueContact" not in contacts and "ListContacts" in contacts
    assert queues == {"CreateQueue", "GetQueue", "ListQueues", "UpdateQueue", "DeleteQueue"}


async def test_health_is_served(house: Any) -> None:
    async with grpc.aio.insecure_channel(house.grpc_address) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())  # pyright: ignore[reportAttributeAccessIssue]
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
