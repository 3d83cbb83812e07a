"""Migrated databases, cheaply: each service is migrated once per run into a template, tests get copies."""

from __future__ import annotations

import asyncio
import fcntl
import secrets
from pathlib import Path
from typing import Any

import asyncpg
from chassis.migrate import migrate
from chassis.schemas import role_url
from chassis.settings import ProcessSettings
from merkez_local.postgres import Postgres

_PASSWORD = "test"


class Databases:
    """Makes databases on the run's PostgreSQL and drops them again."""

    def __init__(self, postgres: Postgres, shared: Path):
        self._postgres = postgres
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
        admin = self._postgres.url(name)
        return ProcessSettings(
            service=service,
            database_url=role_url(admin, service, _PASSWORD),
            system_database_url=role_url(admin, service, _PASSWORD, system=True),
        )

    def admin_url(self, service: str) -> str:
        """The administrator's URL of the database `settings` gave for `service`."""
        return self._postgres.url(self._by_service[service])

    def drop(self) -> None:
        """Remove what was made."""

        async def drop_all() -> None:
            connection = await self._connect()
            try:
                for name in self._made:
                    await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            finally:
                await connection.close()

        asyncio.run(drop_all())

    async def _copy(self, service: str) -> str:
        template = f"template_{service}"
        name = f"{service}_{secrets.token_hex(6)}"
        # One at a time: PostgreSQL refuses to copy a database somebody else is copying or making.
        with (self._shared / "databases.lock").open("w") as lock:
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
            connection = await self._connect()
            try:
                known = await connection.fetchval("select 1 from pg_database where datname = $1", template)
                if not known:
                    await self._make_template(connection, service, template)
                # FILE_COPY is quicker than WAL_LOG for a small database without fsync.
                await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
            finally:
                await connection.close()
        self._made.append(name)
        return name

    async def _make_template(self, connection: Any, service: str, template: str) -> None:
        await connection.execute(f'CREATE DATABASE "{template}_new"')
        try:
            await migrate(self._postgres.url(f"{template}_new"), [service], {service: _PASSWORD})
        except BaseException:
            await connection.execute(f'DROP DATABASE "{template}_new" WITH (FORCE)')
            raise
        await connection.execute(f'ALTER DATABASE "{template}_new" RENAME TO "{template}"')

    async def _connect(self) -> Any:
        return await asyncpg.connect(self._postgres.url(dialect="postgresql"))
