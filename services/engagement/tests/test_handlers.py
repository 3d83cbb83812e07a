"""The customers' rpcs as a caller sees them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from chassis.auth import acting_as, acting_for
from chassis.sql import Database
from engagement.handlers import Customers
from google.protobuf.field_mask_pb2 import FieldMask
from kernel.errors import AlreadyExists, Conflict, Forbidden, InvalidInput, NotFound
from kernel.ids import new_id
from merkez.engagement.v1 import customer_pb2, customer_service_pb2
from merkez.engagement.v1.customer_service_pb2_grpc import CustomerServiceStub, add_CustomerServiceServicer_to_server
from testkit import ManualClock, someone

NOW = datetime(2026, 3, 2, tzinfo=UTC)
Asked = customer_service_pb2.IdentifyCustomerRequest


@pytest_asyncio.fixture
async def stub(service_db: Callable[..., Awaitable[Database]], clock: ManualClock, rpc: Any) -> CustomerServiceStub:
    db = await service_db("engagement", clock=clock)
    await rpc.serve("engagement", [(add_CustomerServiceServicer_to_server, Customers(db))])
    return rpc.stub(CustomerServiceStub, "engagement")


@pytest.fixture
def tenant(clock: ManualClock) -> str:
    return new_id("ten", clock.now())


async def identified(stub: Any, tenant: str, number: str = "+905551234567") -> customer_pb2.Customer:
    with acting_for(tenant):
        return await stub.IdentifyCustomer(Asked(brand_id="brd_1", number=number, request_id="call-1" + number))


async def test_repeated_request_is_answered_as_the_first_was(stub: Any, tenant: str) -> None:
    assert await identified(stub, tenant) == await identified(stub, tenant)


async def test_request_id_with_another_body_is_refused(stub: Any, tenant: str) -> None:
    with acting_for(tenant):
        await stub.IdentifyCustomer(Asked(number="+905551234567", request_id="x"))
        with pytest.raises(AlreadyExists) as refused:
            await stub.IdentifyCustomer(Asked(number="+905557654321", request_id="x"))
    assert refused.value.reason == "REQUEST_ID_REUSED"


async def test_agents_do_not_identify_customers_themselves(stub: Any, tenant: str) -> None:
    with acting_as(someone("agent", tenant)), pytest.raises(Forbidden):
        await stub.IdentifyCustomer(Asked(number="+905551234567"))


async def test_agent_reads_pops_and_adds_notes(stub: Any, tenant: str) -> None:
    who = await identified(stub, tenant)
    with acting_as(someone("agent", tenant, subject="usr_1")):
        note = customer_service_pb2.AddNoteRequest(customer_id=who.customer_id, note="Likes tea.", request_id="n")
        await stub.AddNote(note)
        await stub.AddNote(note)
        pop = await stub.GetScreenPop(customer_service_pb2.GetScreenPopRequest(customer_id=who.customer_id))
    assert [entry.note for entry in pop.history] == ["Likes tea."]
    assert pop.customer.numbers == ["+905551234567"]


async def test_customer_of_another_tenant_is_not_found(stub: Any, tenant: str, clock: ManualClock) -> None:
    who = await identified(stub, tenant)
    with acting_as(someone("owner", new_id("ten", clock.now()))):
        for call in (
            stub.GetCustomer(customer_service_pb2.GetCustomerRequest(customer_id=who.customer_id)),
            stub.GetScreenPop(customer_service_pb2.GetScreenPopRequest(customer_id=who.customer_id)),
            stub.ListHistory(customer_service_pb2.ListHistoryRequest(customer_id=who.customer_id)),
            stub.AddNote(customer_service_pb2.AddNoteRequest(customer_id=who.customer_id, note="x", request_id="x")),
        ):
            with pytest.raises(NotFound):
                await call


async def test_malformed_id_is_named(stub: Any, tenant: str) -> None:
    with acting_as(someone("agent", tenant)), pytest.raises(InvalidInput) as refused:
        await stub.GetCustomer(customer_service_pb2.GetCustomerRequest(customer_id="que_1"))
    assert refused.value.fields[0].field == "customer_id"


async def test_update_on_an_old_version_is_refused(stub: Any, tenant: str) -> None:
    who = await identified(stub, tenant)
    change = customer_service_pb2.UpdateCustomerRequest(
        customer=customer_pb2.Customer(customer_id=who.customer_id, display_name="Carla"),
        update_mask=FieldMask(paths=["display_name"]),
        version=who.version,
    )
    with acting_as(someone("agent", tenant)):
        assert (await stub.UpdateCustomer(change)).version == who.version + 1
        with pytest.raises(Conflict):
            await stub.UpdateCustomer(change)


async def test_customers_come_in_pages_newest_first(stub: Any, tenant: str, clock: ManualClock) -> None:
    made = []
    for digit in range(3):
        clock.advance(1)
        made.append((await identified(stub, tenant, f"+90555123456{digit}")).customer_id)
    with acting_as(someone("supervisor", tenant)):
        page = await stub.ListCustomers(customer_service_pb2.ListCustomersRequest(page_size=2))
        rest = await stub.ListCustomers(
            customer_service_pb2.ListCustomersRequest(page_size=2, page_token=page.next_page_token)
        )
    assert [each.customer_id for each in (*page.customers, *rest.customers)] == made[::-1]
    assert rest.next_page_token == ""


async def test_request_without_its_id_is_refused(stub: Any, tenant: str) -> None:
    with acting_for(tenant), pytest.raises(InvalidInput) as refused:
        await stub.IdentifyCustomer(Asked(number="+905551234567"))
    assert refused.value.fields[0].field == "request_id"


async def test_customers_are_found_by_what_they_have_within_their_brand_and_nobody_is_created(
    stub: Any, tenant: str
) -> None:
    first, second = await identified(stub, tenant), await identified(stub, tenant, "+905557654321")
    with acting_as(someone("admin", tenant)):
        for each in (first, second):
            news = customer_pb2.Customer(customer_id=each.customer_id, emails=["a@b.example"], attributes={"card": "7"})
            paths = ["attributes", "emails"] if each is first else ["attributes"]
            request = customer_service_pb2.UpdateCustomerRequest(customer=news, update_mask=FieldMask(paths=paths))
            await stub.UpdateCustomer(request)

    async def found(brand_id: str = "brd_1", **has: str) -> list[str]:
        with acting_for(tenant):
            answer = await stub.FindCustomers(customer_service_pb2.FindCustomersRequest(brand_id=brand_id, **has))
        return [each.customer.customer_id for each in answer.found]

    assert await found(number="+90 555 123 45 67") == [first.customer_id]
    assert await found(email="A@B.example") == [first.customer_id]
    assert set(await found(attribute="card", value="7")) == {first.customer_id, second.customer_id}
    assert await found(attribute="card", value="8") == await found(number="+905550000000") == []
    assert await found(brand_id="brd_2", number="+905551234567") == []
    with acting_for(new_id("ten", NOW)):
        other = await stub.FindCustomers(
            customer_service_pb2.FindCustomersRequest(brand_id="brd_1", email="a@b.example")
        )
    assert not other.found
    for has in ({}, {"attribute": "card"}, {"number": "12"}, {"attribute": " ", "value": "7"}):
        with pytest.raises(InvalidInput):
            await found(**has)
    with acting_as(someone("agent", tenant)), pytest.raises(Forbidden):
        await stub.FindCustomers(customer_service_pb2.FindCustomersRequest(number="+905551234567"))
