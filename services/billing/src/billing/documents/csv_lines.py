"""The lines for spreadsheets: RFC 4180, UTF-8 with a byte order mark so that Excel reads the letters right.

`amount` - `discount` of all rows, with taxes that aren't included, adds up to the document's total.
"""

from __future__ import annotations

import csv
import io
from decimal import Decimal

from billing.documents.view import Document
from billing.money_proto import shown

COLUMNS = (
    "number", "issue_date", "of_invoice", "row", "line_id", "kind", "meter", "description", "start_date", "end_date",
    "quantity", "included", "unit_price", "amount", "discount", "tax_code", "tax_included", "currency",
)  # fmt: skip


def render(document: Document) -> bytes:
    """The file's bytes."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    head = [document.number, document.issue_date.isoformat(), document.of_number]
    for row in document.rows:
        line = row.line
        writer.writerow([
            *head, "line", _text(line.line_id), line.kind.value, _text(line.meter), _text(row.description),
            row.start.isoformat(), row.end.isoformat(), shown(line.quantity), shown(line.included),
            _number(line.unit_price), _number(line.amount), _number(line.discount), _text(line.tax_code), "",
            document.currency,
        ])  # fmt: skip
    for tax in document.taxes:
        name = f"{tax.name} {tax.percent:f}%"
        writer.writerow([
            *head, "tax", "", "tax", "", _text(name), document.start.isoformat(), document.end.isoformat(), "", "", "",
            _number(tax.amount), "0", _text(tax.tax_code), "yes" if tax.included else "no", document.currency,
        ])  # fmt: skip
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _number(value: Decimal) -> str:
    return f"{value:f}"


def _text(value: str) -> str:
    # A spreadsheet takes a cell that begins so for a formula.
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
