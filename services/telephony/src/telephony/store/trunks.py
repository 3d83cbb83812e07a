"""Trunks and what the nodes saw of their gateways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from chassis.paging import keyset
from chassis.sql import Tx
from sqlalchemy import RowMapping, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql

from telephony.domain.trunks import (
    CallerHeader,
    Digits,
    Gateway,
    GatewayHealth,
    HealthState,
    Limits,
    NumberFormat,
    Srtp,
    Transport,
    Trunk,
    VersionConflict,
)
from telephony.store.trunk_tables import gateway_health, trunks

_FIELDS = (
    "trunk_id", "display_name", "registers", "user_name", "password", "country", "currency", "priority", "enabled",
    "create_time", "update_time", "version",
)  # fmt: skip
_MS = timedelta(milliseconds=1)


async def add_trunk(tx: Tx, trunk: Trunk) -> None:
    await tx.execute(insert(trunks), {"tenant_id": tx.tenant_id, **_row(trunk)})


async def find_trunk(tx: Tx, tenant_id: str, trunk_id: str) -> Trunk | None:
    """One by its id; another tenant's only in a system transaction."""
    row = await tx.one_or_none(select(trunks).where(trunks.c.tenant_id == tenant_id, trunks.c.trunk_id == trunk_id))
    return None if row is None else _trunk(row)


async def list_trunks(tx: Tx, token: str, size: int) -> Sequence[Trunk]:
    """Newest first, one more than `size` when there is a next page."""
    mine = select(trunks).where(trunks.c.tenant_id == tx.tenant_id)
    return [_trunk(row) for row in await tx.all(keyset(mine, trunks.c.create_time, trunks.c.trunk_id, token, size))]


async def trunks_of(tx: Tx, tenant_ids: Sequence[str]) -> Sequence[Trunk]:
    """Every enabled trunk of these tenants."""
    rows = await tx.all(select(trunks).where(trunks.c.tenant_id.in_(tenant_ids), trunks.c.enabled))
    return [_trunk(row) for row in rows]


async def every_trunk(tx: Tx) -> Sequence[Trunk]:
    """All enabled trunks of all tenants. System transaction."""
    return [_trunk(row) for row in await tx.all(select(trunks).where(trunks.c.enabled))]


async def count_trunks(tx: Tx) -> int:
    """The tenant's, those that are switched off too."""
    row = await tx.one(select(func.count().label("n")).where(trunks.c.tenant_id == tx.tenant_id))
    return row["n"]


async def count_enabled(tx: Tx, tenant_id: str) -> int:
    row = await tx.one(select(func.count().label("n")).where(trunks.c.tenant_id == tenant_id, trunks.c.enabled))
    return row["n"]


async def change_trunk(tx: Tx, trunk: Trunk, was: int) -> None:
    """Over version `was`; VersionConflict when that is no longer there."""
    mine = (trunks.c.tenant_id == tx.tenant_id, trunks.c.trunk_id == trunk.trunk_id, trunks.c.version == was)
    if (await tx.execute(update(trunks).where(*mine).values(**_row(trunk)))).rowcount != 1:
        raise VersionConflict("somebody else changed it first")


async def drop_trunk(tx: Tx, trunk_id: str) -> None:
    """The trunk with what was seen of it."""
    for table in (gateway_health, trunks):
        await tx.execute(delete(table).where(table.c.tenant_id == tx.tenant_id, table.c.trunk_id == trunk_id))


async def put_health(tx: Tx, tenant_id: str, trunk_id: str, node_id: str, health: GatewayHealth) -> None:
    """What a node saw of a gateway, over what it saw before."""
    key = {"tenant_id": tenant_id, "trunk_id": trunk_id, "gateway_id": health.gateway_id, "node_id": node_id}
    seen = {
        "state": health.state.value,
        "registration": health.registration.value,
        "status": health.status,
        "problem": health.problem,
        "round_trip_ms": health.round_trip // _MS,
        "check_time": health.check_time,
    }
    statement = postgresql.insert(gateway_health).values(key | seen)
    await tx.execute(statement.on_conflict_do_update(index_elements=list(key), set_=seen))


async def healths_of(
    tx: Tx, tenant_ids: Sequence[str], trunk_ids: Sequence[str] | None = None
) -> Mapping[str, Sequence[GatewayHealth]]:
    """Gateway id -> what every node saw of it, of these tenants' trunks."""
    statement = select(gateway_health).where(gateway_health.c.tenant_id.in_(tenant_ids))
    if trunk_ids is not None:
        statement = statement.where(gateway_health.c.trunk_id.in_(trunk_ids))
    found: dict[str, list[GatewayHealth]] = {}
    for row in await tx.all(statement):
        found.setdefault(row["gateway_id"], []).append(_health(row))
    return found


async def drop_healths(tx: Tx, trunk_id: str, but: Sequence[str]) -> None:
    """Forget gateways the trunk no longer has."""
    mine = (gateway_health.c.tenant_id == tx.tenant_id, gateway_health.c.trunk_id == trunk_id)
    await tx.execute(delete(gateway_health).where(*mine, or_(gateway_health.c.gateway_id.not_in(but))))


def _row(trunk: Trunk) -> dict[str, Any]:
    return {name: getattr(trunk, name) for name in _FIELDS} | {
        "gateways": [_gateway_json(each) for each in trunk.gateways],
        "source_networks": list(trunk.source_networks),
        "codecs": list(trunk.codecs),
        "srtp": trunk.srtp.value,
        "digits": trunk.digits.value,
        "caller_header": trunk.caller_header.value,
        "dialed_format": vars(trunk.dialed_format),
        "caller_format": vars(trunk.caller_format),
        "max_calls": trunk.limits.calls,
        "max_calls_per_second": trunk.limits.calls_per_second,
        "spend_limit": trunk.limits.spend,
        # A decimal's text keeps what a JSON number would round.
        "rates": {country: f"{price:f}" for country, price in trunk.rates.items()},
    }


def _trunk(row: RowMapping) -> Trunk:
    return Trunk(
        **{name: row[name] for name in _FIELDS},
        tenant_id=row["tenant_id"],
        gateways=tuple(Gateway(**{**each, "transport": Transport(each["transport"])}) for each in row["gateways"]),
        source_networks=tuple(row["source_networks"]),
        codecs=tuple(row["codecs"]),
        srtp=Srtp(row["srtp"]),
        digits=Digits(row["digits"]),
        caller_header=CallerHeader(row["caller_header"]),
        dialed_format=NumberFormat(**row["dialed_format"]),
        caller_format=NumberFormat(**row["caller_format"]),
        limits=Limits(row["max_calls"], row["max_calls_per_second"], row["spend_limit"]),
        rates={country: Decimal(price) for country, price in row["rates"].items()},
    )


def _gateway_json(gateway: Gateway) -> dict[str, Any]:
    return vars(gateway) | {"transport": gateway.transport.value}


def _health(row: RowMapping) -> GatewayHealth:
    return GatewayHealth(
        row["gateway_id"], HealthState(row["state"]), HealthState(row["registration"]), row["status"], row["problem"],
        row["round_trip_ms"] * _MS, row["check_time"],
    )  # fmt: skip
