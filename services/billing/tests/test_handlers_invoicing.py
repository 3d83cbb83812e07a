"""Invoices over the wire: who may do what, in which state, how often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from billing.collecting import Collector
from billing.domain.invoicing import Invoice
from billing.handlers.invoice_operators import InvoiceOperators, PaymentEvents
from billing.handlers.invoicing import Invoices
from chassis.auth import acting_as
from chassis.instants import time_out
from kernel.errors import DomainError, Forbidden, NotFound, Unauthenticated
from kernel.tenant import PLATFORM
from merkez.billing.v1 import invoice_operator_service_pb2 as operators_pb2
from merkez.billing.v1 import invoice_operator_service_pb2_grpc, invoice_pb2, invoice_service_pb2_grpc
from merkez.billing.v1 import invoice_service_pb2 as ask
from merkez.type.v1.money_pb2 import Money
from testkit import RpcHouse, someone

from .conftest import MARCH, call_fact
from .invoice_house import APRIL, DAY, RULES, House, euros


class Desk:
    """A company's stub and the operators' one, and the company's first invoice."""

    def __init__(self, rpc: RpcHouse, house: House) -> None:
        self.house = house
        self.own = rpc.stub(invoice_service_pb2_grpc.InvoiceServiceStub, "billing")
        self.operators = rpc.stub(invoice_operator_service_pb2_grpc.InvoiceOperatorServiceStub, "billing")
        self.events = rpc.stub(invoice_operator_service_pb2_grpc.PaymentEventServiceStub, "billing")

    def owner(self) -> Any:
        return acting_as(someone("owner", self.house.ledger.tenant))

    def operator(self) -> Any:
        return acting_as(someone("operator", PLATFORM))

    async def entity(self, request_id: str = "req_entity", prefix: str = "MRK-") -> invoice_pb2.LegalEntity:
        wanted = invoice_pb2.LegalEntity(
            name="Merkez MMC", number_prefix=prefix, credit_note_prefix=f"C{prefix}", payment_instructions="IBAN 1",
            address=invoice_pb2.PostalAddress(country="AZ"),
        )  # fmt: skip
        with self.operator():
            request = operators_pb2.CreateLegalEntityRequest(request_id=request_id, legal_entity=wanted)
            return await self.operators.CreateLegalEntity(request)

    async def issued(self, *lengths: int) -> Invoice:
        await self.entity()
        await self.house.used_march(*(lengths or (60,)))
        return await self.house.issued()

    def naming(self, invoice: Invoice, **values: Any) -> dict[str, Any]:
        return {"tenant_id": self.house.ledger.tenant, "invoice_id": invoice.invoice_id, **values}


@pytest_asyncio.fixture
async def desk(house: House, rpc: RpcHouse) -> AsyncIterator[Desk]:
    collector = Collector(house.ledger.db, None)
    service, operators = invoice_service_pb2_grpc, invoice_operator_service_pb2_grpc
    await rpc.serve("billing", [
        (service.add_InvoiceServiceServicer_to_server, Invoices(house.ledger.rating, collector)),
        (operators.add_InvoiceOperatorServiceServicer_to_server, InvoiceOperators(house.ledger.rating, RULES.settle)),
        (operators.add_PaymentEventServiceServicer_to_server, PaymentEvents(collector)),
    ])  # fmt: skip
    yield Desk(rpc, house)


async def refused(answer: Any) -> str:
    """Why it was refused."""
    with pytest.raises(DomainError) as error:
        await answer
    return error.value.reason


async def test_company_reads_its_invoice_down_to_each_call_and_seat(desk: Desk) -> None:
    invoice = await desk.issued(60, 31, 125)
    with desk.owner():
        [listed] = (await desk.own.ListInvoices(ask.ListInvoicesRequest())).invoices
        whole = await desk.own.GetInvoice(ask.GetInvoiceRequest(invoice_id=listed.invoice_id))
        records: dict[str, list[Any]] = {}
        for line in whole.lines:
            token = ""
            while True:
                request = ask.ListInvoiceLineRecordsRequest(
                    invoice_id=invoice.invoice_id, line_id=line.line_id, page_size=2, page_token=token
                )
                page = await desk.own.ListInvoiceLineRecords(request)
                records.setdefault(line.meter, []).extend(page.records)
                token = page.next_page_token
                if not token:
                    break
    assert (listed.number, listed.total.amount, listed.owed.amount) == ("MRK-000001", "20.22", "20.22")
    assert not listed.lines and len(whole.lines) == 2 and whole.seller.name == "Merkez MMC"
    calls = records["voice_inbound_minute"]
    assert [each.usage_record.source_id for each in calls] == ["call_0", "call_1", "call_2"]
    minutes = sum(euros(each.usage_record.quantity) for each in calls)
    assert minutes == euros(next(line.quantity for line in whole.lines if "voice" in line.meter))
    [seat] = records["seat_month"]
    assert (seat.item_id, seat.quantity, seat.start_time) == ("usr_0", "1", time_out(MARCH))


