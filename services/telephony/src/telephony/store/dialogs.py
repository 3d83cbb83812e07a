"""What another node needs to go on with a call's SIP legs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chassis.sql import Tx
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql

from telephony.store.tables import among, dialogs


async def keep(tx: Tx, kept: Sequence[tuple[str, str, Mapping[str, Any]]], now: datetime) -> None:
    """Store what is kept of legs (leg id, call id, what), or store it again."""
    rows = [
        {"tenant_id": tx.tenant_id, "leg_id": leg_id, "call_id": call_id, "kept": dict(what)}
        for leg_id, call_id, what in kept
    ]
    if not rows:
        return
    statement = postgresql.insert(dialogs)
    newest = {"kept": statement.excluded.kept, "update_time": statement.excluded.update_time}
    statement = statement.on_conflict_do_update(index_elements=["tenant_id", "leg_id"], set_=newest)
    await tx.execute(statement, [row | {"create_time": now, "update_time": now} for row in rows])


async def of_call(tx: Tx, call_id: str) -> Mapping[str, Mapping[str, Any]]:
    """By leg id."""
    statement = select(dialogs.c.leg_id, dialogs.c.kept)
    rows = await tx.all(statement.where(dialogs.c.tenant_id == tx.tenant_id, dialogs.c.call_id == call_id))
    return {row["leg_id"]: row["kept"] for row in rows}


async def drop(tx: Tx, call_ids: Sequence[str]) -> None:
    """The calls are over."""
    await tx.execute(delete(dialogs).where(dialogs.c.tenant_id == tx.tenant_id, among(dialogs.c.call_id, call_ids)))
