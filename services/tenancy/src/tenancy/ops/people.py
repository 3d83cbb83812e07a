"""Users, invitations, API keys and the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chassis.permissions import API_CLIENT_SCOPES
from chassis.sql import Tx
from kernel.errors import NotFound
from kernel.ids import new_id
from sqlalchemy import func, select

from tenancy import convert
from tenancy.domain import fields, people, plans, secrets
from tenancy.domain.people import (
    ApiKey,
    AuditEntry,
    Invitation,
    InvitationNotFound,
    InvitationNotPending,
    RoleTooStrong,
    User,
    UserChange,
    UserNotFound,
)
from tenancy.ops.sessions import OpenSession, add_user, end_sessions_of, open_session, plan_of
from tenancy.store import lookups, rows, tables

KEY_USE_SECONDS = 60


class ApiKeyNotFound(NotFound):
    """The tenant has no such key."""

    reason = "API_KEY_NOT_FOUND"


async def get_user(tx: Tx, user_id: str) -> User:
    """One user. Raises `UserNotFound`."""
    row = await rows.get(tx, tables.users, user_id=user_id)
    if row is None:
        raise UserNotFound(f"There is no user {user_id}.")
    return rows.value_of(User, row)


async def update_user(tx: Tx, user_id: str, change: UserChange, version: int, actor_role: str, now: datetime) -> User:
    """Changes a user; a disabled one's sessions end. Raises `LastOwner`, `RoleTooStrong`, `PlanLimitReached`."""
    user = await get_user(tx, user_id)
    people.check_version(version, user.version, "user")
    table = tables.users
    owners = await rows.count(tx, table, table.c.role == "OWNER", table.c.state == "ACTIVE")
    people.check_role_change(actor_role, user, change, owners)
    if change.state == "ACTIVE" and user.state == "DISABLED":
        await _check_seat(tx)
    changes = {name: value for name in change.fields if (value := getattr(change, name)) is not None}
    changed = replace(user, **changes, version=user.version + 1)
    await rows.change(tx, table, {"user_id": user_id}, **changes, version=changed.version)
    if changed.state == "DISABLED":
        await end_sessions_of(tx, user_id, now)
    tx.emit(convert.user_changed(changed), key=user_id)
    return changed


async def create_invitation(
    tx: Tx, email: str, display_name: str, role: str, actor_role: str, now: datetime
) -> Invitation:
    """Makes an invitation; its secret is in the answer only. Raises `RoleTooStrong`, `PlanLimitReached`."""
    if people.strength(actor_role) > people.strength(role):
        raise RoleTooStrong("You can't give a role stronger than your own.")
    await _check_seat(tx)
    made = Invitation(
        invitation_id=new_id("ivt", now),
        email=fields.email(email, "invitation.email"),
        display_name=display_name.strip()[:200],
        role=role,
        create_time=now,
        expire_time=now + people.INVITATION_LIFE,
        secret=secrets.new_secret(),
    )
    values = {name: value for name, value in vars(made).items() if name != "secret"}
    await rows.add(tx, tables.invitations, **values, digest=secrets.digest(made.secret))
    return made


async def publish_invitation(tx: Tx, tenant_id: str, invitation: Invitation) -> None:
    """Lets the link be found. System transaction."""
    await lookups.add(tx, lookups.INVITATION, secrets.digest(invitation.secret), tenant_id, invitation.invitation_id)


async def revoke_invitation(tx: Tx, invitation_id: str, now: datetime) -> Invitation:
    """Withdraws a pending invitation. Raises `InvitationNotFound`, `InvitationNotPending`."""
    row = await rows.get(tx, tables.invitations, invitation_id=invitation_id)
    if row is None:
        raise InvitationNotFound(f"There is no invitation {invitation_id}.")
    invitation = rows.value_of(Invitation, row)
    if invitation.state_at(now) not in ("PENDING", "REVOKED"):
        raise InvitationNotPending(f"The invitation is {invitation.state_at(now).lower()} already.")
    await rows.change(tx, tables.invitations, {"invitation_id": invitation_id}, state="REVOKED")
    return replace(invitation, state="REVOKED")


async def find_invitation(tx: Tx, secret: str, now: datetime) -> tuple[str, Invitation, str, str]:
    """(tenant, invitation, tenant's name, tenant's language) of a link. Raises `InvitationNotFound`. System."""
    found = await lookups.find(tx, lookups.INVITATION, secrets.digest(secret))
    row = await rows.get(tx, tables.invitations, tenant_id=found[0], invitation_id=found[1]) if found else None
    tenant = await rows.get(tx, tables.tenants, tenant_id=found[0]) if found else None
    if found is None or row is None or tenant is None:
        raise InvitationNotFound("This invitation link isn't valid: ask for a new one.")
    invitation = rows.value_of(Invitation, row)
    if invitation.state_at(now) != "PENDING":
        raise InvitationNotFound("This invitation was used, withdrawn or has expired: ask for a new one.")
    return found[0], invitation, tenant["display_name"], tenant["language"]


