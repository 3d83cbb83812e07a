"""A database where the writers of one tenant take turns in this process.

Facts of one tenant touch neighbouring rows: the same counters, the same index page. At the same time their
transactions abort each other and are run again until luck helps (8 facts a second with 128 at once); in turns they
don't meet. Other replicas still may, which is what running again is for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from chassis.sql import Database, Tx

T = TypeVar("T")


class TurnTaking(Database):
    """`chassis.sql.Database` with a line per tenant for writers. Readers don't wait, nor do those who go `ahead`."""

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

    async def ahead(self, tenant_id: str, fn: Callable[[Tx], Awaitable[T]]) -> T:
        """As `Database.run`, at once: for what would be old behind a burst of facts and writes nothing they touch."""
        return await super().run(tenant_id, fn)
