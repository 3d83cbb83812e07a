"""What a document says, the same for every kind of file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.documents.words import Words, words_of
from billing.domain import canonical
from billing.domain.credit_notes import CreditNote
from billing.domain.invoicing import Following, Invoice
from billing.domain.parties import BillingProfile, LegalEntity
from billing.domain.statements import ADVANCE_START, LineKind, Statement, StatementLine, Tax
from billing.domain.wholesale import COMPANY


@dataclass(frozen=True)
class Row:
    """One line of a document; `net` is what it counts after its discount."""

    line: StatementLine
    description: str
    net: Decimal
    start: date
    end: date
    """The last day, inclusive."""


@dataclass(frozen=True)
class Document:
    """An invoice, or a credit note when `of_number` says of which invoice."""

    number: str
    issue_date: date
    issue_time: datetime
    start: date
    end: date
    currency: str
    seller: LegalEntity
    buyer: BillingProfile
    words: Words
    rows: Sequence[Row]
    taxes: Sequence[Tax]
    discounts: Sequence[tuple[str, Decimal]]
    subtotal: Decimal
    total: Decimal
    digest: str
    due_date: date | None = None
    purchase_order: str = ""
    notes: str = ""
    of_number: str = ""
    reason: str = ""
    follows: str = ""
    """Which invoice of the same period it is made after, in words."""
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    """What brands and companies on it are called, by id."""
    brand_id: str = ""
    """Whose all of it is, of a bill to a brand's client."""

    @property
    def of_one_period(self) -> bool:
        """Whether every line is of the document's own period."""
        return all((row.start, row.end) == (self.start, self.end) for row in self.rows)


def of_invoice(invoice: Invoice) -> Document:
    """What a finalized invoice says."""
    statement = canonical.statement_from(invoice.statement)
    assert invoice.seller is not None and invoice.issue_time is not None and invoice.due_time is not None
    zone = ZoneInfo(invoice.time_zone or "UTC")
    buyer = invoice.buyer or BillingProfile()
    words = words_of(buyer.language)
    return Document(
        number=invoice.number, issue_date=invoice.issue_time.astimezone(zone).date(), issue_time=invoice.issue_time,
        start=_first(statement.start_time, zone), end=_last(statement.end_time, zone), currency=statement.currency,
        seller=invoice.seller, buyer=buyer, words=words, rows=_rows(statement, words, zone, invoice.names),
        taxes=statement.taxes,
        discounts=[(each.name, each.amount) for each in statement.discounts], subtotal=statement.subtotal,
        total=statement.total, digest=invoice.digest, due_date=invoice.due_time.astimezone(zone).date(),
        purchase_order=invoice.purchase_order, notes=invoice.notes, follows=_follows(invoice, words),
        names=invoice.names,
    )  # fmt: skip


def _follows(invoice: Invoice, words: Words) -> str:
    if not invoice.follows_number:
        return ""
    key = "supplements" if invoice.follow_kind == Following.SUPPLEMENTS else "replaces"
    return words.say(key, number=invoice.follows_number)


def of_credit_note(invoice: Invoice, note: CreditNote) -> Document:
    """What a credit note says: the lines taken back, with what is taken back of each."""
    whole = of_invoice(invoice)
    known = {row.line.line_id: row for row in whole.rows}
    rows = [_credited(known[each.line_id], each.amount) for each in note.lines]
    zone = ZoneInfo(invoice.time_zone or "UTC")
    return replace(
        whole, number=note.number, issue_date=note.issue_time.astimezone(zone).date(), issue_time=note.issue_time,
        rows=rows, taxes=note.taxes, discounts=(), subtotal=sum((row.net for row in rows), Decimal(0)),
        total=note.total, due_date=None, notes="", of_number=invoice.number, reason=note.reason,
        digest=canonical.digest(f"{invoice.digest}{note.number}".encode()),
    )  # fmt: skip


def _credited(row: Row, amount: Decimal) -> Row:
    line = replace(row.line, amount=amount, discount=Decimal(0), quantity=row.line.quantity * 0,
                   included=row.line.included * 0, brands=())  # fmt: skip
    return replace(row, line=line, net=amount)


def _rows(statement: Statement, words: Words, zone: ZoneInfo, names: Mapping[str, str]) -> list[Row]:
    return [
        Row(
            line, _said(line, words, names),
            line.amount - line.discount, _first(line.start_time, zone), _last(line.end_time, zone),
        )
        for line in statement.lines
    ]  # fmt: skip


def _said(line: StatementLine, words: Words, names: Mapping[str, str]) -> str:
    late, said = line.kind is LineKind.LATE, line.description_parameters
    text = words.line(line.description_key, line.kind.value, line.meter, said, late=late)
    if ADVANCE_START in said:
        text = words.say("in_advance", what=text)
    company = said.get(COMPANY, "")
    return words.say("to", what=names.get(company) or company, destination=text) if company else text


def _first(time: datetime, zone: ZoneInfo) -> date:
    return time.astimezone(zone).date()


def _last(time: datetime, zone: ZoneInfo) -> date:
    # A stretch that ends at midnight ends with the day before.
    local = time.astimezone(zone)
    midnight = (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0)
    return date.fromordinal(local.date().toordinal() - 1) if midnight else local.date()
