"""The characters of RFC 3261 25.1: tokens, quoted strings, lists, parameters. Every loop is bounded by its input."""

from __future__ import annotations

import re

from telephony.sip.errors import SipParseError

MAX_PARAMETERS = 64

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MARKS = {mark: re.compile(r'"(?:[^"\\]|\\.)*"|<[^<>"]*>|["<]|' + re.escape(mark), re.DOTALL) for mark in (",", ";")}


def split_list(text: str, mark: str = ",") -> list[str]:
    """The parts of `text` between `mark`s that stand outside quotes and angle brackets, stripped."""
    if mark not in text:
        return [text.strip()]
    if '"' not in text and "<" not in text:
        return [part.strip() for part in text.split(mark)]
    parts: list[str] = []
    start = 0
    for found in _MARKS[mark].finditer(text):
        sign = found[0]
        if sign == mark:
            parts.append(text[start : found.start()].strip())
            start = found.end()
        elif len(sign) == 1:
            raise SipParseError("a quote or an angle bracket is not closed")
    parts.append(text[start:].strip())
    return parts


def parse_parameters(text: str) -> dict[str, str | None]:
    """`;a=1;b;c="x"` as a mapping of lower-case names; text before the first semicolon must be empty."""
    parameters: dict[str, str | None] = {}
    if not text:
        return parameters
    parts = split_list(text, ";")
    if parts[0] or len(parts) > MAX_PARAMETERS + 1:
        raise SipParseError("malformed parameters")
    for part in parts[1:]:
        name, equals, value = part.partition("=")
        name = name.rstrip().lower()
        if not TOKEN.fullmatch(name) or name in parameters:
            raise SipParseError("malformed or repeated parameter")
        parameters[name] = unquote(value.strip()) if equals else None
    return parameters


def render_parameters(parameters: dict[str, str | None]) -> str:
    """The inverse of `parse_parameters`; quotes what isn't a token or a host."""
    text = ""
    for name, value in parameters.items():
        if value is None:
            text += f";{name}"
        elif _PLAIN.fullmatch(value):
            text += f";{name}={value}"
        else:
            text += f";{name}={quote(value)}"
    return text


_PLAIN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~\[\]:/@]+")


def unquote(text: str) -> str:
    """A quoted string's content, or `text` itself when it isn't quoted."""
    if not text.startswith('"'):
        return text
    found = QUOTED.fullmatch(text)
    if found is None:
        raise SipParseError("a quoted string is not closed")
    return _ESCAPED.sub(r"\1", found[1]) if "\\" in found[1] else found[1]


def quote(text: str) -> str:
    """`text` as a quoted string; control characters, line breaks among them, become spaces: they aren't SIP (25.1), and
    nothing can be smuggled in behind it."""
    plain = CONTROL.sub(" ", text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def number(text: str, *, most: int) -> int:
    """ASCII digits as a number of at most `most`."""
    if not (text.isascii() and text.isdigit()) or len(text) > 12 or int(text) > most:
        raise SipParseError("not a number, or too large")
    return int(text)
