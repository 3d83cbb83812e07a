"""Sends finalized invoices, with the usage they were made of, to another billing program; what fails is tried again
later, further and further apart."""

from __future__ import annotations

from datetime import datetime, timedelta

from chassis.telemetry import log
from kernel.errors import DomainError

from billing.domain import canonical
from billing.domain.statements import LineKind
from billing.live.rating import Rating
from billing.ops import invoicing, line_records
from billing.providers.lago import NAME, Lago
from billing.store import exports

_LONGEST_PAUSE = timedelta(hours=6)
_TAKEN = timedelta(minutes=30)
"""How long whoever took an invoice has for sending it; after that another may."""


class Exporter:
    """The export to Lago."""

    def __init__(self, rating: Rating, lago: Lago) -> None:
        self._rating = rating
        self._db = rating.db
        self._lago = lago

    async def export_due(self) -> None:
        """Sends what is due, of every tenant."""
        now = self._db.clock.now()
        due = await self._db.system(lambda tx: exports.due(tx, NAME, now), read_only=True)
        for tenant_id, invoice_id in due:
            # At every replica: who takes it sends it, the others leave it alone meanwhile.
            mine = await self._db.run(
                tenant_id, lambda tx, i=invoice_id: exports.claim(tx, NAME, i, now, self._db.clock.now() + _TAKEN)
            )
            if mine:
                await self._send(tenant_id, invoice_id, self._db.clock.now())

    async def _send(self, tenant_id: str, invoice_id: str, now: datetime) -> None:
        failure = ""
        try:
            invoice = await self._db.run(tenant_id, lambda tx: invoicing.issued(tx, invoice_id), read_only=True)
            statement = canonical.statement_from(invoice.statement)
            for line in statement.lines:
                if line.kind in (LineKind.USAGE, LineKind.LATE) and line.meter:
                    await self._send_usage(tenant_id, invoice_id, line.line_id, now)
            await self._lago.send_invoice(invoice, statement)
        except DomainError as error:
            failure = error.message
            log.warning("an invoice wasn't exported", invoice_id=invoice_id, reason=error.reason)
        await self._db.run(
            tenant_id, lambda tx: exports.note(tx, NAME, invoice_id, failure, lambda n: now + pause_after(n))
        )

    async def _send_usage(self, tenant_id: str, invoice_id: str, line_id: str, now: datetime) -> None:
        token, more = "", True
        while more:
            page, token = await self._rating.run(
                tenant_id,
                lambda tx, decks, at=token: line_records.list_line_records(
                    tx, invoice_id, line_id, 200, at, now, decks
                ),
                read_only=True,
            )
            await self._lago.send_usage(tenant_id, [each.usage for each in page if each.usage is not None])
            more = bool(token)


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts: a minute, doubling, at most six hours."""
    return min(_LONGEST_PAUSE, timedelta(seconds=30 * 2 ** min(attempts, 10)))
