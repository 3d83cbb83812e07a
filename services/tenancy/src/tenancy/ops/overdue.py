"""What follows from invoices that aren't paid: the owner is told, and after the last reminder nobody is let in
until they are.

Billing decides the stages; here is only what they do to a company.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from chassis.sql import Tx

from tenancy.domain.people import Notice
from tenancy.ops import operators
from tenancy.ops.held import get_tenant
from tenancy.ops.notices import dismiss_notice, raise_notice
from tenancy.store import rows, tables

OVERDUE = "INVOICE_OVERDUE"
REASON = "Invoices are overdue."
"""Why the company is suspended: only a suspension with these words is lifted when everything is paid."""


async def remind(tx: Tx, invoice_id: str, parameters: Mapping[str, str], suspends: bool, now: datetime) -> None:
    """Tells the owner that an invoice is overdue, and suspends an active company after the last stage."""
    await raise_notice(tx, OVERDUE, invoice_id, parameters, now)
    tenant = await get_tenant(tx)
    if suspends and tenant.state == "ACTIVE":
        await operators.suspend(tx, REASON, 0, now)


async def settled(tx: Tx, invoice_id: str, others_overdue: bool, now: datetime) -> None:
    """Puts the notices of the invoice away, and gives the company back what was taken for overdue invoices."""
    known = await rows.find(tx, tables.notices, Notice, kind=OVERDUE, subject=invoice_id, dismissed=False)
    if known is not None:
        await dismiss_notice(tx, known.notice_id)
    tenant = await get_tenant(tx)
    if not others_overdue and tenant.state == "SUSPENDED" and tenant.suspend_reason == REASON:
        await operators.resume(tx, 0, now)
