"""Looking after trunks, and what nodes see of their gateways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from chassis.sql import Tx
from chassis.telemetry import log
from kernel.ids import new_id
from kernel.money import Money
from kernel.tenant import PLATFORM

from telephony.domain import trunks
from telephony.domain.lines import Load
from telephony.domain.trunks import GatewayHealth, HealthState, TooManyTrunks, Trunk, TrunkInUse, TrunkNotFound
from telephony.ops.calls import HEARTBEAT_FRESH
from telephony.store import lines as line_store
from telephony.store import trunks as store


@dataclass(frozen=True)
class TrunkHealth:
    """How a trunk does and what goes through it now."""

    state: HealthState
    gateways: Sequence[GatewayHealth]
    concurrent_calls: int
    spent_today: Money


async def create_trunk(tx: Tx, draft: Trunk, now: datetime) -> Trunk:
    """A new trunk of the tenant, without its password: `set_password` keeps it. TooManyTrunks; the platform may have
    any number."""
    if tx.tenant_id != PLATFORM and await store.count_trunks(tx) >= trunks.MAX_TRUNKS:
        raise TooManyTrunks(
            f"a company has at most {trunks.MAX_TRUNKS} trunks: delete one first, or give one more gateways",
            metadata={"limit": str(trunks.MAX_TRUNKS)},
        )
    trunk = replace(
        draft,
        trunk_id=new_id("trk", now),
        tenant_id=tx.tenant_id,
        gateways=trunks.settle_gateways(draft.gateways, (), now),
        create_time=now,
        update_time=now,
        version=1,
    )
    trunk = trunks.check_trunk(trunk)
    await store.add_trunk(tx, trunk)
    tx.after_commit(partial(log.info, "trunk created", trunk_id=trunk.trunk_id))
    return trunk


async def get_trunk(tx: Tx, trunk_id: str) -> Trunk:
    """The tenant's trunk. TrunkNotFound."""
    trunk = await store.find_trunk(tx, tx.tenant_id, trunk_id)
    if trunk is None:
        raise TrunkNotFound("there is no such trunk")
    return trunk


async def list_trunks(tx: Tx, token: str, size: int) -> Sequence[Trunk]:
    """Newest first, one more than `size` when there is a next page."""
    return await store.list_trunks(tx, token, size)


async def count_shared(tx: Tx) -> int:
    """How many enabled trunks the platform shares. System transaction."""
    return await store.count_enabled(tx, PLATFORM)


async def update_trunk(tx: Tx, trunk_id: str, changes: Mapping[str, Any], version: int, now: datetime) -> Trunk:
    """Change the named fields. VersionConflict when it is no longer at `version` (0: whatever is there)."""
    before = await get_trunk(tx, trunk_id)
    trunks.require_version(before.version, version)
    after = replace(before, **changes, update_time=now, version=before.version + 1)
    if "gateways" in changes:
        after = replace(after, gateways=trunks.settle_gateways(after.gateways, before.gateways, now))
    after = trunks.check_trunk(after)
    await store.change_trunk(tx, after, before.version)
    await store.drop_healths(tx, trunk_id, [each.gateway_id for each in after.gateways])
    tx.after_commit(partial(log.info, "trunk changed", trunk_id=trunk_id, fields=",".join(sorted(changes))))
    return after


async def set_password(tx: Tx, trunk_id: str, sealed: bytes | None, now: datetime) -> Trunk:
    """Keep a sealed password, or none."""
    before = await get_trunk(tx, trunk_id)
    after = replace(before, password=sealed, update_time=now, version=before.version + 1)
    await store.change_trunk(tx, after, before.version)
    return after


async def delete_trunk(tx: Tx, trunk_id: str, now: datetime) -> None:
    """TrunkInUse while calls are on it."""
    await get_trunk(tx, trunk_id)
    if await line_store.count_live(tx, tx.tenant_id, trunk_id, now - HEARTBEAT_FRESH):
        raise TrunkInUse("calls are on this trunk: disable it and wait for them to end")
    await store.drop_trunk(tx, trunk_id)
    tx.after_commit(partial(log.info, "trunk deleted", trunk_id=trunk_id))


async def health_of(tx: Tx, trunk_id: str, now: datetime) -> tuple[Trunk, TrunkHealth]:
    """How a trunk does. TrunkNotFound."""
    trunk = await get_trunk(tx, trunk_id)
    seen = await store.healths_of(tx, [tx.tenant_id], [trunk_id])
    gateways = [trunks.gateway_health(each, seen.get(each.gateway_id, ()), now) for each in trunk.gateways]
    load: Load = await line_store.load_of_trunk(tx, tx.tenant_id, trunk_id, now, now - HEARTBEAT_FRESH)
    spent = Money(load.total(trunk.currency, now, sure=True), trunk.currency)
    return trunk, TrunkHealth(trunks.trunk_state(trunk, gateways), gateways, load.live, spent)


# -- for those who speak SIP, in system transactions ------------------------------------------------------------


async def every_trunk(tx: Tx) -> Sequence[Trunk]:
    """All enabled trunks of all tenants: whose registrations to keep, whom to ping, who may call in."""
    return await store.every_trunk(tx)


async def find_trunk(tx: Tx, tenant_id: str, trunk_id: str) -> Trunk | None:
    """One of a tenant's or the platform's, also one that is switched off. None when it is gone."""
    return await store.find_trunk(tx, tenant_id, trunk_id)


async def record_health(tx: Tx, tenant_id: str, trunk_id: str, node_id: str, seen: Sequence[GatewayHealth]) -> None:
    """What a node saw of a trunk's gateways (`check_time` is when). A trunk that is gone is none."""
    if await store.find_trunk(tx, tenant_id, trunk_id) is None:
        return
    for each in seen:
        await store.put_health(tx, tenant_id, trunk_id, node_id, each)
