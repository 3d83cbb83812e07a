"""Rows that are written in the end of a transaction are as if they had been written at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import sqlalchemy as sa
from chassis.direct import Direct
from chassis.putoff import PutOff
from chassis.settings import ProcessSettings
from chassis.sql import Database, Tx
from chassis.statements import Sought, at, inserting, selecting, updating
from kernel.errors import Conflict
from merkez.routing.v1 import queue_pb2
from merkez.routing.v1.routing_events_pb2 import OfferMade
from sqlalchemy.exc import IntegrityError

from .conftest import QUEUES


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The first words of what went to the driver."""
    found: list[str] = []
    before = Direct.asked

    async def note(self: Direct, text: str, ask: Any) -> Any:
        found.append(text.split()[0])
        return await before(self, text, ask)

    monkeypatch.setattr(Direct, "asked", note)
    return found


async def add(tx: Tx, queue_id: str) -> None:
    row = {"tenant_id": tx.tenant_id, "queue_id": queue_id, "waiting": 0}
    await tx.write_later(inserting(QUEUES), row, (QUEUES.name, queue_id))


async def fill(tx: Tx, queue_id: str, waiting: int, was: int = 0) -> None:
    there = at({"tenant_id": tx.tenant_id, "queue_id": queue_id, "waiting": was})
    statement = updating(QUEUES, "tenant_id", "queue_id", "waiting")
    refused = Conflict("somebody was faster")
    await tx.write_later(statement, {"waiting": waiting} | there, (QUEUES.name, queue_id), refused=lambda: refused)


async def find(tx: Tx, queue_id: str) -> Any:
    there = at({"tenant_id": tx.tenant_id, "queue_id": queue_id})
    return await tx.one_or_none(selecting(QUEUES, "tenant_id", "queue_id"), there, row=(QUEUES.name, queue_id))


async def all_of(tx: Tx) -> dict[str, int]:
    return {row["queue_id"]: row["waiting"] for row in await tx.all(sa.select(QUEUES))}


async def test_rows_of_a_kind_are_one_message_in_the_end_and_reads_of_other_rows_leave_them_be(
    dialect: ProcessSettings, tenant: str, asked: list[str]
) -> None:
    db = await Database.connect(dialect, "trial")

    async def work(tx: Tx, *queue_ids: str) -> None:
        for each in queue_ids:
            assert await find(tx, each) is None
            await add(tx, each)

    async def refill(tx: Tx) -> None:
        for each in ("que_1", "que_2", "que_3"):
            row = await find(tx, each)
            await fill(tx, each, 7, row["waiting"])

    await db.run(tenant, lambda tx: work(tx, "que_0"))
    await db.run(tenant, lambda tx: fill(tx, "que_0", 1))
    asked.clear()
    await db.run(tenant, lambda tx: work(tx, "que_1", "que_2", "que_3"))
    assert asked == ["begin", "SELECT", "SELECT", "SELECT", "INSERT", "COMMIT"]
    asked.clear()
    await db.run(tenant, refill)
    assert asked == ["begin", "SELECT", "SELECT", "SELECT", "UPDATE", "COMMIT"]
    assert await db.run(tenant, all_of, read_only=True) == {"que_0": 1, "que_1": 7, "que_2": 7, "que_3": 7}
    await db.close()


async def answer(tx: Tx, number: int, queue_id: str, meanwhile: Callable[[], Awaitable[None]] | None = None) -> str:
    """A request answered once, a row changed and a fact told: three kinds of rows."""

    async def made() -> queue_pb2.Queue:
        await fill(tx, queue_id, number + 1, number)
        tx.emit(OfferMade(), key=queue_id)
        if meanwhile is not None:
            await meanwhile()
        return queue_pb2.Queue(queue_id=queue_id)

    asked = queue_pb2.Queue()
    return (await tx.once(f"request {number}", "Answer", asked, queue_pb2.Queue, made)).queue_id


async def told(db: Database, tenant: str) -> list[str]:
    keys = sa.select(db.standard.outbox.c.key)
    return [row["key"] for row in await db.run(tenant, lambda tx: tx.all(keys), read_only=True)]


async def test_few_rows_of_several_kinds_are_one_message_and_all_or_nothing(
    dialect: ProcessSettings, tenant: str, asked: list[str]
) -> None:
    db = await Database.connect(dialect, "trial")
    await db.run(tenant, lambda tx: add(tx, "que_1"))
    for number in range(2):  # by way of SQLAlchemy the first time
        asked.clear()
        await db.run(tenant, lambda tx, number=number: answer(tx, number, "que_1"))
    assert asked == ["begin", "SELECT", "WITH", "COMMIT"]
    with pytest.raises(Conflict, match="somebody was faster"):
        await db.run(tenant, lambda tx: answer(tx, 7, "que_1"))
    assert await told(db, tenant) == ["que_1", "que_1"]
    assert await db.run(tenant, all_of, read_only=True) == {"que_1": 2}
    await db.close()


