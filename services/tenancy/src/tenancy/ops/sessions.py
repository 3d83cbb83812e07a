"""Sign-up, sign-in, refreshing and ending sessions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.sql import Tx
from kernel.ids import new_id
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from tenancy import convert
from tenancy.catalogue import find as find_plan
from tenancy.domain import secrets
from tenancy.domain.people import EmailTaken, Tenant, User
from tenancy.domain.plans import Plan
from tenancy.domain.secrets import Attempts, SessionEnded, SignInRefused
from tenancy.store import lookups, rows, tables


@dataclass(frozen=True)
class SignUp:
    """A checked request to sign up."""

    request_id: str
    plan: Plan
    company_name: str
    owner_name: str
    email: str
    password_hash: str
    language: str
    time_zone: str


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


def sign_up_key(request_id: str, email: str) -> str:
    """What a sign-up is remembered by."""
    return secrets.digest(f"{request_id}\n{email}")


async def sign_up(tx: Tx, command: SignUp, now: datetime) -> tuple[Tenant, OpenSession]:
    """Creates the tenant and its owner and opens a session. Raises `EmailTaken`. System transaction."""
    if await lookups.find(tx, lookups.EMAIL, command.email):
        raise EmailTaken("Somebody signs in with this e-mail address already: sign in, or use another one.")
    tenant = Tenant(
        tenant_id=new_id("ten", now),
        display_name=command.company_name,
        plan_id=command.plan.plan_id,
        plan_version=command.plan.version,
        language=command.language,
        time_zone=command.time_zone,
        create_time=now,
    )
    owner = User(
        new_id("usr", now), command.owner_name, command.email, "OWNER", command.language, now, last_sign_in_time=now
    )
    await rows.add(tx, tables.tenants, **vars(tenant))
    await add_user(tx, tenant.tenant_id, owner, command.password_hash)
    if command.request_id:
        key = sign_up_key(command.request_id, command.email)
        await lookups.add(tx, lookups.SIGN_UP, key, tenant.tenant_id, owner.user_id)
    tx.emit(convert.tenant_signed_up(tenant, owner), key=tenant.tenant_id, tenant_id=tenant.tenant_id)
    tx.emit(
        convert.plan_subscribed(command.plan, now, tenant.time_zone), key=tenant.tenant_id, tenant_id=tenant.tenant_id
    )
    return tenant, await open_session(tx, tenant.tenant_id, owner, now)


async def add_user(tx: Tx, tenant_id: str, user: User, password_hash: str) -> None:
    """Adds somebody with a login. Raises `EmailTaken`. System transaction."""
    try:
        await lookups.add(tx, lookups.EMAIL, user.email, tenant_id, user.user_id)
    except IntegrityError as error:
        raise EmailTaken("Somebody signs in with this e-mail address already.") from error
    await rows.add(tx, tables.users, tenant_id, **vars(user), password_hash=password_hash)
    tx.emit(convert.user_joined(user), key=user.user_id, tenant_id=tenant_id)


async def repeated_sign_up(tx: Tx, request_id: str, email: str) -> str | None:
    """The tenant an earlier sign-up with the same request made. System transaction."""
    found = await lookups.find(tx, lookups.SIGN_UP, sign_up_key(request_id, email)) if request_id else None
    return found[0] if found else None


async def login_of(tx: Tx, email: str) -> Login | None:
    """Who signs in with an address. System transaction."""
    found = await lookups.find(tx, lookups.EMAIL, email)
    if found is None:
        return None
    row = await rows.get(tx, tables.users, tenant_id=found[0], user_id=found[1])
    return Login(found[0], rows.value_of(User, row), row["password_hash"]) if row else None


async def open_session(tx: Tx, tenant_id: str, user: User, now: datetime) -> OpenSession:
    """Opens a session for somebody who proved who they are. Raises `SignInRefused` when disabled."""
    if user.state != "ACTIVE":
        raise SignInRefused("The e-mail address or the password is wrong.")
    session_id = new_id("ses", now)
    expires = now + secrets.SESSION_LIFE
    await rows.add(
        tx, tables.sessions, tenant_id, session_id=session_id, user_id=user.user_id, create_time=now,
        expire_time=expires, end_time=None,
    )  # fmt: skip
    key = {"tenant_id": tenant_id, "user_id": user.user_id}
    await rows.change(tx, tables.users, key, last_sign_in_time=now)
    token = await _new_refresh_token(tx, tenant_id, session_id, now)
    return OpenSession(session_id, tenant_id, replace(user, last_sign_in_time=now), token, expires)


async def refresh(tx: Tx, token: str, now: datetime) -> OpenSession | None:
    """Rotates a refresh token. System transaction.

    None means that the token was used before and its session is ended now: the caller commits that and refuses.
    Raises `SessionEnded` when there is nothing to end.
    """
    found = await lookups.find(tx, lookups.REFRESH, secrets.digest(token))
    if found is None:
        raise SessionEnded("The session is over: sign in again.")
    tenant_id, session_id = found
    session = await rows.get(tx, tables.sessions, tenant_id=tenant_id, session_id=session_id)
    known = await rows.get(tx, tables.refresh_tokens, tenant_id=tenant_id, digest=secrets.digest(token))
    if session is None or known is None or session["end_time"] or now >= session["expire_time"]:
        raise SessionEnded("The session is over: sign in again.")
    if known["use_time"] is not None and now - known["use_time"] > secrets.REUSE_GRACE:
        await rows.change(tx, tables.sessions, {"tenant_id": tenant_id, "session_id": session_id}, end_time=now)
        return None
    user_row = await rows.get(tx, tables.users, tenant_id=tenant_id, user_id=session["user_id"])
    if user_row is None or user_row["state"] != "ACTIVE":
        raise SessionEnded("The session is over: sign in again.")
    if known["use_time"] is None:
        await rows.change(tx, tables.refresh_tokens, {"tenant_id": tenant_id, "digest": known["digest"]}, use_time=now)
    fresh = await _new_refresh_token(tx, tenant_id, session_id, now)
    return OpenSession(session_id, tenant_id, rows.value_of(User, user_row), fresh, session["expire_time"])


async def end_session(tx: Tx, token: str, now: datetime) -> None:
    """Ends the session of a refresh token; an unknown one is ended already. System transaction."""
    found = await lookups.find(tx, lookups.REFRESH, secrets.digest(token))
    if found is not None:
        await rows.change(
            tx, tables.sessions, {"tenant_id": found[0], "session_id": found[1], "end_time": None}, end_time=now
        )


async def end_sessions_of(tx: Tx, user_id: str, now: datetime) -> None:
    """Ends every session of a user of the tenant."""
    table = tables.sessions
    await tx.execute(
        update(table)
        .where(table.c.tenant_id == tx.tenant_id, table.c.user_id == user_id, table.c.end_time.is_(None))
        .values(end_time=now)
    )


async def read_attempts(tx: Tx, email: str, address: str, now: datetime) -> None:
    """Raises `TooManyAttempts`. System transaction."""
    secrets.check_attempts(await _attempts(tx, email, address), now)


async def note_failure(tx: Tx, email: str, address: str, now: datetime) -> None:
    """Counts a failed sign-in. System transaction."""
    news = secrets.after_failure(await _attempts(tx, email, address), now)
    await lookups.write_attempts(tx, _attempt_key(email, address), news.failures, news.window_start)


async def forget_failures(tx: Tx, email: str, address: str) -> None:
    """A sign-in that worked clears the count. System transaction."""
    await lookups.write_attempts(tx, _attempt_key(email, address), 0, None)


async def plan_of(tx: Tx) -> Plan:
    """The plan the tenant holds."""
    row = await rows.get(tx, tables.tenants)
    assert row is not None
    return find_plan(row["plan_id"], row["plan_version"])


async def _attempts(tx: Tx, email: str, address: str) -> Attempts | None:
    found = await lookups.read_attempts(tx, _attempt_key(email, address))
    return Attempts(*found) if found else None  # type: ignore[arg-type]


async def _new_refresh_token(tx: Tx, tenant_id: str, session_id: str, now: datetime) -> str:
    token = secrets.new_secret()
    digest = secrets.digest(token)
    await lookups.add(tx, lookups.REFRESH, digest, tenant_id, session_id)
    await rows.add(
        tx, tables.refresh_tokens, tenant_id, digest=digest, session_id=session_id, create_time=now, use_time=None
    )
    return token


def _attempt_key(email: str, address: str) -> str:
    # Digested: a list of addresses people tried is personal data too.
    return hashlib.sha256(f"{email}\n{address}".encode()).hexdigest()
