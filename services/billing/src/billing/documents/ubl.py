"""The document as UBL 2.1 XML (OASIS), in the shape of EN 16931: what accounting programs read.

EN 16931 knows net amounts only, so what tax is in a price is taken out of its line; and a line's amount is its
quantity times its price, which included units and tiers aren't, so a line is one piece at its net amount, with what
was used in its properties.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from decimal import Decimal
from fractions import Fraction

from kernel.money import rounded

from billing.documents.view import Document, Row
from billing.domain.parties import Address
from billing.domain.statements import Tax
from billing.money_proto import shown

CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
CUSTOMIZATION = "urn:cen.eu:en16931:2017"
_UNTAXED = ("O", "Not subject to tax")
_SPECIAL = {"reverse_charge": ("AE", "Reverse charge"), "exempt": ("E", "Exempt from tax")}

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

ET.register_namespace("cbc", CBC)
ET.register_namespace("cac", CAC)


def render(document: Document) -> bytes:
    """The file's bytes."""
    kind = "CreditNote" if document.of_number else "Invoice"
    root_space = f"urn:oasis:names:specification:ubl:schema:xsd:{kind}-2"
    root = ET.Element(f"{{{root_space}}}{kind}")
    _head(root, document)
    _party(_sub(root, "AccountingSupplierParty"), document.seller.name, document.seller.address,
           document.seller.tax_id, document.seller.registration_id, document.seller.email)  # fmt: skip
    buyer = document.buyer
    _party(_sub(root, "AccountingCustomerParty"), buyer.legal_name or "-", buyer.address, buyer.tax_id, "", buyer.email)
    _means(root, document)
    nets = line_nets(document)
    _totals(root, document, nets)
    for index, row in enumerate(document.rows):
        _line(root, document, row, index + 1, nets[index])
    ET.indent(root)
    # The document's own namespace as the default one: ElementTree would want every attribute qualified for that.
    text = ET.tostring(root, encoding="unicode").replace("<ns0:", "<").replace("</ns0:", "</")
    text = text.replace("xmlns:ns0=", "xmlns=", 1)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def line_nets(document: Document) -> list[Decimal]:
    """The lines' amounts without any tax; what rounding leaves over is on the largest one, so that they add up."""
    found: list[Decimal] = []
    for row in document.rows:
        inside = sum(
            (Fraction(tax.percent) for tax in document.taxes if tax.included and tax.falls_on(row.line)), Fraction(0)
        )
        found.append(rounded(Fraction(row.net) * 100 / (100 + inside), document.currency))
    taxes = sum((tax.amount for tax in document.taxes if tax.included), Decimal(0))
    left = sum((row.net for row in document.rows), Decimal(0)) - taxes - sum(found, Decimal(0))
    if left and found:
        largest = max(range(len(found)), key=lambda index: (abs(found[index]), -index))
        found[largest] += left
    return found


def _head(root: ET.Element, document: Document) -> None:
    _text(root, "CustomizationID", CUSTOMIZATION)
    _text(root, "ID", document.number)
    _text(root, "IssueDate", document.issue_date.isoformat())
    if document.due_date is not None:
        _text(root, "DueDate", document.due_date.isoformat())
    _text(
        root, "CreditNoteTypeCode" if document.of_number else "InvoiceTypeCode", "381" if document.of_number else "380"
    )
    for note in (document.notes, document.reason, document.follows):
        if note:
            _text(root, "Note", note)
    _text(root, "DocumentCurrencyCode", document.currency)
    if document.purchase_order:
        _text(root, "BuyerReference", document.purchase_order)
    period = _sub(root, "InvoicePeriod")
    # A line's period lies within the invoice's, say those who exchange them: late lines and those in advance too.
    _text(period, "StartDate", min([document.start, *(row.start for row in document.rows)]).isoformat())
    _text(period, "EndDate", max([document.end, *(row.end for row in document.rows)]).isoformat())
    if document.purchase_order:
        _text(_sub(root, "OrderReference"), "ID", document.purchase_order)
    if document.of_number:
        _text(_sub(_sub(root, "BillingReference"), "InvoiceDocumentReference"), "ID", document.of_number)


def _party(parent: ET.Element, name: str, address: Address, tax_id: str, registration: str, email: str) -> None:
    party = _sub(parent, "Party")
    _text(_sub(party, "PartyName"), "Name", name)
    place = _sub(party, "PostalAddress")
    for tag, value in (
        ("StreetName", address.street), ("AdditionalStreetName", address.additional), ("CityName", address.city),
        ("PostalZone", address.postal_code), ("CountrySubentity", address.region),
    ):  # fmt: skip
        if value:
            _text(place, tag, value)
    if address.country:
        _text(_sub(place, "Country"), "IdentificationCode", address.country)
    if tax_id:
        scheme = _sub(party, "PartyTaxScheme")
        _text(scheme, "CompanyID", tax_id)
        _text(_sub(scheme, "TaxScheme"), "ID", "VAT")
    legal = _sub(party, "PartyLegalEntity")
    _text(legal, "RegistrationName", name)
    if registration:
        _text(legal, "CompanyID", registration)
    if email:
        _text(_sub(party, "Contact"), "ElectronicMail", email)


