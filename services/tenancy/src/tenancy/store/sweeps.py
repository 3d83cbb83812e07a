"""Clearing away what is over, a bounded batch at a time, so that no table grows for ever.

Each statement says how much it removed: a full batch means that there is more. What belongs to nobody is removed in a
system transaction; what belongs to tenants is found in one and removed as the tenant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from chassis.sql import Tx
from sqlalchemy import Table, delete, or_, select

from tenancy.store import lookups, tables

BATCH = 200
SIGN_UP_REMEMBERED = timedelta(days=1)
"""How long a sign-up can be repeated with its request_id."""


async def attempts_and_states(tx: Tx, now: datetime) -> int:
    """Removes counts that count no more and sign-ins at a provider that nobody ended. System."""
    return await _remove_expired(tx, tables.attempts, "address", now) + await _remove_expired(
        tx, tables.oidc_states, "state", now
    )


async def find_ended_sessions(tx: Tx, now: datetime) -> Mapping[str, Sequence[str]]:
    """Sessions that are over, by tenant. System."""
    table = tables.sessions
    over = or_(table.c.end_time.is_not(None), table.c.expire_time <= now)
    found = await tx.all(select(table.c.tenant_id, table.c.session_id).where(over).limit(BATCH))
    return _by_tenant([(row["tenant_id"], row["session_id"]) for row in found])


async def remove_sessions(tx: Tx, session_ids: Sequence[str]) -> None:
    """Removes sessions of the tenant with their tokens and what led to them."""
    leads = (tables.lookups.c.kind == lookups.REFRESH, tables.lookups.c.target.in_(session_ids))
    await tx.execute(delete(tables.lookups).where(tables.lookups.c.tenant_id == tx.tenant_id, *leads))
    for table in (tables.refresh_tokens, tables.sessions):
        mine = (table.c.tenant_id == tx.tenant_id, table.c.session_id.in_(session_ids))
        await tx.execute(delete(table).where(*mine))


async def find_dead_links(tx: Tx, now: datetime) -> Mapping[str, Sequence[tuple[str, str]]]:
    """(kind, value) of sign-ups that can't be repeated and of invitations that have expired, by tenant. System."""
    table, tenants, invitations = tables.lookups, tables.tenants, tables.invitations
    of_tenant = table.c.tenant_id == tenants.c.tenant_id
    sign_ups = select(table.c.tenant_id, table.c.kind, table.c.value).where(
        table.c.kind == lookups.SIGN_UP, of_tenant, tenants.c.create_time < now - SIGN_UP_REMEMBERED
    )
    of_invitation = (table.c.tenant_id == invitations.c.tenant_id, table.c.target == invitations.c.invitation_id)
    expired = select(table.c.tenant_id, table.c.kind, table.c.value).where(
        table.c.kind == lookups.INVITATION, *of_invitation, invitations.c.expire_time <= now
    )
    found = [*await tx.all(sign_ups.limit(BATCH)), *await tx.all(expired.limit(BATCH))]
    return _by_tenant([(row["tenant_id"], (row["kind"], row["value"])) for row in found])


async def remove_links(tx: Tx, links: Sequence[tuple[str, str]]) -> None:
    """Lets them lead nowhere."""
    for kind, value in links:
        await lookups.remove(tx, kind, value)


async def _remove_expired(tx: Tx, table: Table, key: str, now: datetime) -> int:
    old = select(table.c[key]).where(table.c.expire_time <= now).limit(BATCH)
    return (await tx.execute(delete(table).where(table.c[key].in_(old)))).rowcount


def _by_tenant(pairs: Sequence[tuple[str, object]]) -> dict[str, list]:
    found: dict[str, list] = defaultdict(list)
    for tenant_id, item in pairs:
        found[tenant_id].append(item)
    return found
