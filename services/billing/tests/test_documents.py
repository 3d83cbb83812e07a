"""Documents: the same bytes every time, in four languages, and amounts that add up in every one of them."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from billing.documents import bytes_of
from billing.documents.ubl import CAC, CBC
from billing.documents.view import of_credit_note, of_invoice
from billing.documents.words import words_of
from billing.domain import canonical
from billing.domain.credit_notes import CreditedLine
from billing.domain.invoicing import Format, Invoice, State
from billing.domain.parties import LANGUAGES, Address, BillingProfile
from billing.domain.statements import Statement
from hypothesis import given, settings

from .invoice_house import APRIL, DAY, MARCH, entity
from .test_domain_invoicing import line, note, statement, statements

UBL = "urn:oasis:names:specification:ubl:schema:xsd"
REQUIRED = (
    "cbc:CustomizationID", "cbc:ID", "cbc:IssueDate", "cbc:InvoiceTypeCode", "cbc:DocumentCurrencyCode",
    "cac:AccountingSupplierParty/cac:Party/cac:PartyLegalEntity/cbc:RegistrationName",
    "cac:AccountingSupplierParty/cac:Party/cac:PostalAddress/cac:Country/cbc:IdentificationCode",
    "cac:AccountingCustomerParty/cac:Party/cac:PartyLegalEntity/cbc:RegistrationName",
    "cac:TaxTotal/cbc:TaxAmount", "cac:TaxTotal/cac:TaxSubtotal/cac:TaxCategory/cbc:ID",
    "cac:LegalMonetaryTotal/cbc:LineExtensionAmount", "cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount",
    "cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount", "cac:LegalMonetaryTotal/cbc:PayableAmount",
    "cac:InvoiceLine/cbc:ID", "cac:InvoiceLine/cbc:InvoicedQuantity", "cac:InvoiceLine/cbc:LineExtensionAmount",
    "cac:InvoiceLine/cac:Item/cbc:Name", "cac:InvoiceLine/cac:Item/cac:ClassifiedTaxCategory/cbc:ID",
    "cac:InvoiceLine/cac:Price/cbc:PriceAmount",
)  # fmt: skip
"""What EN 16931 can't do without."""
SPACES = {"cbc": CBC, "cac": CAC}


def invoice(found: Statement, language: str = "en", **changed: Any) -> Invoice:
    """A finalized invoice that says this."""
    data = canonical.statement_bytes(found)
    buyer = BillingProfile(
        "شرکت نمونه", Address("خیابان ۱", "", "تهران", "1", "", "IR"), "123", "a@b.example", language
    )
    made = Invoice(
        "ivc_1", "ten_1", State.FINALIZED, MARCH, APRIL, found.currency, data, canonical.digest(data), found.subtotal,
        found.total, APRIL, time_zone="Asia/Baku", number="MRK-000017", cutoff_time=APRIL + DAY, issue_time=APRIL + DAY,
        due_time=APRIL + 15 * DAY, seller=replace(entity(), legal_entity_id="lge_1"), buyer=buyer,
        purchase_order="PO <1> & 2", notes="Ödənişə görə təşəkkür edirik",
    )  # fmt: skip
    return replace(made, **changed)


def xml_of(found: Invoice) -> ET.Element:
    """The invoice's UBL."""
    return ET.fromstring(bytes_of(of_invoice(found), Format.UBL))


def amount(root: ET.Element, path: str) -> Decimal:
    """The amount at a path."""
    return Decimal(root.findtext(path, "", SPACES))


@pytest.mark.parametrize("wanted", list(Format))
@pytest.mark.parametrize("language", LANGUAGES)
def test_document_is_the_same_to_the_byte_whatever_happened_since(language: str, wanted: Format) -> None:
    found = invoice(statement(line("a", "100", discount="10"), line("b", "-3.50")), language)
    later = replace(found, state=State.PAID, paid=found.total, paid_time=APRIL + 20 * DAY, version=9, reminders=2)
    assert bytes_of(of_invoice(found), wanted) == bytes_of(of_invoice(later), wanted)


@pytest.mark.parametrize("language", LANGUAGES)
def test_pdf_embeds_its_fonts_and_says_its_language(language: str) -> None:
    many = statement(*(line(f"l{number}", "1.25") for number in range(90)))
    data = bytes_of(of_invoice(invoice(many, language)), Format.PDF)
    assert data.startswith(b"%PDF-") and b"/FontFile2" in data and f"/Lang ({language})".encode() in data
    assert b"D:20260402" in data, "the date of the invoice, not of the moment it was made"


