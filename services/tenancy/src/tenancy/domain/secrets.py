"""Secrets: their shapes and what is stored of them."""

from __future__ import annotations

import hashlib
import secrets

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


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