async def test_credit_of_who_has_gone_is_paid_back_once_and_never_more_than_there_is(desk: Desk) -> None:
    invoice = await desk.issued(60)
    with desk.operator():
        paid = desk.naming(invoice, request_id="r1", amount=Money(currency="EUR", amount="50.06"), reference="bank 1")
        await desk.operators.RecordPayment(operators_pb2.RecordPaymentRequest(**paid))

    def back(amount: str, request_id: str, currency: str = "EUR", **more: Any) -> operators_pb2.PayBackCreditRequest:
        values: dict[str, Any] = {"tenant_id": desk.house.ledger.tenant, "reference": "bank 2"} | more
        money = Money(currency=currency, amount=amount)
        return operators_pb2.PayBackCreditRequest(request_id=request_id, amount=money, **values)

    async def credit() -> list[tuple[str, str]]:
        request = operators_pb2.GetTenantCreditRequest(tenant_id=desk.house.ledger.tenant)
        return [(each.amount, each.currency) for each in (await desk.operators.GetTenantCredit(request)).balances]

    with desk.owner(), pytest.raises(Forbidden):
        await desk.operators.PayBackCredit(back("1", "r0"))
    with desk.operator():
        assert await credit() == [("30.00", "EUR")]
        for wrong, reason in (
            (back("30.01", "r2"), "CREDIT_TOO_LOW"), (back("1", "r2", "USD"), "CREDIT_TOO_LOW"),
            (back("1", "r2", "ZZZ"), "CURRENCY_UNKNOWN"), (back("-1", "r2"), "AMOUNT_INVALID"),
            (back("0.001", "r2"), "AMOUNT_INVALID"), (back("1", "r2", reference=" "), "INVOICE_TEXT_INVALID"),
        ):  # fmt: skip
            assert await refused(desk.operators.PayBackCredit(wrong)) == reason
        for _ in range(2):
            await desk.operators.PayBackCredit(back("10.00", "r3"))
        assert await credit() == [("20.00", "EUR")]
        both = [desk.operators.PayBackCredit(back("15.00", f"both{n}")) for n in range(2)]
        done = await asyncio.gather(*both, return_exceptions=True)
        assert sorted(getattr(each, "reason", "") for each in done) == ["", "CREDIT_TOO_LOW"]
        assert await credit() == [("5.00", "EUR")]


async def test_late_line_opens_to_the_late_calls_only(desk: Desk) -> None:
    await desk.issued(60)
    await desk.house.ledger.tell(call_fact("call_late", 120, MARCH + DAY))
    await desk.house.run(APRIL + 32 * DAY)
    second = (await desk.house.invoices())[1]
    with desk.owner():
        whole = await desk.own.GetInvoice(ask.GetInvoiceRequest(invoice_id=second.invoice_id))
        [late] = [line for line in whole.lines if line.kind == "late"]
        request = ask.ListInvoiceLineRecordsRequest(invoice_id=second.invoice_id, line_id=late.line_id)
        page = await desk.own.ListInvoiceLineRecords(request)
    assert [each.usage_record.source_id for each in page.records] == ["call_late"]


