"""An invoice from draft to paid: its states, what it was finalized as, what is owed by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from kernel.errors import Conflict, FailedPrecondition, InvalidInput, NotFound

from billing.domain.parties import BillingProfile, LegalEntity
from billing.domain.subscriptions import SHORTEST, Timeline, period_at

CALENDAR = Timeline(())
"""No subscription was heard of: periods are months of the calendar."""
NUMBER_DIGITS = 6
LONGEST_REASON, LONGEST_NOTES, LONGEST_ORDER = 500, 1_000, 60


class InvoiceNotFound(NotFound):
    """There is no such invoice, or it is another company's."""

    reason = "INVOICE_NOT_FOUND"


class InvoiceLineNotFound(NotFound):
    """The invoice has no such line."""

    reason = "INVOICE_LINE_NOT_FOUND"


class InvoiceStateWrong(FailedPrecondition):
    """What was asked for isn't possible in the state the invoice is in."""

    reason = "INVOICE_STATE_WRONG"


class InvoiceNotFinalized(FailedPrecondition):
    """A draft has no number and no documents yet."""

    reason = "INVOICE_NOT_FINALIZED"


class InvoiceFollowed(FailedPrecondition):
    """Another invoice was made after it already."""

    reason = "INVOICE_FOLLOWED"


class InvoiceTooYoung(FailedPrecondition):
    """What it depends on was written only just now: a minute later it can be finalized."""

    reason = "INVOICE_TOO_YOUNG"


class InvoicePartlyPaid(FailedPrecondition):
    """Something came in for the invoice or was credited: it can't be declared void."""

    reason = "INVOICE_PARTLY_PAID"


class InvoiceVersionConflict(Conflict):
    """Somebody changed it in between."""

    reason = "VERSION_CONFLICT"


class InvoiceTextInvalid(InvalidInput):
    """A text is missing or too long."""

    reason = "INVOICE_TEXT_INVALID"


class State(StrEnum):
    """Where an invoice stands."""

    DRAFT = "DRAFT"
    FINALIZED = "FINALIZED"
    PAID = "PAID"
    OVERDUE = "OVERDUE"
    VOID = "VOID"


class Trigger(StrEnum):
    """What happens to it."""

    FINALIZE = "FINALIZE"
    SETTLE = "SETTLE"
    """Nothing is owed any more: by payments, credit notes, or because the total is nothing."""
    FALL_DUE = "FALL_DUE"
    DECLARE_VOID = "DECLARE_VOID"


class Following(StrEnum):
    """Why an invoice follows another of the same period."""

    REPLACES = "REPLACES"
    """The other was declared void: this one bills the period anew."""
    SUPPLEMENTS = "SUPPLEMENTS"
    """The other stands: this one bills what came late of the period and can't stand on a later invoice."""


class Kind(StrEnum):
    """What a company is invoiced for."""

    OWN = ""
    """What it used and holds itself."""
    ADVANCE = "ADVANCE"
    """What a period costs in advance, where no invoice before it could say so: the first one, one after a reseller paid
    or in another currency. What is used in the period is on its own invoice."""
    RESALE = "RESALE"
    """What the companies come to that it resells."""


class Format(StrEnum):
    """What an invoice can be downloaded as."""

    PDF = "PDF"
    CSV = "CSV"
    UBL = "UBL"


TRANSITIONS: Mapping[tuple[State, Trigger], State] = {
    (State.DRAFT, Trigger.FINALIZE): State.FINALIZED,
    (State.FINALIZED, Trigger.SETTLE): State.PAID,
    (State.OVERDUE, Trigger.SETTLE): State.PAID,
    (State.FINALIZED, Trigger.FALL_DUE): State.OVERDUE,
    (State.FINALIZED, Trigger.DECLARE_VOID): State.VOID,
    (State.OVERDUE, Trigger.DECLARE_VOID): State.VOID,
}

PAYABLE = (State.FINALIZED, State.OVERDUE)
ISSUED = (State.FINALIZED, State.PAID, State.OVERDUE)


