"""Queries on wallets that are to be topped up by themselves: a row for each time a balance fell below its mark."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from chassis.sql import Tx
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from billing.domain.payments import PaymentState
from billing.store.wallet_tables import auto_top_ups

_AT_ONCE = 100


@dataclass(frozen=True)
class AutoTopUp:
    """Money that is asked for; `next_time` is when the provider is asked (again), None when it has answered."""

    auto_top_up_id: str
    amount: Decimal
    currency: str
    state: PaymentState
    create_time: datetime
    next_time: datetime | None
    reference: str = ""
    failure: str = ""


async def add(tx: Tx, value: AutoTopUp) -> None:
    """A balance fell below its mark."""
    row = {**vars(value), "state": value.state.value, "tenant_id": tx.tenant_id}
    await tx.execute(insert(auto_top_ups).values(**row))


async def find(tx: Tx, auto_top_up_id: str) -> AutoTopUp | None:
    """One of the tenant's."""
    row = await tx.one_or_none(
        select(auto_top_ups).where(
            auto_top_ups.c.tenant_id == tx.tenant_id, auto_top_ups.c.auto_top_up_id == auto_top_up_id
        )
    )
    if row is None:
        return None
    return AutoTopUp(
        row["auto_top_up_id"], Decimal(row["amount"]), row["currency"], PaymentState(row["state"]), row["create_time"],
        row["next_time"], row["reference"], row["failure"],
    )  # fmt: skip


async def save(tx: Tx, value: AutoTopUp) -> None:
    """As it stands now."""
    mine = (auto_top_ups.c.tenant_id == tx.tenant_id, auto_top_ups.c.auto_top_up_id == value.auto_top_up_id)
    values = {
        "state": value.state.value, "next_time": value.next_time, "reference": value.reference,
        "failure": value.failure, "amount": value.amount,
    }  # fmt: skip
    await tx.execute(update(auto_top_ups).where(*mine).values(**values))


async def due(tx: Tx, now: datetime) -> list[tuple[str, str]]:
    """(tenant, id) of those the provider is to be asked about. System transaction."""
    rows = await tx.all(
        select(auto_top_ups.c.tenant_id, auto_top_ups.c.auto_top_up_id)
        .where(auto_top_ups.c.next_time <= now)
        .order_by(auto_top_ups.c.next_time, auto_top_ups.c.auto_top_up_id)
        .limit(_AT_ONCE)
    )
    return [(row["tenant_id"], row["auto_top_up_id"]) for row in rows]
