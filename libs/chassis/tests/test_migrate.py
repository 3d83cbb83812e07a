"""Migrations make secured tables, may be repeated, and say what is missing."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from chassis.migrate import migrate, migration_sql
from chassis.schemas import fingerprint, role_url
from merkez_local.postgres import Postgres
from sqlalchemy import make_url
from sqlalchemy_cockroachdb.asyncpg import CockroachDBDialect_asyncpg
from testkit.databases import Databases


async def test_migrating_again_changes_nothing_and_keeps_passwords(databases: Databases, postgres: Postgres) -> None:
    await databases.settings("trial")
    admin = databases.admin_url("trial")
    await migrate(admin, ["trial"])
    await migrate(admin, ["trial"], {"trial": "test"})
    connection = await asyncpg.connect(role_url(admin, "trial", "test").replace("+asyncpg", ""))
    assert await connection.fetchval("select count(*) from trial.plans") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("insert into trial.plans values ('pln_1')")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("alter table trial.queues disable row level security")
    await connection.close()


def test_the_command_line_names_what_is_missing() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MERKEZ_ADMIN_DATABASE_URL"}
    run = subprocess.run(
        [sys.executable, "-m", "chassis.migrate", "trial"], capture_output=True, text=True, env=environment
    )
    assert run.returncode == 1 and "MERKEZ_ADMIN_DATABASE_URL" in run.stderr


async def test_the_command_line_migrates(databases: Databases) -> None:
    await databases.settings("trial")
    environment = {
        **os.environ,
        "MERKEZ_ADMIN_DATABASE_URL": databases.admin_url("trial"),
        "MERKEZ_ROLE_PASSWORD": "test\nthe one before\n",  # as a secret says it while one follows the other
        "MERKEZ_SERVICES_DIR": str(Path(__file__).parent),
    }
    command = [sys.executable, "-m", "chassis.migrate", "trial"]
    run = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr
    assert "trial" in run.stdout
    url = role_url(databases.admin_url("trial"), "trial", "test").replace("+asyncpg", "")
    await (await asyncpg.connect(url)).close()


def test_migrations_can_be_read_for_cockroachdb() -> None:
    sql = migration_sql("trial", CockroachDBDialect_asyncpg())
    assert "FORCE ROW LEVEL SECURITY" in sql and "CREATE INDEX queues_by_waiting" in sql


async def test_a_service_without_migrations_is_refused_and_not_left_empty(databases: Databases) -> None:
    with pytest.raises(LookupError, match="no migrations of 'nobody'"):
        await databases.settings("nobody")


def test_fingerprint_changes_with_a_migration_that_is_added_or_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MERKEZ_SERVICES_DIR", str(tmp_path))
    folder = tmp_path / "routing" / "migrations" / "versions"
    folder.mkdir(parents=True)
    seen = [fingerprint()]
    for name, content in (("0001_a.py", "a"), ("0001_a.py", "b"), ("0002_a.py", "")):
        (folder / name).write_text(content)
        seen.append(fingerprint())
    assert len(set(seen)) == len(seen) and fingerprint() == seen[-1]


def test_a_password_of_any_characters_fits_into_a_url() -> None:
    url = role_url("postgresql+asyncpg://postgres:x@host:5432/merkez", "routing", "a/b@c:d%", system=True)
    assert make_url(url).password == "a/b@c:d%" and make_url(url).username == "merkez_routing_system"
    assert role_url("cockroachdb+asyncpg://host/m", "flows", "x") == "cockroachdb+asyncpg://merkez_flows:x@host/m"


def test_two_migrations_that_follow_the_same_one_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "forked" / "migrations" / "versions"
    folder.mkdir(parents=True)
    for name, before in (("0001", None), ("0002", "0001"), ("0003", "0001")):
        (folder / f"{name}_x.py").write_text(f"revision = {name!r}\ndown_revision = {before!r}\n")
    monkeypatch.setenv("MERKEZ_SERVICES_DIR", str(tmp_path))
    with pytest.raises(LookupError, match="let one follow the other"):
        migration_sql("forked", CockroachDBDialect_asyncpg())
