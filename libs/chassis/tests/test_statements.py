"""Statements made once, and run by the driver: what SQLAlchemy would have to add to them is refused."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from chassis import driver as drivers
from chassis.driver import Compiled
from chassis.sql import Database, Tx
from chassis.statements import AMONG, at, inserting, selecting, selecting_among, updating
from sqlalchemy.exc import DBAPIError

from .conftest import QUEUES


def row(tenant: str, queue_id: str) -> dict[str, object]:
    return {"tenant_id": tenant, "queue_id": queue_id, "waiting": 0}


async def listed(tx: Tx) -> list[str]:
    rows = await tx.rows(selecting(QUEUES, "tenant_id"), at({"tenant_id": tx.tenant_id}))
    return [each["queue_id"] for each in rows]


async def test_many_rows_at_once_are_all_written_or_none(db: Database, tenant: str) -> None:
    many = [row(tenant, f"que_{number:04}") for number in range(700)]
    with pytest.raises(DBAPIError):
        await db.run(tenant, lambda tx: tx.write_all(inserting(QUEUES), [*many, many[350]]))
    assert await db.run(tenant, listed) == []
    await db.run(tenant, lambda tx: tx.write_all(inserting(QUEUES), many))
    assert len(await db.run(tenant, listed)) == len(many)
    uneven = [row(tenant, "que_x"), row(tenant, "que_y") | {"more": 1}]
    with pytest.raises(TypeError, match="same names"):
        await db.run(tenant, lambda tx: tx.write_all(inserting(QUEUES), uneven))


def test_a_statement_that_is_more_than_its_text_and_values_is_refused(db: Database) -> None:
    dialect, table = db.engine.dialect, sa.Table("t", sa.MetaData(), sa.Column("a", sa.Text), sa.Column("b", sa.Text))
    with pytest.raises(TypeError, match="no values for at_queue_id"):
        Compiled(updating(QUEUES, "tenant_id", "queue_id"), ["waiting", "at_tenant_id"], dialect)
    with pytest.raises(TypeError, match="any"):
        Compiled(sa.select(table).where(table.c.a.in_(["x"])), [], dialect)
    made_up = sa.Table("t", sa.MetaData(), sa.Column("a", sa.Text), sa.Column("b", sa.Text, default=lambda: "x"))
    with pytest.raises(TypeError, match="makes up"):
        Compiled(sa.insert(made_up), ["a"], dialect)
    enum = sa.Table("t", sa.MetaData(), sa.Column("a", sa.Text), sa.Column("i", sa.Interval))
    Compiled(selecting(enum, "a"), ["at_a"], dialect)
    pickled = sa.Table("t", sa.MetaData(), sa.Column("a", sa.Text), sa.Column("p", sa.PickleType))
    with pytest.raises(TypeError, match="p"):
        Compiled(selecting(pickled, "a"), ["at_a"], dialect)
    with pytest.raises(TypeError, match="p"):
        Compiled(sa.insert(pickled).returning(pickled.c.p), ["a", "p"], dialect)


async def test_statements_made_again_and_again_do_not_fill_the_memory(
    db: Database, tenant: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(drivers, "_MOST_KNOWN", 10)

    async def again(tx: Tx) -> None:
        for _ in range(25):
            await tx.rows(sa.select(QUEUES).where(QUEUES.c.queue_id == "que_a"), {})

    await db.run(tenant, again)
    assert len(db._compiled) <= 10  # pyright: ignore[reportPrivateUsage]
    assert "made once" in capsys.readouterr().err


async def test_among_nothing_nothing_is_found(db: Database, tenant: str) -> None:
    wanted = selecting_among(QUEUES, "queue_id", "tenant_id")
    assert await db.run(tenant, lambda tx: tx.rows(wanted, at({"tenant_id": tenant}) | {AMONG: []})) == []
