"""The testkit keeps its own promises: databases apart, time still, and nothing CockroachDB lacks."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import sqlalchemy as sa
from chassis.sql import Database, Tx
from merkez_local.postgres import Postgres, alive
from testkit import ManualClock, eventually, someone
from testkit.cockroach import denied_in
from testkit.databases import Databases
from testkit.plugin import ServiceDb

TRIAL = Path(__file__).resolve().parents[2] / "chassis" / "tests"


@pytest.fixture(autouse=True)
def trial_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service with migrations, whatever the real ones are up to."""
    monkeypatch.setenv("MERKEZ_SERVICES_DIR", str(TRIAL))


async def test_a_module_shares_a_database_and_a_fresh_one_is_ones_own(
    service_db: ServiceDb, clock: ManualClock
) -> None:
    first, again = await service_db("trial"), await service_db("trial", clock=clock)
    own = await service_db("trial", fresh=True)
    assert first.engine.url.database == again.engine.url.database != own.engine.url.database
    assert again.clock is clock


def test_a_server_is_tested_against_by_its_url_and_keeps_nothing_of_it(postgres: Postgres, tmp_path: Path) -> None:
    elsewhere = Databases(postgres.url(dialect="cockroachdb+asyncpg"), tmp_path)

    async def use() -> tuple[str, str]:
        settings = await elsewhere.settings("trial")
        db = await Database.connect(settings, "trial", pool_size=1)
        assert db.engine.dialect.name == "cockroachdb"
        asked = sa.text("select current_database() as name")
        found = await db.run("ten_of_nobody", lambda tx: tx.one(asked))
        await db.close()
        return found["name"], urlsplit(elsewhere.admin_url("trial")).path.strip("/")

    async def there(name: str) -> bool:
        connection = await asyncpg.connect(postgres.url(dialect="postgresql"))
        try:
            return await connection.fetchval("select true from pg_database where datname = $1", name) or False
        finally:
            await connection.close()

    used, named = asyncio.run(use())
    assert used == named and asyncio.run(there(used))
    elsewhere.drop()
    assert not asyncio.run(there(used))


async def test_a_statement_cockroachdb_lacks_fails_the_test(service_db: ServiceDb) -> None:
    db = await service_db("trial")

    async def lock(tx: Tx) -> None:
        await tx.execute(sa.select(sa.func.pg_advisory_xact_lock(1)))

    with pytest.raises(AssertionError, match="advisory locks"):
        await db.run("ten_1", lock)


@pytest.mark.parametrize(
    "sql", ["LISTEN offers", "create trigger t", "x BIGSERIAL", "EXCLUDE USING gist (a WITH =)", "select nextval('s')"]
)
def test_the_deny_list_knows_what_it_denies(sql: str) -> None:
    assert denied_in(sql)


def test_time_stands_still_until_it_is_moved() -> None:
    clock = ManualClock()
    before, ticks = clock.now(), clock.monotonic()
    assert clock.now() == before
    assert clock.advance(2.5) == before + timedelta(seconds=2.5) == clock.now()
    assert clock.monotonic() == ticks + 2.5


async def test_waiting_has_a_deadline() -> None:
    with pytest.raises(AssertionError, match="did not hold"):
        await eventually(lambda: False, deadline=0.05)


def test_someone_has_the_permissions_of_the_role() -> None:
    assert someone("agent", "ten_1").may("contacts.handle") and not someone("customer", "ten_1").permissions


def test_a_killed_run_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "test_hangs.py").write_text(
        "import time, os\n"
        "def test_hangs(postgres, nats_server):\n"
        "    print('\\nrunning:', os.environ['MERKEZ_TEST_RUN_DIR'], postgres.pid, nats_server.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "testkit.plugin", "-c", os.devnull, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as run:
        assert run.stdout is not None
        _, folder, *servers = next(line for line in run.stdout if line.startswith("running:")).split()
        run.kill()
    end = time.monotonic() + 15
    while Path(folder).exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not Path(folder).exists()
    assert [pid for pid in servers if alive(int(pid))] == []
