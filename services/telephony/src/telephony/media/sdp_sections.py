"""A session description as data (RFC 8866): what a stranger wrote, cut into sections and checked.

Nothing here judges what is acceptable to us; that is `sip_sdp`. A description that breaks the grammar where we read
it is `SdpInvalid`; an attribute we can't use is left out of the section. Every string that is kept has passed a
pattern without white space, so that none can start a line of its own in an answer.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, cast

from telephony.media.sdes import Crypto, parse_crypto
from telephony.media.sdp import SdpInvalid

MAX_DESCRIPTION = 16 * 1024
_MAX_SECTIONS = 16
_LEAST_PORT = 1024
"""Below are services of other kinds, which nobody may make us send packets to."""

_MEDIA = re.compile(
    r"([A-Za-z0-9-]{1,32}) (\d{1,5})(?:/\d{1,3})? ([A-Za-z0-9/]{1,48})((?: [!-~]{1,32}){1,64})", re.ASCII
)
_CONNECTION = re.compile(r"IN IP[46] (\S{1,64})", re.ASCII)
_RTPMAP = re.compile(r"(\d{1,3}) +([A-Za-z0-9._-]{1,32})/(\d{1,6})(?:/(\d{1,2}))?\s*", re.ASCII)
_RTCP = re.compile(r"(\d{1,5})(?: IN IP[46] (\S{1,64}))?", re.ASCII)
_TIMING = re.compile(r"\d{1,20} \d{1,20}", re.ASCII)

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_STATIC = {0: ("pcmu", 8_000, 1), 8: ("pcma", 8_000, 1)}
"""Payload types that need no rtpmap (RFC 3551 6)."""


@dataclass(frozen=True)
class Format:
    """One encoding of an RTP section; `name` in lower case."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1


@dataclass(frozen=True)
class Section:
    """One `m=` line with what belongs to it."""

    kind: str
    port: int
    profile: str
    tokens: tuple[str, ...]
    """The line's formats as they were written; an answer that refuses the section repeats them."""
    formats: tuple[Format, ...] = ()
    """Those of them whose meaning is known, in order. Only for audio over RTP."""
    address: str | None = None
    """Where the peer wants it, an IP literal. None when that is missing, a name or an address nobody may have."""
    rtcp: tuple[str | None, int] | None = None
    """RFC 3605: address (None: the media's) and port."""
    rtcp_mux: bool = False
    direction: Direction = "sendrecv"
    max_ptime: int | None = None
    """Milliseconds of sound the peer takes in one packet at most."""
    cryptos: tuple[Crypto, ...] = ()

    @property
    def secure(self) -> bool:
        return self.profile in ("RTP/SAVP", "RTP/SAVPF")

    @property
    def unreachable(self) -> bool:
        """The peer gave the address zero: hold as it was before there were directions (RFC 3264 8.4)."""
        return self.address is not None and ipaddress.ip_address(self.address).is_unspecified


@dataclass(frozen=True)
class Description:
    """What of a session description matters to us."""

    sections: tuple[Section, ...]
    timing: str = "0 0"
    """Its `t=` line; the answer's must be equal (RFC 3264 6)."""


@dataclass
class _Lines:
    """One level's lines by type: `c=` and `a=` are all we read of them."""

    connection: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()

    def values(self, name: str) -> Iterator[str]:
        return (value for found, value in self.attributes if found == name)

    def first(self, name: str) -> str | None:
        return next(self.values(name), None)

    def direction(self) -> Direction | None:
        return next((cast(Direction, name) for name, _ in self.attributes if name in _DIRECTIONS), None)


def parse(text: str) -> Description:
    """The description in `text`; SdpInvalid when it breaks the grammar or is larger than any honest one."""
    if not text or len(text) > MAX_DESCRIPTION:
        raise SdpInvalid("the session description is empty or too long")
    lines = list(_split(text))
    if not lines or lines[0] != ("v", "0"):
        raise SdpInvalid("the session description doesn't begin with v=0")
    starts = [index for index, (letter, _) in enumerate(lines) if letter == "m"]
    if not 0 < len(starts) <= _MAX_SECTIONS:
        raise SdpInvalid("the session description has no section, or too many")
    session = _level(lines[: starts[0]])
    timing = next((value for letter, value in lines[: starts[0]] if letter == "t"), "")
    ends = [*starts[1:], len(lines)]
    sections = tuple(
        _section(lines[start][1], _level(lines[start + 1 : end]), session)
        for start, end in zip(starts, ends, strict=True)
    )
    return Description(sections, timing if _TIMING.fullmatch(timing) else "0 0")


def _split(text: str) -> Iterator[tuple[str, str]]:
    for line in text.replace("\r\n", "\n").rstrip("\n").split("\n"):
        if len(line) < 2 or line[1] != "=" or not "a" <= line[0] <= "z" or "\r" in line or "\0" in line:
            raise SdpInvalid("the session description has a malformed line")
        yield line[0], line[2:].rstrip(" \t")


def _level(lines: Iterable[tuple[str, str]]) -> _Lines:
    level = _Lines()
    attributes: list[tuple[str, str]] = []
    for letter, value in lines:
        if letter == "c" and level.connection is None:
            level.connection = value
        elif letter == "a":
            name, _, rest = value.partition(":")
            attributes.append((name, rest))
    level.attributes = tuple(attributes)
    return level


def _section(line: str, own: _Lines, session: _Lines) -> Section:
    found = _MEDIA.fullmatch(line)
    if found is None:
        raise SdpInvalid("the session description has a malformed section")
    kind, port, profile, tokens = found[1].lower(), int(found[2]), found[3].upper(), tuple(found[4].split())
    if kind != "audio" or not profile.startswith("RTP/"):
        return Section(kind, port, found[3], tokens)
    if port and not _LEAST_PORT <= port < 65536:
        raise SdpInvalid("the session description has a port that isn't for media")
    return Section(
        kind, port, profile, tokens,
        formats=_formats(tokens, own),
        address=_address(own.connection or session.connection or ""),
        rtcp=_rtcp(own.first("rtcp") or ""),
        rtcp_mux=own.first("rtcp-mux") is not None,
        direction=own.direction() or session.direction() or "sendrecv",
        max_ptime=_milliseconds(own.first("maxptime")),
        cryptos=tuple(crypto for value in own.values("crypto") if (crypto := parse_crypto(value)) is not None),
    )  # fmt: skip


def _formats(tokens: tuple[str, ...], own: _Lines) -> tuple[Format, ...]:
    named = dict(_STATIC)
    for value in own.values("rtpmap"):
        if found := _RTPMAP.fullmatch(value):
            named[int(found[1])] = (found[2].lower(), int(found[3]), int(found[4] or 1))
    numbers = dict.fromkeys(int(token) for token in tokens if token.isascii() and token.isdigit())
    return tuple(Format(number, *named[number]) for number in numbers if number < 128 and number in named)


def _address(connection: str) -> str | None:
    """The IP literal of a `c=` line that a single host can have. Names aren't looked up: a stranger chose them."""
    found = _CONNECTION.fullmatch(connection)
    return _host(found[1]) if found else None


def _host(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address.scope_id)
    if address.is_multicast or mapped or str(address) == "255.255.255.255":
        return None
    return str(address)


def _rtcp(value: str) -> tuple[str | None, int] | None:
    found = _RTCP.fullmatch(value)
    if found is None or not _LEAST_PORT <= int(found[1]) < 65536:
        return None
    return (_host(found[2]) if found[2] else None), int(found[1])


def _milliseconds(value: str | None) -> int | None:
    return int(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 6 else None