async def accept_invitation(
    tx: Tx, secret: str, display_name: str, password_hash: str, language: str, now: datetime
) -> OpenSession:
    """Creates the user and signs them in. Raises `InvitationNotFound`, `EmailTaken`. System transaction."""
    tenant_id, invitation, _, own_language = await find_invitation(tx, secret, now)
    return await _join(tx, tenant_id, invitation, display_name, password_hash, language or own_language, now)


async def accept_by_email(tx: Tx, email: str, display_name: str, now: datetime) -> OpenSession | None:
    """Accepts the newest pending invitation of an address somebody vouched for; None when there is none. System."""
    table = tables.invitations
    found = await tx.all(
        select(table)
        .where(table.c.email == email, table.c.state == "PENDING", table.c.expire_time > now)
        .order_by(table.c.create_time.desc())
        .limit(1)
    )
    if not found:
        return None
    tenant_id = found[0]["tenant_id"]
    tenant = await rows.get(tx, tables.tenants, tenant_id=tenant_id)
    assert tenant is not None
    # Without a password of their own such a user signs in by the provider only.
    return await _join(tx, tenant_id, rows.value_of(Invitation, found[0]), display_name, "", tenant["language"], now)


async def _join(
    tx: Tx, tenant_id: str, invitation: Invitation, display_name: str, password_hash: str, language: str, now: datetime
) -> OpenSession:
    user = User(
        user_id=new_id("usr", now),
        display_name=display_name,
        email=invitation.email,
        role=invitation.role,
        language=language,
        create_time=now,
    )
    await add_user(tx, tenant_id, user, password_hash)
    key = {"tenant_id": tenant_id, "invitation_id": invitation.invitation_id}
    await rows.change(tx, tables.invitations, key, state="ACCEPTED")
    return await open_session(tx, tenant_id, user, now)


async def create_api_key(tx: Tx, display_name: str, scopes: Sequence[str], now: datetime) -> tuple[ApiKey, str]:
    """Makes a key; the secret is returned here and nowhere else."""
    wrong = sorted(set(scopes) - API_CLIENT_SCOPES)
    if wrong or not scopes:
        what = f"has no {', '.join(wrong)}" if wrong else "must name at least one permission"
        raise fields.invalid("api_key.scopes", f"{what}; there are {', '.join(sorted(API_CLIENT_SCOPES))}")
    secret, prefix = secrets.new_api_key()
    key = ApiKey(
        api_key_id=new_id("key", now),
        display_name=fields.name(display_name, "api_key.display_name"),
        prefix=prefix,
        scopes=sorted(set(scopes)),
        create_time=now,
    )
    await rows.add(tx, tables.api_keys, **vars(key), digest=secrets.digest(secret))
    return key, secret


async def publish_api_key(tx: Tx, tenant_id: str, key: ApiKey, secret: str) -> None:
    """Lets the key be found. System transaction."""
    await lookups.add(tx, lookups.API_KEY, secrets.digest(secret), tenant_id, key.api_key_id)


async def revoke_api_key(tx: Tx, api_key_id: str, now: datetime) -> ApiKey:
    """Revokes a key at once; again is OK. Raises `ApiKeyNotFound`."""
    row = await rows.get(tx, tables.api_keys, api_key_id=api_key_id)
    if row is None:
        raise ApiKeyNotFound(f"There is no API key {api_key_id}.")
    key = rows.value_of(ApiKey, row)
    if key.revoke_time is None:
        key = replace(key, revoke_time=now)
        await rows.change(tx, tables.api_keys, {"api_key_id": api_key_id}, revoke_time=now)
    return key


async def verify_api_key(tx: Tx, secret: str, now: datetime) -> tuple[str, ApiKey]:
    """Whose key it is. Raises `ApiKeyRefused`. System transaction; notes the use once a minute at most."""
    found = await lookups.find(tx, lookups.API_KEY, secrets.digest(secret))
    row = await rows.get(tx, tables.api_keys, tenant_id=found[0], api_key_id=found[1]) if found else None
    if found is None or row is None or row["revoke_time"] is not None:
        raise secrets.ApiKeyRefused("The API key is unknown or was revoked.")
    key = rows.value_of(ApiKey, row)
    if key.last_use_time is None or now - key.last_use_time >= timedelta(seconds=KEY_USE_SECONDS):
        await rows.change(tx, tables.api_keys, {"tenant_id": found[0], "api_key_id": key.api_key_id}, last_use_time=now)
    return found[0], key


async def append_audit(tx: Tx, entry: AuditEntry) -> None:
    """Adds an entry to the audit log; entries never change."""
    await rows.add(tx, tables.audit_entries, **vars(entry))


async def _check_seat(tx: Tx) -> None:
    plan = await plan_of(tx)
    pending = tables.invitations
    active = await rows.count(tx, tables.users, tables.users.c.state == "ACTIVE")
    waiting = await tx.one(
        select(func.count().label("n")).where(
            pending.c.tenant_id == tx.tenant_id,
            pending.c.state == "PENDING",
            pending.c.expire_time > func.now(),
        )
    )
    plans.check_room("users", plan.limits.max_users, active + waiting["n"])
