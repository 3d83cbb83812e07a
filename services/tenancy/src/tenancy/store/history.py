"""What happened to numbers. A tenant's transaction only writes it: who had one before is the platform's business."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chassis.paging import Page, encode_token, keyset, page_size
from chassis.sql import Tx
from kernel.ids import new_id
from sqlalchemy import insert, select

from tenancy.domain.inventory import HistoryEntry, NumberEvent
from tenancy.store.tables import number_history, tenants

_AT_ONCE = 1000


async def note(
    tx: Tx, numbers: Sequence[str], event: NumberEvent, now: datetime, *, tenant_id: str = "", note: str = ""
) -> None:
    """Writes one line for each number; of the tenant of the transaction, if it has one."""
    made = [
        {
            "number": number, "entry_id": new_id("nhs", now), "event_time": now, "event": event.value,
            "tenant_id": tx.tenant_id or tenant_id, "note": note,
        }
        for number in numbers
    ]  # fmt: skip
    for start in range(0, len(made), _AT_ONCE):
        await tx.execute(insert(number_history), made[start : start + _AT_ONCE])


async def page(tx: Tx, number: str, asked: Page) -> tuple[list[HistoryEntry], str]:
    """What happened to a number, the newest first. System transaction."""
    wanted = page_size(asked.size)
    table = number_history
    named = select(table, tenants.c.display_name).outerjoin(tenants, tenants.c.tenant_id == table.c.tenant_id)
    statement = named.where(table.c.number == number)
    found = await tx.all(keyset(statement, table.c.event_time, table.c.entry_id, asked.token, wanted))
    last = found[wanted - 1] if len(found) > wanted else None
    token = encode_token(last["event_time"], last["entry_id"]) if last is not None else ""
    return [
        HistoryEntry(row["event_time"], row["event"], row["tenant_id"], row["display_name"] or "", row["note"])
        for row in found[:wanted]
    ], token
