"""Queries on what calls have reserved; rows to domain values and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from chassis.sql import Tx
from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from billing.domain.decks import Direction
from billing.domain.plans import Rate
from billing.domain.reservations import Held, Reservation, ReservationState
from billing.store.wallet_tables import reservations


@dataclass(frozen=True)
class ReservationRow:
    """A reservation with how it is charged: by its deck's version, or by a plan's price where `flat` has one.
    `end_seconds` is the talk of its call's detail record, once there is one."""

    reservation: Reservation
    flat: Rate | None = None
    flat_currency: str = ""
    end_seconds: int | None = None


async def find(tx: Tx, call_id: str) -> ReservationRow | None:
    """A call's reservation."""
    row = await tx.one_or_none(
        select(reservations).where(reservations.c.tenant_id == tx.tenant_id, reservations.c.call_id == call_id)
    )
    return _row(row) if row else None


async def save(tx: Tx, row: ReservationRow) -> None:
    """A reservation, new or changed."""
    values = _values(row)
    statement = insert(reservations).values(tenant_id=tx.tenant_id, **values)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "call_id"], set_=values))


async def note_end(tx: Tx, call_id: str, talked: int) -> None:
    """Its call ended after so many seconds of talk: a sweep settles it. What was noted first stands."""
    await tx.execute(
        update(reservations)
        .where(
            reservations.c.tenant_id == tx.tenant_id,
            reservations.c.call_id == call_id,
            reservations.c.end_seconds.is_(None),
            reservations.c.state != ReservationState.SETTLED.value,
        )
        .values(end_seconds=talked)
    )


async def due(tx: Tx, now: datetime, limit: int = 200) -> list[tuple[str, str]]:
    """(tenant id, call id) of reservations to return or to settle; in a system transaction."""
    late = and_(reservations.c.state == ReservationState.OPEN.value, reservations.c.deadline <= now)
    ended = and_(reservations.c.state != ReservationState.SETTLED.value, reservations.c.end_seconds.is_not(None))
    rows = await tx.all(
        select(reservations.c.tenant_id, reservations.c.call_id)
        .where(or_(late, ended))
        .order_by(reservations.c.deadline)
        .limit(limit)
    )
    return [(row["tenant_id"], row["call_id"]) for row in rows]


async def held(tx: Tx) -> Decimal:
    """What the tenant's open calls hold."""
    rows = await tx.all(
        select(reservations.c.held).where(
            reservations.c.tenant_id == tx.tenant_id, reservations.c.state == ReservationState.OPEN.value
        )
    )
    return sum((Decimal(each["amount"]) for row in rows for each in row["held"]), Decimal(0))


async def of_calls(tx: Tx, start: datetime, end: datetime) -> list[ReservationRow]:
    """Reservations of calls whose talk began in [start, end)."""
    rows = await tx.all(
        select(reservations).where(
            reservations.c.tenant_id == tx.tenant_id,
            reservations.c.start_time >= start,
            reservations.c.start_time < end,
        )
    )
    return [_row(row) for row in rows]


async def count(tx: Tx) -> int:
    """How many there are."""
    row = await tx.one(select(func.count().label("n")).where(reservations.c.tenant_id == tx.tenant_id))
    return int(row["n"])


def _values(row: ReservationRow) -> dict[str, Any]:
    made = row.reservation
    flat = None
    if row.flat is not None:
        flat = {
            "price": str(row.flat.price), "first": row.flat.first_increment, "next": row.flat.next_increment,
            "currency": row.flat_currency,
        }  # fmt: skip
    return {
        "call_id": made.call_id, "number": made.number, "direction": made.direction.value, "brand_id": made.brand_id,
        "start_time": made.start_time, "deadline": made.deadline, "state": made.state.value,
        "talked_seconds": made.talked_seconds, "granted_seconds": made.granted_seconds, "charged": made.charged,
        "held": [{"account": each.account, "amount": str(each.amount)} for each in made.held],
        "deck_id": made.deck_id, "deck_version": made.deck_version, "flat": flat, "end_seconds": row.end_seconds,
    }  # fmt: skip


def _row(row: Mapping[Any, Any]) -> ReservationRow:
    made = Reservation(
        call_id=row["call_id"], number=row["number"], direction=Direction(row["direction"]),
        start_time=row["start_time"], deadline=row["deadline"], state=ReservationState(row["state"]),
        talked_seconds=row["talked_seconds"], granted_seconds=row["granted_seconds"],
        charged=Decimal(row["charged"]), held=[Held(each["account"], Decimal(each["amount"])) for each in row["held"]],
        deck_id=row["deck_id"], deck_version=row["deck_version"], brand_id=row["brand_id"],
    )  # fmt: skip
    flat = row["flat"]
    rate = None
    if flat is not None:
        rate = Rate(Decimal(flat["price"]), first_increment=flat["first"], next_increment=flat["next"])
    return ReservationRow(made, rate, flat["currency"] if flat else "", row["end_seconds"])
