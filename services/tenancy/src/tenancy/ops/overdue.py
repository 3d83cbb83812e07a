"""What follows from invoices that aren't paid: the owner is told, and after the last reminder nobody is let in
until they are.

Billing decides the stages; here is only what they do to a company.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from chassis.sql import Tx

from tenancy.domain.people import Notice
from tenancy.domain.standing import OVERDUE_REASON as REASON
from tenancy.ops import operators
from tenancy.ops.held import get_tenant
from tenancy.ops.notices import dismiss_notice, raise_notice
from tenancy.store import rows, tables

OVERDUE = "INVOICE_OVERDUE"


RESTRICTED, RESTRICTION_AHEAD, SUSPENSION_AHEAD = "TENANT_RESTRICTED", "RESTRICTION_AHEAD", "SUSPENSION_AHEAD"
_OF_INVOICES = (OVERDUE, RESTRICTION_AHEAD, SUSPENSION_AHEAD)


@dataclass(frozen=True)
class Reminder:
    """A stage of reminding: what it brings, and what the next one would and when; empty: nothing but being told."""

    consequence: str = ""
    next_consequence: str = ""
    next_time: datetime | None = None


async def remind(tx: Tx, invoice_id: str, parameters: Mapping[str, str], reminder: Reminder, now: datetime) -> None:
    """Tells the owner that an invoice is overdue and what comes next, restricts the company at the stage that says so,
    and suspends an active one after the last."""
    await raise_notice(tx, OVERDUE, invoice_id, parameters, now)
    tenant = await get_tenant(tx)
    ahead = {"RESTRICTED": RESTRICTION_AHEAD, "SUSPENDED": SUSPENSION_AHEAD}.get(reminder.next_consequence)
    if ahead is not None and reminder.next_time is not None:
        date = reminder.next_time.astimezone(ZoneInfo(tenant.time_zone or "UTC")).date().isoformat()
        await raise_notice(tx, ahead, invoice_id, {"date": date}, now)
    if reminder.consequence == "RESTRICTED" and not tenant.restricted:
        await operators.restrict(tx, True)
        await raise_notice(tx, RESTRICTED, "", {}, now)
    if reminder.consequence == "SUSPENDED" and tenant.state == "ACTIVE":
        await operators.suspend(tx, REASON, 0, now)


async def settled(tx: Tx, invoice_id: str, others_overdue: bool, now: datetime) -> None:
    """Puts the notices of the invoice away, and gives the company back what was taken for overdue invoices."""
    wanted = [(kind, invoice_id) for kind in _OF_INVOICES]
    for kind, subject in wanted if others_overdue else [*wanted, (RESTRICTED, "")]:
        known = await rows.find(tx, tables.notices, Notice, kind=kind, subject=subject, dismissed=False)
        if known is not None:
            await dismiss_notice(tx, known.notice_id)
    tenant = await get_tenant(tx)
    if others_overdue:
        return
    if tenant.restricted:
        await operators.restrict(tx, False)
    if tenant.state == "SUSPENDED" and tenant.suspend_reason == REASON:
        await operators.resume(tx, 0, now)
