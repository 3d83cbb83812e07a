"""What a company bills the clients whose brands it serves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chassis.auth import principal
from chassis.instants import time_in, time_out
from chassis.paging import encode_token
from chassis.sql import Tx
from kernel.ids import require_id, require_request_id
from merkez.billing.v1 import (
    client_bill_pb2,
    client_bill_service_pb2,
    client_bill_service_pb2_grpc,
    invoice_service_pb2,
)

from billing import client_bills_proto as convert
from billing import invoices_proto
from billing.documents import render_client_bill
from billing.domain.rates import DeckPrice
from billing.live.rating import Rating
from billing.ops import client_bills as ops
from billing.ops.statements import RangeInvalid

service = client_bill_service_pb2


class ClientBills(client_bill_service_pb2_grpc.ClientBillServiceServicer):
    """merkez.billing.v1.ClientBillService."""

    def __init__(self, rating: Rating, settle: timedelta) -> None:
        self._db, self._rating = rating.db, rating
        self._settle = settle

    async def ListPriceLists(
        self, request: service.ListPriceListsRequest, context: Any
    ) -> service.ListPriceListsResponse:
        found = await self._db.run(principal().tenant_id, ops.list_price_lists, read_only=True)
        return service.ListPriceListsResponse(price_lists=[convert.price_list_out(each) for each in found])

    async def SavePriceList(self, request: service.SavePriceListRequest, context: Any) -> client_bill_pb2.PriceList:
        request_id, wanted = require_request_id(request.request_id), convert.price_list_in(request.price_list)
        now = self._db.clock.now()

        async def work(tx: Tx) -> client_bill_pb2.PriceList:
            async def save() -> client_bill_pb2.PriceList:
                return convert.price_list_out(await ops.save_price_list(tx, wanted, request.version, now))

            return await tx.once(request_id, "SavePriceList", request, client_bill_pb2.PriceList, save)

        return await self._db.run(principal().tenant_id, work)

    async def GetBillSender(self, request: service.GetBillSenderRequest, context: Any) -> client_bill_pb2.BillSender:
        return convert.sender_out(await self._db.run(principal().tenant_id, ops.get_sender, read_only=True))

    async def UpdateBillSender(
        self, request: service.UpdateBillSenderRequest, context: Any
    ) -> client_bill_pb2.BillSender:
        wanted = convert.sender_in(request.sender)
        saved = await self._db.run(principal().tenant_id, lambda tx: ops.update_sender(tx, wanted, request.version))
        return convert.sender_out(saved)

    async def ListBrandAccounts(
        self, request: service.ListBrandAccountsRequest, context: Any
    ) -> service.ListBrandAccountsResponse:
        found = await self._db.run(principal().tenant_id, ops.list_accounts, read_only=True)
        return service.ListBrandAccountsResponse(accounts=[convert.account_out(each) for each in found])

    async def UpdateBrandAccount(
        self, request: service.UpdateBrandAccountRequest, context: Any
    ) -> client_bill_pb2.BrandAccount:
        require_id("brd", request.account.brand_id, "account.brand_id")
        wanted = convert.account_in(request.account)
        saved = await self._db.run(principal().tenant_id, lambda tx: ops.update_account(tx, wanted, request.version))
        return convert.account_out(saved)

    async def ListBrandStatements(
        self, request: service.ListBrandStatementsRequest, context: Any
    ) -> service.ListBrandStatementsResponse:
        now = self._db.clock.now()
        time = time_in(request, "time") or now
        period, found = await self._rating.run(
            principal().tenant_id, lambda tx, decks: ops.brand_statements(tx, time, now, decks), read_only=True
        )
        first = await self._db.run(principal().tenant_id, ops.first_period, read_only=True)
        return service.ListBrandStatementsResponse(
            period_start_time=time_out(period[0]), period_end_time=time_out(period[1]), compute_time=time_out(now),
            statements=[convert.statement_out(each) for each in found], first_period_start_time=time_out(first),
        )  # fmt: skip

    async def IssueClientBill(
        self, request: service.IssueClientBillRequest, context: Any
    ) -> client_bill_pb2.ClientBill:
        request_id, now = require_request_id(request.request_id), self._db.clock.now()
        require_id("brd", request.brand_id, "brand_id")
        time = time_in(request, "time")
        if time is None:
            raise RangeInvalid.of("time", "is required")

        async def work(tx: Tx, decks: DeckPrice) -> client_bill_pb2.ClientBill:
            async def issue() -> client_bill_pb2.ClientBill:
                return convert.bill_out(await ops.issue(tx, request.brand_id, time, now, self._settle, decks))

            return await tx.once(request_id, "IssueClientBill", request, client_bill_pb2.ClientBill, issue)

        return await self._rating.run(principal().tenant_id, work)

    async def ListClientBills(
        self, request: service.ListClientBillsRequest, context: Any
    ) -> service.ListClientBillsResponse:
        found, more = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.list_bills(tx, request.brand_id or request.tenant_id, request.page_size, request.page_token),
            read_only=True,
        )
        token = encode_token(found[-1].issue_time, found[-1].client_bill_id) if more else ""
        return service.ListClientBillsResponse(bills=[convert.bill_out(each) for each in found], next_page_token=token)

    async def VoidClientBill(self, request: service.VoidClientBillRequest, context: Any) -> client_bill_pb2.ClientBill:
        now = self._db.clock.now()
        changed = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.declare_void(tx, request.client_bill_id, request.reason, request.version, now),
        )
        return convert.bill_out(changed)

    async def GetClientBillDocument(
        self, request: service.GetClientBillDocumentRequest, context: Any
    ) -> invoice_service_pb2.InvoiceDocument:
        wanted = invoices_proto.format_in(request.format)
        bill = await self._db.run(principal().tenant_id, lambda tx: ops.get(tx, request.client_bill_id), read_only=True)
        file = await render_client_bill(bill, wanted)
        return invoice_service_pb2.InvoiceDocument(
            data=file.data, content_type=file.content_type, file_name=file.file_name
        )