async def test_documents_come_in_each_format_and_a_draft_has_none(desk: Desk) -> None:
    await desk.entity()
    await desk.house.used_march(60)
    await desk.house.run(APRIL + DAY / 2)
    [draft] = await desk.house.invoices()
    with desk.owner():
        request = ask.GetInvoiceDocumentRequest(invoice_id=draft.invoice_id)
        assert await refused(desk.own.GetInvoiceDocument(request)) == "INVOICE_NOT_FINALIZED"
        shown = await desk.own.GetInvoice(ask.GetInvoiceRequest(invoice_id=draft.invoice_id))
        assert (shown.total.amount, shown.owed.amount, shown.number) == ("20.06", "0", "")
        await desk.house.issued()
        found = {}
        for wanted in (0, 1, 2, 3):
            request = ask.GetInvoiceDocumentRequest(invoice_id=draft.invoice_id, format=wanted)  # pyright: ignore
            answer = await desk.own.GetInvoiceDocument(request)
            found[answer.file_name] = (answer.content_type, answer.data[:5])
    assert found == {
        "MRK-000001.pdf": ("application/pdf", b"%PDF-"),
        "MRK-000001.csv": ("text/csv; charset=utf-8", b"\xef\xbb\xbfnu"),
        "MRK-000001.xml": ("application/xml", b"<?xml"),
    }


async def test_invoice_of_another_company_is_not_found(desk: Desk) -> None:
    invoice = await desk.issued()
    with acting_as(someone("owner", desk.house.ledger.twin().tenant)):
        for call in (
            desk.own.GetInvoice(ask.GetInvoiceRequest(invoice_id=invoice.invoice_id)),
            desk.own.GetInvoiceDocument(ask.GetInvoiceDocumentRequest(invoice_id=invoice.invoice_id)),
            desk.own.ListInvoiceLineRecords(ask.ListInvoiceLineRecordsRequest(invoice_id=invoice.invoice_id)),
        ):
            with pytest.raises(NotFound):
                await call
        assert not (await desk.own.ListInvoices(ask.ListInvoicesRequest())).invoices


@pytest.mark.parametrize("role", ["admin", "supervisor", "agent", "operator"])
async def test_only_owners_read_their_invoices_and_only_operators_those_of_all(desk: Desk, role: str) -> None:
    with acting_as(someone(role, desk.house.ledger.tenant)):
        with pytest.raises(Forbidden):
            await desk.own.ListInvoices(ask.ListInvoicesRequest())
        if role != "operator":
            with pytest.raises(Forbidden):
                await desk.operators.ListAllInvoices(operators_pb2.ListAllInvoicesRequest())
    with desk.owner(), pytest.raises(Forbidden):
        await desk.operators.ListLegalEntities(operators_pb2.ListLegalEntitiesRequest())


async def test_payment_noted_twice_counts_once_and_with_another_body_is_refused(desk: Desk) -> None:
    invoice = await desk.issued()
    values = desk.naming(invoice, request_id="req_1", reference="bank 1")
    five = Money(currency="EUR", amount="5.00")
    with desk.operator():
        answers = [
            await desk.operators.RecordPayment(operators_pb2.RecordPaymentRequest(**values, amount=five))
            for _ in range(2)
        ]
        assert [each.paid.amount for each in answers] == ["5.00", "5.00"] and answers[0].owed.amount == "15.06"
        other = operators_pb2.RecordPaymentRequest(**values, amount=Money(currency="EUR", amount="6.00"))
        assert await refused(desk.operators.RecordPayment(other)) == "REQUEST_ID_REUSED"
        for amount, why in (("-1", "AMOUNT_INVALID"), ("1e30", "AMOUNT_INVALID"), ("1.001", "AMOUNT_INVALID")):
            wrong = operators_pb2.RecordPaymentRequest(**values, amount=Money(currency="EUR", amount=amount))
            wrong.request_id = amount
            assert await refused(desk.operators.RecordPayment(wrong)) == why
        missing = operators_pb2.RecordPaymentRequest(**values, amount=five)
        missing.request_id = ""
        assert await refused(desk.operators.RecordPayment(missing)) == "INVALID_INPUT"
    whole = await desk.house.whole(invoice.invoice_id)
    assert len(whole.payments) == 1


async def test_two_payments_at_once_both_count(desk: Desk) -> None:
    invoice = await desk.issued()
    ten = Money(currency="EUR", amount="10.00")

    async def pay(number: int) -> None:
        with desk.operator():
            values = desk.naming(invoice, request_id=f"req_{number}", reference=f"bank {number}")
            await desk.operators.RecordPayment(operators_pb2.RecordPaymentRequest(**values, amount=ten))

    await asyncio.gather(*(pay(number) for number in range(2)))
    whole = await desk.house.whole(invoice.invoice_id)
    assert (whole.invoice.paid, len(whole.payments)) == (euros("20.00"), 2)


