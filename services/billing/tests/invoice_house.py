"""A company that is billed, and the run that bills it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.domain.dunning import DEFAULT_SCHEDULE, schedule_of
from billing.domain.invoicing import Invoice
from billing.domain.parties import Address, BillingProfile, LegalEntity
from billing.ops import invoicing, parties, paying
from billing.sweeper import Rules, Sweeper
from kernel.tenant import PLATFORM

from .conftest import MARCH, Ledger, call_fact, plan_fact, user_fact

APRIL, MAY = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = Rules(DAY, timedelta(seconds=60), schedule_of(DEFAULT_SCHEDULE), {})


def entity(prefix: str = "MRK-", **changed: Any) -> LegalEntity:
    """A company of the operators."""
    values: dict[str, Any] = {
        "legal_entity_id": "", "name": "Merkez MMC", "address": Address("Nizami 1", "", "Bakı", "AZ1000", "", "AZ"),
        "number_prefix": prefix, "credit_note_prefix": f"C{prefix}", "tax_id": "1234567891",
        "email": "bill@example.com", "payment_instructions": "IBAN AZ00 0000",
    }  # fmt: skip
    return LegalEntity(**values | changed)


@dataclass
class House:
    """One tenant's ledger with its invoices."""

    ledger: Ledger

    def __post_init__(self) -> None:
        self.sweeper = Sweeper(self.ledger.rating, RULES)

    async def set_up(self, prefix: str = "MRK-") -> str:
        """The legal entity that sends the invoices; its id."""
        now = self.ledger.clock.now()
        made = await self.ledger.db.run(PLATFORM, lambda tx: parties.create_entity(tx, entity(prefix), 1, 1, now))
        return made.entity.legal_entity_id

    async def used_march(self, *lengths: int, seats: int = 1) -> None:
        """A plan, seats for the whole of March, and a call of each of these lengths."""
        await self.ledger.tell(plan_fact())
        for number in range(seats):
            await self.ledger.tell(user_fact(f"usr_{number}", 1), MARCH)
        for number, seconds in enumerate(lengths):
            await self.ledger.tell(call_fact(f"call_{number}", seconds, MARCH + (number + 1) * DAY))

    def go_to(self, time: datetime) -> datetime:
        """Lets it be later."""
        self.ledger.clock.advance(time - self.ledger.clock.now())
        return time

    async def run(self, time: datetime | None = None) -> None:
        """One sweep, at a time."""
        if time is not None:
            self.go_to(time)
        await self.sweeper.sweep()

    async def invoices(self) -> list[Invoice]:
        """The tenant's invoices, oldest period first."""
        found, _ = await self.do(lambda tx: invoicing.list_invoices(tx, None, 0, ""))
        return found[::-1]

    async def issued(self, time: datetime = APRIL + 2 * DAY) -> Invoice:
        """The first invoice, after a run."""
        await self.run(time)
        return (await self.invoices())[0]

    async def do(self, work: Any) -> Any:
        """One transaction of the tenant."""
        return await self.ledger.db.run(self.ledger.tenant, work)

    async def whole(self, invoice_id: str) -> invoicing.Whole:
        """An invoice with all that belongs to it."""
        return await self.do(lambda tx: invoicing.whole(tx, invoice_id, self.ledger.clock.now()))

    async def pay(self, invoice_id: str, amount: str, reference: str = "bank 1") -> Invoice:
        """Money that came by bank."""
        now = self.ledger.clock.now()
        return await self.do(lambda tx: paying.record_by_hand(tx, invoice_id, amount, "EUR", reference, None, now))

    async def profile(self, **values: Any) -> BillingProfile:
        """Changes the company's billing profile."""
        return await self.do(lambda tx: parties.update_profile(tx, BillingProfile(**values), 0))


def euros(text: str) -> Decimal:
    """An amount."""
    return Decimal(text)
