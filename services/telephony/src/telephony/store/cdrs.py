"""Call detail records."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from chassis.paging import keyset
from chassis.sql import Tx
from sqlalchemy import RowMapping, insert, select

from telephony.domain.calls import Direction, EndParty
from telephony.domain.cdrs import Cdr
from telephony.domain.legs import Answer
from telephony.store.tables import cdrs

_FIELDS = tuple(
    item.name
    for item in dataclasses.fields(Cdr)
    if item.name not in ("end_party", "direction", "customer_mos", "agent_mos", "answered_by")
)


async def add_cdrs(tx: Tx, new: Sequence[Cdr], now: datetime) -> None:
    """Store records; the unique index on the call makes a second one of it impossible."""
    await tx.execute(insert(cdrs), [_row(cdr) | {"tenant_id": tx.tenant_id, "create_time": now} for cdr in new])


def _row(cdr: Cdr) -> dict[str, Any]:
    return {name: getattr(cdr, name) for name in _FIELDS} | {
        "end_party": cdr.end_party.value,
        "direction": cdr.direction.value,
        "customer_mos": Decimal(str(cdr.customer_mos)),
        "agent_mos": Decimal(str(cdr.agent_mos)),
        "answered_by": cdr.answered_by or "",
    }


async def list_cdrs(
    tx: Tx, *, token: str, size: int, call_id: str, start: datetime | None, end: datetime | None
) -> Sequence[Cdr]:
    """Newest first; one more than `size` when there is a next page."""
    statement = select(cdrs).where(cdrs.c.tenant_id == tx.tenant_id)
    if call_id:
        statement = statement.where(cdrs.c.call_id == call_id)
    if start is not None:
        statement = statement.where(cdrs.c.start_time >= start)
    if end is not None:
        statement = statement.where(cdrs.c.start_time < end)
    rows = await tx.all(keyset(statement, cdrs.c.start_time, cdrs.c.cdr_id, token, size))
    return [_cdr(row) for row in rows]


def _cdr(row: RowMapping) -> Cdr:
    return Cdr(
        **{name: row[name] for name in _FIELDS},
        end_party=EndParty(row["end_party"]),
        direction=Direction(row["direction"]),
        customer_mos=float(row["customer_mos"]),
        agent_mos=float(row["agent_mos"]),
        answered_by=Answer(row["answered_by"]) if row["answered_by"] else None,
    )
