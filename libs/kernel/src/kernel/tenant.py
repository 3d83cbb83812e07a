"""Who is asking, and for which tenant."""

from __future__ import annotations

from dataclasses import dataclass, field

from kernel.errors import Forbidden

ROLES = (
    "owner", "admin", "supervisor", "agent",  # people of the tenant
    "payer",  # the owner of a company that is suspended because it owes: only to pay
    "operator",  # people who run the platform
    "api_client",  # a partner's program, by API key
    "customer",  # a caller at the widget: only their own call
    "stranger",  # someone who did not sign in
    "service",  # one of our processes
)  # fmt: skip


PLATFORM = f"ten_{'0' * 26}"
"""Where operators are people of: a tenant id no company has, since ids begin with the time they were made at."""


class TenantSuspended(Forbidden):
    """The platform's operators let nobody of this tenant in."""

    reason = "TENANT_SUSPENDED"


class TenantRestricted(Forbidden):
    """The company owes: until it has paid it calls nobody and takes on nobody, and is called and works as before."""

    reason = "TENANT_RESTRICTED"


@dataclass(frozen=True)
class Principal:
    """The verified asker of one request.

    `tenant_id` is empty only for strangers, and `PLATFORM` for operators; `subject` is a user, key, call or service.
    """

    tenant_id: str
    subject: str
    role: str
    permissions: frozenset[str] = field(default_factory=frozenset)
    name: str = ""

    def may(self, permission: str) -> bool:
        """Whether the principal was granted this permission by name."""
        return permission in self.permissions
