"""What platform operators do, and how one comes to be.

`email_is_free`, `list_tenants` and `list_brought` look across tenants and run in system transactions; `invite` runs as
the platform's own tenant; the verbs on a tenant run as that tenant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chassis.sql import Tx
from kernel.ids import new_id
from kernel.tenant import PLATFORM

from tenancy import convert
from tenancy.domain import people, standing
from tenancy.domain.numbers import Number
from tenancy.domain.people import AuditEntry, EmailTaken, Invitation, Tenant, TenantNotFound
from tenancy.domain.standing import Trigger
from tenancy.ops import audit, numbers
from tenancy.ops.held import get_tenant, plan_version_of
from tenancy.ops.notices import raise_notice
from tenancy.ops.people import NewInvitation, create_invitation
from tenancy.store import lookups, rows, shelf, tables, tenants

NOTICE = "TENANT_SUSPENDED"
OPERATOR = "platform operator"
"""Who it was, as the tenant is told: which of the operators is the platform's business, and stands in its own log."""

list_tenants = tenants.page
list_brought = tenants.brought


async def email_is_free(tx: Tx, email: str) -> None:
    """Raises `EmailTaken` when anybody signs in with the address."""
    if await lookups.find(tx, lookups.EMAIL, email) is not None:
        raise EmailTaken("Somebody signs in with this e-mail address already: an operator needs one of their own.")


async def invite(tx: Tx, email: str, now: datetime) -> Invitation:
    """Invites an operator, founding the platform's tenant for the first one. The secret is in the answer only."""
    if await rows.find(tx, tables.tenants, Tenant) is None:
        # A plan it has to have; the largest one, so that no operator is turned away for want of a seat.
        plan = (await shelf.catalogue(tx)).on_sale()[-1]
        platform = Tenant(PLATFORM, "Merkez", plan.plan_id, plan.version, "en", "UTC", now)
        await rows.add(
            tx, tables.tenants, **{name: value for name, value in vars(platform).items() if name != "tenant_id"}
        )
    made = await create_invitation(tx, NewInvitation(email, "", "OPERATOR"), "operator", now)
    who = "command on the machine"
    await _note(tx, who, who, "InviteOperator", made.invitation_id, now)
    return made


async def suspend(tx: Tx, reason: str, version: int, now: datetime) -> Tenant:
    """Suspends the tenant of the transaction. Raises `TenantNotFound`, `VersionConflict`, `TenantNotActive`."""
    changed = await _change(tx, Trigger.SUSPEND, reason, version, now)
    await raise_notice(tx, NOTICE, "", {"reason": reason}, now)
    tx.emit(convert.tenant_suspended(changed, await currency_of(tx, changed)), key=changed.tenant_id)
    return changed


async def resume(tx: Tx, version: int, now: datetime) -> Tenant:
    """Resumes the tenant of the transaction. Raises `TenantNotFound`, `VersionConflict`, `TenantNotSuspended`."""
    changed = await _change(tx, Trigger.RESUME, "", version, now)
    tx.emit(convert.tenant_resumed(changed, await currency_of(tx, changed)), key=changed.tenant_id)
    return changed


async def restrict(tx: Tx, restricted: bool) -> Tenant:
    """Restricts the tenant of the transaction because it owes, or no longer does."""
    tenant = await get_tenant(tx)
    changed = replace(tenant, restricted=restricted, version=tenant.version + 1)
    await rows.change(tx, tables.tenants, {}, restricted=restricted, version=changed.version)
    tx.emit(convert.tenant_changed(changed, await currency_of(tx, changed)), key=changed.tenant_id)
    return changed


async def currency_of(tx: Tx, tenant: Tenant) -> str:
    """The currency a tenant is billed in: its plan's."""
    return (await plan_version_of(tx, tenant)).currency


async def approve_numbers(tx: Tx, wanted: Sequence[str], approved: bool, now: datetime) -> list[Number]:
    """Approves numbers that the tenant of the transaction brought, or takes that back. Raises `NumberNotFound`,
    `NumberNotBrought`."""
    changed = await numbers.approve(tx, wanted, approved, now)
    action = f"tenancy.v1.OperatorService/{'Approve' if approved else 'Revoke'}Numbers"
    await _note(tx, "operator", OPERATOR, action, _few(changed), now)
    return changed


def _few(changed: Sequence[Number]) -> str:
    """As much of the numbers as one line of an audit log holds."""
    first, *more = [each.number for each in changed]
    return f"{first} (+{len(more)})" if more else first


async def _change(tx: Tx, trigger: Trigger, reason: str, version: int, now: datetime) -> Tenant:
    if tx.tenant_id == PLATFORM:
        raise TenantNotFound("There is no such company.")
    tenant = await get_tenant(tx)
    people.check_version(version, tenant.version, "company")
    changed = standing.change(tenant, trigger, reason)
    values = {"state": changed.state, "suspend_reason": reason, "version": changed.version}
    await rows.change(tx, tables.tenants, {}, **values)
    action = f"tenancy.v1.OperatorService/{trigger.value.title()}Tenant"
    await _note(tx, "operator", OPERATOR, action, tenant.tenant_id, now)
    return changed


async def _note(tx: Tx, subject: str, name: str, action: str, target: str, now: datetime) -> None:
    await audit.append(tx, AuditEntry(new_id("aud", now), subject, name, action, target, "OK", "", now))
