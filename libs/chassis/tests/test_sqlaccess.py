"""The database's password, authority and certificate are renewed while services go on; a stranger is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from chassis import watched
from chassis.settings import ProcessSettings, SettingsError, load
from chassis.sql import Database, Tx, make_engine
from chassis.sqlaccess import Access
from chassis.sqlerrors import DatabaseUnavailable
from merkez_local.postgres import Postgres
from sqlalchemy import text
from testkit.certificates import Certificates
from testkit.tls_postgres import TlsPostgres, tls_postgres

PIDS, TENANT = "select pg_backend_pid()", "ten_1"


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "LOOK_SECONDS", 0.0)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("database") / "ours")


@pytest.fixture(scope="module")
def server(certificates: Certificates) -> Iterator[TlsPostgres]:
    with tls_postgres(certificates.issue("database")) as running:
        yield running


@pytest.fixture
def settings(server: TlsPostgres, certificates: Certificates, tmp_path: Path) -> ProcessSettings:
    """Of a service that is `merkez_trial` there, by a password out of a file."""
    authority, password = tmp_path / "ca.crt", tmp_path / "role-password"
    authority.write_bytes(certificates.authority.read_bytes())
    password.write_text("first\n")
    return ProcessSettings(
        service="trial", database_url=server.url("merkez_trial"), database_password_file=str(password),
        database_tls_authority=str(authority),
    )  # fmt: skip


@pytest_asyncio.fixture
async def role(server: TlsPostgres, certificates: Certificates) -> AsyncIterator[None]:
    """`merkez_trial` with the password `first`, of this test alone."""
    await _as_administrator(server, certificates, "CREATE ROLE merkez_trial LOGIN PASSWORD 'first'")
    yield
    await _as_administrator(server, certificates, "DROP ROLE merkez_trial")


def _write(path: Path, said: str) -> None:
    path.write_text(said)


async def _as_administrator(server: TlsPostgres, certificates: Certificates, statement: str) -> None:
    engine = make_engine(server.url(), 1, Access(tls_authority=str(certificates.authority)))
    async with engine.begin() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


async def _pid(tx: Tx) -> int:
    return (await tx.one(text(PIDS)))["pg_backend_pid"]


async def _together(db: Database, count: int) -> set[int]:
    """The connections of as many transactions as are open at once."""
    met = asyncio.Barrier(count)

    async def one(tx: Tx) -> int:
        found = await _pid(tx)
        await met.wait()
        return found

    return set(await asyncio.gather(*(db.run(TENANT, one) for _ in range(count))))


@pytest.mark.parametrize("dialect", ["postgresql", "cockroachdb"])
async def test_a_new_password_is_taken_up_without_a_restart_and_nobody_is_shut_out_meanwhile(
    server: TlsPostgres, certificates: Certificates, settings: ProcessSettings, role: None, dialect: str
) -> None:
    file = Path(settings.database_password_file)
    db = await Database.connect(replace(settings, database_url=server.url("merkez_trial", dialect=dialect)), "trial")
    before = await db.run(TENANT, _pid)
    _write(file, "second\nfirst\n")  # the next one is in the secret before the database knows it
    assert len(await _together(db, 2)) == 2
    await _as_administrator(server, certificates, "ALTER ROLE merkez_trial PASSWORD 'second'")
    after = await _together(db, 4)
    assert len(after) == 4 and before in after, "who was connected stays so"
    _write(file, "second\n")
    assert len(await _together(db, 6)) == 6
    await db.close()


async def test_a_password_that_the_database_refuses_is_no_bug_and_is_mended_by_the_file(
    settings: ProcessSettings, role: None, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path(settings.database_password_file)
    _write(file, "another\n")
    db = await Database.connect(settings, "trial")
    with pytest.raises(DatabaseUnavailable):
        await db.run(TENANT, _pid)
    assert not await db.ping()
    said = capsys.readouterr().err
    assert said.count("refuses this process's password") == 1 and "another" not in said
    _write(file, "")  # caught while it is written
    with pytest.raises(DatabaseUnavailable):
        await db.run(TENANT, _pid)
    _write(file, "first\n")
    assert await db.run(TENANT, _pid)
    await db.close()


async def test_what_is_sent_is_encrypted(settings: ProcessSettings, role: None) -> None:
    db = await Database.connect(settings, "trial")

    async def secured(tx: Tx) -> bool:
        return (await tx.one(text("select ssl from pg_stat_ssl where pid = pg_backend_pid()")))["ssl"]

    assert await db.run(TENANT, secured)
    await db.close()


@pytest.mark.parametrize("stranger", ["another authority", "another name"])
async def test_who_is_not_our_database_is_refused_and_told_no_password(
    server: TlsPostgres, settings: ProcessSettings, certificates: Certificates, role: None, tmp_path: Path,
    stranger: str, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    forger = Certificates(tmp_path / "theirs") if stranger == "another authority" else certificates
    own = forger.issue(
        "elsewhere", into=tmp_path / "shown", address="127.0.0.1" if forger is not certificates else "127.0.0.9"
    )
    server.show(own)
    try:
        db = await Database.connect(settings, "trial")
        with pytest.raises(DatabaseUnavailable):
            await db.run(TENANT, _pid)
        assert "certificate is refused" in capsys.readouterr().err
        await db.close()
    finally:
        server.show(certificates.issue("database", into=tmp_path / "again"))


async def test_a_database_that_speaks_no_tls_is_told_no_password(
    postgres: Postgres, settings: ProcessSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    db = await Database.connect(replace(settings, database_url=postgres.url(user="merkez_trial")), "trial")
    with pytest.raises(DatabaseUnavailable):
        await db.run(TENANT, _pid)
    assert capsys.readouterr().err.count("speaks no TLS") == 1
    await db.close()


async def test_a_renewed_certificate_and_the_next_authority_are_taken_up_without_a_restart(
    server: TlsPostgres, settings: ProcessSettings, certificates: Certificates, role: None, tmp_path: Path
) -> None:
    db = await Database.connect(settings, "trial")
    before = await db.run(TENANT, _pid)
    server.show(certificates.issue("database", into=tmp_path / "renewed"))
    assert before in await _together(db, 2)
    following = Certificates(tmp_path / "next")
    authority = Path(settings.database_tls_authority)
    _write(authority, certificates.authority.read_text() + following.authority.read_text())
    server.show(following.issue("database", into=tmp_path / "of the next"))
    try:
        assert before in await _together(db, 4)
        _write(authority, following.authority.read_text())
        assert before in await _together(db, 6)
    finally:
        server.show(certificates.issue("database", into=tmp_path / "again"))
    await db.close()


def test_files_that_can_not_be_what_they_should_are_refused_at_the_start(tmp_path: Path) -> None:
    empty, words = tmp_path / "empty", tmp_path / "words"
    empty.write_text("\n")
    words.write_text("no certificate")
    with pytest.raises(ValueError, match="it holds no password"):
        Access(str(empty))
    for file in (empty, words):  # or the machine's authorities would be believed
        with pytest.raises(ValueError, match="it holds no PEM certificate"):
            Access(tls_authority=str(file))
    told = {"MERKEZ_DATABASE_PASSWORD_FILE": "/nowhere/a", "MERKEZ_DATABASE_TLS_AUTHORITY": "/nowhere/b"}
    with pytest.raises(SettingsError) as refused:
        load(ProcessSettings, service="trial", environ=told)
    assert all(f"{name} must be the path of a file" in str(refused.value) for name in told)
