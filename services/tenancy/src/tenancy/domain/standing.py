"""How a tenant stands with the platform: who may change it, and what it means for those who come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum

from kernel.errors import FailedPrecondition
from kernel.tenant import TenantRestricted, TenantSuspended

from tenancy.domain.people import Tenant

LONGEST_REASON = 500


OVERDUE_REASON = "Invoices are overdue."
"""Why a company is suspended that owes: only a suspension with these words is lifted when everything is paid, and lets
its owner in to pay."""
PAYER = "PAYER"


class TenantNotActive(FailedPrecondition):
    """Only an active tenant can be suspended."""

    reason = "TENANT_NOT_ACTIVE"


class TenantNotSuspended(FailedPrecondition):
    """Only a suspended tenant can be resumed."""

    reason = "TENANT_NOT_SUSPENDED"


class Trigger(Enum):
    """What operators do to a tenant."""

    SUSPEND = "SUSPEND"
    RESUME = "RESUME"


TRANSITIONS: Mapping[tuple[str, Trigger], str] = {
    ("ACTIVE", Trigger.SUSPEND): "SUSPENDED",
    ("SUSPENDED", Trigger.RESUME): "ACTIVE",
}


def change(tenant: Tenant, trigger: Trigger, reason: str = "") -> Tenant:
    """The tenant afterwards. Raises `TenantNotActive` or `TenantNotSuspended`."""
    state = TRANSITIONS.get((tenant.state, trigger))
    if state is None:
        wrong = TenantNotActive if trigger is Trigger.SUSPEND else TenantNotSuspended
        raise wrong(f"The company is {tenant.state.lower()} already.", metadata={"state": tenant.state})
    return replace(tenant, state=state, suspend_reason=reason, version=tenant.version + 1)


def role_of(tenant: Tenant, role: str) -> str:
    """As whom somebody of the tenant comes in: an owner who owes comes in to pay. Raises `TenantSuspended` when nobody
    of this role may."""
    if tenant.state == "SUSPENDED" and tenant.suspend_reason == OVERDUE_REASON and role == "OWNER":
        return PAYER
    check_admits(tenant)
    return role


def check_not_restricted(tenant: Tenant) -> None:
    """Raises `TenantRestricted` while the tenant takes on nobody."""
    if tenant.restricted:
        raise TenantRestricted("Invoices are overdue: nobody is taken on until they are paid.")


def check_admits(tenant: Tenant) -> None:
    """Raises `TenantSuspended` when nobody of the tenant may come in."""
    if tenant.state != "ACTIVE":
        raise TenantSuspended("The company is suspended: its owner may ask whoever runs this platform.")