def _means(root: ET.Element, document: Document) -> None:
    if document.of_number:
        return
    _text(_sub(root, "PaymentMeans"), "PaymentMeansCode", "1")  # UNCL 4461: not defined, the parties know how
    terms = document.seller.payment_instructions
    if terms:
        _text(_sub(root, "PaymentTerms"), "Note", terms)


def _totals(root: ET.Element, document: Document, nets: list[Decimal]) -> None:
    total = _sub(root, "TaxTotal")
    taxes = sum((tax.amount for tax in document.taxes), Decimal(0))
    _amount(total, "TaxAmount", taxes, document.currency)
    net = sum(nets, Decimal(0))
    for tax in document.taxes:
        _subtotal(total, tax.base, tax.amount, document.currency, _category(tax), tax.percent)
    if not document.taxes:
        _subtotal(total, net, Decimal(0), document.currency, _UNTAXED, None)
    sums = _sub(root, "LegalMonetaryTotal")
    for tag, value in (
        ("LineExtensionAmount", net), ("TaxExclusiveAmount", net), ("TaxInclusiveAmount", net + taxes),
        ("PayableAmount", document.total),
    ):  # fmt: skip
        _amount(sums, tag, value, document.currency)


def _subtotal(
    parent: ET.Element,
    base: Decimal,
    amount: Decimal,
    currency: str,
    category: tuple[str, str],
    percent: Decimal | None,
) -> None:
    found = _sub(parent, "TaxSubtotal")
    _amount(found, "TaxableAmount", base, currency)
    _amount(found, "TaxAmount", amount, currency)
    _tax_category(_sub(found, "TaxCategory"), category, percent)


def _tax_category(
    element: ET.Element, category: tuple[str, str], percent: Decimal | None, *, reason: bool = True
) -> None:
    code, why = category
    _text(element, "ID", code)
    if percent is not None and code != "O":
        _text(element, "Percent", f"{percent:f}")
    if why and reason:
        _text(element, "TaxExemptionReason", why)
    _text(_sub(element, "TaxScheme"), "ID", "VAT")


def _category(tax: Tax) -> tuple[str, str]:
    if tax.tax_code in _SPECIAL:
        return _SPECIAL[tax.tax_code]
    return ("S", "") if tax.percent else ("Z", "")


def _line(root: ET.Element, document: Document, row: Row, number: int, net: Decimal) -> None:
    credit = bool(document.of_number)
    found = _sub(root, "CreditNoteLine" if credit else "InvoiceLine")
    _text(found, "ID", str(number))
    quantity = _text(found, "CreditedQuantity" if credit else "InvoicedQuantity", "1" if net >= 0 else "-1")
    quantity.set("unitCode", "C62")
    _amount(found, "LineExtensionAmount", net, document.currency)
    period = _sub(found, "InvoicePeriod")
    _text(period, "StartDate", row.start.isoformat())
    _text(period, "EndDate", max(row.start, row.end).isoformat())
    item = _sub(found, "Item")
    _text(item, "Name", row.description)
    taxes = [tax for tax in document.taxes if tax.falls_on(row.line)]
    category, percent = (_category(taxes[0]), taxes[0].percent) if taxes else (_UNTAXED, None)
    _tax_category(_sub(item, "ClassifiedTaxCategory"), category, percent, reason=False)
    for name, value in _properties(row, document.currency):
        more = _sub(item, "AdditionalItemProperty")
        _text(more, "Name", name)
        _text(more, "Value", value)
    _amount(_sub(found, "Price"), "PriceAmount", abs(net), document.currency)


def _properties(row: Row, currency: str) -> list[tuple[str, str]]:
    line = row.line
    found = [("line_id", line.line_id), ("kind", line.kind.value), ("meter", line.meter)]
    if line.quantity:
        found += [("quantity", shown(line.quantity)), ("included", shown(line.included)),
                  ("unit_price", f"{line.unit_price:f} {currency}")]  # fmt: skip
    if line.discount:
        found.append(("discount", f"{line.discount:f} {currency}"))
    return [(name, value) for name, value in found if value]


def _sub(parent: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(parent, f"{{{CAC}}}{name}")


def _text(parent: ET.Element, name: str, value: str) -> ET.Element:
    found = ET.SubElement(parent, f"{{{CBC}}}{name}")
    # XML 1.0 has no place for these, and a name may come with one from wherever it was copied.
    found.text = _UNPRINTABLE.sub("", value)
    return found


def _amount(parent: ET.Element, name: str, value: Decimal, currency: str) -> None:
    _text(parent, name, f"{value:f}").set("currencyID", currency)
