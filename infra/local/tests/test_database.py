"""The database is migrated when it is new, when the migrations are others, and when the roles' password is."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest
from chassis.schemas import role_url
from merkez_local.database import DATABASE, bring_up_to_date
from merkez_local.postgres import Postgres, start_postgres


async def queues_seen(server: Postgres, password: str) -> int:
    """Logs routing in; how many queues there are."""
    url = role_url(server.url(DATABASE, dialect="postgresql"), "routing", password)
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval("select count(*) from routing.queues")
    finally:
        await connection.close()


async def test_database_is_migrated_once_and_again_only_for_a_reason(tmp_path: Path) -> None:
    server = start_postgres(tmp_path / "pg", durable=False)
    try:
        note = server.data_dir / "merkez.migrated"
        await bring_up_to_date(server, "first")
        assert await queues_seen(server, "first") == 0
        noted = note.stat().st_mtime_ns
        await bring_up_to_date(server, "first")
        assert note.stat().st_mtime_ns == noted, "nothing is new, so nothing is done"

        await bring_up_to_date(server, "second")
        assert await queues_seen(server, "second") == 0
        with pytest.raises(asyncpg.InvalidPasswordError):
            await queues_seen(server, "first")

        note.write_text("of other migrations")
        await bring_up_to_date(server, "second")
        assert note.read_text() != "of other migrations" and await queues_seen(server, "second") == 0
    finally:
        server.stop()
