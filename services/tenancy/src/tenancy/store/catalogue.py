"""The catalogue's versions as operators keep them. A published version's document is never written again: every change
of one is bound to a row that is a draft. System transactions, but for what `shelf` reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.sql import Tx
from kernel.tenant import PLATFORM
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from tenancy.domain.plans import DRAFT, ON_SALE, RETIRED
from tenancy.domain.subscriptions import CANCELLED
from tenancy.store.plan_tables import ADD_ON, PLAN, catalogue_versions, held_add_ons, subscriptions
from tenancy.store.tables import tenants


@dataclass(frozen=True)
class Version:
    """One version of a plan or an add-on as it is kept."""

    kind: str
    item_id: str
    version: int
    state: str
    document: Mapping[str, Any]
    revision: int
    create_time: datetime
    effective_time: datetime | None = None


async def add(tx: Tx, kind: str, item_id: str, version: int, document: Mapping[str, Any], now: datetime) -> bool:
    """Begins a draft; False when that version is there."""
    return await _insert(tx, kind, item_id, version, document, DRAFT, now, None)


async def sow(tx: Tx, item_id: str, version: int, document: Mapping[str, Any], time: datetime) -> bool:
    """Puts a plan of the seed on sale; False when it is there, in whatever state."""
    return await _insert(tx, PLAN, item_id, version, document, ON_SALE, time, time)


async def versions(tx: Tx, kind: str, item_id: str = "") -> list[Version]:
    """Every version, by item, the newest first; of one item only unless `item_id` is empty."""
    table = catalogue_versions
    wanted = select(table).where(table.c.kind == kind)
    if item_id:
        wanted = wanted.where(table.c.item_id == item_id)
    found = await tx.all(wanted.order_by(table.c.item_id, table.c.version.desc()))
    return [_version(row) for row in found]


async def find(tx: Tx, kind: str, item_id: str, version: int) -> Version | None:
    """One version."""
    row = await tx.one_or_none(select(catalogue_versions).where(*_at(kind, item_id, version)))
    return _version(row) if row is not None else None


async def rewrite(tx: Tx, known: Version, document: Mapping[str, Any]) -> bool:
    """Replaces a draft as it was read; False when it is no draft any more or somebody was faster."""
    table = catalogue_versions
    draft = (*_at(known.kind, known.item_id, known.version), table.c.state == DRAFT, table.c.revision == known.revision)
    done = await tx.execute(update(table).where(*draft).values(document=document, revision=known.revision + 1))
    return done.rowcount == 1


async def publish(tx: Tx, known: Version, now: datetime) -> bool:
    """Puts a draft on sale as it was read, and takes what was on sale of the item off."""
    table = catalogue_versions
    draft = (*_at(known.kind, known.item_id, known.version), table.c.state == DRAFT, table.c.revision == known.revision)
    done = await tx.execute(update(table).where(*draft).values(state=ON_SALE, effective_time=now))
    if done.rowcount != 1:
        return False
    before = (
        table.c.kind == known.kind, table.c.item_id == known.item_id, table.c.version != known.version,
        table.c.state == ON_SALE,
    )  # fmt: skip
    await tx.execute(update(table).where(*before).values(state=RETIRED, retire_time=now))
    return True


async def retire(tx: Tx, kind: str, item_id: str, version: int, now: datetime) -> bool:
    """Takes a version off sale; False when it isn't on sale."""
    on_sale = (*_at(kind, item_id, version), catalogue_versions.c.state == ON_SALE)
    done = await tx.execute(update(catalogue_versions).where(*on_sale).values(state=RETIRED, retire_time=now))
    return done.rowcount == 1


async def holders(tx: Tx, kind: str) -> Mapping[tuple[str, int], int]:
    """How many companies hold each version, by (id, version); those that have cancelled hold nothing."""
    if kind == ADD_ON:
        table = held_add_ons
        counted = (
            select(table.c.add_on_id.label("item_id"), table.c.version, func.count().label("n"))
            .where(table.c.end_time.is_(None))
            .group_by(table.c.add_on_id, table.c.version)
        )
    else:
        joined = tenants.outerjoin(subscriptions, subscriptions.c.tenant_id == tenants.c.tenant_id)
        holding = (tenants.c.tenant_id != PLATFORM, func.coalesce(subscriptions.c.state, "") != CANCELLED)
        counted = (
            select(tenants.c.plan_id.label("item_id"), tenants.c.plan_version.label("version"), func.count().label("n"))
            .select_from(joined)
            .where(*holding)
            .group_by(tenants.c.plan_id, tenants.c.plan_version)
        )
    return {(row["item_id"], row["version"]): row["n"] for row in await tx.all(counted)}


async def _insert(
    tx: Tx,
    kind: str,
    item_id: str,
    version: int,
    document: Mapping[str, Any],
    state: str,
    now: datetime,
    effective: datetime | None,
) -> bool:
    row = {
        "kind": kind, "item_id": item_id, "version": version, "state": state, "document": document, "revision": 1,
        "create_time": now, "effective_time": effective,
    }  # fmt: skip
    done = await tx.execute(insert(catalogue_versions).values(**row).on_conflict_do_nothing())
    return done.rowcount == 1


def _at(kind: str, item_id: str, version: int) -> tuple[Any, ...]:
    table = catalogue_versions
    return table.c.kind == kind, table.c.item_id == item_id, table.c.version == version


def _version(row: Mapping[Any, Any]) -> Version:
    return Version(**{name: row[name] for name in Version.__dataclass_fields__})
