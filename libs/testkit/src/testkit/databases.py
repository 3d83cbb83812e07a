"""Migrated databases, cheaply: each service is migrated once per run into a template, tests get copies. On a server
that is named by a URL (`ELSEWHERE`) each is made and migrated by itself, since CockroachDB copies none."""

from __future__ import annotations

import asyncio
import fcntl
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from chassis.migrate import migrate
from chassis.schemas import role_url
from chassis.settings import ProcessSettings
from merkez_local.postgres import Postgres

ELSEWHERE = "MERKEZ_TEST_DATABASE_URL"
"""Names another server to test against, by an administrator's URL: cockroachdb+asyncpg://root@host:26257/defaultdb.
What tests make there they drop again; the roles of the services stay."""
_PASSWORD = "test"


class Databases:
    """Makes databases on the run's PostgreSQL, or on the server of an administrator's URL, and drops them again."""

    def __init__(self, server: Postgres | str, shared: Path):
        self._server = server
        self._shared = shared
        self._by_service: dict[str, str] = {}
        self._made: list[str] = []

    async def settings(self, service: str, *, fresh: bool = False) -> ProcessSettings:
        """Settings with both URLs of a migrated database for `service`; the same one within the module unless
        `fresh`."""
        name = "" if fresh else self._by_service.get(service, "")
        if not name:
            name = await self._copy(service)
            if not fresh:
                self._by_service[service] = name
        admin = self._url(name)
        return ProcessSettings(
            service=service,
            database_url=role_url(admin, service, _PASSWORD),
            system_database_url=role_url(admin, service, _PASSWORD, system=True),
        )

    def admin_url(self, service: str) -> str:
        """The administrator's URL of the database `settings` gave for `service`."""
        return self._url(self._by_service[service])

    def admin_url_of(self, settings: ProcessSettings) -> str:
        """The administrator's URL of the database that `settings` lead to."""
        return self._url(urlsplit(settings.database_url).path.lstrip("/"))

    def drop(self) -> None:
        """Remove what was made."""

        async def drop_all() -> None:
            async with self._connected() as connection:
                for name in self._made:
                    await _drop(connection, name)

        if self._made:
            asyncio.run(drop_all())

    async def _copy(self, service: str) -> str:
        template = f"template_{service}"
        name = f"{service}_{secrets.token_hex(6)}"
        # One at a time: PostgreSQL refuses to copy a database somebody else is copying or making.
        with (self._shared / "databases.lock").open("w") as lock:
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
            async with self._connected() as connection:
                if isinstance(self._server, str):
                    await self._make(connection, service, name)
                else:
                    known = await connection.fetchval("select 1 from pg_database where datname = $1", template)
                    if not known:
                        await self._make(connection, service, f"{template}_new")
                        await connection.execute(f'ALTER DATABASE "{template}_new" RENAME TO "{template}"')
                    # FILE_COPY is quicker than WAL_LOG for a small database without fsync.
                    await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        self._made.append(name)
        return name

    async def _make(self, connection: Any, service: str, name: str) -> None:
        await connection.execute(f'CREATE DATABASE "{name}"')
        try:
            await migrate(self._url(name), [service], {service: _PASSWORD})
        except BaseException:
            await _drop(connection, name)
            raise

    def _url(self, name: str) -> str:
        if isinstance(self._server, str):
            return urlsplit(self._server)._replace(path=f"/{name}").geturl()
        return self._server.url(name)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        server = self._server
        whole = server if isinstance(server, str) else server.url()
        connection = await asyncpg.connect(urlsplit(whole)._replace(scheme="postgresql").geturl())
        try:
            yield connection
        finally:
            await connection.close()


async def _drop(connection: Any, name: str) -> None:
    """Whoever is in it still."""
    is_cockroach = "CockroachDB" in await connection.fetchval("select version()")
    await connection.execute(f'DROP DATABASE IF EXISTS "{name}" {"CASCADE" if is_cockroach else "WITH (FORCE)"}')