async def test_who_finds_that_a_twin_was_faster_answers_what_the_twin_did(
    dialect: ProcessSettings, tenant: str, asked: list[str]
) -> None:
    db = await Database.connect(dialect, "trial")
    for queue_id in ("que_1", "que_2"):
        await db.run(tenant, lambda tx, queue_id=queue_id: add(tx, queue_id))
        await db.run(tenant, lambda tx, queue_id=queue_id: fill(tx, queue_id, 5))
    for number in (5, 6):
        await db.run(tenant, lambda tx, number=number: answer(tx, number, "que_1"))
    await db.run(tenant, lambda tx: fill(tx, "que_2", 7, 5))

    async def twin() -> None:
        await db.run(tenant, lambda tx: answer(tx, 7, "que_2"))

    asked.clear()
    assert await db.run(tenant, lambda tx: answer(tx, 7, "que_1", twin)) == "que_2"
    assert asked.count("WITH") == 2
    assert await told(db, tenant) == ["que_1", "que_1", "que_2"]
    assert await db.run(tenant, all_of, read_only=True) == {"que_1": 7, "que_2": 8}
    await db.close()


async def test_rows_that_are_sought_are_one_message_and_one_that_was_written_since_is_read_again(
    dialect: ProcessSettings, tenant: str, other_tenant: str, asked: list[str]
) -> None:
    db = await Database.connect(dialect, "trial")
    for whose, number in ((tenant, 1), (other_tenant, 2)):
        await db.run(whose, lambda tx: add(tx, "que_1"))
        await db.run(whose, lambda tx: add(tx, "que_2"))
        await db.run(whose, lambda tx, number=number: fill(tx, "que_1", number))
    sought = [Sought(QUEUES, (("queue_id", f"que_{number}"),)) for number in (1, 2, 3)]

    async def waiting(tx: Tx) -> list[int | None]:
        rows = [await find(tx, f"que_{number}") for number in (1, 2, 3)]
        return [row["waiting"] if row is not None else None for row in rows]

    async def work(tx: Tx) -> None:
        await tx.read_ahead(sought)
        assert await waiting(tx) == [1, 0, None]
        await fill(tx, "que_2", 5)
        await add(tx, "que_3")
        assert await waiting(tx) == [1, 5, 0]
        await tx.execute(sa.update(QUEUES).values(waiting=9))
        assert await waiting(tx) == [9, 9, 9]
        raise Conflict("try it again")

    for _ in range(2):  # SQLAlchemy carries it out itself, then the driver does
        asked.clear()
        with pytest.raises(Conflict):
            await db.run(tenant, work)
    assert asked.index("UPDATE") == 2 and asked[:2] == ["begin", "SELECT"]
    await db.close()


async def test_whatever_may_see_a_row_that_was_put_off_sees_it(db: Database, tenant: str) -> None:
    async def work(tx: Tx) -> None:
        await add(tx, "que_a")
        assert (await find(tx, "que_a"))["waiting"] == 0
        await fill(tx, "que_a", 1)
        assert await all_of(tx) == {"que_a": 1}
        await fill(tx, "que_a", 2, 1)
        await fill(tx, "que_a", 3, 2)  # written twice: the first one before
        await tx.execute(sa.update(QUEUES).values(waiting=QUEUES.c.waiting + 10))

    await db.run(tenant, work)
    assert await db.run(tenant, all_of, read_only=True) == {"que_a": 13}


@pytest.mark.parametrize("rows", [1, 3])
async def test_a_row_that_is_not_as_it_was_read_undoes_all_of_it(db: Database, tenant: str, rows: int) -> None:
    names = [f"que_{number}" for number in range(rows)]

    async def begin(tx: Tx) -> None:
        for each in names:
            await add(tx, each)

    async def stale(tx: Tx) -> None:
        await add(tx, "que_new")
        for each in names:
            await fill(tx, each, 5, was=4 if each == names[-1] else 0)

    for _ in range(2):  # by way of SQLAlchemy the first time, and by the driver
        with pytest.raises(Conflict, match="somebody was faster"):
            await db.run(tenant, stale)
        await db.run(tenant, begin) if not await db.run(tenant, all_of) else None
    assert await db.run(tenant, all_of, read_only=True) == dict.fromkeys(names, 0)
    with pytest.raises(IntegrityError):
        await db.run(tenant, begin)


def test_rows_that_may_exclude_each_other_keep_their_order() -> None:
    metadata = sa.MetaData()
    plain, told_apart = (
        sa.Table(name, metadata, sa.Column("tenant_id", sa.Text, primary_key=True), sa.Column("name", sa.Text), *more)
        for name, more in (("plain", ()), ("apart", (sa.UniqueConstraint("tenant_id", "name"),)))
    )
    for table, can_wait in ((plain, True), (told_apart, False)):
        off = PutOff()
        off.add(updating(table, "tenant_id"), {"name": "a"}, "row 1", None, False)
        assert off.can_wait(updating(table, "tenant_id"), "row 2")
        assert off.can_wait(inserting(table), "row 2") == can_wait
        assert not off.can_wait(updating(table, "tenant_id"), "row 1")


async def test_a_tenant_id_that_is_none_is_bound_and_never_part_of_a_text(db: Database, tenant: str) -> None:
    await db.run(tenant, lambda tx: add(tx, "que_a"))
    for other in (f"x', true); select set_config('merkez.tenant', '{tenant}", f"{tenant}'", f"{tenant}\n"):
        assert await db.run(other, all_of, read_only=True) == {}
    assert await db.run(tenant, all_of, read_only=True) == {"que_a": 0}
