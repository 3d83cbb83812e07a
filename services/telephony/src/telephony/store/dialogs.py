"""What another node needs to go on with a call's SIP legs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chassis.sql import Tx
from sqlalchemy import delete, insert, select, update

from telephony.store.tables import dialogs


async def keep(tx: Tx, leg_id: str, call_id: str, kept: Mapping[str, Any], now: datetime) -> None:
    """Store, or store again."""
    its = (dialogs.c.tenant_id == tx.tenant_id) & (dialogs.c.leg_id == leg_id)
    known = await tx.execute(update(dialogs).where(its).values(kept=dict(kept), update_time=now))
    if not known.rowcount:
        row = {"leg_id": leg_id, "call_id": call_id, "kept": dict(kept), "create_time": now, "update_time": now}
        await tx.execute(insert(dialogs), {"tenant_id": tx.tenant_id, **row})


async def of_call(tx: Tx, call_id: str) -> Mapping[str, Mapping[str, Any]]:
    """By leg id."""
    statement = select(dialogs.c.leg_id, dialogs.c.kept)
    rows = await tx.all(statement.where(dialogs.c.tenant_id == tx.tenant_id, dialogs.c.call_id == call_id))
    return {row["leg_id"]: row["kept"] for row in rows}


async def drop(tx: Tx, call_id: str) -> None:
    """The call is over."""
    await tx.execute(delete(dialogs).where(dialogs.c.tenant_id == tx.tenant_id, dialogs.c.call_id == call_id))