async def test_credit_note_over_the_wire_never_exceeds_its_line(desk: Desk) -> None:
    invoice = await desk.issued()
    with desk.owner():
        whole = await desk.own.GetInvoice(ask.GetInvoiceRequest(invoice_id=invoice.invoice_id))
    seat = next(line.line_id for line in whole.lines if line.meter == "seat_month")

    def asked(request_id: str, amount: str, line_id: str = seat) -> Any:
        line = invoice_pb2.CreditNoteLine(line_id=line_id, amount=Money(currency="EUR", amount=amount))
        values = desk.naming(invoice, request_id=request_id, reason="outage", lines=[line])
        return operators_pb2.CreateCreditNoteRequest(**values)

    with desk.operator():
        first = await desk.operators.CreateCreditNote(asked("req_1", "15.00"))
        assert await desk.operators.CreateCreditNote(asked("req_1", "15.00")) == first
        assert await refused(desk.operators.CreateCreditNote(asked("req_2", "5.01"))) == "CREDIT_EXCEEDS_LINE"
        assert await refused(desk.operators.CreateCreditNote(asked("req_3", "1", "x"))) == "INVOICE_LINE_NOT_FOUND"
    assert (first.number, first.total.amount) == ("CMRK-000001", "15.00")
    with desk.owner():
        request = ask.GetCreditNoteDocumentRequest(credit_note_id=first.credit_note_id)
        assert (await desk.own.GetCreditNoteDocument(request)).file_name == "CMRK-000001.pdf"


async def test_void_in_a_stale_version_or_twice_is_refused(desk: Desk) -> None:
    invoice = await desk.issued()
    with desk.operator():
        stale = operators_pb2.VoidInvoiceRequest(
            **desk.naming(invoice, request_id="req_1", reason="wrong", version=invoice.version - 1)
        )
        assert await refused(desk.operators.VoidInvoice(stale)) == "VERSION_CONFLICT"
        silent = operators_pb2.VoidInvoiceRequest(**desk.naming(invoice, request_id="req_2", reason=" "))
        assert await refused(desk.operators.VoidInvoice(silent)) == "INVOICE_TEXT_INVALID"
        done = operators_pb2.VoidInvoiceRequest(**desk.naming(invoice, request_id="req_3", reason="wrong company"))
        assert (await desk.operators.VoidInvoice(done)).state == invoice_pb2.INVOICE_STATE_VOID
        again = operators_pb2.VoidInvoiceRequest(**desk.naming(invoice, request_id="req_4", reason="again"))
        assert await refused(desk.operators.VoidInvoice(again)) == "INVOICE_STATE_WRONG"


async def test_operator_finalizes_annotates_and_verifies(desk: Desk) -> None:
    await desk.entity()
    await desk.house.used_march(60)
    await desk.house.run(APRIL + DAY / 2)
    [draft] = await desk.house.invoices()
    with desk.operator():
        noted = await desk.operators.UpdateInvoice(
            operators_pb2.UpdateInvoiceRequest(
                **desk.naming(draft, purchase_order="PO 7", notes="Thank you", version=1)
            )
        )
        assert (noted.purchase_order, noted.version) == ("PO 7", 2)
        stale = operators_pb2.UpdateInvoiceRequest(**desk.naming(draft, notes="x", version=1))
        assert await refused(desk.operators.UpdateInvoice(stale)) == "VERSION_CONFLICT"
        rebuild = operators_pb2.RebuildInvoiceRequest(**desk.naming(draft))
        assert await refused(desk.operators.RebuildInvoice(rebuild)) == "INVOICE_NOT_FINALIZED"
        request = operators_pb2.FinalizeInvoiceRequest(**desk.naming(draft, request_id="req_1"))
        answers = [await desk.operators.FinalizeInvoice(request) for _ in range(2)]
        assert [each.number for each in answers] == ["MRK-000001", "MRK-000001"]
        late = operators_pb2.UpdateInvoiceRequest(**desk.naming(draft, notes="more"))
        assert await refused(desk.operators.UpdateInvoice(late)) == "INVOICE_STATE_WRONG"
        same = await desk.operators.RebuildInvoice(rebuild)
        assert same.identical and same.frozen_digest == same.rebuilt_digest and not same.differences
        found = await desk.operators.ListAllInvoices(operators_pb2.ListAllInvoicesRequest(number="MRK-000001"))
        assert [each.tenant_id for each in found.invoices] == [desk.house.ledger.tenant]


