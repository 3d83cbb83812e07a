"""Sites, and whose clocks agents go by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chassis.sql import Tx
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from wfm.store import history
from wfm.store.rows import own
from wfm.store.tables import planned_agents
from wfm.store.tables import sites as table

MOST = 200


@dataclass(frozen=True)
class Site:
    """A place of work, and the zone its clocks are in."""

    site_id: str
    name: str
    zone: str
    version: int = 0


async def list_sites(tx: Tx) -> list[Site]:
    """By name."""
    rows = await tx.all(select(table).where(own(tx, table)).order_by(table.c.name, table.c.site_id).limit(MOST))
    return [_site(row) for row in rows]


async def find(tx: Tx, site_id: str) -> Site | None:
    """One."""
    row = await tx.one_or_none(select(table).where(own(tx, table), table.c.site_id == site_id))
    return _site(row) if row else None


async def save(tx: Tx, value: Site) -> None:
    """Adds (version 1) or changes."""
    values = {"name": value.name, "time_zone": value.zone, "version": value.version}
    if value.version == 1:
        await tx.execute(insert(table).values(tenant_id=tx.tenant_id, site_id=value.site_id, **values))
        return
    await tx.execute(update(table).where(own(tx, table), table.c.site_id == value.site_id).values(**values))


async def remove(tx: Tx, site_id: str) -> bool:
    """Whether it was there."""
    return bool((await tx.execute(delete(table).where(own(tx, table), table.c.site_id == site_id))).rowcount)


async def in_use(tx: Tx, site_id: str) -> bool:
    """Whether agents are of it."""
    mine = (own(tx, planned_agents), planned_agents.c.site_id == site_id)
    return bool(await tx.all(select(planned_agents.c.user_id).where(*mine).limit(1)))


async def zones(tx: Tx) -> dict[str, str]:
    """By agent who is of a site, the zone they go by; of all others it is the company's."""
    joined = planned_agents.join(
        table, (table.c.tenant_id == planned_agents.c.tenant_id) & (table.c.site_id == planned_agents.c.site_id)
    )
    rows = await tx.all(
        select(planned_agents.c.user_id, table.c.time_zone).select_from(joined).where(own(tx, planned_agents))
    )
    return {row["user_id"]: row["time_zone"] for row in rows}


async def zone_of(tx: Tx, user_id: str) -> str:
    """The zone an agent goes by: their site's, or the company's."""
    mine = (own(tx, planned_agents), planned_agents.c.user_id == user_id)
    row = await tx.one_or_none(
        select(table.c.time_zone).where(
            own(tx, table), table.c.site_id.in_(select(planned_agents.c.site_id).where(*mine))
        )
    )
    return row["time_zone"] if row else await history.time_zone(tx)


def _site(row: Mapping[Any, Any]) -> Site:
    return Site(row["site_id"], row["name"], row["time_zone"], row["version"])
