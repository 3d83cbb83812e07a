"""What those who run the platform ask of invoices. The tenant is named in the request, here and nowhere else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from chassis.instants import time_in, time_out
from chassis.paging import encode_token
from chassis.sql import Tx
from kernel.ids import require_id, require_request_id
from kernel.tenant import PLATFORM
from merkez.billing.v1 import (
    invoice_operator_service_pb2,
    invoice_operator_service_pb2_grpc,
    invoice_pb2,
    invoice_service_pb2,
)

from billing import invoices_proto as proto
from billing.collecting import Collector
from billing.domain import canonical
from billing.domain.credit_notes import CreditedLine
from billing.domain.invoicing import Invoice
from billing.domain.rates import DeckPrice
from billing.handlers.invoicing import invoice_document, read_profile, whole_invoice
from billing.live.line_traces import trace_lines
from billing.live.rating import Rating
from billing.ops import following, invoicing, parties, paying
from billing.ops.following import LeftOutRow
from billing.ops.parties import Numbered

service = invoice_operator_service_pb2


class InvoiceOperators(invoice_operator_service_pb2_grpc.InvoiceOperatorServiceServicer):
    """merkez.billing.v1.InvoiceOperatorService."""

    def __init__(self, rating: Rating, settle: timedelta) -> None:
        self._rating = rating
        self._db = rating.db
        self._settle = settle

    async def ListAllInvoices(
        self, request: service.ListAllInvoicesRequest, context: Any
    ) -> invoice_service_pb2.ListInvoicesResponse:
        state = proto.state_in(request.state)
        found, more = await self._db.system(
            lambda tx: invoicing.list_all(
                tx, state, request.tenant_id, request.number.strip(), request.page_size, request.page_token
            ),
            read_only=True,
        )
        token = encode_token(found[-1].create_time, found[-1].invoice_id) if more else ""
        return invoice_service_pb2.ListInvoicesResponse(
            invoices=[proto.summary_out(each) for each in found], next_page_token=token
        )

    async def GetTenantInvoice(self, request: service.GetTenantInvoiceRequest, context: Any) -> invoice_pb2.Invoice:
        return await whole_invoice(self._rating, _tenant(request), request.invoice_id)

    async def GetTenantInvoiceDocument(
        self, request: service.GetTenantInvoiceDocumentRequest, context: Any
    ) -> invoice_service_pb2.InvoiceDocument:
        return await invoice_document(self._db, _tenant(request), request.invoice_id, request.format)

    async def FinalizeInvoice(self, request: service.FinalizeInvoiceRequest, context: Any) -> invoice_pb2.Invoice:
        now = self._db.clock.now()
        done = await self._change(
            request,
            lambda tx, decks: invoicing.finalize(tx, request.invoice_id, now, self._settle, request.version, decks),
        )
        await trace_lines(self._rating, request.tenant_id, done.invoice_id)
        return done

    async def UpdateInvoice(self, request: service.UpdateInvoiceRequest, context: Any) -> invoice_pb2.Invoice:
        tenant_id = _tenant(request)
        await self._db.run(
            tenant_id,
            lambda tx: invoicing.annotate(
                tx, request.invoice_id, request.purchase_order, request.notes, request.version
            ),
        )
        return await whole_invoice(self._rating, tenant_id, request.invoice_id)

    async def RecordPayment(self, request: service.RecordPaymentRequest, context: Any) -> invoice_pb2.Invoice:
        now, time = self._db.clock.now(), time_in(request, "payment_time")
        return await self._change(
            request,
            lambda tx, _: paying.record_by_hand(
                tx, request.invoice_id, request.amount.amount, request.amount.currency, request.reference, time, now
            ),
        )

    async def GetTenantCredit(self, request: service.GetTenantCreditRequest, context: Any) -> service.TenantCredit:
        return _credit(await self._db.run(_tenant(request), paying.credit_of, read_only=True))

    async def PayBackCredit(self, request: service.PayBackCreditRequest, context: Any) -> service.TenantCredit:
        request_id, now, amount = require_request_id(request.request_id), self._db.clock.now(), request.amount

        async def work(tx: Tx) -> service.TenantCredit:
            async def note() -> service.TenantCredit:
                return _credit(await paying.pay_back(tx, amount.amount, amount.currency, request.reference, now))

            return await tx.once(request_id, "PayBackCredit", request, service.TenantCredit, note)

        return await self._db.run(_tenant(request), work)

    async def VoidInvoice(self, request: service.VoidInvoiceRequest, context: Any) -> invoice_pb2.Invoice:
        now = self._db.clock.now()
        return await self._change(
            request, lambda tx, _: invoicing.declare_void(tx, request.invoice_id, request.reason, request.version, now)
        )

    async def ReissueInvoice(self, request: service.ReissueInvoiceRequest, context: Any) -> invoice_pb2.Invoice:
        now = self._db.clock.now()
        return await self._change(request, lambda tx, decks: following.reissue(tx, request.invoice_id, now, decks))

    async def BillLeftOutUsage(self, request: service.BillLeftOutUsageRequest, context: Any) -> invoice_pb2.Invoice:
        now = self._db.clock.now()
        return await self._change(
            request, lambda tx, decks: following.bill_left_out(tx, request.invoice_id, now, decks)
        )

    async def ListLeftOutUsage(
        self, request: service.ListLeftOutUsageRequest, context: Any
    ) -> service.ListLeftOutUsageResponse:
        found, more = await self._db.system(
            lambda tx: following.list_left_out(tx, request.page_size, request.page_token), read_only=True
        )
        token = encode_token(found[-1].notice_time, found[-1].invoice_id) if more else ""
        return service.ListLeftOutUsageResponse(usage=[_left_out(each) for each in found], next_page_token=token)

    async def CreateCreditNote(self, request: service.CreateCreditNoteRequest, context: Any) -> invoice_pb2.CreditNote:
        request_id, now, tenant_id = require_request_id(request.request_id), self._db.clock.now(), _tenant(request)

        async def work(tx: Tx) -> invoice_pb2.CreditNote:
            async def write() -> invoice_pb2.CreditNote:
                currency = (await invoicing.get(tx, request.invoice_id)).currency
                lines = [
                    CreditedLine(
                        line.line_id, paying.line_amount(line.amount.amount, line.amount.currency, currency, index)
                    )
                    for index, line in enumerate(request.lines)
                ]
                return proto.credit_note_out(await paying.credit(tx, request.invoice_id, request.reason, lines, now))

            return await tx.once(request_id, "CreateCreditNote", request, invoice_pb2.CreditNote, write)

        return await self._db.run(tenant_id, work)

    async def RebuildInvoice(
        self, request: service.RebuildInvoiceRequest, context: Any
    ) -> service.RebuildInvoiceResponse:
        invoice, data = await self._rating.run(
            _tenant(request), lambda tx, decks: invoicing.rebuild(tx, request.invoice_id, decks), read_only=True
        )
        return service.RebuildInvoiceResponse(
            identical=data == invoice.statement, frozen_digest=invoice.digest, rebuilt_digest=canonical.digest(data),
            differences=canonical.differences(invoice.statement, data),
        )  # fmt: skip

    async def ListLegalEntities(
        self, request: service.ListLegalEntitiesRequest, context: Any
    ) -> service.ListLegalEntitiesResponse:
        found = await self._db.run(PLATFORM, parties.list_entities, read_only=True)
        return service.ListLegalEntitiesResponse(legal_entities=[_entity(each) for each in found])

    async def CreateLegalEntity(
        self, request: service.CreateLegalEntityRequest, context: Any
    ) -> invoice_pb2.LegalEntity:
        request_id, now, asked = require_request_id(request.request_id), self._db.clock.now(), request.legal_entity

        async def work(tx: Tx) -> invoice_pb2.LegalEntity:
            async def create() -> invoice_pb2.LegalEntity:
                numbers = (asked.next_number, asked.next_credit_note_number)
                return _entity(await parties.create_entity(tx, proto.entity_in(asked), *numbers, now))

            return await tx.once(request_id, "CreateLegalEntity", request, invoice_pb2.LegalEntity, create)

        # The companies that send invoices are the platform's own: its verbs run as its tenant.
        return await self._db.run(PLATFORM, work)

    async def UpdateLegalEntity(
        self, request: service.UpdateLegalEntityRequest, context: Any
    ) -> invoice_pb2.LegalEntity:
        wanted = proto.entity_in(request.legal_entity)
        return _entity(
            await self._db.run(
                PLATFORM, lambda tx: parties.update_entity(tx, request.legal_entity_id, wanted, request.version)
            )
        )

    async def GetTenantBillingProfile(
        self, request: service.GetTenantBillingProfileRequest, context: Any
    ) -> invoice_pb2.BillingProfile:
        return await read_profile(self._db, _tenant(request))

    async def SetBillingTerms(
        self, request: service.SetBillingTermsRequest, context: Any
    ) -> invoice_pb2.BillingProfile:
        tenant_id = _tenant(request)
        await self._db.run(
            tenant_id,
            lambda tx: parties.set_terms(tx, request.legal_entity_id, request.payment_terms_days, request.version),
        )
        return await read_profile(self._db, tenant_id)

    async def _change(self, request: Any, verb: Callable[[Tx, DeckPrice], Awaitable[Invoice]]) -> invoice_pb2.Invoice:
        request_id, tenant_id = require_request_id(request.request_id), _tenant(request)
        method = type(request).__name__.removesuffix("Request")

        async def work(tx: Tx, decks: DeckPrice) -> invoice_pb2.Invoice:
            async def change() -> invoice_pb2.Invoice:
                done = await verb(tx, decks)
                found = await invoicing.whole(tx, done.invoice_id, self._db.clock.now(), decks)
                return proto.invoice_out(found.invoice, found.statement, found.payments, found.credit_notes)

            return await tx.once(request_id, method, request, invoice_pb2.Invoice, change)

        return await self._rating.run(tenant_id, work)


class PaymentEvents(invoice_operator_service_pb2_grpc.PaymentEventServiceServicer):
    """merkez.billing.v1.PaymentEventService."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    async def ReceivePaymentEvent(
        self, request: service.ReceivePaymentEventRequest, context: Any
    ) -> service.ReceivePaymentEventResponse:
        changed = await self._collector.receive(request.provider, request.payload, request.signature)
        return service.ReceivePaymentEventResponse(changed=changed)


def _tenant(request: Any) -> str:
    return require_id("ten", request.tenant_id, "tenant_id")


def _entity(value: Numbered) -> invoice_pb2.LegalEntity:
    return proto.entity_out(value.entity, value.next_number, value.next_credit_note)


def _left_out(value: LeftOutRow) -> service.LeftOutUsage:
    return service.LeftOutUsage(
        tenant_id=value.tenant_id, invoice_id=value.invoice_id, number=value.number,
        amount=proto.money(value.amount, value.currency), period_start_time=time_out(value.start_time),
        period_end_time=time_out(value.end_time), left_out_of_invoice_id=value.left_out_of,
        notice_time=time_out(value.notice_time),
    )  # fmt: skip


def _credit(balances: Mapping[str, Decimal]) -> service.TenantCredit:
    return service.TenantCredit(balances=[proto.money(amount, currency) for currency, amount in balances.items()])
