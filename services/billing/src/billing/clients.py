"""What billing asks of the world outside: a payment provider. No transaction is open while it answers."""

from __future__ import annotations

from typing import Protocol

from billing.domain.payments import Method, Outcome, Payment, ProviderEvent


class PaymentProvider(Protocol):
    """Somebody who collects money. Every call may be repeated with the same ids and then does nothing twice."""

    @property
    def name(self) -> str:
        """What payments of it are called."""
        ...

    async def customer(self, tenant_id: str, name: str, email: str) -> str:
        """The customer this company is there; made when it is none yet. Raises `ProviderUnavailable`."""
        ...

    async def setup_page(self, tenant_id: str, customer_id: str, back_to: str, request_id: str) -> str:
        """Address of the page where a payment method is put in. Raises `ProviderUnavailable`."""
        ...

    async def charge(self, payment: Payment, method: Method, number: str) -> Outcome:
        """Takes the payment from the method on file; its id is the idempotency key. Raises `ProviderUnavailable` when
        it isn't known whether it was taken."""
        ...

    async def event(self, payload: bytes, signature: str) -> ProviderEvent | None:
        """What the provider tells, verified; None for what isn't ours. Raises `SignatureWrong`."""
        ...
