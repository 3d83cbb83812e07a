"""Users and invitations. `find_link` finds a tenant and runs in a system transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from chassis.paging import Page
from chassis.sql import Tx
from kernel.ids import new_id

from tenancy import convert
from tenancy.domain import fields, limits, people, secrets, standing
from tenancy.domain.lookups import Found
from tenancy.domain.people import (
    EmailTaken,
    Invitation,
    InvitationNotFound,
    InvitationNotPending,
    User,
    UserChange,
    UserNotFound,
)
from tenancy.ops.held import get_tenant, plan_of
from tenancy.ops.limits import take_room
from tenancy.ops.sessions import OpenSession, add_user, end_sessions_of, open_session
from tenancy.store import lookups, rows, tables


@dataclass(frozen=True)
class NewInvitation:
    """Whom somebody invites, as they wrote it."""

    email: str
    display_name: str
    role: str


async def get_user(tx: Tx, user_id: str) -> User:
    """One user. Raises `UserNotFound`."""
    user = await rows.find(tx, tables.users, User, user_id=user_id)
    if user is None:
        raise UserNotFound(f"There is no user {user_id}.")
    return user


async def list_users(tx: Tx, page: Page) -> tuple[list[User], str]:
    """Users, newest first."""
    return await rows.page(tx, tables.users, User, ("create_time", "user_id"), page)


async def update_user(tx: Tx, user_id: str, change: UserChange, version: int, actor_role: str, now: datetime) -> User:
    """Changes a user; a disabled one's sessions end. Raises `LastOwner`, `RoleTooStrong`, `PlanLimitReached`."""
    user = await get_user(tx, user_id)
    people.check_version(version, user.version, "user")
    table = tables.users
    owners = await rows.count(tx, table, table.c.role == "OWNER", table.c.state == "ACTIVE")
    people.check_role_change(actor_role, user, change, owners)
    if change.state == "ACTIVE" and user.state == "DISABLED":
        await _take_seat(tx, await _waiting(tx, now), now)
    changed = replace(user, **change.values, version=user.version + 1)
    await rows.change(tx, table, {"user_id": user_id}, **change.values, version=changed.version)
    if changed.state == "DISABLED":
        await end_sessions_of(tx, user_id, now)
    tx.emit(convert.user_changed(changed), key=user_id)
    return changed


async def create_invitation(tx: Tx, asked: NewInvitation, actor_role: str, now: datetime) -> Invitation:
    """Makes an invitation; its secret is in the answer only.

    Raises `RoleTooStrong`, `PlanLimitReached`, and `EmailTaken` for somebody who is here already. That an address is
    taken elsewhere is nobody's business: whoever has it hears so when accepting.
    """
    people.check_may_give(actor_role, asked.role)
    made = Invitation(
        invitation_id=new_id("ivt", now),
        email=fields.email(asked.email, "invitation.email"),
        display_name=fields.name(asked.display_name, "invitation.display_name") if asked.display_name.strip() else "",
        role=asked.role,
        create_time=now,
        expire_time=now + people.INVITATION_LIFE,
        secret=secrets.new_secret(),
    )
    if await rows.get(tx, tables.users, email=made.email) is not None:
        raise EmailTaken("Somebody of your company signs in with this e-mail address already.")
    await _take_seat(tx, await _waiting(tx, now), now)
    values = {name: value for name, value in vars(made).items() if name != "secret"}
    digest = secrets.digest(made.secret)
    await rows.add(tx, tables.invitations, **values, digest=digest)
    await lookups.add(tx, lookups.INVITATION, digest, made.invitation_id)
    return made


async def list_invitations(tx: Tx, page: Page) -> tuple[list[Invitation], str]:
    """Invitations, newest first."""
    return await rows.page(tx, tables.invitations, Invitation, ("create_time", "invitation_id"), page)


async def revoke_invitation(tx: Tx, invitation_id: str, now: datetime) -> Invitation:
    """Withdraws a pending invitation; again is OK. Raises `InvitationNotFound`, `InvitationNotPending`."""
    invitation = await rows.find(tx, tables.invitations, Invitation, invitation_id=invitation_id)
    if invitation is None:
        raise InvitationNotFound(f"There is no invitation {invitation_id}.")
    state = invitation.state_at(now)
    if state not in ("PENDING", "REVOKED"):
        raise InvitationNotPending(f"The invitation is {state.lower()} already.")
    return await _close(tx, invitation, "REVOKED")


async def find_link(tx: Tx, digest: str) -> Found:
    """Where the secret of a link leads, by its digest. Raises `InvitationNotFound`."""
    found = await lookups.find(tx, lookups.INVITATION, digest)
    if found is None:
        raise _not_valid()
    return found


async def pending_invitation(tx: Tx, invitation_id: str, now: datetime) -> Invitation:
    """An invitation that can be accepted. Raises `InvitationNotFound`."""
    invitation = await rows.find(tx, tables.invitations, Invitation, invitation_id=invitation_id)
    if invitation is None or invitation.state_at(now) != "PENDING":
        raise _not_valid()
    return invitation


async def accept_invitation(
    tx: Tx, invitation_id: str, display_name: str, password_hash: str, language: str, now: datetime
) -> OpenSession:
    """Creates the user and signs them in. Raises `InvitationNotFound`, `EmailTaken`, `PlanLimitReached`.

    Without a password of their own (an empty hash) they sign in at the OpenID provider only.
    """
    invitation = await pending_invitation(tx, invitation_id, now)
    # The plan may have become smaller since: what is full by now stays so, though this seat was kept at the time.
    # A soft limit was told of when they were invited.
    plan, active = await plan_of(tx), await rows.count(tx, tables.users, tables.users.c.state == "ACTIVE")
    limits.check_room(plan, "max_users", active)
    user = User(
        user_id=new_id("usr", now),
        display_name=display_name,
        email=invitation.email,
        role=invitation.role,
        language=language,
        create_time=now,
    )
    await add_user(tx, user, password_hash)
    await _close(tx, invitation, "ACCEPTED")
    return await open_session(tx, user.user_id, now)


async def _close(tx: Tx, invitation: Invitation, state: str) -> Invitation:
    key = {"invitation_id": invitation.invitation_id}
    row = await rows.get(tx, tables.invitations, **key)
    assert row is not None
    await rows.change(tx, tables.invitations, key, state=state)
    await lookups.remove(tx, lookups.INVITATION, row["digest"])
    # An e-mail that still waits would lead nowhere.
    await rows.remove(tx, tables.emails, **key)
    return replace(invitation, state=state)


async def _waiting(tx: Tx, now: datetime) -> int:
    table = tables.invitations
    return await rows.count(tx, table, table.c.state == "PENDING", table.c.expire_time > now)


async def _take_seat(tx: Tx, promised: int, now: datetime) -> None:
    standing.check_not_restricted(await get_tenant(tx))
    active = await rows.count(tx, tables.users, tables.users.c.state == "ACTIVE")
    await take_room(tx, await plan_of(tx), "max_users", active + promised, now)


def _not_valid() -> InvitationNotFound:
    return InvitationNotFound(
        "This invitation link isn't valid, was used, withdrawn or has expired: ask for a new one."
    )
