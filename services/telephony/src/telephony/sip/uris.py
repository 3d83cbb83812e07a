"""URIs and the addresses around them: sip, sips and tel (RFC 3261 19.1, 20.10; RFC 3966)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote as percent_encode
from urllib.parse import unquote as percent_decode

from telephony.sip.errors import SipParseError
from telephony.sip.syntax import CONTROL, QUOTED, parse_parameters, quote, render_parameters, unquote

MAX_URI = 2048
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+\-.]*")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9\-._]*[A-Za-z0-9.])?")
_IPV6 = re.compile(r"\[[0-9A-Fa-f:.]{2,45}(?:%25[A-Za-z0-9]+)?\]")
_UNWANTED = re.compile(r"[\x00-\x20\x7f<>\"]")
_SEPARATORS = re.compile(r"[\-.()\s]")
_DECISIVE = ("transport", "user", "ttl", "method", "maddr")
"""URI parameters that mean something where they are missing on one side, too."""
_UNESCAPED = "-_.!~*'()&=+$,;?/"


@dataclass(frozen=True, slots=True)
class SipUri:
    """A sip, sips or tel URI. `user` is as on the wire (escaped); of a tel URI it is the number, without a host."""

    scheme: str
    user: str
    host: str = ""
    """Without the brackets of an IPv6 address."""
    port: int | None = None
    parameters: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    headers: str = ""

    @classmethod
    def of(cls, user: str, host: str, port: int | None = None, **parameters: str | None) -> SipUri:
        """A sip URI with a user of any characters, escaped as needed."""
        return cls("sip", percent_encode(user, safe=_UNESCAPED), host, port, dict(parameters))

    @property
    def plain_user(self) -> str:
        """The user unescaped, without control characters and without the parameters some put behind a semicolon."""
        return CONTROL.sub("", percent_decode(self.user, errors="replace")).partition(";")[0]

    @property
    def number(self) -> str:
        """What was dialed: the user without visual separators when it is a number, else the user as it is."""
        user = self.plain_user
        bare = _SEPARATORS.sub("", user)
        return bare if re.fullmatch(r"\+?[0-9*#A-Da-d]+", bare) else user

    @property
    def transport(self) -> str:
        """UDP, TCP or TLS as the URI asks (RFC 3263 4.1 without DNS); other transports by their own name."""
        if self.scheme == "sips":
            return "TLS"
        return (self.parameters.get("transport") or "UDP").upper()

    def same_as(self, other: SipUri) -> bool:
        """Whether both name the same (19.1.4), however they are written."""
        mine, theirs = _lower(self.parameters), _lower(other.parameters)
        return (
            (self.scheme, percent_decode(self.user), self.host.lower(), self.port, self.headers)
            == (other.scheme, percent_decode(other.user), other.host.lower(), other.port, other.headers)
            and all(mine.get(name) == theirs.get(name) for name in _DECISIVE)
            and all(mine[name] == theirs[name] for name in mine.keys() & theirs.keys())
        )

    def __str__(self) -> str:
        tail = render_parameters(self.parameters)
        if self.scheme == "tel":
            return f"tel:{self.user}{tail}"
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port is not None else ""
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{bracketed(self.host)}{port}{tail}{headers}"


def _lower(parameters: dict[str, str | None]) -> dict[str, str]:
    return {name.lower(): (value or "").lower() for name, value in parameters.items()}


def bracketed(host: str) -> str:
    """`host` as it stands in a URI or a Via: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def parse_uri(text: str) -> SipUri:
    """The URI in `text`. SipParseError: 400 when malformed, 416 when the scheme is not sip, sips or tel."""
    if len(text) > MAX_URI or _UNWANTED.search(text):
        raise SipParseError("malformed URI")
    scheme, colon, rest = text.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme) or not rest:
        raise SipParseError("malformed URI")
    scheme = scheme.lower()
    if scheme == "tel":
        user, semicolon, tail = rest.partition(";")
        return SipUri("tel", user, parameters=parse_parameters(semicolon + tail))
    if scheme not in ("sip", "sips"):
        raise SipParseError("unsupported URI scheme", 416)
    user, at, place = rest.rpartition("@")
    if "@" in user or (at and not user):
        raise SipParseError("malformed URI")
    place, _, headers = place.partition("?")
    address, semicolon, tail = place.partition(";")
    host, port = parse_host_port(address)
    return SipUri(scheme, user, host, port, parse_parameters(semicolon + tail), headers)


