"""Statements that go to the driver directly do what they would by way of SQLAlchemy, and fail as they would."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest
import sqlalchemy as sa
from chassis.direct import Direct
from chassis.lifecycle import Tasks
from chassis.settings import ProcessSettings
from chassis.sql import Database, DatabaseUnavailable, Json, Time, Tx
from chassis.statements import at, inserting, selecting, updating
from merkez_local.postgres import Postgres
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine
from testkit import eventually

from .conftest import QUEUES


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that went to the driver, but for those that begin and end transactions."""
    found: list[str] = []
    before = Direct.asked

    async def note(self: Direct, text: str, ask: Any) -> Any:
        if not text.startswith(("begin", "COMMIT")):
            found.append(text)
        return await before(self, text, ask)

    monkeypatch.setattr(Direct, "asked", note)
    return found


async def add(tx: Tx, *queue_ids: str, waiting: int = 0) -> None:
    rows = [{"tenant_id": tx.tenant_id, "queue_id": each, "waiting": waiting} for each in queue_ids]
    await tx.execute(inserting(QUEUES), rows if len(rows) > 1 else rows[0])


async def find(tx: Tx, queue_id: str) -> Any:
    there = at({"tenant_id": tx.tenant_id, "queue_id": queue_id})
    return await tx.one_or_none(selecting(QUEUES, "tenant_id", "queue_id"), there)


async def fill(tx: Tx, queue_id: str, waiting: int) -> int:
    there = at({"tenant_id": tx.tenant_id, "queue_id": queue_id})
    return (await tx.execute(updating(QUEUES, "tenant_id", "queue_id"), {"waiting": waiting} | there)).rowcount


async def test_a_row_is_added_found_and_changed_from_the_second_time_on_by_the_driver_alone(
    dialect: ProcessSettings, tenant: str, other_tenant: str, asked: list[str]
) -> None:
    db = await Database.connect(dialect, "trial")
    for queue_id in ("que_a", "que_b"):
        before = len(asked)
        await db.run(tenant, lambda tx, each=queue_id: add(tx, each))
        assert await db.run(tenant, lambda tx, each=queue_id: fill(tx, each, 7)) == 1
        row = await db.run(tenant, lambda tx, each=queue_id: find(tx, each), read_only=True)
        assert (row["queue_id"], row["waiting"]) == (queue_id, 7)
    assert before == 0 and [text.split()[0] for text in asked] == ["INSERT", "UPDATE", "SELECT"]
    assert await db.run(tenant, lambda tx: find(tx, "que_none")) is None
    assert await db.run(tenant, lambda tx: fill(tx, "que_none", 1)) == 0
    await db.run(tenant, lambda tx: add(tx, "que_c", "que_d", waiting=3))
    assert (await db.run(tenant, lambda tx: find(tx, "que_d")))["waiting"] == 3
    assert await db.run(other_tenant, lambda tx: find(tx, "que_a")) is None
    assert await db.run(other_tenant, lambda tx: fill(tx, "que_a", 1)) == 0, "it sees its own rows only"
    await db.close()


async def test_what_fails_undoes_all_and_says_no_values(db: Database, tenant: str, other_tenant: str) -> None:
    await db.run(tenant, lambda tx: add(tx, "que_a"))

    async def twice(tx: Tx) -> None:
        await add(tx, "que_b")
        await add(tx, "que_a")

    with pytest.raises(IntegrityError) as refused:
        await db.run(tenant, twice)
    assert "que_a" not in str(refused.value).partition("DETAIL")[0] and refused.value.hide_parameters
    assert await db.run(tenant, lambda tx: find(tx, "que_b")) is None

    async def for_another(tx: Tx) -> None:
        row = {"tenant_id": other_tenant, "queue_id": "que_x", "waiting": 0}
        await tx.execute(inserting(QUEUES), row)

    with pytest.raises(DBAPIError, match="row-level security"):
        await db.run(tenant, for_another)
    await db.run(tenant, lambda tx: add(tx, "que_b"))


async def test_counting_up_at_once_loses_nothing(dialect: ProcessSettings, tenant: str) -> None:
    db = await Database.connect(dialect, "trial")
    await db.run(tenant, lambda tx: add(tx, "que_a"))

    async def count_up(tx: Tx) -> int:
        waiting = (await find(tx, "que_a"))["waiting"] + 1
        await fill(tx, "que_a", waiting)
        return waiting

    results = await asyncio.gather(*[db.run(tenant, count_up) for _ in range(12)])
    assert sorted(results) == list(range(1, 13))
    await db.close()


