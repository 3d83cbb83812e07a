"""A transaction sees one tenant, runs again when it must, and leaves nothing half-done."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextvars import copy_context
from dataclasses import replace

import pytest
import sqlalchemy as sa
from chassis.settings import ProcessSettings
from chassis.sql import Database, DatabaseUnavailable, RequestIdReused, Tx
from chassis.telemetry import context_from, current_traceparent, describe_error
from merkez.routing.v1 import queue_pb2, queue_service_pb2
from merkez.routing.v1.routing_events_pb2 import OfferMade
from merkez_local.postgres import Postgres, free_port
from opentelemetry import context as otel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from testkit import eventually

from .conftest import QUEUES


async def add(tx: Tx, queue_id: str, tenant: str = "") -> None:
    await tx.execute(sa.insert(QUEUES).values(tenant_id=tenant or tx.tenant_id, queue_id=queue_id, waiting=0))


async def count_up(tx: Tx, queue_id: str) -> int:
    mine = (QUEUES.c.tenant_id == tx.tenant_id, QUEUES.c.queue_id == queue_id)
    row = await tx.one(sa.select(QUEUES.c.waiting).where(*mine))
    await tx.execute(sa.update(QUEUES).where(*mine).values(waiting=row["waiting"] + 1))
    return row["waiting"] + 1


async def queues(tx: Tx) -> list[str]:
    return [row["queue_id"] for row in await tx.all(sa.select(QUEUES.c.queue_id).order_by(QUEUES.c.queue_id))]


async def test_a_tenant_sees_its_own_rows_in_both_dialects(
    dialect: ProcessSettings, tenant: str, other_tenant: str
) -> None:
    db = await Database.connect(dialect, "trial")
    await db.run(tenant, lambda tx: add(tx, "que_a"))
    await db.run(other_tenant, lambda tx: add(tx, "que_b"))
    assert await db.run(tenant, queues, read_only=True) == ["que_a"]
    assert await db.run(other_tenant, queues) == ["que_b"]
    assert await db.system(queues) == ["que_a", "que_b"]
    await db.close()


async def test_a_row_cannot_be_written_for_another_tenant(db: Database, tenant: str, other_tenant: str) -> None:
    with pytest.raises(DBAPIError, match="row-level security"):
        await db.run(tenant, lambda tx: add(tx, "que_a", other_tenant))
    await db.run(tenant, lambda tx: add(tx, "que_a"))
    moved = sa.update(QUEUES).values(tenant_id=other_tenant)
    with pytest.raises(DBAPIError, match="row-level security"):
        await db.run(tenant, lambda tx: tx.execute(moved))


async def test_without_a_tenant_there_are_no_rows(db: Database, tenant: str) -> None:
    await db.run(tenant, lambda tx: add(tx, "que_a"))
    for _ in range(2):  # a fresh session and one that has been a tenant's before
        async with db.engine.connect() as connection:
            assert (await connection.execute(sa.select(QUEUES))).all() == []
    with pytest.raises(ValueError, match="tenant"):
        await db.run("", queues)


async def test_lost_updates_do_not_happen_in_either_dialect(dialect: ProcessSettings, tenant: str) -> None:
    db = await Database.connect(dialect, "trial")
    await db.run(tenant, lambda tx: add(tx, "que_a"))
    results = await asyncio.gather(*[db.run(tenant, lambda tx: count_up(tx, "que_a")) for _ in range(12)])
    assert sorted(results) == list(range(1, 13))
    await db.close()


async def test_write_skew_is_refused_and_run_again(db: Database, tenant: str) -> None:
    await db.run(tenant, lambda tx: add(tx, "que_a"))
    await db.run(tenant, lambda tx: add(tx, "que_b"))
    both_read = asyncio.Barrier(2)
    runs = {"que_a": 0, "que_b": 0}

    async def fill_if_all_empty(tx: Tx, queue_id: str) -> bool:
        runs[queue_id] += 1
        rows = await tx.all(sa.select(QUEUES).where(QUEUES.c.tenant_id == tx.tenant_id))
        if runs[queue_id] == 1:
            await both_read.wait()
        if any(row["waiting"] for row in rows):
            return False
        await tx.execute(sa.update(QUEUES).where(QUEUES.c.queue_id == queue_id).values(waiting=1))
        return True

    done = await asyncio.gather(
        db.run(tenant, lambda tx: fill_if_all_empty(tx, "que_a")),
        db.run(tenant, lambda tx: fill_if_all_empty(tx, "que_b")),
    )
    assert sorted(done) == [False, True] and sum(runs.values()) == 3


async def test_a_sweep_over_all_tenants_makes_no_writer_run_again(db: Database, tenant: str) -> None:
    await db.run(tenant, lambda tx: add(tx, "que_a"))
    runs, sweeping, written = 0, asyncio.Event(), asyncio.Event()

    async def sweep(tx: Tx) -> None:
        await queues(tx)
        sweeping.set()
        await written.wait()
        await queues(tx)

    async def write(tx: Tx) -> None:
        nonlocal runs
        runs += 1
        await count_up(tx, "que_a")

    background = asyncio.get_running_loop().create_task(db.system(sweep, read_only=True))
    await sweeping.wait()
    await db.run(tenant, write)
    written.set()
    await background
    assert runs == 1
    with pytest.raises(DBAPIError, match="read-only"):
        await db.system(lambda tx: add(tx, "que_b", tenant), read_only=True)


async def test_a_heartbeat_over_all_rows_neither_runs_again_nor_makes_a_writer_run_again(
    db: Database, tenant: str
) -> None:
    await db.run(tenant, lambda tx: add(tx, "que_a"))
    await db.run(tenant, lambda tx: add(tx, "que_b"))
    runs: list[str] = []
    beating, written = asyncio.Event(), asyncio.Event()

    async def beat(tx: Tx) -> None:
        runs.append("beat")
        await queues(tx)
        beating.set()
        await written.wait()
        await tx.execute(sa.update(QUEUES).where(QUEUES.c.queue_id == "que_a").values(waiting=9))

    async def write(tx: Tx) -> None:
        runs.append("write")
        await queues(tx)
        await count_up(tx, "que_b")

    background = asyncio.get_running_loop().create_task(db.system(beat, serializable=False))
    await beating.wait()
    await db.run(tenant, write)
    written.set()
    await background
    assert runs == ["beat", "write"]


async def test_what_one_transaction_does_for_several_belongs_to_the_trace_of_each(db: Database, tenant: str) -> None:
    traces = [f"00-{n:032x}-{n:016x}-01" for n in (1, 2)]
    ran: list[str] = []

    async def both(tx: Tx) -> None:
        for traceparent in traces:
            context = copy_context()
            context.run(otel.attach, context_from(traceparent))
            with tx.part_of(context):
                tx.emit(OfferMade(), key="k")
                tx.after_commit(lambda: ran.append(current_traceparent()))
        tx.emit(OfferMade(), key="k")

    await db.run(tenant, both)
    box = db.standard.outbox
    rows = await db.run(tenant, lambda tx: tx.all(sa.select(box.c.traceparent).order_by(box.c.position)))
    assert [row["traceparent"] for row in rows] == [*traces, ""] and ran == traces


async def test_an_error_undoes_everything_and_emits_nothing(db: Database, tenant: str) -> None:
    hooks: list[str] = []

    async def fail(tx: Tx) -> None:
        await add(tx, "que_a")
        tx.emit(OfferMade(), key="k")
        tx.after_commit(lambda: hooks.append("ran"))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await db.run(tenant, fail)
    assert await db.run(tenant, queues) == [] and hooks == []
    assert await db.system(lambda tx: tx.all(sa.select(db.standard.outbox))) == []


async def test_hooks_run_after_the_commit_that_held_and_once(db: Database, tenant: str) -> None:
    ran: list[str] = []
    attempts = 0

    async def background() -> None:
        ran.append("background")

    async def work(tx: Tx) -> None:
        nonlocal attempts
        attempts += 1
        tx.after_commit(lambda: ran.append("hook"))
        tx.after_commit(lambda: 1 / 0)
        tx.after_commit(background)
        if attempts < 3:
            await tx.execute(sa.text("do $$ begin raise exception using errcode = '40001'; end $$"))

    await db.run(tenant, work)
    await eventually(lambda: len(ran) == 2)
    assert ran == ["hook", "background"] and attempts == 3


async def test_a_transaction_that_has_held_leaves_nothing_to_the_garbage_collector(db: Database, tenant: str) -> None:
    gone: list[weakref.ref[Tx]] = []

    async def work(tx: Tx) -> None:
        gone.append(weakref.ref(tx))
        tx.after_commit(lambda: tx.tenant_id)

    gc.disable()
    try:
        await db.run(tenant, work)
        await db.run(tenant, queues)  # whatever remembered the one before remembers this one
        assert gone[0]() is None
    finally:
        gc.enable()


async def test_whoever_loses_again_and_again_gets_its_turn_unless_it_takes_too_long(
    db: Database, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.sql.random.uniform", lambda least, most: 0.0)
    tries = 0

    async def loses(tx: Tx) -> None:
        nonlocal tries
        tries += 1
        if tries <= 40:
            await tx.execute(sa.text("do $$ begin raise exception using errcode = '40001'; end $$"))

    await db.run(tenant, loses)
    assert tries == 41
    monkeypatch.setattr("chassis.sql._PATIENCE_SECONDS", 0.0)
    tries = 0
    with pytest.raises(DatabaseUnavailable, match="contention"):
        await db.run(tenant, loses)
    assert tries == 12


async def test_a_repeated_request_gets_the_first_answer(db: Database, tenant: str, other_tenant: str) -> None:
    made = 0
    request = queue_service_pb2.CreateQueueRequest(request_id="r-1")

    async def create(tx: Tx) -> queue_pb2.Queue:
        async def once() -> queue_pb2.Queue:
            nonlocal made
            made += 1
            return queue_pb2.Queue(queue_id=f"que_{made}")

        return await tx.once(request.request_id, "CreateQueue", request, queue_pb2.Queue, once)

    answers = await asyncio.gather(*[db.run(tenant, create) for _ in range(5)])
    assert {answer.queue_id for answer in answers} == {answers[0].queue_id}
    assert (await db.run(other_tenant, create)).queue_id != answers[0].queue_id
    request = queue_service_pb2.CreateQueueRequest(request_id="r-1", queue=queue_pb2.Queue(display_name="other"))
    with pytest.raises(RequestIdReused):
        await db.run(tenant, create)


async def test_without_a_request_id_a_verb_just_runs(db: Database, tenant: str) -> None:
    async def answer() -> queue_pb2.Queue:
        return queue_pb2.Queue(queue_id="que_1")

    request = queue_service_pb2.CreateQueueRequest()
    found = await db.run(tenant, lambda tx: tx.once("", "CreateQueue", request, queue_pb2.Queue, answer))
    assert found.queue_id == "que_1"


async def test_a_database_that_is_away_is_unavailable(settings: ProcessSettings, tenant: str) -> None:
    nowhere = replace(settings, database_url=f"postgresql+asyncpg://a:b@127.0.0.1:{free_port()}/x")
    db = await Database.connect(nowhere, "trial")
    with pytest.raises(DatabaseUnavailable):
        await db.run(tenant, queues)
    assert not await db.ping()
    await db.close()


async def test_cut_connections_are_made_again_unnoticed(db: Database, postgres: Postgres, tenant: str) -> None:
    await db.run(tenant, lambda tx: add(tx, "que_a"))
    name = db.engine.url.database
    cut = sa.text(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = :name and usename like 'merkez%'"
    )
    admin = create_async_engine(postgres.url())
    async with admin.connect() as connection:
        await connection.execute(cut, {"name": name})
    await admin.dispose()
    assert await db.run(tenant, queues) == ["que_a"]
    assert await db.ping()


async def test_an_error_text_holds_no_values(db: Database, tenant: str) -> None:
    name = "+15550142"
    await db.run(tenant, lambda tx: add(tx, name))
    with pytest.raises(DBAPIError) as refused:
        await db.run(tenant, lambda tx: add(tx, name))
    words, frames = describe_error(refused.value)
    assert "23505" in words and "queues" in words and name not in words + frames


async def test_a_fact_needs_its_tenant_and_the_catalogue(db: Database, tenant: str) -> None:
    async def without_tenant(tx: Tx) -> None:
        tx.emit(OfferMade(), key="k")

    async def no_fact(tx: Tx) -> None:
        tx.emit(queue_pb2.Queue(), key="k")

    with pytest.raises(ValueError, match="tenant"):
        await db.system(without_tenant)
    with pytest.raises(KeyError):
        await db.run(tenant, no_fact)
