"""Kinds of time off, allowances, requests, and what was carried over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from chassis.paging import decode_token, keyset
from chassis.sql import Tx
from sqlalchemy import and_, case, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from wfm.domain.time_off import Allowance, Kind, Obstacle, Request, State, Unit
from wfm.store.own_tables import carried_over, time_off_allowances, time_off_kinds, time_off_requests
from wfm.store.rows import own

MOST = 100
"""Kinds or allowances of a tenant."""
_REQUEST = time_off_requests


async def list_kinds(tx: Tx) -> list[Kind]:
    """By name."""
    table = time_off_kinds
    rows = await tx.all(select(table).where(own(tx, table)).order_by(table.c.name).limit(MOST))
    return [_kind(row) for row in rows]


async def find_kind(tx: Tx, kind_id: str) -> Kind | None:
    """One."""
    table = time_off_kinds
    row = await tx.one_or_none(select(table).where(own(tx, table), table.c.time_off_kind_id == kind_id))
    return _kind(row) if row else None


async def save_kind(tx: Tx, value: Kind) -> None:
    """Adds (version 1) or changes."""
    row = {name: kept for name, kept in vars(value).items() if name != "kind_id"} | {"unit": value.unit.value}
    await _save(tx, time_off_kinds, "time_off_kind_id", value.kind_id, row)


async def kind_in_use(tx: Tx, kind_id: str) -> bool:
    """Whether anybody asked for it."""
    found = select(_REQUEST.c.time_off_request_id).where(own(tx, _REQUEST), _REQUEST.c.time_off_kind_id == kind_id)
    return bool(await tx.all(found.limit(1)))


async def remove_kind(tx: Tx, kind_id: str) -> bool:
    """Removes one; whether it was there."""
    table = time_off_kinds
    done = await tx.execute(delete(table).where(own(tx, table), table.c.time_off_kind_id == kind_id))
    return bool(done.rowcount)


async def list_allowances(tx: Tx) -> list[Allowance]:
    """By name."""
    table = time_off_allowances
    rows = await tx.all(select(table).where(own(tx, table)).order_by(table.c.name).limit(MOST))
    return [_allowance(row) for row in rows]


async def find_allowance(tx: Tx, allowance_id: str) -> Allowance | None:
    """One."""
    table = time_off_allowances
    row = await tx.one_or_none(select(table).where(own(tx, table), table.c.time_off_allowance_id == allowance_id))
    return _allowance(row) if row else None


async def save_allowance(tx: Tx, value: Allowance) -> None:
    """Adds (version 1) or changes."""
    said = {name: kept for name, kept in vars(value).items() if name not in ("allowance_id", "name", "version")}
    said |= {name: kept.isoformat() if kept else None for name, kept in (("first", value.first), ("last", value.last))}
    said |= {"queue_ids": list(value.queue_ids), "weekdays": list(value.weekdays)}
    row = {"name": value.name, "allowance": said, "version": value.version}
    await _save(tx, time_off_allowances, "time_off_allowance_id", value.allowance_id, row)


async def remove_allowance(tx: Tx, allowance_id: str) -> bool:
    """Removes one; whether it was there."""
    table = time_off_allowances
    done = await tx.execute(delete(table).where(own(tx, table), table.c.time_off_allowance_id == allowance_id))
    return bool(done.rowcount)


async def save_request(tx: Tx, value: Request) -> None:
    """Adds (version 1) or changes."""
    row: dict[str, Any] = {
        "user_id": value.user_id, "time_off_kind_id": value.kind_id, "first_day": value.first.isoformat(),
        "last_day": value.last.isoformat(), "start_minute": value.start_minute, "end_minute": value.end_minute,
        "start_time": value.start, "end_time": value.end, "note": value.note, "state": value.state.value,
        "amounts": {str(year): amount for year, amount in value.amounts.items()}, "credited_minutes": value.credited,
        "obstacles": [
            [each.code, each.day.isoformat() if each.day else "", each.allowance_id, each.allowed, each.found]
            for each in value.obstacles
        ],
        "decided_by": value.decided_by, "reason": value.reason, "time_off_id": value.time_off_id,
        "create_time": value.create_time, "decide_time": value.decide_time, "version": value.version,
    }  # fmt: skip
    await _save(tx, _REQUEST, "time_off_request_id", value.request_id, row)


async def find_request(tx: Tx, request_id: str) -> Request | None:
    """One."""
    row = await tx.one_or_none(select(_REQUEST).where(own(tx, _REQUEST), _REQUEST.c.time_off_request_id == request_id))
    return _request(row) if row else None


async def requests_of(tx: Tx, user_id: str) -> list[Request]:
    """All of an agent's that count for anything, oldest first."""
    live = _REQUEST.c.state.in_((State.PENDING.value, State.APPROVED.value))
    rows = await tx.all(
        select(_REQUEST).where(own(tx, _REQUEST), _REQUEST.c.user_id == user_id, live).order_by(_REQUEST.c.create_time)
    )
    return [_request(row) for row in rows]


async def list_requests(tx: Tx, user_id: str, token: str, size: int) -> list[Request]:
    """An agent's, newest first, one more than `size`."""
    statement = select(_REQUEST).where(own(tx, _REQUEST), _REQUEST.c.user_id == user_id)
    rows = await tx.all(keyset(statement, _REQUEST.c.create_time, _REQUEST.c.time_off_request_id, token, size))
    return [_request(row) for row in rows]


