"""Which STUN messages a leg parses: those that name it, not too many of them, and answers to what it asked."""

from __future__ import annotations

from collections.abc import Container
from time import monotonic

_REQUEST = b"\x00\x01"
_ANSWERS = (b"\x01\x01", b"\x01\x11")
_AT_ONCE, _A_SECOND = 200, 100
"""Checks of one browser; Chrome sends 21 a second while it looks for a way, Firefox 50 (RFC 8445 14.2)."""


class StunChecks:
    """Of one leg, by its ICE user name."""

    def __init__(self, username: str) -> None:
        self._named = f"{username}:".encode()
        self._left, self._at = float(_AT_ONCE), 0.0

    def admits(self, message: bytes, asked: Container[bytes]) -> bool:
        """Whether a message is worth parsing; `asked` are the transactions that wait for an answer."""
        kind = message[:2]
        if kind != _REQUEST:
            return kind in _ANSWERS and message[8:20] in asked
        if self._named not in message:
            return False
        now = monotonic()
        self._left = min(self._left + (now - self._at) * _A_SECOND, _AT_ONCE)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
