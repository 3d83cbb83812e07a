"""Numbers of this installation. A tenant sees the free ones and its own; who holds another is nobody's business."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chassis.sql import Tx
from sqlalchemy import Select, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from tenancy.domain.inventory import Stock, Wanted, type_of
from tenancy.domain.numbers import Number
from tenancy.store import rows
from tenancy.store.tables import inventory, numbers, tenants

_ADD_AT_ONCE = 1000
_NOBODYS: Mapping[str, Any] = {"kept_for": "", "kept": "", "kept_until": None}
SAID = ("type", "voice", "sms", "fax", "emergency", "price_class")
"""What a tenant's number knows of the inventory's."""


async def fill(tx: Tx, numbers: Sequence[Number]) -> int:
    """Adds the numbers that aren't there yet; how many. System transaction."""
    there = {row["number"] for row in await tx.all(select(inventory.c.number))}
    made = [
        Stock(each.number, each.country, kind.name, price_class=kind.value, test=each.test)
        for each in numbers
        if each.number not in there
        for kind in (type_of(each.number),)
    ]
    await add(tx, made)
    return len(made)


async def add(tx: Tx, made: Sequence[Stock]) -> None:
    """Adds numbers; those that are there stay as they are."""
    for start in range(0, len(made), _ADD_AT_ONCE):
        batch = [vars(each) for each in made[start : start + _ADD_AT_ONCE]]
        await tx.execute(insert(inventory).on_conflict_do_nothing(), batch)


async def take(tx: Tx, made: Sequence[Stock]) -> None:
    """Adds numbers that have just become the tenant's; what is there and nobody's becomes hers."""
    await add(tx, [Stock(**{**vars(each), "holder": tx.tenant_id}) for each in made])
    free = (inventory.c.number.in_([each.number for each in made]), inventory.c.holder == "")
    await tx.execute(update(inventory).where(*free).values(holder=tx.tenant_id, **_NOBODYS))


async def claim(tx: Tx, number: str) -> Number | None:
    """Gives a free number to the tenant; None when it isn't free for her."""
    taken = await tx.execute(
        update(inventory)
        .where(inventory.c.number == number, *_free_for(tx))
        .values(holder=tx.tenant_id, **_NOBODYS)
        .returning(inventory)
    )
    row = taken.mappings().one_or_none()
    return _number(row) if row else None


async def hold(tx: Tx, number: str, until: datetime) -> Number | None:
    """Keeps a free number for the tenant; None when it isn't free for her. Her own quarantine stays what it is."""
    kept = await tx.execute(
        update(inventory)
        .where(inventory.c.number == number, inventory.c.kept != "QUARANTINE", *_free_for(tx))
        .values(kept_for=tx.tenant_id, kept="HOLD", kept_until=until)
    )
    mine = (inventory.c.number == number, inventory.c.holder == "", inventory.c.kept_for == tx.tenant_id)
    row = await tx.one_or_none(select(inventory).where(*mine))
    return _kept(row) if row is not None and (kept.rowcount or row["kept"] == "QUARANTINE") else None


async def held(tx: Tx, but: str) -> int:
    """How many numbers other than one the tenant holds."""
    mine = (inventory.c.kept_for == tx.tenant_id, inventory.c.kept == "HOLD", inventory.c.number != but)
    return (await tx.one(select(func.count().label("n")).where(*mine)))["n"]


async def drop(tx: Tx, number: str) -> None:
    """Lets a number go that the tenant holds."""
    mine = (inventory.c.number == number, inventory.c.kept_for == tx.tenant_id, inventory.c.kept == "HOLD")
    await tx.execute(update(inventory).where(*mine).values(**_NOBODYS))


async def free(tx: Tx, number: str, rests_until: datetime | None) -> None:
    """Gives a number of the tenant back; kept for her alone until then."""
    mine = (inventory.c.number == number, inventory.c.holder == tx.tenant_id)
    kept = (
        {"kept_for": tx.tenant_id, "kept": "QUARANTINE", "kept_until": rests_until} if rests_until else dict(_NOBODYS)
    )
    await tx.execute(update(inventory).where(*mine).values(holder="", **kept))


async def let_go(tx: Tx, number: str) -> None:
    """Takes a number of the tenant out: it is another carrier's now."""
    await tx.execute(delete(inventory).where(inventory.c.number == number, inventory.c.holder == tx.tenant_id))


async def carry_texts(tx: Tx, number: str) -> None:
    """A number of the tenant carries text messages from now on."""
    mine = (inventory.c.number == number, inventory.c.holder == tx.tenant_id)
    await tx.execute(update(inventory).where(*mine).values(sms=True))


async def known(tx: Tx, number: str) -> bool:
    """Whether there is such a number, whoever holds it. System transaction."""
    return await tx.one_or_none(select(inventory.c.number).where(inventory.c.number == number)) is not None


async def known_of(tx: Tx, numbers: Sequence[str]) -> list[str]:
    """Those of the numbers the inventory has, whoever holds them. System transaction."""
    found = select(inventory.c.number).where(inventory.c.number.in_(numbers)).order_by(inventory.c.number)
    return [row["number"] for row in await tx.all(found)]


