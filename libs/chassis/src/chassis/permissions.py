"""Which role may what. One dictionary; a permission that is not in it makes a server refuse to start.

An API client has what its key was given, at most `API_CLIENT_SCOPES`. A customer has nothing by name: the gateway
only lets it at its own call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

PUBLIC, SELF, MEMBER, SERVICE = "public", "self", "member", "service"

_AGENT = {
    "agents.directory",
    "brands.read",
    "calls.control",
    "calls.dial",
    "calls.park",
    "calls.read",
    "calls.transfer",
    "contacts.handle",
    "contacts.pick_up",
    "contacts.read",
    "customers.read",
    "customers.write",
    "queues.read",
    "schedule.own",
    "station.use",
    "voicemails.read",
}
_SUPERVISOR = _AGENT | {
    "agents.read",
    "agents.write",
    "analytics.read",
    "calls.barge",
    "calls.listen",
    "calls.take_over",
    "calls.whisper",
    "cdrs.read",
    "contacts.write",
    "events.read",
    "flows.read",
    "numbers.read",
    "recordings.read",
    "simulations.run",
    "users.read",
    "wfm.adjust",
    "wfm.read",
}
_ADMIN = _SUPERVISOR | {
    "api_keys.write",
    "audit.read",
    "brands.write",
    "devices.write",
    "flows.write",
    "notices.read",
    "numbers.write",
    "queues.write",
    "trunks.read",
    "trunks.write",
    "users.write",
    "wfm.write",
}
_OWNER = _ADMIN | {
    "billing.pay",
    "billing.read",
    "billing.write",
    "recordings.erase",
    "tenant.write",
    "usage.write",
}

_OPERATOR = {
    "audit.read",
    "differences.read",
    "differences.write",
    "inventory.read",
    "inventory.write",
    "invoices.read",
    "invoices.write",
    "nodes.read",
    "nodes.write",
    "plans.write",
    "rates.read",
    "rates.write",
    "tenants.read",
    "tenants.write",
    "trunks.read",
    "trunks.write",
    "wallets.read",
    "wallets.write",
}
"""`audit.read` is what it is to everybody, the log of their own tenant: here that of the platform. So are the trunks
of the platform, which every tenant may use."""

API_CLIENT_SCOPES = frozenset(
    _OWNER - {"api_keys.write", "billing.pay", "billing.write", "schedule.own", "station.use", "tenant.write"}
)
"""What a key may be given. Keys don't make keys, hold no microphone, work no shifts, don't change the plan and don't
spend."""

ALL_PERMISSIONS = frozenset(_OWNER | _OPERATOR)
"""Every permission that has a name."""

PERMISSIONS_BY_ROLE: Mapping[str, frozenset[str]] = {
    "owner": frozenset(_OWNER),
    "admin": frozenset(_ADMIN),
    "supervisor": frozenset(_SUPERVISOR),
    "agent": frozenset(_AGENT),
    "payer": frozenset({"billing.pay", "billing.read", "notices.read"}),
    "operator": frozenset(_OPERATOR),
    "api_client": frozenset(),
    "customer": frozenset(),
    "stranger": frozenset(),
    "service": ALL_PERMISSIONS | {SERVICE},
}
"""Role -> permissions. Owner includes admin, admin includes supervisor, supervisor includes agent."""

_MEMBERS = frozenset({"owner", "admin", "supervisor", "agent", "api_client", "service"})
_SIGNED_IN = _MEMBERS | {"operator", "payer"}


def known(permission: str) -> bool:
    """Whether an rpc may declare this permission."""
    return permission in (PUBLIC, SELF, MEMBER, SERVICE) or ALL_PERMISSIONS.issuperset(alternatives(permission))


def alternatives(permission: str) -> Sequence[str]:
    """The names of which one is enough: a permission is declared as one, or as several between bars."""
    return permission.split("|")


def allows(permission: str, role: str, granted: frozenset[str]) -> bool:
    """Whether a principal of this role with these permissions may call an rpc that declares `permission`."""
    if permission == PUBLIC:
        return True
    if permission == SELF:
        return role in _SIGNED_IN
    if permission == MEMBER:
        return role in _MEMBERS
    if permission == SERVICE:
        return role == "service"
    return role == "service" or not granted.isdisjoint(alternatives(permission))
