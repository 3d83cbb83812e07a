"""What becomes of a transaction that is cancelled, cut or wrong at any point: all of it or nothing, and its connection
goes on as if it had never been."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
import sqlalchemy as sa
from chassis import driver as drivers
from chassis.driver import Driver, NothingHolds
from chassis.settings import ProcessSettings
from chassis.sql import Database, DatabaseUnavailable, Tx
from chassis.statements import at, inserting, selecting
from merkez_local.postgres import Postgres
from sqlalchemy.exc import DBAPIError, ResourceClosedError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from .conftest import QUEUES

_KILL_ME = sa.text("select pg_terminate_backend(pg_backend_pid())")
_LISTED = selecting(QUEUES, "tenant_id")


@pytest_asyncio.fixture
async def lone(settings: ProcessSettings) -> AsyncIterator[Database]:
    """The trial service's database over one connection: whatever is left on it meets the next transaction."""
    made = await Database.connect(settings, "trial", pool_size=1)
    made.engine.pool._max_overflow = 0  # pyright: ignore[reportAttributeAccessIssue]
    yield made
    await made.close()


@pytest_asyncio.fixture
async def ask(postgres: Postgres, settings: ProcessSettings) -> AsyncIterator[Callable[[str], Awaitable[Any]]]:
    """One value, asked for by nobody's tenant."""
    name = sa.make_url(settings.database_url).database
    admin = create_async_engine(postgres.url(name or ""), isolation_level="AUTOCOMMIT")

    async def scalar(sql: str) -> Any:
        async with admin.connect() as connection:
            return (await connection.execute(sa.text(sql))).scalar_one()

    yield scalar
    await admin.dispose()


def row(tenant: str, queue_id: str, waiting: int = 0) -> dict[str, object]:
    return {"tenant_id": tenant, "queue_id": queue_id, "waiting": waiting}


async def listed(tx: Tx) -> list[str]:
    return sorted(each["queue_id"] for each in await tx.rows(_LISTED, at({"tenant_id": tx.tenant_id})))


OPEN = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'"


@contextlib.contextmanager
def cancelling(call: int, turns: int) -> Iterator[Callable[[asyncio.Task[Any]], None]]:
    """Cancels the task it is given so many turns of the loop after its so-manieth call of asyncpg."""
    loop, tasks, calls = asyncio.get_running_loop(), list[asyncio.Task[Any]](), 0

    def cancel(turns: int) -> None:
        if turns:
            loop.call_soon(cancel, turns - 1)
        else:
            tasks[0].cancel()

    def counted(method: Any) -> Any:
        def counting(self: Any, *args: Any, **more: Any) -> Any:
            nonlocal calls
            if asyncio.current_task() in tasks:
                calls += 1
                if calls == call:
                    loop.call_soon(cancel, turns)
            return method(self, *args, **more)

        return counting

    with pytest.MonkeyPatch.context() as patch:
        for name in ("execute", "fetch", "prepare"):
            patch.setattr(asyncpg.Connection, name, counted(getattr(asyncpg.Connection, name)))
        yield tasks.append


@pytest.mark.parametrize("by", ["driver", "sqlalchemy"])
async def test_wherever_a_transaction_is_cancelled_all_of_it_holds_or_nothing(
    lone: Database, tenant: str, other_tenant: str, ask: Callable[[str], Awaitable[Any]], by: str
) -> None:
    async def pair(tx: Tx, number: int) -> None:
        for name in (f"que_{number}_a", f"que_{number}_b"):
            if by == "driver":
                await tx.write(inserting(QUEUES), row(tenant, name))
            else:
                await tx.execute(sa.insert(QUEUES).values(row(tenant, name)))

    number, left = 0, True
    for turns in (0, 1, 2, 8, 64, 512):
        for call in range(1, 30):
            number += 1
            with cancelling(call, turns) as begun:
                task = asyncio.get_running_loop().create_task(
                    lone.run(tenant, lambda tx, number=number: pair(tx, number))
                )
                begun(task)
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            left = not task.cancelled()
            if left:
                break
        assert left
    names = await lone.run(tenant, listed)
    assert {name.removesuffix("_a") + "_b" for name in names if name.endswith("_a")} == {
        name for name in names if name.endswith("_b")
    }
    assert await lone.run(other_tenant, listed) == []
    assert await ask(OPEN) == 0


