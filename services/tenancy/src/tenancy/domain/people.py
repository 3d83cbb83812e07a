"""Tenants, brands, users and invitations as values, with the rules between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from kernel.errors import AlreadyExists, Conflict, FailedPrecondition, NotFound, Unauthenticated

from tenancy.domain.fields import FieldInvalid

INVITATION_LIFE = timedelta(days=7)
KEY_USE_NOTED = timedelta(minutes=1)
"""A key in use is written about this often, not at each of its requests."""
_STRENGTH = {"owner": 0, "admin": 1, "supervisor": 2, "api_client": 2, "agent": 3}
"""How much a role may give and take. A partner's key that may write users looks after supervisors and agents."""


class EmailTaken(AlreadyExists):
    """Somebody signs in with this address already."""

    reason = "EMAIL_TAKEN"


class LastOwner(FailedPrecondition):
    """A tenant keeps at least one active owner."""

    reason = "LAST_OWNER"


class RoleTooStrong(FailedPrecondition):
    """Nobody gives or takes a role stronger than their own."""

    reason = "ROLE_TOO_STRONG"


class ScopeTooStrong(FailedPrecondition):
    """Nobody gives a key what they may not do themselves."""

    reason = "SCOPE_TOO_STRONG"


class VersionConflict(Conflict):
    """Somebody changed it since it was read."""

    reason = "VERSION_CONFLICT"


class TenantNotFound(NotFound):
    """There is no such tenant."""

    reason = "TENANT_NOT_FOUND"


class BrandNotFound(NotFound):
    """The tenant has no such brand."""

    reason = "BRAND_NOT_FOUND"


class BrandInUse(FailedPrecondition):
    """A number still points at the brand."""

    reason = "BRAND_IN_USE"


class UserNotFound(NotFound):
    """The tenant has no such user."""

    reason = "USER_NOT_FOUND"


class ApiKeyNotFound(NotFound):
    """The tenant has no such key."""

    reason = "API_KEY_NOT_FOUND"


class ApiKeyRefused(Unauthenticated):
    """The key is unknown or revoked."""

    reason = "API_KEY_REFUSED"


class NoticeNotFound(NotFound):
    """The tenant has no such notice."""

    reason = "NOTICE_NOT_FOUND"


class InvitationNotFound(NotFound):
    """The link is unknown, used, withdrawn or too old."""

    reason = "INVITATION_NOT_FOUND"


class InvitationNotPending(FailedPrecondition):
    """The invitation was accepted, withdrawn or has expired."""

    reason = "INVITATION_NOT_PENDING"


@dataclass(frozen=True)
class Tenant:
    """A BPO organisation."""

    tenant_id: str
    display_name: str
    plan_id: str
    plan_version: int
    language: str
    time_zone: str
    create_time: datetime
    state: str = "ACTIVE"
    suspend_reason: str = ""
    version: int = 1
    restricted: bool = False
    """It owes: it calls nobody and takes on nobody until it has paid."""


@dataclass(frozen=True)
class TenantOverview:
    """A tenant as platform operators see it."""

    tenant: Tenant
    user_count: int
    owner_email: str


@dataclass(frozen=True)
class Brand:
    """A client the tenant serves."""

    brand_id: str
    display_name: str
    language: str
    time_zone: str
    widget_key: str
    create_time: datetime
    update_time: datetime
    widget_number: str = ""
    service_level_threshold_seconds: int = 20
    version: int = 1
    caller_number: str = ""
    call_rules: Mapping[str, Any] = field(default_factory=dict)
    """`call_rules.CallRules` as stored."""

    @property
    def shown_number(self) -> str:
        """What is shown to those who are called in the brand's name."""
        return self.caller_number or self.widget_number


@dataclass(frozen=True)
class User:
    """Somebody with a login."""

    user_id: str
    display_name: str
    email: str
    role: str
    language: str
    create_time: datetime
    state: str = "ACTIVE"
    last_sign_in_time: datetime | None = None
    version: int = 1


