"""Every n-th transaction of a test runs twice, as if the database had said 40001 in the end: what a closure does beside
its `tx` shows."""

from __future__ import annotations

import itertools
import os
from collections.abc import Awaitable, Callable
from typing import Any

from chassis.sql import Database
from sqlalchemy.exc import DBAPIError

EVERY = int(os.environ.get("MERKEZ_TEST_RERUN_EVERY", "5"))
"""0 lets every transaction hold at once."""


class Refused(Exception):
    """What a driver raises when transactions can't be put in an order."""

    sqlstate = "40001"


def rerun(db: Database, every: int = EVERY) -> None:
    """From now on refuse each `every`-th SERIALIZABLE transaction of this database once, before its commit."""
    if not every:
        return
    attempt: Callable[..., Awaitable[Any]] = db._attempt  # pyright: ignore[reportPrivateUsage]
    numbers, refused = itertools.count(1), set[int]()

    async def sometimes(engine: Any, tenant_id: str, fn: Any, read_only: bool, isolation: str) -> Any:
        # A closure that was refused is let through: it is the same object in each of its tries.
        if isolation != "SERIALIZABLE" or id(fn) in refused or next(numbers) % every:
            refused.discard(id(fn))
            return await attempt(engine, tenant_id, fn, read_only, isolation)

        async def refuse(tx: Any) -> Any:
            await fn(tx)
            refused.add(id(fn))
            raise DBAPIError("COMMIT", None, Refused())

        return await attempt(engine, tenant_id, refuse, read_only, isolation)

    db._attempt = sometimes  # pyright: ignore[reportAttributeAccessIssue, reportPrivateUsage]


def hold_at_once(db: Database) -> None:
    """Let every transaction of this database hold at once again: for tests that count what is done."""
    vars(db).pop("_attempt", None)