async def pending(tx: Tx, most: int = 500) -> list[Request]:
    """Those that wait, in the order they were asked."""
    statement = select(_REQUEST).where(own(tx, _REQUEST), _REQUEST.c.state == State.PENDING.value)
    rows = await tx.all(statement.order_by(_REQUEST.c.create_time, _REQUEST.c.time_off_request_id).limit(most))
    return [_request(row) for row in rows]


async def tenants_waiting(tx: Tx) -> list[str]:
    """All tenants with requests that wait. System."""
    waits = _REQUEST.c.state == State.PENDING.value
    rows = await tx.all(select(_REQUEST.c.tenant_id).where(waits).distinct().order_by(_REQUEST.c.tenant_id))
    return [row["tenant_id"] for row in rows]


async def inbox(tx: Tx, state: str, user_id: str, token: str, size: int) -> list[Request]:
    """Everybody's: those that wait in the order they were asked, then others newest first; one more than `size`."""
    statement = select(_REQUEST).where(own(tx, _REQUEST))
    if state:
        statement = statement.where(_REQUEST.c.state == state)
    if user_id:
        statement = statement.where(_REQUEST.c.user_id == user_id)
    waits = _REQUEST.c.state == State.PENDING.value
    time, key = _REQUEST.c.create_time, _REQUEST.c.time_off_request_id
    after = decode_token(token)
    if after is not None:
        last = await find_request(tx, after[1])
        if last is not None and last.state is State.PENDING:
            later = and_(waits, or_(time > after[0], and_(time == after[0], key > after[1])))
            statement = statement.where(or_(later, ~waits))
        else:
            earlier = or_(time < after[0], and_(time == after[0], key < after[1]))
            statement = statement.where(~waits, earlier)
    order = (
        case((waits, 0), else_=1), case((waits, time), else_=None).asc(), case((waits, key), else_="").asc(),
        time.desc(), key.desc(),
    )  # fmt: skip
    return [_request(row) for row in await tx.all(statement.order_by(*order).limit(size + 1))]


async def forget(tx: Tx, time_off_id: str, now: datetime) -> None:
    """A manager took time off back: the request it came from doesn't count any more."""
    await tx.execute(
        update(_REQUEST)
        .where(own(tx, _REQUEST), _REQUEST.c.time_off_id == time_off_id)
        .values(state=State.WITHDRAWN.value, time_off_id="", decide_time=now, version=_REQUEST.c.version + 1)
    )


async def brought(tx: Tx, user_id: str) -> dict[str, dict[int, float]]:
    """What managers say an agent carried over, by kind and year."""
    rows = await tx.all(select(carried_over).where(own(tx, carried_over), carried_over.c.user_id == user_id))
    found: dict[str, dict[int, float]] = {}
    for row in rows:
        found.setdefault(row["time_off_kind_id"], {})[row["year"]] = row["amount"]
    return found


async def save_brought(tx: Tx, user_id: str, kind_id: str, year: int, amount: float | None) -> None:
    """Says it, or takes it back."""
    key = {"tenant_id": tx.tenant_id, "user_id": user_id, "time_off_kind_id": kind_id, "year": year}
    await tx.execute(delete(carried_over).where(*(carried_over.c[name] == value for name, value in key.items())))
    if amount is not None:
        await tx.execute(insert(carried_over).values(**key, amount=amount))


async def _save(tx: Tx, table: Any, name: str, key: str, values: Mapping[str, Any]) -> None:
    if values["version"] == 1:
        await tx.execute(insert(table).values(tenant_id=tx.tenant_id, **{name: key}, **values))
        return
    await tx.execute(update(table).where(own(tx, table), table.c[name] == key).values(**values))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _kind(row: Mapping[Any, Any]) -> Kind:
    return Kind(
        row["time_off_kind_id"], row["name"], Unit(row["unit"]), row["paid"], row["limited"], row["automatic"],
        row["archived"], row["first_year"], row["version"],
    )  # fmt: skip


def _allowance(row: Mapping[Any, Any]) -> Allowance:
    said = row["allowance"]
    made = {**said, "queue_ids": tuple(said["queue_ids"]), "weekdays": tuple(said["weekdays"])}
    made |= {"first": _day(said["first"]), "last": _day(said["last"])}
    return Allowance(row["time_off_allowance_id"], row["name"], **made, version=row["version"])


def _request(row: Mapping[Any, Any]) -> Request:
    return Request(
        row["time_off_request_id"], row["user_id"], row["time_off_kind_id"], date.fromisoformat(row["first_day"]),
        date.fromisoformat(row["last_day"]), row["start_minute"], row["end_minute"], row["note"], row["create_time"],
        row["start_time"], row["end_time"], State(row["state"]),
        {int(year): amount for year, amount in row["amounts"].items()}, row["credited_minutes"],
        tuple(Obstacle(code, _day(day), key, allowed, found) for code, day, key, allowed, found in row["obstacles"]),
        row["decided_by"], row["reason"], row["decide_time"], row["time_off_id"], row["version"],
    )  # fmt: skip
