"""Sessions: how long they live, and what the use of a refresh token means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from kernel.errors import Unauthenticated

ACCESS_LIFE = timedelta(minutes=5)
IDLE_LIFE = timedelta(days=30)
"""A session nobody refreshes ends after this."""
LONGEST_LIFE = timedelta(days=90)
"""However busy it is, a session ends after this: then the password is asked for again."""
REUSE_GRACE = timedelta(seconds=10)
"""Two tabs may refresh with the same token at once; after this a second use means it was stolen."""
USED_TOKEN_KEPT = timedelta(days=30)
"""How long a used token is remembered. Who comes back with an older one is refused, but ends no session."""


class SignInRefused(Unauthenticated):
    """Unknown address, wrong password or disabled user: the same answer for each."""

    reason = "SIGN_IN_REFUSED"


class SessionEnded(Unauthenticated):
    """The refresh token is unknown, used up or its session is over: sign in again."""

    reason = "SESSION_ENDED"


class Use(Enum):
    """What the use of a refresh token leads to."""

    ROTATES = "rotates"
    ENDS_THE_SESSION = "ends the session"
    REFUSED = "refused"


@dataclass(frozen=True)
class Session:
    """Somebody signed in at one place."""

    session_id: str
    user_id: str
    create_time: datetime
    expire_time: datetime
    end_time: datetime | None = None


@dataclass(frozen=True)
class RefreshToken:
    """A token as it is stored; it was used when another one of its session took its place."""

    digest: str
    session_id: str
    create_time: datetime
    use_time: datetime | None = None


def refused() -> SignInRefused:
    """The one answer to every wrong sign-in."""
    return SignInRefused("The e-mail address or the password is wrong.")


def use_of(token: RefreshToken, session: Session, now: datetime) -> Use:
    """What happens when `token` is presented (RFC 9700 4.14.2: a reused token ends its whole session)."""
    if session.end_time is not None or now >= session.expire_time:
        return Use.REFUSED
    if token.use_time is not None and now - token.use_time > REUSE_GRACE:
        return Use.ENDS_THE_SESSION
    return Use.ROTATES


def expiry(begun: datetime, now: datetime) -> datetime:
    """When a session that is used now ends unless it is used again."""
    return min(now + IDLE_LIFE, begun + LONGEST_LIFE)
