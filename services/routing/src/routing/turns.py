"""A database where one tenant's writing transactions of this process take turns.

Verbs of one tenant touch neighbouring rows, and SERIALIZABLE in PostgreSQL locks what was read by index page: at the
same time they would abort each other although they mean different contacts, and be run again until luck helps. In
turns they don't meet. Other replicas still may; that is what running again is for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from chassis.sql import Database, Tx

T = TypeVar("T")


class TurnTaking(Database):
    """`chassis.sql.Database` with a line per tenant for writers. Readers don't wait."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def run(self, tenant_id: str, fn: Callable[[Tx], Awaitable[T]], *, read_only: bool = False) -> T:
        """As `Database.run`, when it is this tenant's turn."""
        if read_only:
            return await super().run(tenant_id, fn, read_only=True)
        turn = self._turns.get(tenant_id)
        if turn is None:
            turn = self._turns[tenant_id] = asyncio.Lock()
        async with turn:
            return await super().run(tenant_id, fn)
