"""`python -m billing rebuild <invoice>`: whether a finalized invoice is what its events and plans make, to
the byte."""

from __future__ import annotations

import asyncio
import sys

from chassis.settings import load
from chassis.sql import Database
from kernel.errors import DomainError
from kernel.ids import require_id

from billing.domain import canonical
from billing.live.decks import DeckShelf
from billing.live.rating import Rating
from billing.ops import invoicing
from billing.settings import Settings


async def rebuild(rating: Rating, invoice_id: str) -> tuple[str, list[str]]:
    """The invoice's number, and what differs from it now: nothing when it is the same. Raises `InvoiceNotFound`,
    `InvoiceNotFinalized`."""
    tenant_id = await rating.db.system(lambda tx: invoicing.tenant_of(tx, invoice_id), read_only=True)
    invoice, data = await rating.run(
        tenant_id, lambda tx, decks: invoicing.rebuild(tx, invoice_id, decks), read_only=True
    )
    return invoice.number, canonical.differences(invoice.statement, data)


def main(arguments: list[str]) -> int:
    """Runs the command; the exit status: 0 identical, 1 different or not there, 2 used wrongly."""
    if len(arguments) != 2 or arguments[0] != "rebuild":
        print("Use: python -m billing rebuild <invoice>", file=sys.stderr)
        return 2
    settings = load(Settings, service="billing")

    async def run() -> tuple[str, list[str]]:
        db = await Database.connect(settings, "billing")
        try:
            return await rebuild(Rating(db, DeckShelf(db)), require_id("ivc", arguments[1], "invoice"))
        finally:
            await db.close()

    try:
        number, found = asyncio.run(run())
    except DomainError as error:
        print(error.message, file=sys.stderr)
        return 1
    print(f"{number}: {'differs' if found else 'identical'}")
    for each in found:
        print(each)
    return 1 if found else 0
