"""Bytes to messages (RFC 3261 7, 25), strict where RFC 4475 wants it and tolerant where that allows it.

Sizes and counts are bounded before anything is taken apart. What isn't SIP raises SipParseError and nothing else;
when enough of a request could be read, the error carries it, so that the sender can be told.
"""

from __future__ import annotations

import re

from telephony.sip.errors import SipParseError
from telephony.sip.messages import COMPACT, Headers, Request, Response
from telephony.sip.syntax import TOKEN, number, split_list
from telephony.sip.uris import parse_uri

MAX_MESSAGE = 65_535
MAX_HEAD = 32 * 1024
MAX_LINE = 8 * 1024
MAX_FIELDS = 256
MAX_VIAS = 70
_FOLD = re.compile(r"\r\n[ \t]+")
"""Without the blanks before the break: looking for them costs the square of a long run of blanks."""
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_VERSION = re.compile(r"SIP/\d+\.\d+", re.IGNORECASE)
_ONCE = ("from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type")
_DIGITS = re.compile(r"[0-9]{1,10}")


def parse(data: bytes) -> Request | Response:
    """The one message in `data`; bytes after the body's Content-Length are dropped (18.3)."""
    if len(data) > MAX_MESSAGE:
        raise SipParseError("message too large", 513)
    head, blank, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not blank or len(head) > MAX_HEAD:
        raise SipParseError("no end of the header fields")
    start, lines = _lines(head)
    if start[:4].upper() == "SIP/" and (response := _status_line(start)):
        status, reason = response
        message = Response(status, reason, _fields(lines))
        _check(message, body)
        return message
    return _request(start, lines, body)


def _request(start: str, lines: list[str], body: bytes) -> Request:
    headers: Headers | None = None
    partial = None
    try:
        headers = _fields(lines)
        method, uri, version = _request_line(start)
        partial = request = Request(method, uri, headers)
        if version.upper() != "SIP/2.0":
            raise SipParseError("version not supported", 505)
        _check(request, body)
        parse_uri(uri)
        if request.cseq[1] != method:
            raise SipParseError("CSeq names another method")
        forwards = headers.get("max-forwards")
        if forwards is not None:
            number(forwards, most=255)
        return request
    except SipParseError as error:
        # A line that can't be read still names its method, and an ACK is never answered.
        named = start.partition(" ")[0]
        method = named if TOKEN.fullmatch(named) else "UNKNOWN"
        error.partial = partial or (Request(method, "", headers) if headers is not None else None)
        raise


def _lines(head: bytes) -> tuple[str, list[str]]:
    try:
        text = head.decode()
    except UnicodeDecodeError:
        # Old devices write display names in Latin-1; every byte is one of its characters.
        text = head.decode("latin-1")
    if "\r\n " in text or "\r\n\t" in text:
        text = _FOLD.sub(" ", text)
    lines = text.split("\r\n")
    if len(lines) > MAX_FIELDS or max(map(len, lines)) > MAX_LINE:
        raise SipParseError("too many or too long header fields")
    return lines[0], lines[1:]


def _status_line(start: str) -> tuple[int, str] | None:
    """None when the line is a request's whose method only looks like a version."""
    version, _, rest = start.partition(" ")
    if not _VERSION.fullmatch(version):
        return None
    code, _, reason = rest.partition(" ")
    if version.upper() != "SIP/2.0" or len(code) != 3 or not _DIGITS.fullmatch(code) or not 100 <= int(code) < 700:
        raise SipParseError("malformed status line")
    return int(code), _CONTROL.sub(" ", reason)


def _request_line(start: str) -> tuple[str, str, str]:
    parts = start.split(" ")
    if len(parts) != 3 or not TOKEN.fullmatch(parts[0]) or not _VERSION.fullmatch(parts[2]):
        raise SipParseError("malformed request line")
    if _CONTROL.search(parts[1]):
        raise SipParseError("control character in the Request-URI")
    if parts[1].startswith("<"):
        raise SipParseError("the Request-URI is in brackets")
    return parts[0], parts[1], parts[2]


def _fields(lines: list[str]) -> Headers:
    headers = Headers()
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t").lower()
        if not colon or not TOKEN.fullmatch(name):
            raise SipParseError("malformed header field")
        if _CONTROL.search(value):
            raise SipParseError("control character in a header field")
        headers.add(COMPACT.get(name, name), value.strip(" \t"))
    for name in _ONCE:
        if len(headers.lines(name)) > 1:
            raise SipParseError(f"more than one {name}")
    return headers


def _check(message: Request | Response, body: bytes) -> None:
    """The fields every message must have, well formed (8.1.1), and the body's length."""
    headers = message.headers
    vias = [part for line in headers.lines("via") for part in split_list(line)]
    if not vias or len(vias) > MAX_VIAS or not all(vias):
        raise SipParseError("no Via, or too many")
    headers.set("via", *vias)
    _ = message.via, message.cseq
    call_id = message.call_id
    if len(call_id) > 256 or " " in call_id:
        raise SipParseError("malformed Call-ID")
    if max(len(message.from_.tag), len(message.to.tag)) > 256:
        raise SipParseError("a tag is too long")
    length = headers.get("content-length")
    if length is not None:
        size = number(length, most=MAX_MESSAGE)
        if size > len(body):
            raise SipParseError("the body is shorter than its length")
        body = body[:size]
    message.body = body