async def test_legal_entities_keep_their_prefixes_apart_and_their_numbers(desk: Desk) -> None:
    first = await desk.entity()
    assert await desk.entity() == first, "the same request"
    with pytest.raises(DomainError) as taken:
        await desk.entity("req_2")
    assert taken.value.reason == "NUMBER_PREFIX_TAKEN"
    second = await desk.entity("req_3", "TRK-")
    assert (first.default, second.default, second.next_number) == (True, False, 1)
    await desk.house.used_march(60)
    await desk.house.issued()
    with desk.operator():
        changed = invoice_pb2.LegalEntity()
        changed.CopyFrom(first)
        changed.number_prefix = "OTHER-"
        request = operators_pb2.UpdateLegalEntityRequest(legal_entity_id=first.legal_entity_id, legal_entity=changed)
        assert await refused(desk.operators.UpdateLegalEntity(request)) == "NUMBERS_IN_USE"
        request.legal_entity.number_prefix = "MRK-"
        request.version = 9
        assert await refused(desk.operators.UpdateLegalEntity(request)) == "VERSION_CONFLICT"
        second.default = True
        request = operators_pb2.UpdateLegalEntityRequest(legal_entity_id=second.legal_entity_id, legal_entity=second)
        assert (await desk.operators.UpdateLegalEntity(request)).default
        listed = (await desk.operators.ListLegalEntities(operators_pb2.ListLegalEntitiesRequest())).legal_entities
        assert [(each.number_prefix, each.default, each.next_number) for each in listed] == [
            ("MRK-", False, 2), ("TRK-", True, 1),
        ]  # fmt: skip


async def test_profile_is_the_companys_and_its_terms_the_operators(desk: Desk) -> None:
    await desk.entity()
    await desk.house.used_march(60)
    wanted = invoice_pb2.BillingProfile(legal_name="Acme", language="fa", payment_terms_days=180, email="a@b.example")
    with desk.owner():
        saved = await desk.own.UpdateBillingProfile(ask.UpdateBillingProfileRequest(profile=wanted))
        assert (saved.legal_name, saved.payment_terms_days, saved.version, saved.currency) == ("Acme", 14, 1, "EUR")
        stale = ask.UpdateBillingProfileRequest(profile=wanted, version=7)
        assert await refused(desk.own.UpdateBillingProfile(stale)) == "VERSION_CONFLICT"
        wanted.language = "de"
        assert await refused(desk.own.UpdateBillingProfile(ask.UpdateBillingProfileRequest(profile=wanted))) == (
            "PROFILE_INVALID"
        )
        options = await desk.own.GetPaymentOptions(ask.GetPaymentOptionsRequest())
        assert (options.provider, options.payment_instructions) == ("", "IBAN 1")
        setup = ask.StartPaymentSetupRequest(request_id="req_1")
        assert await refused(desk.own.StartPaymentSetup(setup)) == "NO_PAYMENT_PROVIDER"
    with desk.operator():
        terms = operators_pb2.SetBillingTermsRequest(tenant_id=desk.house.ledger.tenant, payment_terms_days=30)
        assert (await desk.operators.SetBillingTerms(terms)).payment_terms_days == 30
        terms.payment_terms_days = 999
        assert await refused(desk.operators.SetBillingTerms(terms)) == "PROFILE_INVALID"
        terms.legal_entity_id = "lge_none"
        assert await refused(desk.operators.SetBillingTerms(terms)) == "LEGAL_ENTITY_NOT_FOUND"
    invoice = await desk.house.issued()
    assert invoice.due_time == desk.house.ledger.clock.now() + 30 * DAY
    assert invoice.buyer and invoice.buyer.legal_name == "Acme"


async def test_event_without_a_provider_is_refused(desk: Desk) -> None:
    request = operators_pb2.ReceivePaymentEventRequest(provider="stripe", payload=b"{}", signature="t=1,v1=x")
    with acting_as(someone("stranger", "")), pytest.raises((DomainError, Unauthenticated)) as error:
        await desk.events.ReceivePaymentEvent(request)
    assert error.value.reason == "NO_PAYMENT_PROVIDER"
