"""The audit log: entries are added and read, never changed; the database refuses it too."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from chassis.sql import Tx
from kernel.ids import new_id

from tenancy.domain.people import AuditEntry
from tenancy.store import rows, tables
from tenancy.store.rows import Page

LATEST = timedelta(days=1)


async def append(tx: Tx, entry: AuditEntry, now: datetime) -> AuditEntry:
    """Adds an entry. It keeps the time it was noted at, when that can be: the log may have been away for a while."""
    when = entry.create_time if now - LATEST <= entry.create_time <= now else now
    entry = replace(entry, audit_entry_id=new_id("aud", when), create_time=when)
    await rows.add(tx, tables.audit_entries, **vars(entry))
    return entry


async def list_entries(tx: Tx, target: str, page: Page) -> tuple[list[AuditEntry], str]:
    """Entries, newest first; those on one target when it is given."""
    table = tables.audit_entries
    wanted = (table.c.target == target,) if target else ()
    return await rows.page(tx, table, AuditEntry, ("create_time", "audit_entry_id"), page, *wanted)
