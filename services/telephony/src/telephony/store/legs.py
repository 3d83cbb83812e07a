"""Legs of calls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from chassis.sql import Tx
from sqlalchemy import RowMapping, bindparam, insert, select, update

from telephony.domain.legs import Answer, Leg, LegState, SupervisionMode
from telephony.store.tables import among, legs, live_calls

_FIELDS = (
    "leg_id", "call_id", "party", "agent_id", "contact_id", "address", "token_hash", "muted", "held", "consulted",
    "invited_by", "supervised_agent_id", "join_time", "leave_time", "q850_cause", "sip_status", "detection",
)  # fmt: skip


def _row(leg: Leg, *but: str) -> dict[str, Any]:
    return {name: getattr(leg, name) for name in _FIELDS if name not in but} | {
        "state": leg.state.value,
        "mode": leg.mode.value if leg.mode else "",
        "mos": Decimal(str(leg.mos)),
        "answered_by": leg.answered_by or "",
    }


def _leg(row: RowMapping) -> Leg:
    return Leg(
        **{name: row[name] for name in _FIELDS},
        state=LegState(row["state"]),
        mode=SupervisionMode(row["mode"]) if row["mode"] else None,
        mos=float(row["mos"]),
        answered_by=Answer(row["answered_by"]) if row["answered_by"] else None,
    )


async def add_leg(tx: Tx, leg: Leg, now: datetime) -> None:
    await add_legs(tx, [leg], now)


async def add_legs(tx: Tx, new: Sequence[Leg], now: datetime) -> None:
    times = {"create_time": now, "update_time": now}
    await tx.execute(insert(legs), [{"tenant_id": tx.tenant_id, **_row(leg), **times} for leg in new])


async def find_leg(tx: Tx, leg_id: str) -> Leg | None:
    return (await find_legs(tx, [leg_id])).get(leg_id)


async def find_legs(tx: Tx, leg_ids: Sequence[str]) -> dict[str, Leg]:
    """By id, those that there are."""
    rows = await tx.all(select(legs).where(legs.c.tenant_id == tx.tenant_id, among(legs.c.leg_id, leg_ids)))
    return {row["leg_id"]: _leg(row) for row in rows}


async def legs_of(tx: Tx, call_ids: Sequence[str]) -> dict[str, list[Leg]]:
    """Legs by call: the customer's first, then in order of creation."""
    found: dict[str, list[Leg]] = {call_id: [] for call_id in call_ids}
    if call_ids:
        statement = select(legs).where(legs.c.tenant_id == tx.tenant_id, among(legs.c.call_id, call_ids))
        for row in await tx.all(statement.order_by(legs.c.create_time, legs.c.party.desc())):
            found[row["call_id"]].append(_leg(row))
    return found


async def live_at(tx: Tx, address: str) -> list[Leg]:
    """Live legs that were reached there, or ring."""
    leased = (live_calls.c.tenant_id == legs.c.tenant_id) & (live_calls.c.call_id == legs.c.call_id)
    its = (
        live_calls.c.tenant_id == tx.tenant_id, legs.c.tenant_id == tx.tenant_id,
        legs.c.address == address, legs.c.state != LegState.ENDED.value,
    )  # fmt: skip
    return [_leg(row) for row in await tx.all(select(legs).join(live_calls, leased).where(*its))]


_SAVE = update(legs).where(legs.c.tenant_id == bindparam("of_tenant"), legs.c.leg_id == bindparam("of_leg"))


async def save_leg(tx: Tx, leg: Leg, now: datetime) -> None:
    await save_legs(tx, [leg], now)


async def save_legs(tx: Tx, changed: Sequence[Leg], now: datetime) -> None:
    rows = [
        {"of_tenant": tx.tenant_id, "of_leg": leg.leg_id, **_row(leg, "leg_id"), "update_time": now} for leg in changed
    ]
    if rows:
        await tx.execute(_SAVE, rows)