def test_every_language_has_every_word() -> None:
    keys = {language: set(words_of(language).texts) for language in LANGUAGES}
    assert all(found == keys["en"] for found in keys.values())


def test_days_are_those_of_the_companys_zone_and_a_month_ends_with_its_last_day() -> None:
    found = replace(
        statement(line("a", "1")), start_time=MARCH - timedelta(hours=4), end_time=APRIL - timedelta(hours=4)
    )
    document = of_invoice(invoice(found))
    assert (document.start.isoformat(), document.end.isoformat()) == ("2026-03-01", "2026-03-31")


@settings(max_examples=60, deadline=None)
@given(statements)
def test_ubl_has_what_en_16931_wants_and_its_amounts_add_up(found: Statement) -> None:
    root = xml_of(invoice(found))
    assert [path for path in REQUIRED if root.find(path, SPACES) is None] == []
    lines = [Decimal(each.text or "") for each in root.findall("cac:InvoiceLine/cbc:LineExtensionAmount", SPACES)]
    totals = "cac:LegalMonetaryTotal/cbc:"
    net, taxes = amount(root, f"{totals}LineExtensionAmount"), amount(root, "cac:TaxTotal/cbc:TaxAmount")
    assert sum(lines) == net == amount(root, f"{totals}TaxExclusiveAmount")
    subtotals = root.findall("cac:TaxTotal/cac:TaxSubtotal", SPACES)
    assert sum(Decimal(each.findtext("cbc:TaxAmount", "", SPACES)) for each in subtotals) == taxes
    assert sum(Decimal(each.findtext("cbc:TaxableAmount", "", SPACES)) for each in subtotals) == net
    assert net + taxes == amount(root, f"{totals}TaxInclusiveAmount") == amount(root, f"{totals}PayableAmount")
    assert amount(root, f"{totals}PayableAmount") == found.total
    for each in root.findall("cac:InvoiceLine", SPACES):
        pieces = Decimal(each.findtext("cbc:InvoicedQuantity", "", SPACES))
        assert pieces * amount(each, "cac:Price/cbc:PriceAmount") == amount(each, "cbc:LineExtensionAmount")


def test_ubl_says_what_is_special_without_breaking() -> None:
    root = xml_of(invoice(statement(line("a", "1")), notes="a\x00b\x0b <c> & d"))
    assert root.tag == f"{{{UBL}:Invoice-2}}Invoice"
    assert root.findtext("cbc:Note", "", SPACES) == "ab <c> & d"
    assert root.findtext("cac:OrderReference/cbc:ID", "", SPACES) == "PO <1> & 2"


def test_credit_note_names_its_invoice_and_adds_up() -> None:
    found = statement(line("a", "100"), line("b", "50"))
    made = note(found, [], [CreditedLine("a", Decimal("40.00"))])
    document = of_credit_note(invoice(found), made)
    root = ET.fromstring(bytes_of(document, Format.UBL))
    assert root.tag == f"{{{UBL}:CreditNote-2}}CreditNote"
    assert root.findtext("cbc:CreditNoteTypeCode", "", SPACES) == "381"
    assert root.findtext("cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID", "", SPACES) == "MRK-000017"
    assert amount(root, "cac:LegalMonetaryTotal/cbc:PayableAmount") == Decimal("47.20")
    assert bytes_of(document, Format.PDF) == bytes_of(of_credit_note(invoice(found), made), Format.PDF)


@settings(max_examples=40, deadline=None)
@given(statements)
def test_csv_rows_add_up_to_the_total(found: Statement) -> None:
    text = bytes_of(of_invoice(invoice(found)), Format.CSV).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    counted = [row for row in rows if row["tax_included"] != "yes"]
    assert sum(Decimal(row["amount"]) - Decimal(row["discount"]) for row in counted) == found.total


def test_csv_never_begins_a_cell_with_a_formula() -> None:
    found = statement(line("=cmd()", "1"))
    text = bytes_of(of_invoice(invoice(found)), Format.CSV).decode("utf-8-sig")
    assert "'=cmd()" in text and ",=cmd()" not in text


def test_fonts_come_with_their_licence() -> None:
    import billing.documents as documents

    fonts = Path(documents.__file__).parent / "fonts"
    assert {each.name for each in fonts.iterdir()} == {"DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "LICENSE.txt"}