@dataclass(frozen=True)
class Invoice:
    """One company's invoice of one period. What it says is its `statement`, canonical bytes that never change once it
    is finalized; amounts are in major units of `currency`."""

    invoice_id: str
    tenant_id: str
    state: State
    start_time: datetime
    end_time: datetime
    currency: str
    statement: bytes
    digest: str
    subtotal: Decimal
    total: Decimal
    create_time: datetime
    time_zone: str = "UTC"
    """The zone the period followed: its days are those of this zone."""
    number: str = ""
    sequence: int = 0
    legal_entity_id: str = ""
    cutoff_time: datetime | None = None
    issue_time: datetime | None = None
    due_time: datetime | None = None
    paid_time: datetime | None = None
    void_time: datetime | None = None
    void_reason: str = ""
    paid: Decimal = Decimal(0)
    credited: Decimal = Decimal(0)
    """What credit notes took off what was owed; what they gave back of paid money is in the company's balance."""
    seller: LegalEntity | None = None
    buyer: BillingProfile | None = None
    purchase_order: str = ""
    notes: str = ""
    reminders: int = 0
    reminder_time: datetime | None = None
    """When the next stage of reminding is due."""
    version: int = 1
    follows_invoice_id: str = ""
    """The invoice of the same period that this one is made after; empty: it is the period's first."""
    follows_number: str = ""
    follow_kind: str = ""
    followed_by_invoice_id: str = ""
    kind: Kind = Kind.OWN
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    """What brands and companies on it are called, by id, as of its finalization; documents say them beside the ids."""

    @property
    def complete_time(self) -> datetime:
        """When all that it bills has been used or has begun."""
        return self.start_time if self.kind is Kind.ADVANCE else self.end_time

    @property
    def owed(self) -> Decimal:
        """What is still to be paid."""
        return self.total - self.paid - self.credited if self.state in ISSUED else Decimal(0)


def moved(invoice: Invoice, trigger: Trigger) -> Invoice:
    """The invoice in its next state. Raises `InvoiceStateWrong`."""
    state = TRANSITIONS.get((invoice.state, trigger))
    if state is None:
        raise InvoiceStateWrong(
            f"The invoice is {invoice.state.value.lower()}.", metadata={"state": invoice.state.value}
        )
    return replace(invoice, state=state, version=invoice.version + 1)


def check_version(invoice: Invoice, version: int) -> None:
    """Raises `InvoiceVersionConflict` unless `version` is 0 or the invoice's."""
    if version not in (0, invoice.version):
        raise InvoiceVersionConflict("The invoice has changed since: read it again.")


def check_payable(invoice: Invoice) -> None:
    """Raises `InvoiceStateWrong` unless something can be paid of it."""
    if invoice.state not in PAYABLE:
        raise InvoiceStateWrong(
            f"The invoice is {invoice.state.value.lower()}.", metadata={"state": invoice.state.value}
        )


def check_voidable(invoice: Invoice) -> None:
    """Raises `InvoicePartlyPaid` when something came in or was credited."""
    if invoice.state in PAYABLE and (invoice.paid or invoice.credited):
        raise InvoicePartlyPaid("Something was paid or credited already: write a credit note instead.")


def text(value: str, field: str, longest: int, *, required: bool = True) -> str:
    """The text without blanks around it. Raises `InvoiceTextInvalid`."""
    found = value.strip()
    if required and not found:
        raise InvoiceTextInvalid.of(field, "is required")
    if len(found) > longest or any(ord(each) < 32 and each != "\n" for each in found):
        raise InvoiceTextInvalid.of(field, f"must be text of at most {longest} characters")
    return found


def number_text(prefix: str, sequence: int) -> str:
    """How a number is written: MRK-000017."""
    return f"{prefix}{sequence:0{NUMBER_DIGITS}d}"


def next_period(
    first: datetime,
    last_end: datetime | None,
    time_zone: str,
    timeline: Timeline = CALENDAR,
    cuts: Sequence[datetime] = (),
) -> tuple[datetime, datetime]:
    """The period to invoice next: the calendar month of the zone that `first` (when a plan was first held) lies in,
    then month after month, each from the end of the one before.

    A company that moves to another zone gets one period that is hours longer or shorter, never a gap or an overlap: the
    month is the one that lies a few days after the last end, whatever the zone says of that very moment. A period ends
    early at one of the `cuts`, when a plan of another currency took over.
    """
    if last_end is None:
        start, end = period_at(timeline, first, time_zone)
    else:
        start, end = last_end, period_at(timeline, last_end + SHORTEST, time_zone)[1]
    return start, min((cut for cut in cuts if start < cut < end), default=end)


def periods_between(
    first: datetime,
    time_zone: str,
    timeline: Timeline,
    time: datetime,
    period: tuple[datetime, datetime],
    cuts: Sequence[datetime] = (),
) -> int:
    """How many periods after that in which `time` lies a period is that is invoiced; negative before it. Counted are
    the periods there are, short ones too, since `first`."""
    middle = period[0] + (period[1] - period[0]) // 2
    of_time = of_period = 0
    _, end = next_period(first, None, time_zone, timeline, cuts)
    while end <= max(time, middle):
        of_time, of_period = of_time + (end <= time), of_period + (end <= middle)
        _, end = next_period(first, end, time_zone, timeline, cuts)
    return of_period - of_time
