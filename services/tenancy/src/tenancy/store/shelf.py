"""The published catalogue as a process holds it: read again when it is older than five seconds, and at once after a
change made here. What a version says never changes; only which one is on sale may be news to another process."""

from __future__ import annotations

import time
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from chassis.sql import Tx
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tenancy.domain.plan_documents import add_on_of, plan_of
from tenancy.domain.plans import DRAFT, Catalogue
from tenancy.store.plan_tables import ADD_ON, PLAN, catalogue_versions

FRESH_SECONDS = 5.0


@dataclass(frozen=True)
class _Shelf:
    read_at: float
    catalogue: Catalogue


_shelves: WeakKeyDictionary[object, _Shelf] = WeakKeyDictionary()
"""By the engine's pool: each database has a catalogue of its own."""


async def catalogue(tx: Tx, *, anew: bool = False) -> Catalogue:
    """Every published version."""
    place, now = _place(tx), time.monotonic()
    known = _shelves.get(place)
    if known is not None and not anew and now - known.read_at < FRESH_SECONDS:
        return known.catalogue
    table = catalogue_versions
    rows = await tx.all(select(table).where(table.c.state != DRAFT).order_by(table.c.item_id, table.c.version))
    said = [(row["kind"], (row["document"], row["version"], row["state"], row["effective_time"])) for row in rows]
    found = Catalogue(
        plans=tuple(plan_of(*each) for kind, each in said if kind == PLAN),
        add_ons=tuple(add_on_of(*each) for kind, each in said if kind == ADD_ON),
    )
    _shelves[place] = _Shelf(now, found)
    return found


def forget_all() -> None:
    """Let every database's catalogue be read again."""
    _shelves.clear()


def _place(tx: Tx) -> AsyncEngine:
    return tx.connection.engine
