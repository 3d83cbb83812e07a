"""What can go wrong: with a stranger's message, with a request of ours, with an offer put to the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telephony.sip.messages import Request


class SipParseError(Exception):
    """The message, or one of its fields, isn't SIP. Nothing else is ever raised for what a stranger sent.

    `status` is what a request so malformed deserves; `partial` is as much of it as an answer needs, or None.
    """

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.partial: Request | None = None


class TransportFailed(Exception):
    """No way to the destination: unresolvable, refused, not in time, or a transport we don't speak."""


class SipRefused(Exception):
    """A request of ours ended with a final response that isn't 2xx. 408 and 503 may be our own (RFC 3261 8.1.3.1)."""

    def __init__(self, status: int, reason: str, retry_after: int | None = None) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class DialogEnded(Exception):
    """The dialog is over, or not yet confirmed: there is nobody to ask."""


class OfferRefused(Exception):
    """Raised by the application's `on_offer`: the peer's offer is answered by this status (488 unless said)."""

    def __init__(self, status: int = 488, reason: str = "Not Acceptable Here") -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason
