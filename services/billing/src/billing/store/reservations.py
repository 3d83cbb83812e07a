"""Queries on what calls have reserved; rows to domain values and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from chassis.sql import Tx
from sqlalchemy import Table, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from billing.domain.decks import Direction
from billing.domain.plans import Rate
from billing.domain.reservations import Held, Reservation, ReservationState
from billing.store.wallet_tables import open_reservations, reservations

_CHANGING = ("deadline", "state", "talked_seconds", "granted_seconds", "charged", "held", "end_seconds")


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


async def begin(tx: Tx, row: ReservationRow) -> bool:
    """A new reservation; whether it is, or the call has one already.

    Not looked for before: who looks for what isn't there conflicts with everybody who adds something next to it.
    """
    statement = insert(reservations).values(tenant_id=tx.tenant_id, **_values(row)).on_conflict_do_nothing()
    if not (await tx.execute(statement)).rowcount:
        return False
    await _open(tx, row.reservation, ended=False)
    return True


async def save(tx: Tx, row: ReservationRow) -> None:
    """A reservation that has changed."""
    made, values = row.reservation, _values(row)
    changed = {name: values[name] for name in _CHANGING}
    await tx.execute(update(reservations).where(*_at(tx, reservations, made.call_id)).values(**changed))
    at = _at(tx, open_reservations, made.call_id)
    if made.state is ReservationState.SETTLED or (made.state is ReservationState.RETURNED and row.end_seconds is None):
        await tx.execute(delete(open_reservations).where(*at))
    elif not (await tx.execute(update(open_reservations).where(*at).values(deadline=made.deadline))).rowcount:
        await _open(tx, made, ended=row.end_seconds is not None)


async def note_end(tx: Tx, row: ReservationRow) -> None:
    """Its call ended after `end_seconds` of talk: a sweep settles it."""
    made = row.reservation
    where = _at(tx, reservations, made.call_id)
    await tx.execute(update(reservations).where(*where).values(end_seconds=row.end_seconds))
    at = _at(tx, open_reservations, made.call_id)
    if not (await tx.execute(update(open_reservations).where(*at).values(ended=True))).rowcount:
        await _open(tx, made, ended=True)


async def due(tx: Tx, now: datetime, limit: int = 200) -> list[tuple[str, str]]:
    """(tenant id, call id) of reservations to return or to settle; in a system transaction."""
    rows = await tx.all(
        select(open_reservations.c.tenant_id, open_reservations.c.call_id)
        .where(or_(open_reservations.c.deadline <= now, open_reservations.c.ended))
        .order_by(open_reservations.c.deadline)
        .limit(limit)
    )
    return [(row["tenant_id"], row["call_id"]) for row in rows]


async def held(tx: Tx) -> Decimal:
    """What the tenant's open calls hold."""
    both = (
        reservations.c.tenant_id == open_reservations.c.tenant_id,
        reservations.c.call_id == open_reservations.c.call_id,
    )
    rows = await tx.all(select(reservations.c.held).where(*both, open_reservations.c.tenant_id == tx.tenant_id))
    return sum((Decimal(each["amount"]) for row in rows for each in row["held"]), Decimal(0))


async def _open(tx: Tx, made: Reservation, *, ended: bool) -> None:
    row = {"tenant_id": tx.tenant_id, "call_id": made.call_id, "deadline": made.deadline, "ended": ended}
    await tx.execute(insert(open_reservations).values(**row))


def _at(tx: Tx, table: Table, call_id: str) -> Sequence[Any]:
    return table.c.tenant_id == tx.tenant_id, table.c.call_id == call_id


def _values(row: ReservationRow) -> dict[str, Any]:
    made = row.reservation
    flat = None
    if row.flat is not None:
        flat = {
            "price": str(row.flat.price), "first": row.flat.first_increment, "next": row.flat.next_increment,
            "currency": row.flat_currency, "fee": str(row.flat.record_fee),
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
        rate = Rate(
            Decimal(flat["price"]), first_increment=flat["first"], next_increment=flat["next"],
            record_fee=Decimal(flat.get("fee", "0")),
        )  # fmt: skip
    return ReservationRow(made, rate, flat["currency"] if flat else "", row["end_seconds"])
