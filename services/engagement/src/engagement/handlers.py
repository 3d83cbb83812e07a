"""gRPC servicer of customers: request to command to verb to answer."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.paging import encode_token
from chassis.sql import Database, Tx
from kernel.errors import InvalidInput
from kernel.ids import require_id, require_request_id
from merkez.engagement.v1 import customer_pb2, customer_service_pb2, customer_service_pb2_grpc

from engagement import convert, ops


class Customers(customer_service_pb2_grpc.CustomerServiceServicer):
    """merkez.engagement.v1.CustomerService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def IdentifyCustomer(
        self, request: customer_service_pb2.IdentifyCustomerRequest, context: Any
    ) -> customer_pb2.Customer:
        require_request_id(request.request_id)
        caller = ops.Caller(request.brand_id, request.number, request.email, request.display_name)

        async def work(tx: Tx) -> customer_pb2.Customer:
            async def identify() -> customer_pb2.Customer:
                return convert.customer_out(await ops.identify_customer(tx, caller, self._db.clock.now()))

            return await tx.once(request.request_id, "IdentifyCustomer", request, customer_pb2.Customer, identify)

        return await self._db.run(principal().tenant_id, work)

    async def FindCustomers(
        self, request: customer_service_pb2.FindCustomersRequest, context: Any
    ) -> customer_service_pb2.FindCustomersResponse:
        kind = request.WhichOneof("has")
        if kind is None:
            raise InvalidInput.of("has", "is required: a number, an e-mail or an attribute")
        given = getattr(request, kind)
        name, value = (given, request.value) if kind == "attribute" else ("", given)
        sought = ops.Sought(request.brand_id, kind, name, value)
        found = await self._db.run(principal().tenant_id, lambda tx: ops.find_customers(tx, sought), read_only=True)
        return customer_service_pb2.FindCustomersResponse(
            found=[
                customer_service_pb2.FoundCustomer(customer=convert.customer_out(each), last_agent_id=agent_id)
                for each, agent_id in found
            ]
        )

    async def GetScreenPop(
        self, request: customer_service_pb2.GetScreenPopRequest, context: Any
    ) -> customer_pb2.ScreenPop:
        require_id("cus", request.customer_id, "customer_id")
        pop = await self._db.run(
            principal().tenant_id, lambda tx: ops.screen_pop(tx, request.customer_id), read_only=True
        )
        return convert.pop_out(pop)

    async def GetCustomer(
        self, request: customer_service_pb2.GetCustomerRequest, context: Any
    ) -> customer_pb2.Customer:
        require_id("cus", request.customer_id, "customer_id")
        found = await self._db.run(
            principal().tenant_id, lambda tx: ops.get_customer(tx, request.customer_id), read_only=True
        )
        return convert.customer_out(found)

    async def ListCustomers(
        self, request: customer_service_pb2.ListCustomersRequest, context: Any
    ) -> customer_service_pb2.ListCustomersResponse:
        found, more = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.list_customers(tx, request.query, request.page_size, request.page_token),
            read_only=True,
        )
        token = encode_token(found[-1].create_time, found[-1].customer_id) if more else ""
        return customer_service_pb2.ListCustomersResponse(
            customers=[convert.customer_out(each) for each in found], next_page_token=token
        )

    async def UpdateCustomer(
        self, request: customer_service_pb2.UpdateCustomerRequest, context: Any
    ) -> customer_pb2.Customer:
        require_id("cus", request.customer.customer_id, "customer.customer_id")
        now = self._db.clock.now()
        news = convert.customer_in(request.customer, now)
        fields = list(request.update_mask.paths)
        value = await self._db.run(
            principal().tenant_id, lambda tx: ops.update_customer(tx, news, fields, request.version, now)
        )
        return convert.customer_out(value)

    async def ListHistory(
        self, request: customer_service_pb2.ListHistoryRequest, context: Any
    ) -> customer_service_pb2.ListHistoryResponse:
        customer_id = require_id("cus", request.customer_id, "customer_id")
        found, more = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.list_history(tx, customer_id, request.page_size, request.page_token),
            read_only=True,
        )
        token = encode_token(found[-1].create_time, found[-1].history_entry_id) if more else ""
        return customer_service_pb2.ListHistoryResponse(
            entries=[convert.entry_out(each) for each in found], next_page_token=token
        )

    async def AddNote(self, request: customer_service_pb2.AddNoteRequest, context: Any) -> customer_pb2.HistoryEntry:
        require_id("cus", request.customer_id, "customer_id")
        require_request_id(request.request_id)
        who = principal()

        async def work(tx: Tx) -> customer_pb2.HistoryEntry:
            async def add() -> customer_pb2.HistoryEntry:
                now = self._db.clock.now()
                note = await ops.add_note(tx, request.customer_id, request.note, who.subject, now)
                return convert.entry_out(note)

            return await tx.once(request.request_id, "AddNote", request, customer_pb2.HistoryEntry, add)

        return await self._db.run(principal().tenant_id, work)
