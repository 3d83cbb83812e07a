"""Queries on differences, and on what they are found by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.paging import keyset, page_size
from chassis.sql import Tx
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from billing.domain.differences import Cause, Difference, UsageSeconds, WalletSeconds
from billing.domain.reservations import ReservationState
from billing.domain.usage import TELEPHONY
from billing.store.tables import plans_held, usage_records
from billing.store.wallet_tables import differences, reservations


@dataclass(frozen=True)
class Found:
    """A difference as it is kept."""

    tenant_id: str
    difference: Difference
    resolved: bool
    create_time: datetime
    update_time: datetime


async def usage_of_calls(tx: Tx, start: datetime, end: datetime) -> list[UsageSeconds]:
    """Usage of telephony's calls that began in [start, end)."""
    rows = await tx.all(
        select(
            usage_records.c.source_id, usage_records.c.meter, usage_records.c.usage_time,
            usage_records.c.used_seconds, usage_records.c.plan_id,
        ).where(
            usage_records.c.tenant_id == tx.tenant_id,
            usage_records.c.source == TELEPHONY,
            usage_records.c.usage_time >= start,
            usage_records.c.usage_time < end,
        )
    )  # fmt: skip
    return [
        UsageSeconds(row["source_id"], row["meter"], row["usage_time"], row["used_seconds"], bool(row["plan_id"]))
        for row in rows
    ]


async def wallet_seconds(tx: Tx, call_ids: Sequence[str]) -> list[WalletSeconds]:
    """What these calls' wallets were charged for."""
    if not call_ids:
        return []
    rows = await tx.all(
        select(
            reservations.c.call_id,
            reservations.c.start_time,
            reservations.c.talked_seconds,
            reservations.c.state,
            reservations.c.granted_seconds,
        ).where(reservations.c.tenant_id == tx.tenant_id, reservations.c.call_id.in_(call_ids))
    )
    settled = ReservationState.SETTLED.value
    return [
        WalletSeconds(
            row["call_id"], row["start_time"], row["talked_seconds"], row["state"] == settled, row["granted_seconds"]
        )
        for row in rows
    ]


async def save(tx: Tx, found: Iterable[Difference], start: datetime, end: datetime, now: datetime) -> None:
    """Keeps what differs of the calls that began in [start, end): new, still there, or resolved."""
    kept = {(each.call_id, each.cause.value) for each in found}
    for each in found:
        row = {
            "tenant_id": tx.tenant_id, "call_id": each.call_id, "cause": each.cause.value, "state": "open",
            "call_time": each.call_time, "media_seconds": each.media_seconds, "record_seconds": each.record_seconds,
            "billed_seconds": each.billed_seconds, "create_time": now, "update_time": now,
        }  # fmt: skip
        changed = {name: value for name, value in row.items() if name != "create_time"}
        await tx.execute(
            insert(differences)
            .values(**row)
            .on_conflict_do_update(index_elements=["tenant_id", "call_id", "cause"], set_=changed)
        )
    rows = await tx.all(
        select(differences.c.call_id, differences.c.cause).where(
            differences.c.tenant_id == tx.tenant_id,
            differences.c.state == "open",
            differences.c.call_time >= start,
            differences.c.call_time < end,
        )
    )
    for row in rows:
        if (row["call_id"], row["cause"]) not in kept:
            await tx.execute(
                update(differences)
                .where(
                    differences.c.tenant_id == tx.tenant_id,
                    differences.c.call_id == row["call_id"],
                    differences.c.cause == row["cause"],
                )
                .values(state="resolved", update_time=now)
            )


async def open_between(tx: Tx, start: datetime, end: datetime, most: int) -> list[datetime]:
    """When calls began, in [start, end), whose differences are open; those looked at longest ago first."""
    table = differences.c
    statement = (
        select(table.call_time, func.min(table.update_time).label("looked"))
        .where(table.tenant_id == tx.tenant_id, table.state == "open")
        .where(table.call_time >= start, table.call_time < end)
        .group_by(table.call_time)
        .order_by("looked")
        .limit(most)
    )
    return [row["call_time"] for row in await tx.all(statement)]


async def list_found(tx: Tx, tenant_id: str, state: str, size: int, token: str) -> tuple[list[Found], bool]:
    """A page of differences of every tenant, or of one, newest call first; in a system transaction."""
    wanted = page_size(size)
    statement = select(differences)
    if tenant_id:
        statement = statement.where(differences.c.tenant_id == tenant_id)
    if state:
        statement = statement.where(differences.c.state == state)
    place = differences.c.call_id + "/" + differences.c.cause
    rows = await tx.all(keyset(statement, differences.c.call_time, place, token, wanted))
    return [_found(row) for row in rows[:wanted]], len(rows) > wanted


async def tenants(tx: Tx) -> list[str]:
    """Every tenant that billing knows a plan of; in a system transaction."""
    rows = await tx.all(select(plans_held.c.tenant_id).distinct())
    return sorted(row["tenant_id"] for row in rows)


def _found(row: Mapping[Any, Any]) -> Found:
    made = Difference(
        row["call_id"], Cause(row["cause"]), row["call_time"], row["media_seconds"], row["record_seconds"],
        row["billed_seconds"],
    )  # fmt: skip
    return Found(row["tenant_id"], made, row["state"] == "resolved", row["create_time"], row["update_time"])
