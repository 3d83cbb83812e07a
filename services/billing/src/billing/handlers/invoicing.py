"""Invoices as their company reads and pays them."""

from __future__ import annotations

from typing import Any

from chassis.auth import principal
from chassis.instants import time_out
from chassis.paging import encode_token
from chassis.sql import Database, Tx
from kernel.ids import require_request_id
from merkez.billing.v1 import invoice_pb2, invoice_service_pb2, invoice_service_pb2_grpc

from billing import convert
from billing import invoices_proto as proto
from billing.collecting import Collector
from billing.documents import Rendered, render_credit_note, render_invoice
from billing.live.rating import Rating
from billing.ops import invoicing, line_records, parties, paying
from billing.ops.line_records import LineRecord

service = invoice_service_pb2


class Invoices(invoice_service_pb2_grpc.InvoiceServiceServicer):
    """merkez.billing.v1.InvoiceService."""

    def __init__(self, rating: Rating, collector: Collector) -> None:
        self._rating = rating
        self._db = rating.db
        self._collector = collector

    async def ListInvoices(self, request: service.ListInvoicesRequest, context: Any) -> service.ListInvoicesResponse:
        state = proto.state_in(request.state)
        found, more = await self._db.run(
            principal().tenant_id,
            lambda tx: invoicing.list_invoices(tx, state, request.page_size, request.page_token),
            read_only=True,
        )
        token = encode_token(found[-1].start_time, found[-1].invoice_id) if more else ""
        return service.ListInvoicesResponse(invoices=[proto.summary_out(each) for each in found], next_page_token=token)

    async def GetInvoice(self, request: service.GetInvoiceRequest, context: Any) -> invoice_pb2.Invoice:
        return await whole_invoice(self._rating, principal().tenant_id, request.invoice_id)

    async def ListInvoiceLineRecords(
        self, request: service.ListInvoiceLineRecordsRequest, context: Any
    ) -> service.ListInvoiceLineRecordsResponse:
        now = self._db.clock.now()
        found, token = await self._rating.run(
            principal().tenant_id,
            lambda tx, decks: line_records.list_line_records(
                tx, request.invoice_id, request.line_id, request.page_size, request.page_token, now, decks
            ),
            read_only=True,
        )
        return service.ListInvoiceLineRecordsResponse(records=[_record(each) for each in found], next_page_token=token)

    async def GetInvoiceDocument(
        self, request: service.GetInvoiceDocumentRequest, context: Any
    ) -> service.InvoiceDocument:
        return await invoice_document(self._db, principal().tenant_id, request.invoice_id, request.format)

    async def GetCreditNoteDocument(
        self, request: service.GetCreditNoteDocumentRequest, context: Any
    ) -> service.InvoiceDocument:
        note, invoice = await self._db.run(
            principal().tenant_id, lambda tx: paying.get_credit_note(tx, request.credit_note_id), read_only=True
        )
        return _document(await render_credit_note(invoice, note, proto.format_in(request.format)))

    async def GetBillingProfile(
        self, request: service.GetBillingProfileRequest, context: Any
    ) -> invoice_pb2.BillingProfile:
        return await read_profile(self._db, principal().tenant_id)

    async def UpdateBillingProfile(
        self, request: service.UpdateBillingProfileRequest, context: Any
    ) -> invoice_pb2.BillingProfile:
        wanted, tenant_id = proto.profile_in(request.profile), principal().tenant_id
        await self._db.run(tenant_id, lambda tx: parties.update_profile(tx, wanted, request.version))
        return await read_profile(self._db, tenant_id)

    async def GetPaymentOptions(
        self, request: service.GetPaymentOptionsRequest, context: Any
    ) -> service.PaymentOptions:
        name = self._collector.name
        options = await self._db.run(principal().tenant_id, lambda tx: paying.payment_options(tx, name), read_only=True)
        return service.PaymentOptions(
            provider=name, method=options.method, payment_instructions=options.instructions,
            balances=[proto.money(amount, currency) for currency, amount in options.balances.items()],
        )  # fmt: skip

    async def StartPaymentSetup(
        self, request: service.StartPaymentSetupRequest, context: Any
    ) -> service.StartPaymentSetupResponse:
        request_id = require_request_id(request.request_id)
        return service.StartPaymentSetupResponse(
            url=await self._collector.setup_page(principal().tenant_id, request_id)
        )

    async def PayInvoice(self, request: service.PayInvoiceRequest, context: Any) -> invoice_pb2.Invoice:
        # The idempotency is that of the payment: one attempt at a time is begun for an invoice, and a paid one has
        # none.
        require_request_id(request.request_id)
        tenant_id = principal().tenant_id
        invoice = await self._collector.pay(tenant_id, request.invoice_id)
        return await whole_invoice(self._rating, tenant_id, invoice.invoice_id)


async def whole_invoice(rating: Rating, tenant_id: str, invoice_id: str) -> invoice_pb2.Invoice:
    """An invoice with all that belongs to it."""
    now = rating.db.clock.now()
    found = await rating.run(tenant_id, lambda tx, decks: invoicing.whole(tx, invoice_id, now, decks), read_only=True)
    return proto.invoice_out(found.invoice, found.statement, found.payments, found.credit_notes)


async def invoice_document(
    db: Database, tenant_id: str, invoice_id: str, wanted: invoice_pb2.DocumentFormat.ValueType
) -> service.InvoiceDocument:
    """An invoice as a file."""
    format_ = proto.format_in(wanted)
    invoice = await db.run(tenant_id, lambda tx: invoicing.issued(tx, invoice_id), read_only=True)
    return _document(await render_invoice(invoice, format_))


async def read_profile(db: Database, tenant_id: str) -> invoice_pb2.BillingProfile:
    """How a company is billed, with the currency of its plan."""

    async def work(tx: Tx) -> invoice_pb2.BillingProfile:
        return proto.profile_out(await parties.get_profile(tx), await parties.currency(tx, db.clock.now()))

    return await db.run(tenant_id, work, read_only=True)


def _document(value: Rendered) -> service.InvoiceDocument:
    return service.InvoiceDocument(data=value.data, content_type=value.content_type, file_name=value.file_name)


def _record(value: LineRecord) -> invoice_pb2.LineRecord:
    usage = convert.record_out(value.usage) if value.usage else None
    if usage is not None and value.charge is not None:
        usage.charge.amount = proto.shown(value.charge)
    return invoice_pb2.LineRecord(
        usage_record=usage,
        item_id=value.item_id, start_time=time_out(value.start_time), end_time=time_out(value.end_time),
        quantity=proto.shown(value.quantity),
    )  # fmt: skip
