"""Signatures of carriers' webhooks, as standardwebhooks.com specifies them: HMAC-SHA256 over id, time and body.

The time is the caller's, so that a test and a clock that went wrong are both seen.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from kernel.errors import Unauthenticated

_TOLERANCE = timedelta(minutes=5)
_PREFIX = "whsec_"


class WebhookSignatureWrong(Unauthenticated):
    """Nobody who knows the secret sent it, or it is too old."""

    reason = "WEBHOOK_SIGNATURE_WRONG"


def key_of(secret: str) -> bytes:
    """The key of a secret such as whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw. Raises ValueError."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("is no base64") from error
    if len(key) < 16:
        raise ValueError("is too short")
    return key


def sign(key: bytes, webhook_id: str, timestamp: str, body: bytes) -> str:
    """The signature, `v1,` and base64."""
    signed = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def verify(key: bytes, webhook_id: str, timestamp: str, body: bytes, signatures: str, now: datetime) -> None:
    """Raises `WebhookSignatureWrong`."""
    if not webhook_id or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise WebhookSignatureWrong("The webhook says no id, or no time.")
    if abs(datetime.fromtimestamp(int(timestamp), UTC) - now) > _TOLERANCE:
        raise WebhookSignatureWrong("The webhook is too old, or from the future.")
    wanted = sign(key, webhook_id, timestamp, body).encode()
    given = [each.encode() for each in signatures.split(" ")]
    if not any([hmac.compare_digest(wanted, each) for each in given]):  # each one, in the same time
        raise WebhookSignatureWrong("The webhook's signature is wrong.")
