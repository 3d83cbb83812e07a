"""The lines for spreadsheets: RFC 4180, UTF-8 with a byte order mark so that Excel reads the letters right.

A line whose usage is of several brands has a row for each; their names, and those of companies that are resold, are as
of the document's issue.
`amount` - `discount` of all rows, with taxes that aren't included, adds up to the document's total.
"""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from fractions import Fraction

from billing.documents.view import Document, Row
from billing.domain.brands import of_line, spread
from billing.domain.statements import BrandShare
from billing.domain.wholesale import COMPANY
from billing.money_proto import shown

COLUMNS = (
    "number", "issue_date", "of_invoice", "row", "line_id", "kind", "meter", "description", "start_date", "end_date",
    "quantity", "included", "unit_price", "amount", "discount", "tax_code", "tax_included", "currency", "brand_id",
    "brand_name", "tenant_id", "tenant_name",
)  # fmt: skip


def render(document: Document) -> bytes:
    """The file's bytes."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    names = document.names
    head = [document.number, document.issue_date.isoformat(), document.of_number]
    for row in document.rows:
        line = row.line
        company = line.description_parameters.get(COMPANY, "")
        for share, discount in _shares(row, document.currency):
            brand_id = share.brand_id or document.brand_id
            writer.writerow([
                *head, "line", _text(line.line_id), line.kind.value, _text(line.meter), _text(row.description),
                row.start.isoformat(), row.end.isoformat(), shown(share.quantity), shown(share.included),
                _number(line.unit_price), _number(share.amount), _number(discount), _text(line.tax_code), "",
                document.currency, *map(_text, (brand_id, names.get(brand_id, ""), company, names.get(company, ""))),
            ])  # fmt: skip
    for tax in document.taxes:
        name = f"{tax.name} {tax.percent:f}%"
        writer.writerow([
            *head, "tax", "", "tax", "", _text(name), document.start.isoformat(), document.end.isoformat(), "", "", "",
            _number(tax.amount), "0", _text(tax.tax_code), "yes" if tax.included else "no", document.currency,
            *[""] * 4,
        ])  # fmt: skip
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _shares(row: Row, currency: str) -> list[tuple[BrandShare, Decimal]]:
    """A row for each brand that has something of a line; the line itself where nobody's brand is told. A discount is
    shared as the amounts are."""
    line = row.line
    if not line.brands or not line.amount:
        whole = of_line(line.brands, line.quantity, line.included, line.amount)
        return [(each, line.discount * (place == 0)) for place, each in enumerate(whole)]
    parts = {each.brand_id: abs(Fraction(each.amount)) for each in line.brands}
    discounts = spread(line.discount, parts, currency)
    return [(each, discounts[each.brand_id]) for each in line.brands]


def _number(value: Decimal) -> str:
    return f"{value:f}"


def _text(value: str) -> str:
    # A spreadsheet takes a cell that begins so for a formula.
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