async def test_what_the_relay_does_is_in_nobodys_transaction(
    settings: ProcessSettings, tenant: str, ask: Callable[[str], Awaitable[Any]]
) -> None:
    db = await Database.connect(settings, "trial")
    assert db.system_engine is not None
    db.system_engine.pool._max_overflow = 0  # pyright: ignore[reportAttributeAccessIssue]
    for steps in range(12):
        with cancelling(1 + steps % 4, steps // 4) as begun:  # also in the BEGIN
            task = asyncio.get_running_loop().create_task(db.system(lambda tx: tx.all(sa.select(QUEUES))))
            begun(task)
            await asyncio.gather(task, return_exceptions=True)

        async def write(number: int, steps: int = steps) -> None:
            async with db.system_driver() as driver:
                await driver.write(inserting(QUEUES), row(tenant, f"que_{steps}_{number}"))

        await asyncio.gather(*map(write, range(4)))
        assert await ask("select count(*) from trial.queues") == 4 * (steps + 1)
    await db.close()


async def test_a_cancel_that_comes_while_a_transaction_is_undone_is_not_lost(
    db: Database, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    undoing, tries = asyncio.Event(), 0
    execute = asyncpg.Connection.execute

    async def slow(self: Any, query: str, *args: Any, **more: Any) -> str:
        if query == "ROLLBACK":
            undoing.set()
            await asyncio.sleep(60)
        return await execute(self, query, *args, **more)

    monkeypatch.setattr(asyncpg.Connection, "execute", slow)

    async def conflict(tx: Tx) -> None:
        nonlocal tries
        tries += 1
        await tx.execute(sa.text("do $$ begin raise exception using errcode = '40001'; end $$"))

    task = asyncio.get_running_loop().create_task(db.run(tenant, conflict))
    await undoing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 10)
    assert tries == 1


async def test_who_is_cancelled_does_not_wait_for_a_server_that_is_silent(
    settings: ProcessSettings, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drivers, "_UNDO_SECONDS", 0.2)
    async with silenced(settings) as (db, silence):
        assert await db.run(tenant, listed) == []
        silence.set()
        task = asyncio.get_running_loop().create_task(db.run(tenant, listed))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)
        silence.clear()
        assert await db.run(tenant, listed) == []


@contextlib.asynccontextmanager
async def silenced(settings: ProcessSettings) -> AsyncIterator[tuple[Database, asyncio.Event]]:
    """The same database, over a wire that passes nothing on while it is silent, nor says that it is cut."""
    url, silence, tasks = sa.make_url(settings.database_url), asyncio.Event(), set[asyncio.Task[None]]()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if not silence.is_set():
                    writer.write(data)
            writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(url.host, url.port)
        loop = asyncio.get_running_loop()
        tasks.update([loop.create_task(pass_on(reader, back)), loop.create_task(pass_on(there, writer))])

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    there = url.set(host=host, port=port).render_as_string(hide_password=False)
    db = await Database.connect(replace(settings, database_url=there), "trial", pool_size=1)
    try:
        yield db, silence
    finally:
        await db.close()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_failure_that_a_verb_hides_is_no_success(db: Database, tenant: str) -> None:
    async def careless(tx: Tx) -> None:
        await tx.write(inserting(QUEUES), row(tenant, "que_a"))
        with contextlib.suppress(DBAPIError):
            await tx.write(inserting(QUEUES), row(tenant, "que_a"))

    with pytest.raises(NothingHolds):
        await db.run(tenant, careless)
    assert await db.run(tenant, listed) == []


