"""Rows of reasons of NOT_READY."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select
from sqlalchemy.dialects.postgresql import insert

from routing.domain.presence import NotReadyReason
from routing.store.rows import Transaction, add, change
from routing.store.tables import not_ready_reasons as _reasons


async def add_reason(tx: Transaction, reason: NotReadyReason) -> None:
    """A new one."""
    await add(tx, _reasons, _row(reason, reason.create_time))


async def add_missing(tx: Transaction, reasons: Iterable[NotReadyReason]) -> None:
    """Those whose names are not taken: somebody else may be adding the same ones."""
    for reason in reasons:
        row = {"tenant_id": tx.tenant_id, **_row(reason, reason.create_time)}
        await tx.execute(insert(_reasons).values(row).on_conflict_do_nothing())


async def change_reason(tx: Transaction, reason: NotReadyReason, was: int, now: datetime) -> None:
    """Over version `was`."""
    await change(tx, _reasons, "not_ready_reason_id", _row(reason, now), was)


async def every_reason(tx: Transaction) -> list[NotReadyReason]:
    """All, the oldest first, archived ones too."""
    rows = await tx.all(
        select(_reasons)
        .where(_reasons.c.tenant_id == tx.tenant_id)
        .order_by(_reasons.c.create_time, _reasons.c.not_ready_reason_id)
    )
    return [_reason(row) for row in rows]


def _row(reason: NotReadyReason, now: datetime) -> dict[str, Any]:
    return {
        "not_ready_reason_id": reason.not_ready_reason_id,
        "display_name": reason.display_name,
        "name_key": reason.name_key,
        "names": dict(reason.names),
        "color": reason.color,
        "paid": reason.paid,
        "archived": reason.archived,
        "create_time": reason.create_time,
        "update_time": now,
        "version": reason.version,
    }


def _reason(row: RowMapping) -> NotReadyReason:
    return NotReadyReason(
        row["not_ready_reason_id"], row["display_name"], row["create_time"], row["names"], row["color"], row["paid"],
        row["archived"], row["version"],
    )  # fmt: skip
