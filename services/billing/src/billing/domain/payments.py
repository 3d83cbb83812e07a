"""Money that comes in: what of it pays an invoice, and what becomes credit of the company."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from kernel.errors import FailedPrecondition, Unauthenticated, Unavailable

MANUAL, BALANCE, STRIPE = "manual", "balance", "stripe"


class NoPaymentProvider(FailedPrecondition):
    """Invoices are paid by hand here."""

    reason = "NO_PAYMENT_PROVIDER"


class NoPaymentMethod(FailedPrecondition):
    """The company has put in no card or other method."""

    reason = "NO_PAYMENT_METHOD"


class SignatureWrong(Unauthenticated):
    """An event didn't come from the payment provider, or is too old."""

    reason = "SIGNATURE_WRONG"


class ProviderUnavailable(Unavailable):
    """The payment provider can't be reached or answers nonsense."""

    reason = "PAYMENT_PROVIDER_UNAVAILABLE"


class PaymentState(StrEnum):
    """How an attempt stands."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Payment:
    """Money that came in for an invoice, or an attempt at it; `amount` in major units of the invoice's currency."""

    payment_id: str
    tenant_id: str
    invoice_id: str
    provider: str
    reference: str
    amount: Decimal
    currency: str
    state: PaymentState
    time: datetime
    failure: str = ""


@dataclass(frozen=True)
class Method:
    """How a company pays at a provider: its customer id there, and the method on file, when there is one."""

    provider: str
    customer_id: str
    method_id: str = ""
    label: str = ""


@dataclass(frozen=True)
class ProviderEvent:
    """What a provider told, verified: of which company, and what about."""

    event_id: str
    tenant_id: str
    kind: str
    """`payment_succeeded`, `payment_failed`, `method_set` or `other`."""
    invoice_id: str = ""
    payment_id: str = ""
    reference: str = ""
    amount: Decimal = Decimal(0)
    currency: str = ""
    failure: str = ""
    method: Method | None = None


@dataclass(frozen=True)
class Outcome:
    """What a provider answered to an attempt."""

    state: PaymentState
    reference: str
    failure: str = ""
    amount: Decimal | None = None
    """What came in, where the provider says so; None: what was asked for."""


def split(amount: Decimal, owed: Decimal) -> tuple[Decimal, Decimal]:
    """What of an amount pays the invoice, and what is too much."""
    used = min(amount, max(owed, Decimal(0)))
    return used, amount - used