@pytest.mark.parametrize("when", ["driver", "sqlalchemy", "between"])
async def test_a_transaction_whose_connection_is_cut_runs_again_and_holds_once(
    db: Database, tenant: str, when: str, ask: Callable[[str], Awaitable[Any]]
) -> None:
    tries = 0

    async def work(tx: Tx) -> int:
        nonlocal tries
        tries += 1
        await tx.write(inserting(QUEUES), row(tenant, "que_a", tries))
        if tries == 1 and when == "between":
            pid = (await tx.one(sa.text("select pg_backend_pid() as pid")))["pid"]
            await ask(f"select pg_terminate_backend({pid})")
        elif tries == 1:
            await tx.execute(_KILL_ME)
        if when == "sqlalchemy":
            await tx.execute(sa.insert(QUEUES).values(row(tenant, "que_b")))
        else:
            await tx.write(inserting(QUEUES), row(tenant, "que_b"))
        return tries

    assert await db.run(tenant, work) == 2
    assert await db.run(tenant, listed) == ["que_a", "que_b"]


async def test_when_one_connection_is_cut_the_others_of_its_pool_are_not_tried_one_by_one(
    db: Database, tenant: str, ask: Callable[[str], Awaitable[Any]]
) -> None:
    together, pids = asyncio.Barrier(8), set[int]()

    async def pid(tx: Tx) -> int:
        return (await tx.one(sa.text("select pg_backend_pid() as pid")))["pid"]

    async def meet(tx: Tx) -> None:
        await together.wait()
        pids.add(await pid(tx))

    await asyncio.gather(*(db.run(tenant, meet) for _ in range(8)))
    tries = 0

    async def work(tx: Tx) -> int:
        nonlocal tries
        tries += 1
        if tries == 1:
            await ask(f"select pg_terminate_backend({await pid(tx)})")
        await tx.rows(_LISTED, at({"tenant_id": tenant}))
        return await pid(tx)

    assert await db.run(tenant, work) not in pids and tries == 2 and len(pids) == 8


async def test_after_its_connection_is_cut_a_transaction_writes_nothing_on_another_one(
    db: Database, tenant: str, ask: Callable[[str], Awaitable[Any]]
) -> None:
    async def goes_on(tx: Tx) -> None:
        with contextlib.suppress(DBAPIError):
            await tx.execute(_KILL_ME)
        for _ in range(2):
            with contextlib.suppress(SQLAlchemyError):
                await tx.execute(sa.insert(QUEUES).values(row(tenant, "que_a")))
            with contextlib.suppress(SQLAlchemyError):
                await tx.write(inserting(QUEUES), row(tenant, "que_a"))

    with pytest.raises((DatabaseUnavailable, DBAPIError)):
        await db.system(goes_on)  # row level security holds nothing back here
    assert await ask("select count(*) from trial.queues") == 0