async def test_connections_that_were_cut_are_made_again(db: Database, postgres: Postgres, tenant: str) -> None:
    await db.run(tenant, lambda tx: add(tx, "que_a"))
    await db.run(tenant, lambda tx: find(tx, "que_a"))
    runs = 0

    async def cut(tx: Tx) -> Any:
        nonlocal runs
        runs += 1
        if runs == 1:
            pid = (await tx.one(sa.select(sa.func.pg_backend_pid().label("pid"))))["pid"]
            await cut_off(postgres, pid)
        return await find(tx, "que_a")

    assert (await db.run(tenant, cut))["waiting"] == 0 and runs == 2

    async def always(tx: Tx) -> Any:
        pid = (await tx.one(sa.select(sa.func.pg_backend_pid().label("pid"))))["pid"]
        await cut_off(postgres, pid)
        return await find(tx, "que_a")

    with pytest.raises(DatabaseUnavailable):
        await db.run(tenant, always)
    assert (await db.run(tenant, lambda tx: find(tx, "que_a")))["waiting"] == 0


async def cut_off(postgres: Postgres, pid: int) -> None:
    engine = create_async_engine(postgres.url())
    async with engine.connect() as connection:
        await connection.execute(sa.text("select pg_terminate_backend(:pid)"), {"pid": pid})
    await engine.dispose()


async def test_whoever_stops_waiting_leaves_the_connection_good_for_the_next(
    db: Database, tenant: str, asked: list[str]
) -> None:
    await db.run(tenant, lambda tx: add(tx, "que_a"))
    await db.run(tenant, lambda tx: fill(tx, "que_a", 1))
    held, free, tasks = asyncio.Event(), asyncio.Event(), Tasks("test")

    async def hold(tx: Tx) -> None:
        await fill(tx, "que_a", 2)
        held.set()
        await free.wait()

    first = tasks.spawn(db.run(tenant, hold), "holds")
    await held.wait()
    before = len(asked)
    second = tasks.spawn(db.run(tenant, lambda tx: fill(tx, "que_a", 3)), "waits")
    await eventually(lambda: len(asked) > before or None)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    free.set()
    await first
    for _ in range(30):
        assert (await db.run(tenant, lambda tx: find(tx, "que_a")))["waiting"] == 2


class Colour(StrEnum):
    RED = "red"


async def test_values_of_every_kind_come_out_as_they_do_by_way_of_sqlalchemy(db: Database, tenant: str) -> None:
    kinds = sa.Table(
        "kinds", sa.MetaData(),
        sa.Column("number", sa.BigInteger), sa.Column("name", sa.Text), sa.Column("on", sa.Boolean),
        sa.Column("at", Time), sa.Column("seen", Json), sa.Column("none", Json), sa.Column("data", sa.LargeBinary),
        prefixes=["TEMPORARY"],
    )  # fmt: skip
    row = {
        "number": 2**40, "name": Colour.RED, "on": True, "at": datetime(2026, 3, 1, 9, tzinfo=UTC),
        "seen": {"a": [1, "ü", None, (2, 3)]}, "none": None, "data": b"\x00\xff",
    }  # fmt: skip

    async def both(tx: Tx) -> list[Any]:
        await tx.execute(sa.schema.CreateTable(kinds))
        for _ in range(2):
            await tx.execute(inserting(kinds), row)
        found = list(await tx.all(sa.select(kinds)))
        await tx.execute(sa.delete(kinds))
        await tx.execute(inserting(kinds), row)
        there = at({"number": 2**40})
        found += [await tx.one_or_none(selecting(kinds, "number"), there) for _ in range(2)]
        await tx.execute(sa.schema.DropTable(kinds))
        return [{**each} for each in found if each is not None]

    first, *others = await db.run(tenant, both)
    assert all(each == first for each in others) and len(others) == 3
    assert [type(value) for value in others[-1].values()] == [type(value) for value in first.values()]


async def test_numbers_with_a_point_are_read_by_way_of_sqlalchemy(db: Database, tenant: str, asked: list[str]) -> None:
    kinds = sa.Table(
        "shares", sa.MetaData(), sa.Column("n", sa.BigInteger), sa.Column("share", sa.Float), prefixes=["TEMPORARY"]
    )

    async def work(tx: Tx) -> list[Any]:
        await tx.execute(sa.schema.CreateTable(kinds))
        await tx.execute(inserting(kinds), {"n": 1, "share": 0.25})
        found = [await tx.one_or_none(selecting(kinds, "n"), at({"n": 1})) for _ in range(2)]
        await tx.execute(sa.schema.DropTable(kinds))
        return [{**each} for each in found if each is not None]

    assert await db.run(tenant, work) == [{"n": 1, "share": 0.25}] * 2 and not asked
