"""The rules of dialing out, and all that `domain.dialing` needs to know to decide a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from chassis.sql import Tx
from kernel.tenant import PLATFORM

from telephony.domain import flow_dials, lines, trunks
from telephony.domain.countries import Choice, CountryRules
from telephony.domain.dialing import CallerNumbers, Dialer, TrunkSight
from telephony.domain.lines import Load, OutboundSettings
from telephony.ops.calls import HEARTBEAT_FRESH
from telephony.store import calls as call_store
from telephony.store import legs as leg_store
from telephony.store import lines as line_store
from telephony.store import outbound as store
from telephony.store import trunks as trunk_store


async def country_rules(tx: Tx) -> CountryRules:
    """What the tenant chose."""
    return await store.rules_of(tx, tx.tenant_id)


async def choose_countries(tx: Tx, choices: Mapping[str, Choice], now: datetime) -> CountryRules:
    """Change what is said of these countries."""
    await store.choose(tx, choices, now)
    return await store.rules_of(tx, tx.tenant_id)


async def settings(tx: Tx) -> OutboundSettings:
    """The tenant's limits."""
    return await store.settings_of(tx, tx.tenant_id)


async def update_settings(tx: Tx, changes: Mapping[str, Any], version: int, now: datetime) -> OutboundSettings:
    """Change the named limits. VersionConflict when they are no longer at `version` (0: whatever is there)."""
    before = await store.settings_of(tx, tx.tenant_id)
    trunks.require_version(before.version, version)
    after = lines.check_settings(replace(before, **changes, update_time=now, version=before.version + 1))
    await store.put_settings(tx, after, before.version)
    return after


async def load_of_caller(tx: Tx, tenant_id: str, now: datetime) -> Load:
    """What a tenant has running and spent, on the platform's trunks too. System transaction."""
    return await line_store.load_of_caller(tx, tenant_id, now, now - HEARTBEAT_FRESH)


async def situation(
    tx: Tx, tenant_id: str, numbers: CallerNumbers, now: datetime
) -> tuple[Dialer, Sequence[TrunkSight]]:
    """Who dials and over what: what `dialing.decide` is told. System transaction, may be read only: the line taken for
    an attempt is what holds the limits."""
    since = now - HEARTBEAT_FRESH
    rules = await store.rules_of(tx, tenant_id)
    limits = await store.settings_of(tx, tenant_id)
    load = await line_store.load_of_caller(tx, tenant_id, now, since)
    owners = (tenant_id, PLATFORM)
    seen = await trunk_store.healths_of(tx, owners)
    sights: list[TrunkSight] = []
    for trunk in await trunk_store.trunks_of(tx, owners):
        gateways = [trunks.gateway_health(each, seen.get(each.gateway_id, ()), now) for each in trunk.gateways]
        on_it = await line_store.load_of_trunk(tx, trunk.tenant_id, trunk.trunk_id, now, since)
        sights.append(TrunkSight(trunk, {each.gateway_id: each for each in gateways}, on_it))
    return Dialer(tenant_id, numbers, rules, limits, load), sights


async def sent_by_flows(tx: Tx, number: str, but: str) -> Sequence[str]:
    """The callers of live calls, but of the one with this id, that flows has sent to the number."""
    found = await leg_store.live_at(tx, number)
    its = [leg.call_id for leg in found if flow_dials.dialled_by_flow(leg) and leg.call_id != but]
    return [call.caller_number for call in (await call_store.find_calls(tx, its)).values()]