async def test_a_commit_whose_answer_is_lost_is_not_run_again(
    db: Database, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, tries = Driver._commit, 0  # pyright: ignore[reportPrivateUsage]

    async def lost(self: Driver) -> None:
        await commit(self)
        raise ConnectionResetError("the answer is lost")

    async def work(tx: Tx) -> None:
        nonlocal tries
        tries += 1
        await tx.write(inserting(QUEUES), row(tenant, f"que_{tries}"))

    monkeypatch.setattr(Driver, "_commit", lost)
    with pytest.raises(DatabaseUnavailable, match="commit"):
        await db.run(tenant, work)
    monkeypatch.undo()
    assert await db.run(tenant, listed) == ["que_1"] and tries == 1


async def test_each_transaction_on_a_connection_is_of_its_own_tenant_whatever_became_of_the_one_before(
    lone: Database, tenant: str, other_tenant: str
) -> None:
    for each in (tenant, other_tenant):
        await lone.run(each, lambda tx: tx.write(inserting(QUEUES), row(tx.tenant_id, f"que_of_{tx.tenant_id}")))
    everything = sa.select(QUEUES.c.queue_id)

    async def seen(tx: Tx) -> list[str]:
        return [each["queue_id"] for each in await tx.all(everything)]

    async def fail(tx: Tx) -> None:
        await tx.execute(sa.text("select 1 / 0"))

    async def stop(tx: Tx) -> None:
        asyncio.current_task().cancel()  # pyright: ignore[reportOptionalMemberAccess]
        await tx.execute(sa.text("select pg_sleep(5)"))

    for became, error in ((fail, DBAPIError), (stop, asyncio.CancelledError)):
        for each in (tenant, other_tenant):
            with pytest.raises(error):
                await asyncio.get_running_loop().create_task(lone.run(each, became))
            other = other_tenant if each == tenant else tenant
            assert await lone.run(other, seen) == [f"que_of_{other}"]
            async with lone.engine.connect() as connection:  # nobody's
                assert (await connection.execute(everything)).all() == []


@pytest.mark.parametrize(
    "name", ["ten_'", "ten_\\", "ten_a'; select set_config('merkez.tenant', 'ten_b", "ten_a\n", " "]
)
async def test_what_is_no_tenants_id_is_one_without_rows_whatever_is_in_it(
    db: Database, tenant: str, name: str
) -> None:
    await db.run(tenant, lambda tx: tx.write(inserting(QUEUES), row(tenant, "que_a")))
    said = sa.text("select current_setting('merkez.tenant') as name")
    assert (await db.run(name, lambda tx: tx.one(said)))["name"] == name
    assert await db.run(name, lambda tx: tx.all(sa.select(QUEUES))) == []


async def test_transactions_of_many_tenants_share_few_connections_and_each_sees_its_own(
    settings: ProcessSettings,
) -> None:
    db = await Database.connect(settings, "trial", pool_size=2)
    everything = sa.select(QUEUES.c.tenant_id)

    async def work(number: int) -> bool:
        tenant = f"ten_{number % 7}"

        async def add(tx: Tx) -> bool:
            await tx.write(inserting(QUEUES), row(tenant, f"que_{number}"))
            return {each["tenant_id"] for each in await tx.all(everything)} == {tenant}

        return await db.run(tenant, add)

    assert all(await asyncio.gather(*map(work, range(80))))
    await db.close()


async def test_who_finds_every_connection_busy_hears_that_the_database_is_unavailable(
    lone: Database, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lone.engine.pool, "_timeout", 0.05)
    held = asyncio.Event()

    async def hold(_tx: Tx) -> None:
        held.set()
        await asyncio.Event().wait()

    task = asyncio.get_running_loop().create_task(lone.run(tenant, hold))
    await held.wait()
    with pytest.raises(DatabaseUnavailable, match="busy"):
        await lone.run(tenant, listed)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert await lone.run(tenant, listed) == []


async def test_a_table_that_is_altered_under_a_statement_made_once_is_read_all_the_same(
    lone: Database, tenant: str, ask: Callable[[str], Awaitable[Any]]
) -> None:
    await lone.run(tenant, lambda tx: tx.write(inserting(QUEUES), row(tenant, "que_a")))
    every: Any = sa.select(QUEUES.c.tenant_id, QUEUES.c.waiting).where(
        QUEUES.c.tenant_id == sa.bindparam("at_tenant_id")
    )

    async def read(tx: Tx) -> Sequence[Any]:
        return await tx.rows(every, at({"tenant_id": tenant}))

    assert len(await lone.run(tenant, read)) == 1
    with contextlib.suppress(ResourceClosedError):
        await ask("alter table trial.queues alter column waiting type integer")
    assert len(await lone.run(tenant, read)) == 1