@dataclass(frozen=True)
class Invitation:
    """An invitation to join; `secret` is known only while it is made."""

    invitation_id: str
    email: str
    display_name: str
    role: str
    create_time: datetime
    expire_time: datetime
    state: str = "PENDING"
    emailed: bool = False
    secret: str = ""

    def state_at(self, now: datetime) -> str:
        """PENDING turns into EXPIRED by the clock alone."""
        return "EXPIRED" if self.state == "PENDING" and now >= self.expire_time else self.state


@dataclass(frozen=True)
class ApiKey:
    """A partner's key; `secret` is known only while it is made."""

    api_key_id: str
    display_name: str
    prefix: str
    scopes: Sequence[str]
    create_time: datetime
    last_use_time: datetime | None = None
    revoke_time: datetime | None = None

    def use_is_news(self, now: datetime) -> bool:
        """Whether a use now is worth writing down."""
        return self.last_use_time is None or now - self.last_use_time >= KEY_USE_NOTED


@dataclass(frozen=True)
class Notice:
    """Something the owner should know."""

    notice_id: str
    kind: str
    parameters: Mapping[str, str]
    create_time: datetime
    update_time: datetime
    count: int = 1
    dismissed: bool = False


@dataclass(frozen=True)
class AuditEntry:
    """Who did what to what."""

    audit_entry_id: str
    subject: str
    subject_name: str
    action: str
    target: str
    outcome: str
    address: str
    create_time: datetime


@dataclass(frozen=True)
class UserChange:
    """New values of a user; None leaves a field."""

    display_name: str | None = None
    role: str | None = None
    state: str | None = None
    language: str | None = None

    @property
    def values(self) -> dict[str, str]:
        """What changes."""
        return {name: value for name, value in vars(self).items() if value is not None}


def check_version(asked: int, current: int, what: str) -> None:
    """Raises `VersionConflict` when the change was made on another version; 0 fits any."""
    if asked and asked != current:
        raise VersionConflict(f"The {what} was changed by somebody else: read it again and repeat the change.")


def check_may_give(actor_role: str, role: str) -> None:
    """Raises `RoleTooStrong`. `actor_role` is in lower case as in principals."""
    if strength(actor_role) > strength(role):
        raise RoleTooStrong("You can't give a role stronger than your own.")


def check_role_change(actor_role: str, target: User, change: UserChange, owners: int) -> None:
    """Raises `RoleTooStrong` or `LastOwner`. `owners` are the active ones."""
    if strength(actor_role) > strength(target.role):
        raise RoleTooStrong("You can't change somebody with a role stronger than your own.")
    if change.role is not None:
        check_may_give(actor_role, change.role)
    leaves = change.role not in (None, "OWNER") or change.state == "DISABLED"
    if target.role == "OWNER" and target.state == "ACTIVE" and leaves and owners <= 1:
        raise LastOwner("This is the last owner: make somebody else an owner first.")


def check_scopes(asked: AbstractSet[str], there_are: AbstractSet[str], own: AbstractSet[str]) -> None:
    """Raises `FieldInvalid` for scopes no key has, `ScopeTooStrong` for those its maker hasn't."""
    if not asked:
        raise FieldInvalid.of("api_key.scopes", f"must name at least one of {', '.join(sorted(there_are))}")
    if unknown := sorted(asked - there_are):
        raise FieldInvalid.of(
            "api_key.scopes", f"has no {', '.join(unknown)}; there are {', '.join(sorted(there_are))}"
        )
    if missing := sorted(asked - own):
        raise ScopeTooStrong(f"You can't give a key what you may not do: {', '.join(missing)}.")


def strength(role: str) -> int:
    """0 is the strongest; roles that look after nobody are weaker than all."""
    return _STRENGTH.get(role.lower(), len(_STRENGTH))
