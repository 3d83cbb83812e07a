"""Comparing the seconds of calls, and filling the gaps that can be filled."""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import datetime

from chassis.sql import Tx

from billing.domain.differences import CallSeconds, Cause, Difference, differences
from billing.domain.usage import EndedCall, UsageConflict
from billing.ops import usage
from billing.store import differences as store
from billing.store.differences import Found


async def compare(
    tx: Tx, calls: Sequence[CallSeconds], fresh: Set[str], start: datetime, end: datetime, now: datetime
) -> list[Difference]:
    """What differs of the calls that began in [start, end), and is kept so. Those that are `fresh` aren't looked at:
    their facts may be under way."""
    used = [each for each in await store.usage_of_calls(tx, start, end) if each.call_id not in fresh]
    wallets = await store.wallet_seconds(tx, [each.call_id for each in calls])
    found = differences(calls, used, wallets)
    await store.save(tx, found, start, end, now)
    return found


async def open_between(tx: Tx, start: datetime, end: datetime, most: int) -> list[datetime]:
    """When calls began, in [start, end), whose differences are open; those looked at longest ago first."""
    return await store.open_between(tx, start, end, most)


async def heal(tx: Tx, call: EndedCall, now: datetime) -> bool:
    """Records and rates a call whose usage never came, as its fact would have; whether that could be done."""
    try:
        await usage.rate_ended_call(tx, call, now)
    except UsageConflict:
        return False
    return True


async def list_found(tx: Tx, tenant_id: str, state: str, size: int, token: str) -> tuple[list[Found], bool]:
    """A page of differences, newest call first; in a system transaction."""
    return await store.list_found(tx, tenant_id, state, size, token)


async def tenants(tx: Tx) -> list[str]:
    """Every tenant whose calls are looked at; in a system transaction."""
    return await store.tenants(tx)


def heals(difference: Difference) -> bool:
    """Whether its gap can be filled from the detail record."""
    return difference.cause is Cause.USAGE_MISSING
