"""The audit log: entries are added and read, never changed; the database refuses it too.

They are written whatever the plan, so that a plan with the log shows what was before it.
"""

from __future__ import annotations

from chassis.paging import Page
from chassis.sql import Tx
from kernel.features import Feature

from tenancy.domain.people import AuditEntry
from tenancy.ops.held import require_feature
from tenancy.store import rows, tables


async def append(tx: Tx, entry: AuditEntry) -> None:
    """Adds an entry, once by its id."""
    await rows.add_once(tx, tables.audit_entries, **vars(entry))


async def list_entries(tx: Tx, target: str, page: Page) -> tuple[list[AuditEntry], str]:
    """Entries, newest first; those on one target when it is given. Raises `FeatureNotInPlan`."""
    await require_feature(tx, Feature.AUDIT)
    table = tables.audit_entries
    wanted = (table.c.target == target,) if target else ()
    return await rows.page(tx, table, AuditEntry, ("create_time", "audit_entry_id"), page, *wanted)
