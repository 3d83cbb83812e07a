"""An invoice or credit note as a file: for people, spreadsheets and accounting programs. The same invoice makes the
same bytes every time: nothing in them comes from a clock, a random number or what happened after it was finalized."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from billing.documents import csv_lines, ubl
from billing.documents.view import Document, of_credit_note, of_invoice
from billing.domain.client_bills import ClientBill
from billing.domain.credit_notes import CreditNote
from billing.domain.invoicing import Format, Invoice, State

_KINDS = {
    Format.PDF: ("application/pdf", "pdf"),
    Format.CSV: ("text/csv; charset=utf-8", "csv"),
    Format.UBL: ("application/xml", "xml"),
}


@dataclass(frozen=True)
class Rendered:
    """A file: its bytes, media type and name."""

    data: bytes
    content_type: str
    file_name: str


async def render_invoice(invoice: Invoice, wanted: Format) -> Rendered:
    """A finalized invoice as a file."""
    return await _render(of_invoice(invoice), wanted)


async def render_credit_note(invoice: Invoice, note: CreditNote, wanted: Format) -> Rendered:
    """A credit note as a file."""
    return await _render(of_credit_note(invoice, note), wanted)


async def render_client_bill(bill: ClientBill, wanted: Format) -> Rendered:
    """A bill to a client as a file: an invoice in the name of who serves the brand or resells the company."""
    invoice = Invoice(
        bill.client_bill_id, "", State.FINALIZED, bill.start_time, bill.end_time, bill.currency, bill.statement,
        bill.digest, bill.subtotal, bill.total, bill.issue_time, time_zone=bill.time_zone, number=bill.number,
        sequence=bill.sequence, cutoff_time=bill.cutoff_time, issue_time=bill.issue_time, due_time=bill.due_time,
        seller=bill.seller, buyer=bill.buyer, purchase_order=bill.buyer.purchase_order, names=bill.names,
    )  # fmt: skip
    document = replace(of_invoice(invoice), brand_id=bill.client_id if bill.is_of_brand else "")
    return await _render(document, wanted)


def bytes_of(document: Document, wanted: Format) -> bytes:
    """The file's bytes."""
    if wanted is Format.CSV:
        return csv_lines.render(document)
    if wanted is Format.UBL:
        return ubl.render(document)
    from billing.documents import pdf  # its libraries take a moment to import, and not every process makes one

    return pdf.render(document)


async def _render(document: Document, wanted: Format) -> Rendered:
    data = await asyncio.to_thread(bytes_of, document, wanted)
    media_type, extension = _KINDS[wanted]
    return Rendered(data, media_type, f"{document.number.replace('/', '-')}.{extension}")
