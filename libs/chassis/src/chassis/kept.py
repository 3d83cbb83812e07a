"""Connections that are kept from one transaction to the next, begun and ended by a statement of our own.

SQLAlchemy takes a connection out of its pool, begins, sets the tenant, commits and puts it back in five passes through
its machinery: with statements that go to the driver directly (`chassis.direct`) that was half of what a transaction
costs. Here BEGIN and the tenant go in one message and COMMIT in one, while SQLAlchemy believes that its own transaction
is under way, so that statements it carries out itself run within. A connection with which anything went wrong is given
back to the pool, which rolls it back or makes another.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, cast
from weakref import WeakKeyDictionary

from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.direct import Direct, Writer

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_BEGIN = "begin isolation level serializable"


class _Begun:
    """What SQLAlchemy ends in place of the driver's transaction."""

    def __init__(self, driver: Any):
        self._driver = driver

    async def commit(self) -> None:
        await self._driver.execute("COMMIT")

    async def rollback(self) -> None:
        await self._driver.execute("ROLLBACK")


class Kept:
    """A connection with a transaction of one tenant under way, or with none."""

    def __init__(self, connection: AsyncConnection, adapted: Any, direct: Direct):
        self.connection, self.direct = connection, direct
        self._adapted = adapted
        self._driver = adapted.driver_connection
        self._begun = _Begun(self._driver)

    @property
    def cut(self) -> bool:
        """Whether the server is known to have gone."""
        return self.connection.invalidated or self._driver.is_closed()

    async def begin(self, tenant_id: str, *, read_only: bool) -> None:
        """SERIALIZABLE, and sees this tenant's rows only. Its id is one of `may_serve`."""
        text = f"{_BEGIN}{' read only' if read_only else ''}; select set_config('merkez.tenant', '{tenant_id}', true)"
        # First, so that whatever becomes of it is rolled back.
        self._adapted._transaction = self._begun
        await self.direct.asked(text, lambda: self._driver.execute(text))

    async def commit(self) -> None:
        """Raises what `AsyncConnection.commit` raises."""
        if self.connection.in_transaction():
            await self.connection.commit()
            return
        await self.direct.asked("COMMIT", self._begun.commit)
        self._adapted._transaction = None


class Keep:
    """The connections of one engine that are kept: at most half of its pool, the rest is for who begins otherwise."""

    def __init__(self, engine: AsyncEngine, writer: Writer):
        self._engine, self._writer = engine, writer
        size = cast(Callable[[], int] | None, getattr(engine.pool, "size", None))
        self._most = size() // 2 if size is not None else 0
        self._idle: list[Kept] = []

    def may_serve(self, tenant_id: str) -> bool:
        """Not while somebody listens to what SQLAlchemy sends."""
        listened = self._engine.sync_engine.dispatch.before_cursor_execute  # pyright: ignore[reportAttributeAccessIssue]
        return not listened and _PLAIN.fullmatch(tenant_id) is not None

    async def take(self) -> Kept:
        """One that was kept, or another out of the pool."""
        while self._idle:
            kept = self._idle.pop()
            if not kept.cut:
                return kept
            await kept.connection.close()
        connection = await self._engine.connect()
        try:
            adapted = (await connection.get_raw_connection()).dbapi_connection
        except BaseException:
            await asyncio.shield(connection.close())
            raise
        return Kept(connection, adapted, Direct(connection, adapted, self._writer))

    async def put(self, kept: Kept) -> None:
        """Its transaction has held."""
        if len(self._idle) < self._most:
            self._idle.append(kept)
        else:
            await kept.connection.close()

    async def close(self) -> None:
        """Give back all that wait here."""
        idle, self._idle = self._idle, []
        for kept in idle:
            await kept.connection.close()


_keeps: WeakKeyDictionary[Engine, Keep] = WeakKeyDictionary()


def keep_of(engine: AsyncEngine, writer: Writer) -> Keep:
    """The one of this engine, whoever uses it."""
    keep = _keeps.get(engine.sync_engine)
    if keep is None:
        keep = _keeps[engine.sync_engine] = Keep(engine, writer)
    return keep
