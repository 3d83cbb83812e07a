"""The same contact center from a partner's program: keys, REST, gRPC with reflection, events."""

from __future__ import annotations

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from merkez.routing.v1 import queue_service_pb2, queue_service_pb2_grpc
from merkez_local.system import System
from openapi_spec_validator import validate
from testkit.company import Api, Company, Problem, request_id
from testkit.people import CallerOnWidget, Socket
from testkit.waiting import eventually

SCOPES = ["queues.read", "queues.write", "contacts.read", "recordings.read", "events.read", "agents.read"]


async def key_of(company: Company, scopes: list[str]) -> str:
    """The secret of a new API key."""
    body = {"requestId": request_id(), "apiKey": {"displayName": "CRM", "scopes": scopes}}
    return (await company.owner.post("/v1/apiKeys", body))["secret"]


async def test_partner_creates_a_queue_and_lists_contacts_by_key(company: Company) -> None:
    async with Api(company.url, await key_of(company, SCOPES)) as partner:
        made = await partner.post("/v1/queues", {"requestId": request_id(), "queue": {"displayName": "From CRM"}})
        listed = await partner.get("/v1/queues")
        assert made["queueId"] in {queue["queueId"] for queue in listed["queues"]}
        assert "contacts" in await partner.get("/v1/contacts")


async def test_key_does_only_what_it_was_given(company: Company) -> None:
    async with Api(company.url, await key_of(company, ["queues.read"])) as partner:
        await partner.get("/v1/queues")
        try:
            await partner.post("/v1/queues", {"requestId": request_id(), "queue": {"displayName": "Never"}})
        except Problem as problem:
            assert problem.status == 403
        else:
            raise AssertionError("a key that may read wrote")


async def test_openapi_document_is_valid_and_names_every_public_route(company: Company) -> None:
    async with Api(company.url) as stranger:
        document = await stranger.get("/openapi.json")
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert "post" in document["paths"]["/v1/queues"]


async def test_grpc_with_reflection_answers_a_key(system: System, company: Company) -> None:
    secret = await key_of(company, SCOPES)
    with grpc.insecure_channel(system.grpc_address) as channel:
        reflection = ProtoReflectionDescriptorDatabase(channel)
        assert "merkez.routing.v1.QueueService" in reflection.get_services()
        pool = DescriptorPool(reflection)
        assert pool.FindServiceByName("merkez.routing.v1.QueueService").methods
        stub = queue_service_pb2_grpc.QueueServiceStub(channel)
        metadata = (("authorization", f"Bearer {secret}"),)
        queues = stub.ListQueues(queue_service_pb2.ListQueuesRequest(), metadata=metadata, timeout=5)
        assert [queue.display_name for queue in queues.queues] == ["Front desk"]


async def test_partner_hears_of_every_fact_of_a_call(company: Company, caller: CallerOnWidget) -> None:
    socket = Socket(f"{company.url}/v1/socket")
    await socket.open()
    await socket.send({"type": "hello", "token": await key_of(company, SCOPES)})
    await socket.wait(lambda frame: frame["type"] == "welcome")
    await socket.send({"type": "subscribe", "topics": ["facts"]})
    await caller.dial()
    await caller.press("1")
    await caller.state("queued")
    await caller.hang_up()
    for fact in ("CallStarted", "ContactQueued", "ContactAbandoned", "CallEnded"):
        await socket.wait(lambda frame, fact=fact: frame.get("fact") == fact)
    await socket.close()


async def test_revoked_key_stops_working(company: Company) -> None:
    body = {"requestId": request_id(), "apiKey": {"displayName": "CRM", "scopes": ["queues.read"]}}
    made = await company.owner.post("/v1/apiKeys", body)
    async with Api(company.url, made["secret"]) as partner:
        await partner.get("/v1/queues")
        await company.owner.post(f"/v1/apiKeys/{made['apiKey']['apiKeyId']}:revoke")

        async def refused() -> bool:
            try:
                await partner.get("/v1/queues")
            except Problem as problem:
                return problem.status == 401
            return False

        await eventually(refused, deadline=35)
