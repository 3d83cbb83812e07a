"""Secrets: their shapes, their digests, and how long sessions live."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from kernel.errors import QuotaExceeded, Unauthenticated

ACCESS_LIFE = timedelta(minutes=5)
SESSION_LIFE = timedelta(days=30)
REUSE_GRACE = timedelta(seconds=10)
"""Two tabs may refresh with the same token at once; after this a second use means it was stolen."""
ATTEMPT_WINDOW = timedelta(minutes=15)
ATTEMPTS = 10
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class SignInRefused(Unauthenticated):
    """Unknown address, wrong password or disabled user: the same answer for each."""

    reason = "SIGN_IN_REFUSED"


class SessionEnded(Unauthenticated):
    """The refresh token is unknown, used up or its session is over: sign in again."""

    reason = "SESSION_ENDED"


class TooManyAttempts(QuotaExceeded):
    """Too many failed sign-ins for this address."""

    reason = "TOO_MANY_ATTEMPTS"


class ApiKeyRefused(Unauthenticated):
    """The key is unknown or revoked."""

    reason = "API_KEY_REFUSED"


@dataclass(frozen=True)
class Attempts:
    """Failed sign-ins of one address within a window."""

    failures: int
    window_start: datetime


def new_secret(length: int = 43) -> str:
    """A random secret of base 62: 43 characters carry 256 bits."""
    return "".join(secrets.choice(_BASE62) for _ in range(length))


def digest(secret: str) -> str:
    """What is stored of a random secret. It has full entropy, so a plain SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_api_key() -> tuple[str, str]:
    """A key and its prefix: `mrk_<prefix>_<secret>`."""
    prefix = new_secret(8)
    return f"mrk_{prefix}_{new_secret()}", f"mrk_{prefix}"


def check_attempts(attempts: Attempts | None, now: datetime) -> None:
    """Raises `TooManyAttempts` with the time to wait."""
    if attempts and attempts.failures >= ATTEMPTS and now < attempts.window_start + ATTEMPT_WINDOW:
        wait = attempts.window_start + ATTEMPT_WINDOW - now
        raise TooManyAttempts("Too many failed sign-ins: wait a quarter of an hour.", retry_after=wait)


def after_failure(attempts: Attempts | None, now: datetime) -> Attempts:
    """One more failure; a new window begins when the old one is over."""
    if attempts is None or now >= attempts.window_start + ATTEMPT_WINDOW:
        return Attempts(1, now)
    return Attempts(attempts.failures + 1, attempts.window_start)
