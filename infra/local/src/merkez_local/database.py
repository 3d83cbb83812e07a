"""Merkez's database on the server: made and migrated when the migrations are others than last time."""

from __future__ import annotations

import hashlib
from pathlib import Path

from chassis.schemas import fingerprint, services_with_migrations

from merkez_local.postgres import Postgres

DATABASE = "merkez"


async def bring_up_to_date(server: Postgres, password: str) -> None:
    """Make the database, its roles (all with `password`) and its tables what this clone's migrations say.

    What was applied is noted within the server's own folder, so the note goes when the data goes, and only after all
    of it was committed. Looking alone would take a second of loading.
    """
    note = server.data_dir / "merkez.migrated"
    wanted = _wanted(password)
    if _read(note) == wanted:
        return
    from chassis.migrate import migrate

    await _create(server)
    services = services_with_migrations()
    await migrate(server.url(DATABASE), services, dict.fromkeys(services, password))
    note.write_text(wanted)


def _wanted(password: str) -> str:
    return f"{fingerprint()} {hashlib.sha256(password.encode()).hexdigest()}"


def _read(note: Path) -> str:
    return note.read_text() if note.exists() else ""


async def _create(server: Postgres) -> None:
    import asyncpg

    connection = await asyncpg.connect(server.url(dialect="postgresql"))
    try:
        if not await connection.fetchval("select 1 from pg_database where datname = $1", DATABASE):
            await connection.execute(f'CREATE DATABASE "{DATABASE}"')
    finally:
        await connection.close()
