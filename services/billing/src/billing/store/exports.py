"""Queries on what was sent to other programs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from chassis.sql import Tx
from sqlalchemy import and_, or_, select
from sqlalchemy.dialects.postgresql import insert

from billing.domain.invoicing import State
from billing.store.invoicing_tables import exports, invoices

_BATCH = 200


async def due(tx: Tx, target: str, now: datetime) -> list[tuple[str, str]]:
    """Finalized invoices that weren't sent yet or failed and are due again, as (tenant, invoice). System
    transaction."""
    same = and_(
        exports.c.tenant_id == invoices.c.tenant_id, exports.c.target == target,
        exports.c.subject_id == invoices.c.invoice_id,
    )  # fmt: skip
    rows = await tx.all(
        select(invoices.c.tenant_id, invoices.c.invoice_id)
        .outerjoin(exports, same)
        .where(
            invoices.c.state != State.DRAFT.value,
            or_(exports.c.subject_id.is_(None), exports.c.next_time <= now),
        )
        .order_by(invoices.c.invoice_id)
        .limit(_BATCH)
    )
    return [(row["tenant_id"], row["invoice_id"]) for row in rows]


async def claim(tx: Tx, target: str, subject_id: str, now: datetime, until: datetime) -> bool:
    """Takes an attempt that is due for itself until then; whether it was there to be taken."""
    row = {
        "tenant_id": tx.tenant_id, "target": target, "subject_id": subject_id, "attempts": 0, "next_time": until,
        "failure": "",
    }  # fmt: skip
    taken = insert(exports).values(**row)
    taken = taken.on_conflict_do_update(
        index_elements=["tenant_id", "target", "subject_id"], set_={"next_time": until},
        where=exports.c.next_time <= now,
    )  # fmt: skip
    return bool((await tx.execute(taken)).rowcount)


async def note(tx: Tx, target: str, subject_id: str, failure: str, again: Callable[[int], datetime]) -> None:
    """Notes an attempt: done for ever, or failed and due again at `again(attempts)`."""
    known = await tx.one_or_none(
        select(exports.c.attempts).where(
            exports.c.tenant_id == tx.tenant_id, exports.c.target == target, exports.c.subject_id == subject_id
        )
    )
    attempts = (known["attempts"] if known else 0) + 1
    row = {
        "tenant_id": tx.tenant_id, "target": target, "subject_id": subject_id, "attempts": attempts,
        "next_time": again(attempts) if failure else None, "failure": failure,
    }  # fmt: skip
    statement = insert(exports).values(**row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "target", "subject_id"], set_=row))
