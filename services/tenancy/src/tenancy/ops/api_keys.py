"""Partners' keys. `find_key` finds a tenant and runs in a system transaction."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime

from chassis.paging import Page
from chassis.permissions import API_CLIENT_SCOPES
from chassis.sql import Tx
from kernel.features import Feature
from kernel.ids import new_id

from tenancy.domain import fields, people, secrets, standing
from tenancy.domain.lookups import Found
from tenancy.domain.people import ApiKey, ApiKeyNotFound, ApiKeyRefused
from tenancy.ops.held import check_in_force, get_tenant, require_feature
from tenancy.store import lookups, rows, tables


async def create(
    tx: Tx, display_name: str, scopes: AbstractSet[str], own: AbstractSet[str], now: datetime
) -> tuple[ApiKey, str]:
    """Makes a key with some of the maker's `own` permissions; its secret is returned here and nowhere else.

    Raises `FeatureNotInPlan`, `ScopeTooStrong`.
    """
    await require_feature(tx, Feature.API)
    people.check_scopes(scopes, API_CLIENT_SCOPES, own)
    secret, prefix = secrets.new_api_key()
    key = ApiKey(
        api_key_id=new_id("key", now),
        display_name=fields.name(display_name, "api_key.display_name"),
        prefix=prefix,
        scopes=sorted(scopes),
        create_time=now,
    )
    digest = secrets.digest(secret)
    await rows.add(tx, tables.api_keys, **vars(key), digest=digest)
    await lookups.add(tx, lookups.API_KEY, digest, key.api_key_id)
    return key, secret


async def list_keys(tx: Tx, page: Page) -> tuple[list[ApiKey], str]:
    """Keys, newest first, revoked ones too."""
    return await rows.page(tx, tables.api_keys, ApiKey, ("create_time", "api_key_id"), page)


async def revoke(tx: Tx, api_key_id: str, now: datetime) -> ApiKey:
    """Revokes a key at once; again is OK. Raises `ApiKeyNotFound`."""
    row = await rows.get(tx, tables.api_keys, api_key_id=api_key_id)
    if row is None:
        raise ApiKeyNotFound(f"There is no API key {api_key_id}.")
    key = rows.value_of(ApiKey, row)
    if key.revoke_time is None:
        key = replace(key, revoke_time=now)
        await rows.change(tx, tables.api_keys, {"api_key_id": api_key_id}, revoke_time=now)
        await lookups.remove(tx, lookups.API_KEY, row["digest"])
    return key


async def find_key(tx: Tx, secret: str) -> Found:
    """Whose key it is. Raises `ApiKeyRefused`."""
    found = await lookups.find(tx, lookups.API_KEY, secrets.digest(secret))
    if found is None:
        raise ApiKeyRefused("The API key is unknown or was revoked.")
    return found


async def use(tx: Tx, api_key_id: str, now: datetime) -> ApiKey:
    """The key, noting its use once a minute at most.

    Raises `ApiKeyRefused` when it was revoked, `TenantSuspended`, `SubscriptionPaused`, `FeatureNotInPlan` while the
    plan has no keys.
    """
    key = await rows.find(tx, tables.api_keys, ApiKey, api_key_id=api_key_id)
    if key is None or key.revoke_time is not None:
        raise ApiKeyRefused("The API key is unknown or was revoked.")
    standing.check_admits(await get_tenant(tx))
    await check_in_force(tx)
    await require_feature(tx, Feature.API)
    if not key.use_is_news(now):
        return key
    await rows.change(tx, tables.api_keys, {"api_key_id": api_key_id}, last_use_time=now)
    return replace(key, last_use_time=now)