def parse_dialed(text: str) -> str:
    """The number or user a URI names, as `SipUri.number`; empty when it names only a host. SipParseError."""
    return parse_uri(text).number


def parse_host_port(text: str) -> tuple[str, int | None]:
    """`host`, `host:port`, `[v6]` or `[v6]:port`; the host comes without brackets."""
    if text.startswith("["):
        host, bracket, tail = text.partition("]")
        if not _IPV6.fullmatch(host + bracket) or (tail and not tail.startswith(":")):
            raise SipParseError("malformed host")
        host, port = host[1:], tail[1:] if tail else None
    else:
        host, colon, tail = text.partition(":")
        host, tail = host.rstrip(), tail.lstrip()
        if len(host) > 255 or not _HOST.fullmatch(host):
            raise SipParseError("malformed host")
        port = tail if colon else None
    if port is None:
        return host, None
    if not (port.isascii() and port.isdigit()) or len(port) > 5 or not 0 < int(port) < 65536:
        raise SipParseError("malformed port")
    return host, int(port)


@dataclass(frozen=True, slots=True)
class NameAddr:
    """What From, To, Contact, Route, Refer-To and others hold. `uri` is the text, which may be of any scheme."""

    uri: str
    display: str = ""
    parameters: dict[str, str | None] = field(default_factory=dict[str, "str | None"])

    @property
    def tag(self) -> str:
        """The tag parameter, empty without one."""
        return self.parameters.get("tag") or ""

    @property
    def sip(self) -> SipUri:
        """The URI taken apart; SipParseError (416) when it is none of ours."""
        return parse_uri(self.uri)

    def with_tag(self, tag: str) -> NameAddr:
        """The same address with this tag."""
        return NameAddr(self.uri, self.display, {**self.parameters, "tag": tag})

    def __str__(self) -> str:
        display = f"{quote(self.display)} " if self.display else ""
        return f"{display}<{self.uri}>{render_parameters(self.parameters)}"


def parse_address(text: str) -> NameAddr:
    """A name-addr, or an addr-spec whose parameters are the field's own (20.10)."""
    text = text.strip()
    if text.startswith('"'):
        found = QUOTED.match(text)
        rest = text[found.end() :].lstrip() if found else ""
        if found is None or not rest.startswith("<"):
            raise SipParseError("malformed display name")
        return _bracketed_address(unquote(found[0]), rest)
    place = text.find("<")
    if place >= 0:
        display = text[:place].strip()
        if '"' in display:
            raise SipParseError("malformed display name")
        return _bracketed_address(display, text[place:])
    uri, semicolon, tail = text.partition(";")
    uri = uri.rstrip()
    # With a question mark or a comma the URI must stand in brackets: its end can't be told else.
    if "?" in uri or "," in uri:
        raise SipParseError("the URI needs angle brackets")
    _check_uri(uri)
    return NameAddr(uri, "", parse_parameters(semicolon + tail))


def _bracketed_address(display: str, rest: str) -> NameAddr:
    uri, closing, tail = rest[1:].partition(">")
    if not closing:
        raise SipParseError("an angle bracket is not closed")
    uri = uri.strip()
    _check_uri(uri)
    return NameAddr(uri, CONTROL.sub("", display), parse_parameters(tail.strip()))


def _check_uri(uri: str) -> None:
    scheme, colon, _ = uri.partition(":")
    if len(uri) > MAX_URI or not colon or not _SCHEME.fullmatch(scheme) or _UNWANTED.search(uri):
        raise SipParseError("malformed URI")
    if scheme.lower() in ("sip", "sips", "tel"):
        parse_uri(uri)
