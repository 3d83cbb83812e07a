"""Between the verbs and the payment provider: begin in one transaction, ask, note the answer in another.

A process that dies in between leaves a payment that is PENDING: the next attempt asks again with the same idempotency
key and hears what became of it, or the provider's own event tells.
"""

from __future__ import annotations

from chassis.sql import Database
from chassis.telemetry import log
from kernel.errors import DomainError

from billing.clients import PaymentProvider
from billing.domain.invoicing import Invoice
from billing.domain.payments import Method, NoPaymentMethod, NoPaymentProvider, ProviderEvent
from billing.ops import auto_top_ups, invoicing, parties, paying
from billing.store import auto_top_ups as auto_top_up_store
from billing.store import payments as store

TOP_UP_SECONDS = 3


class Collector:
    """Asks the payment provider; None when invoices are paid by hand."""

    def __init__(self, db: Database, provider: PaymentProvider | None, public_url: str = "") -> None:
        self._db = db
        self._provider = provider
        self._public_url = public_url.rstrip("/")

    @property
    def name(self) -> str:
        """The provider's name; empty when there is none."""
        return self._provider.name if self._provider else ""

    async def pay(self, tenant_id: str, invoice_id: str) -> Invoice:
        """Pays an invoice by the method on file. Raises `NoPaymentProvider`, `NoPaymentMethod`, `InvoiceStateWrong`,
        `ProviderUnavailable`."""
        provider, clock = self._known(), self._db.clock
        charge = await self._db.run(
            tenant_id, lambda tx: paying.begin_charge(tx, invoice_id, provider.name, clock.now(), provider.least)
        )
        outcome = await provider.charge(charge.payment, charge.method, charge.number)
        done = await self._db.run(
            tenant_id, lambda tx: paying.end_charge(tx, charge.payment.payment_id, outcome, clock.now())
        )
        return done or await self._db.run(tenant_id, lambda tx: invoicing.get(tx, invoice_id), read_only=True)

    async def try_to_pay(self, tenant_id: str, invoice_id: str) -> None:
        """As `pay`, by the invoice run: what doesn't work is said in the log and tried again with the next reminder."""
        if self._provider is None:
            return
        try:
            await self.pay(tenant_id, invoice_id)
        except NoPaymentMethod:
            pass
        except DomainError as error:
            log.warning("invoice wasn't charged", tenant_id=tenant_id, invoice_id=invoice_id, reason=error.reason)

    async def top_up_due(self) -> None:
        """Charges what wallets are to be topped up by. Each is its own transaction and its own trouble."""
        clock, provider = self._db.clock, self._provider
        least = provider.least if provider else None
        for tenant_id, auto_top_up_id in await self._db.system(
            lambda tx: auto_top_up_store.due(tx, clock.now()), read_only=True
        ):
            attempt = await self._db.run(
                tenant_id, lambda tx, i=auto_top_up_id: auto_top_ups.claim(tx, i, self.name, clock.now(), least)
            )
            if attempt is None or provider is None:
                continue
            try:
                outcome = await provider.charge(attempt.payment, attempt.method, auto_top_up_id)
            except DomainError as error:
                log.warning("a wallet wasn't topped up", tenant_id=tenant_id, reason=error.reason)
                continue
            await self._db.run(
                tenant_id, lambda tx, i=auto_top_up_id, o=outcome: auto_top_ups.end(tx, i, o, clock.now())
            )

    async def setup_page(self, tenant_id: str, request_id: str) -> str:
        """Address of the page where a payment method is put in. Raises `NoPaymentProvider`, `ProviderUnavailable`."""
        provider = self._known()
        profile = await self._db.run(tenant_id, parties.get_profile, read_only=True)
        known = await self._db.run(tenant_id, lambda tx: store.method(tx, provider.name), read_only=True)
        customer = known.customer_id if known else ""
        if not customer:
            customer = await provider.customer(tenant_id, profile.legal_name, profile.email)
            made = Method(provider.name, customer)
            await self._db.run(tenant_id, lambda tx: store.save_method(tx, made))
        return await provider.setup_page(tenant_id, customer, f"{self._public_url}/admin/billing", request_id)

    async def receive(self, name: str, payload: bytes, signature: str) -> bool:
        """Takes an event of the provider; whether it changed anything. Raises `NoPaymentProvider`, `SignatureWrong`."""
        provider = self._known()
        if name != provider.name:
            raise NoPaymentProvider("No such payment provider is set up.")
        event: ProviderEvent | None = await provider.event(payload, signature)
        if event is None or not event.tenant_id:
            return False
        found, clock = event, self._db.clock
        return await self._db.run(found.tenant_id, lambda tx: paying.take_event(tx, name, found, clock.now()))

    def _known(self) -> PaymentProvider:
        if self._provider is None:
            raise NoPaymentProvider("Invoices are paid by hand here: no payment provider is set up.")
        return self._provider
