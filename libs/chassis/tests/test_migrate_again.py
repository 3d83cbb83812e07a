"""Migrations that meet a schema which isn't what they expect: newer than they know, in use, or left half-way."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from alembic.ddl.impl import DefaultImpl
from alembic.util import CommandError
from chassis.lifecycle import Tasks
from chassis.migrate import head_of, migrate, newer_than_known
from sqlalchemy.exc import DBAPIError
from testkit.databases import Databases

HERE = Path(__file__).parent / "trial" / "migrations" / "versions"
NEXT = """
import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("queues", sa.Column("note", sa.Text), schema="trial")
    op.execute("CREATE TABLE trial.marks (mark TEXT PRIMARY KEY)")
    op.execute("INSERT INTO trial.marks VALUES (gen_random_uuid()::text)")
    create_tenant_table(op, "trial", "notes", sa.Column("note_id", sa.Text, primary_key=True))
"""


@dataclass
class Trial:
    """A migrated database of the trial service, and a later version of the service, with one migration more."""

    url: str
    connection: asyncpg.Connection
    migration: Path

    async def version(self) -> str:
        return str(await self.connection.fetchval("select version_num from trial.alembic_version"))


@pytest_asyncio.fixture
async def trial(databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Trial]:
    url = databases.admin_url_of(await databases.settings("trial", fresh=True))  # before the later version is there
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    yield Trial(url, connection, _later(tmp_path, monkeypatch))
    await connection.close()


def _later(at: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    versions = at / "trial" / "migrations" / "versions"
    versions.mkdir(parents=True)
    shutil.copy(HERE / "0001_initial.py", versions)
    (versions / "0002_notes.py").write_text(NEXT)
    monkeypatch.setenv("MERKEZ_SERVICES_DIR", str(at))
    return versions / "0002_notes.py"


async def test_a_version_that_was_rolled_back_to_leaves_the_newer_schema_as_it_is(trial: Trial) -> None:
    await migrate(trial.url, ["trial"])
    assert await trial.version() == "0002"
    os.unlink(trial.migration)  # as the images of before are: `helm upgrade` of any value runs their migration
    assert head_of("trial") == "0001" and newer_than_known("trial", ["0002"])
    await migrate(trial.url, ["trial"])
    assert await trial.version() == "0002"
    assert await trial.connection.fetchval("select count(*) from trial.notes") == 0


async def test_a_schema_at_a_migration_that_nobody_numbered_is_refused(trial: Trial) -> None:
    await trial.connection.execute("update trial.alembic_version set version_num = '0000'")
    with pytest.raises(CommandError, match="0000"):
        await migrate(trial.url, ["trial"])


async def test_a_migration_that_finds_a_table_in_use_gives_way_and_leaves_everything_as_it_was(trial: Trial) -> None:
    reader, other = [await asyncpg.connect(trial.url.replace("+asyncpg", "")) for _ in range(2)]
    await reader.execute("set idle_in_transaction_session_timeout = 0")  # a server of the operator's own knows none
    reading = reader.transaction()
    await reading.start()
    await reader.execute("select * from trial.queues")  # a backup, or somebody's console
    async with Tasks() as tasks:
        migrating = tasks.spawn(migrate(trial.url, ["trial"]), "migrate")
        while not await trial.connection.fetchval("select count(*) from pg_locks where not granted"):
            assert not migrating.done()
            await asyncio.sleep(0.05)
        # Whoever comes after a waiting change of a table waits behind it: services too.
        await asyncio.wait_for(other.fetch("select * from trial.queues"), 30)
        with pytest.raises(DBAPIError, match="lock timeout"):
            await migrating
    assert await trial.version() == "0001"
    await reading.rollback()
    await migrate(trial.url, ["trial"])
    assert await trial.version() == "0002"
    await reader.close()
    await other.close()


@pytest.mark.parametrize("counted", [True, False], ids=["counted", "done and not counted"])
@pytest.mark.parametrize("statement", range(1, 11))
async def test_a_migration_that_ended_half_way_goes_on_from_there_where_each_statement_commits_by_itself(
    trial: Trial, statement: int, counted: bool
) -> None:
    cockroach = trial.url.replace("postgresql+", "cockroachdb+")
    with _ending(statement, counted), pytest.raises(ConnectionAbortedError):
        await migrate(cockroach, ["trial"])
    assert await trial.version() == "0001"
    await migrate(cockroach, ["trial"])
    assert await trial.version() == "0002"
    policies = await trial.connection.fetch("select policyname from pg_policies where tablename = 'notes'")
    assert {each[0] for each in policies} == {"own_tenant", "all_tenants"}
    assert await trial.connection.fetchval("select count(*) from trial.marks") == 1, "what changes rows is done once"


async def test_what_is_wrong_with_a_migration_itself_is_not_taken_for_done(trial: Trial) -> None:
    await trial.connection.execute("alter table trial.queues add note text")
    for _ in range(2):
        with pytest.raises(DBAPIError, match="already exists"):
            await migrate(trial.url.replace("postgresql+", "cockroachdb+"), ["trial"])
    assert await trial.version() == "0001"


@contextmanager
def _ending(statement: int, counted: bool) -> Iterator[None]:
    """The process ends behind (or, `counted`, before) the n-th statement of a migration, whatever is open then."""
    inner, seen = DefaultImpl._exec, 0

    def executed(self: DefaultImpl, *args: Any, **kwargs: Any) -> Any:
        nonlocal seen
        seen += 1
        if counted and seen == statement:
            raise ConnectionAbortedError
        answer = inner(self, *args, **kwargs)
        if not counted and seen == statement:
            raise ConnectionAbortedError
        return answer

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DefaultImpl, "_exec", executed)
        yield
