"""Bodies: SDP, also inside multipart (RFC 5621), digits of INFO, the status in a sipfrag (RFC 3420)."""

from __future__ import annotations

import re

from telephony.sip.errors import SipParseError
from telephony.sip.messages import Message
from telephony.sip.syntax import parse_parameters

SDP = "application/sdp"
_MAX_PARTS = 16
_DIGIT = re.compile(r"[0-9A-Da-d*#]")
# Blanks of one line only: over line breaks they would cost the square of a body of nothing else.
_SIGNAL = re.compile(r"^[ \t]*Signal[ \t]*=[ \t]*([0-9A-Da-d*#]|1[01])[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_DURATION = re.compile(r"^[ \t]*Duration[ \t]*=[ \t]*(\d{1,5})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_FRAGMENT = re.compile(rb"\s*SIP/2\.0 ([1-6]\d\d) ?([^\r\n]{0,200})")
_DIGIT_MS = 160


def content_type(message: Message) -> tuple[str, dict[str, str | None]]:
    """Type in lower case and parameters; SDP when a body comes without (RFC 3261 leaves it open)."""
    text = message.headers.get("content-type") or SDP
    kind, semicolon, tail = text.partition(";")
    return kind.strip().lower(), parse_parameters(semicolon + tail)


def sdp_of(message: Message) -> str | None:
    """The session description, None without a body. SipParseError (415) when there is a body but none in it."""
    if not message.body:
        return None
    if message.headers.get("content-encoding") not in (None, "", "identity"):
        raise SipParseError("content encoding not supported", 415)
    kind, parameters = content_type(message)
    if kind == SDP:
        return _text(message.body)
    if kind.startswith("multipart/"):
        boundary = parameters.get("boundary") or ""
        if not 0 < len(boundary) <= 70:
            raise SipParseError("malformed multipart body")
        found = _part(message.body, boundary.encode("utf-8", "replace"))
        if found is not None:
            return _text(found)
    disposition = message.headers.get("content-disposition") or ""
    if "handling=optional" in disposition.replace(" ", "").lower():
        return None
    raise SipParseError("content type not supported", 415)


def typed(message: Message, kind: str) -> None:
    """Say what kind the body is."""
    message.headers.set("content-type", kind)


def digit_of(message: Message) -> tuple[str, int] | None:
    """The digit of an INFO and its milliseconds: dtmf-relay, or dtmf with the digit alone."""
    kind, _ = content_type(message)
    text = message.body.decode("latin-1")
    if kind == "application/dtmf-relay":
        signal, duration = _SIGNAL.search(text), _DURATION.search(text)
        if signal is None:
            return None
        # Some senders number star and hash as RFC 4733 does.
        digit = {"10": "*", "11": "#"}.get(signal[1], signal[1].upper())
        return digit, int(duration[1]) if duration else _DIGIT_MS
    if kind == "application/dtmf":
        bare = text.strip()
        return (bare.upper(), _DIGIT_MS) if _DIGIT.fullmatch(bare) else None
    return None


def digit_body(digit: str, milliseconds: int) -> bytes:
    """The dtmf-relay body for one digit."""
    if not _DIGIT.fullmatch(digit):
        raise ValueError("not a digit")
    return f"Signal={digit.upper()}\r\nDuration={milliseconds}\r\n".encode()


def fragment_status(body: bytes) -> tuple[int, str] | None:
    """Status and reason a sipfrag body reports."""
    found = _FRAGMENT.match(body)
    return (int(found[1]), found[2].decode("utf-8", "replace")) if found else None


def _part(body: bytes, boundary: bytes) -> bytes | None:
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary, _MAX_PARTS)
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            break
        head, blank, content = piece.partition(b"\r\n\r\n")
        if blank and re.search(rb"(?im)^(content-type|c)[ \t]*:[ \t]*application/sdp\b", head):
            return content
    return None


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1")