async def others_of(tx: Tx, numbers: Sequence[str], *, but: str) -> list[str]:
    """Those of the numbers the inventory has and this tenant doesn't hold. System transaction."""
    theirs = (inventory.c.number.in_(numbers), inventory.c.holder != but)
    return [row["number"] for row in await tx.all(select(inventory.c.number).where(*theirs))]


async def find(tx: Tx, number: str) -> Stock | None:
    """A number, whoever holds it. System transaction."""
    row = await tx.one_or_none(select(inventory).where(inventory.c.number == number))
    return rows.value_of(Stock, row) if row else None


async def list_free(tx: Tx, wanted: Wanted, kept: bool, after: str, limit: int) -> list[Number]:
    """Numbers the tenant may take, in order, from the one after `after`; `kept`: only those kept for her."""
    mine = [inventory.c.kept_for == tx.tenant_id] if kept else []
    statement = _looked_for(select(inventory).where(*_free_for(tx), *mine, inventory.c.number > after), wanted)
    return [_kept(row) for row in await tx.all(statement.order_by(inventory.c.number).limit(limit))]


async def list_all(tx: Tx, wanted: Wanted, after: str, limit: int) -> list[tuple[Stock, str]]:
    """Numbers with the name of the tenant they are of or kept for. System transaction."""
    of = or_(tenants.c.tenant_id == inventory.c.holder, tenants.c.tenant_id == inventory.c.kept_for)
    named = select(inventory, tenants.c.display_name).outerjoin(tenants, of).where(inventory.c.number > after)
    states = {
        "FREE": (inventory.c.holder == "", inventory.c.kept_for == ""),
        "ASSIGNED": (inventory.c.holder != "",),
        "HELD": (inventory.c.holder == "", inventory.c.kept == "HOLD"),
        "QUARANTINE": (inventory.c.holder == "", inventory.c.kept == "QUARANTINE"),
        "": (),
    }
    statement = _looked_for(named.where(*states[wanted.state]), wanted).order_by(inventory.c.number).limit(limit)
    return [(rows.value_of(Stock, row), row["display_name"] or "") for row in await tx.all(statement)]


async def say(tx: Tx, stock: Stock) -> None:
    """Writes what operators say of a number, also where a tenant holds it. System transaction."""
    said = {name: getattr(stock, name) for name in SAID}
    await tx.execute(
        update(inventory)
        .where(inventory.c.number == stock.number)
        .values(**said, carrier=stock.carrier, version=stock.version)
    )
    if stock.holder:
        mine = (numbers.c.tenant_id == stock.holder, numbers.c.number == stock.number)
        await tx.execute(update(numbers).where(*mine).values(**said, version=numbers.c.version + 1))


async def remove(tx: Tx, number: str) -> None:
    """Takes a number out. System transaction."""
    await tx.execute(delete(inventory).where(inventory.c.number == number, inventory.c.holder == ""))


async def keep_until(tx: Tx, number: str, until: datetime | None) -> None:
    """Moves the end of a quarantine; None ends it. System transaction."""
    values = {"kept_until": until} if until else dict(_NOBODYS)
    await tx.execute(update(inventory).where(inventory.c.number == number, inventory.c.holder == "").values(**values))


async def end_kept(tx: Tx, now: datetime, limit: int) -> list[tuple[str, str, str]]:
    """Ends holds and quarantines that are over: (number, why it was kept, for whom). System transaction."""
    over = (inventory.c.holder == "", inventory.c.kept_until <= now)
    found = [
        (row["number"], row["kept"], row["kept_for"])
        for row in await tx.all(
            select(inventory.c.number, inventory.c.kept, inventory.c.kept_for).where(*over).limit(limit)
        )
    ]
    if found:
        ended = (inventory.c.number.in_([number for number, _, _ in found]), *over)
        await tx.execute(update(inventory).where(*ended).values(**_NOBODYS))
    return found


def _free_for(tx: Tx) -> tuple[Any, ...]:
    return (inventory.c.holder == "", inventory.c.kept_for.in_(("", tx.tenant_id)))


def _looked_for(statement: Select[Any], wanted: Wanted) -> Select[Any]:
    column = inventory.c.number
    if wanted.country:
        statement = statement.where(inventory.c.country == wanted.country)
    if wanted.prefix:  # a range, not LIKE: that is what the key can be searched by
        statement = statement.where(column >= wanted.prefix, column < wanted.prefix + ":")
    if wanted.contains:
        statement = statement.where(column.like(f"%{wanted.contains.replace('?', '_')}%"))
    if wanted.type:
        statement = statement.where(inventory.c.type == wanted.type)
    return statement.where(*(inventory.c[each.lower()] for each in wanted.capabilities))


def _number(row: Mapping[Any, Any]) -> Number:
    said = {name: row[name] for name in SAID}
    return Number(row["number"], row["country"], row["test"], **said)


def _kept(row: Mapping[Any, Any]) -> Number:
    said = {name: row[name] for name in SAID}
    return Number(
        row["number"], row["country"], row["test"], version=0, kept=row["kept"], kept_until=row["kept_until"], **said
    )
