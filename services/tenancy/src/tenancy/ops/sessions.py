"""Sign-up, sign-in, refreshing and ending sessions.

`login_of`, `tenant_of_token` and `earlier_sign_up` find a tenant and run in system transactions; all else runs as the
tenant that was found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from chassis.sql import Tx
from kernel.ids import new_id
from kernel.tenant import PLATFORM

from tenancy import convert
from tenancy.domain import secrets, standing
from tenancy.domain.lookups import Found
from tenancy.domain.people import EmailTaken, Tenant, User
from tenancy.domain.plans import Plan
from tenancy.domain.sessions import USED_TOKEN_KEPT, RefreshToken, Session, SessionEnded, Use, expiry, refused, use_of
from tenancy.ops import subscriptions
from tenancy.store import lookups, refresh_tokens, rows, tables


@dataclass(frozen=True)
class SignUp:
    """A checked request to sign up."""

    request_id: str
    plan: Plan
    company_name: str
    owner_name: str
    email: str
    language: str
    time_zone: str

    @property
    def key(self) -> str:
        """What a repeat is known by. Strangers share no space of request ids, so the e-mail belongs to it."""
        return secrets.digest(f"{self.request_id}\n{self.email}")

    @property
    def fingerprint(self) -> str:
        """What a repeat must say again. The password isn't part of it: it is checked against the owner's."""
        said = (self.plan.plan_id, self.company_name, self.owner_name, self.language, self.time_zone)
        return secrets.digest("\n".join(said))


@dataclass(frozen=True)
class OpenSession:
    """A session that has just been opened or refreshed, with the refresh token in clear."""

    session_id: str
    tenant_id: str
    user: User
    refresh_token: str
    expire_time: datetime


@dataclass(frozen=True)
class Login:
    """What is stored of somebody who signs in."""

    tenant_id: str
    user: User
    password_hash: str


async def sign_up(tx: Tx, command: SignUp, password_hash: str, now: datetime) -> tuple[Tenant, OpenSession]:
    """Creates the tenant of the transaction and its owner and opens a session. Raises `EmailTaken`."""
    tenant = Tenant(
        tenant_id=tx.tenant_id,
        display_name=command.company_name,
        plan_id=command.plan.plan_id,
        plan_version=command.plan.version,
        language=command.language,
        time_zone=command.time_zone,
        create_time=now,
    )
    owner = User(new_id("usr", now), command.owner_name, command.email, "OWNER", command.language, now)
    await add_user(tx, owner, password_hash)
    await rows.add(tx, tables.tenants, **{name: value for name, value in vars(tenant).items() if name != "tenant_id"})
    await lookups.add(tx, lookups.SIGN_UP, command.key, command.fingerprint)
    tx.emit(convert.tenant_signed_up(tenant, command.plan.currency, owner), key=tenant.tenant_id)
    await subscriptions.begin(tx, tenant, command.plan, now)
    return tenant, await open_session(tx, owner.user_id, now)


async def earlier_sign_up(tx: Tx, command: SignUp) -> Found | None:
    """The tenant an earlier sign-up with the same request made; its target is the fingerprint of that one."""
    return await lookups.find(tx, lookups.SIGN_UP, command.key)


async def add_user(tx: Tx, user: User, password_hash: str) -> None:
    """Adds somebody with a login. Raises `EmailTaken`, also when the other one is of another tenant."""
    try:
        await lookups.add(tx, lookups.EMAIL, user.email, user.user_id)
    except lookups.ValueTaken as error:
        taken = "Somebody signs in with this e-mail address already: sign in, or use another one."
        raise EmailTaken(taken) from error
    await rows.add(tx, tables.users, **vars(user), password_hash=password_hash)
    if tx.tenant_id != PLATFORM:  # operators are nobody's agents and take nobody's seats
        tx.emit(convert.user_joined(user), key=user.user_id)


async def login_of(tx: Tx, email: str) -> Login | None:
    """Who signs in with an address."""
    found = await lookups.find(tx, lookups.EMAIL, email)
    if found is None:
        return None
    row = await rows.get_of(tx, found.tenant_id, tables.users, user_id=found.target)
    return Login(found.tenant_id, rows.value_of(User, row), row["password_hash"]) if row else None


async def open_session(tx: Tx, user_id: str, now: datetime) -> OpenSession:
    """Opens a session for somebody who proved who they are.

    Raises `SignInRefused` when disabled meanwhile, `TenantSuspended`.
    """
    user = await rows.find(tx, tables.users, User, user_id=user_id)
    admitted = await _admitted(tx, user)
    if user is None or user.state != "ACTIVE":
        raise refused()
    session = Session(new_id("ses", now), user_id, now, expiry(now, now))
    await rows.add(tx, tables.sessions, **vars(session))
    await rows.change(tx, tables.users, {"user_id": user_id}, last_sign_in_time=now)
    return await _answer(tx, session, replace(user, last_sign_in_time=now, role=admitted), now)


async def tenant_of_token(tx: Tx, token: str) -> str:
    """Whose refresh token it is. Raises `SessionEnded`."""
    found = await lookups.find(tx, lookups.REFRESH, secrets.digest(token))
    if found is None:
        raise _over()
    return found.tenant_id


async def refresh(tx: Tx, token: str, now: datetime) -> OpenSession | None:
    """Rotates a refresh token. Raises `SessionEnded` when there is nothing to rotate and nothing to end, and
    `TenantSuspended`: the token stays good for the day the tenant is resumed.

    None means that the token was used before and its session is ended now: the caller commits that and refuses.
    """
    known = await rows.find(tx, tables.refresh_tokens, RefreshToken, digest=secrets.digest(token))
    session = await rows.find(tx, tables.sessions, Session, session_id=known.session_id) if known else None
    if known is None or session is None:
        raise _over()
    use = use_of(known, session, now)
    if use is Use.ENDS_THE_SESSION:
        await rows.change(tx, tables.sessions, {"session_id": session.session_id}, end_time=now)
        return None
    user = await rows.find(tx, tables.users, User, user_id=session.user_id)
    if use is Use.REFUSED or user is None or user.state != "ACTIVE":
        raise _over()
    admitted = await _admitted(tx, user)
    if known.use_time is None:
        # Also the tokens nobody has shown yet: two tabs that refresh at once get two, of which the browser keeps one.
        # When it shows that one, the other is of no use to it: whoever comes with the other later found it somewhere.
        await refresh_tokens.retire(tx, session.session_id, now)
        await refresh_tokens.forget(tx, session.session_id, now - USED_TOKEN_KEPT)
    session = replace(session, expire_time=expiry(session.create_time, now))
    await rows.change(tx, tables.sessions, {"session_id": session.session_id}, expire_time=session.expire_time)
    return await _answer(tx, session, replace(user, role=admitted), now)


async def end_session(tx: Tx, token: str, now: datetime) -> None:
    """Ends the session of a refresh token; one that has ended stays as it is."""
    known = await rows.find(tx, tables.refresh_tokens, RefreshToken, digest=secrets.digest(token))
    if known is not None:
        await rows.change(tx, tables.sessions, {"session_id": known.session_id, "end_time": None}, end_time=now)


async def end_sessions_of(tx: Tx, user_id: str, now: datetime) -> None:
    """Ends every session of a user of the tenant."""
    await rows.change(tx, tables.sessions, {"user_id": user_id, "end_time": None}, end_time=now)


async def _admitted(tx: Tx, user: User | None) -> str:
    """As whom they come in. Raises `TenantSuspended`."""
    tenant = await rows.find(tx, tables.tenants, Tenant)
    if tenant is None:
        raise _over()
    return standing.role_of(tenant, user.role if user else "")


async def _answer(tx: Tx, session: Session, user: User, now: datetime) -> OpenSession:
    token = secrets.new_secret()
    digest = secrets.digest(token)
    await lookups.add(tx, lookups.REFRESH, digest, session.session_id)
    await rows.add(tx, tables.refresh_tokens, **vars(RefreshToken(digest, session.session_id, now)))
    return OpenSession(session.session_id, tx.tenant_id, user, token, session.expire_time)


def _over() -> SessionEnded:
    return SessionEnded("The session is over: sign in again.")
