"""Header fields with a meaning of their own, taken apart and put together."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote as percent_encode
from urllib.parse import unquote as percent_decode

from telephony.sip.errors import SipParseError
from telephony.sip.syntax import TOKEN, number, parse_parameters, quote, render_parameters, split_list
from telephony.sip.uris import NameAddr, bracketed, parse_address, parse_host_port

_PROTOCOL = re.compile(r"SIP\s*/\s*2\.0\s*/\s*([A-Za-z0-9\-.!%*_+`'~]+)\s+", re.IGNORECASE)
BRANCH_COOKIE = "z9hG4bK"


@dataclass(frozen=True, slots=True)
class Via:
    """One Via value (20.42)."""

    transport: str
    host: str
    port: int | None
    parameters: dict[str, str | None] = field(default_factory=dict[str, "str | None"])

    @classmethod
    def parse(cls, text: str) -> Via:
        found = _PROTOCOL.match(text)
        if found is None:
            raise SipParseError("malformed Via")
        place, semicolon, tail = text[found.end() :].partition(";")
        host, port = parse_host_port(place.strip())
        return cls(found[1].upper(), host, port, parse_parameters(semicolon + tail))

    @property
    def branch(self) -> str:
        return self.parameters.get("branch") or ""

    @property
    def sent_by(self) -> str:
        """Host and port in one, as a transaction's key needs them (17.2.3)."""
        return f"{self.host.lower()}:{self.port or ''}"

    def received_from(self, address: tuple[str, int]) -> Via:
        """With `received` when the source isn't sent-by (18.2.1), and `rport` filled in when asked (RFC 3581 4)."""
        parameters = {name: value for name, value in self.parameters.items() if name != "received"}
        asked = "rport" in parameters
        if asked:
            parameters["rport"] = str(address[1])
        if asked or self.host != address[0]:
            parameters["received"] = address[0]
        return Via(self.transport, self.host, self.port, parameters)

    def __str__(self) -> str:
        port = f":{self.port}" if self.port is not None else ""
        return f"SIP/2.0/{self.transport} {bracketed(self.host)}{port}{render_parameters(self.parameters)}"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a request ends something (RFC 3326): protocol Q.850 or SIP, a cause, a text."""

    protocol: str
    cause: int
    text: str = ""

    def __str__(self) -> str:
        return f"{self.protocol};cause={self.cause}" + (f";text={quote(self.text)}" if self.text else "")


def parse_reasons(values: list[str]) -> list[Reason]:
    """The well-formed values of Reason; others are passed over, since a reason is only a comment."""
    reasons: list[Reason] = []
    for value in values:
        protocol, semicolon, tail = value.partition(";")
        try:
            parameters = parse_parameters(semicolon + tail)
            cause = number(parameters.get("cause") or "", most=999)
        except SipParseError:
            continue
        reasons.append(Reason(protocol.strip().upper(), cause, parameters.get("text") or ""))
    return reasons


@dataclass(frozen=True, slots=True)
class Replaces:
    """The dialog to be replaced, as its receiver names it (RFC 3891): `to_tag` is the receiver's own tag."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @classmethod
    def parse(cls, text: str) -> Replaces:
        call_id, semicolon, tail = text.partition(";")
        parameters = parse_parameters(semicolon + tail)
        to_tag, from_tag = parameters.get("to-tag"), parameters.get("from-tag")
        call_id = call_id.strip()
        if not call_id or len(call_id) > 256 or not to_tag or not from_tag:
            raise SipParseError("malformed Replaces")
        return cls(call_id, to_tag, from_tag, "early-only" in parameters)

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"


@dataclass(frozen=True, slots=True)
class ReferTo:
    """Whom to call (RFC 3515), and which dialog there to replace. `uri` comes without its headers."""

    uri: str
    replaces: Replaces | None = None

    @classmethod
    def parse(cls, text: str) -> ReferTo:
        uri, question, headers = parse_address(text).uri.partition("?")
        replaces = None
        for part in headers.split("&") if question else ():
            name, _, value = part.partition("=")
            if name.lower() == "replaces":
                replaces = Replaces.parse(percent_decode(value, errors="replace"))
        return cls(uri, replaces)

    def __str__(self) -> str:
        if self.replaces is None:
            return f"<{self.uri}>"
        return f"<{self.uri}?Replaces={percent_encode(str(self.replaces), safe='')}>"


def parse_session_expires(text: str) -> tuple[int, str]:
    """Seconds and refresher, `uac`, `uas` or empty (RFC 4028 4)."""
    seconds, semicolon, tail = text.partition(";")
    refresher = (parse_parameters(semicolon + tail).get("refresher") or "").lower()
    return number(seconds.strip(), most=0x7FFFFFFF), refresher if refresher in ("uac", "uas") else ""


def parse_rack(text: str) -> tuple[int, int, str]:
    """RSeq, CSeq number and method a PRACK acknowledges (RFC 3262 7.2)."""
    parts = text.split()
    if len(parts) != 3:
        raise SipParseError("malformed RAck")
    return number(parts[0], most=0xFFFFFFFF), number(parts[1], most=0x7FFFFFFF), parts[2]


def parse_scheme_parameters(text: str) -> tuple[str, dict[str, str]]:
    """`Digest realm="x", nonce="y"`: the scheme in lower case and its parameters (20.7, 20.44)."""
    scheme, _, rest = text.strip().partition(" ")
    parameters: dict[str, str] = {}
    for part in split_list(rest):
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        value = value.strip()
        if not equals or not TOKEN.fullmatch(name) or name in parameters or len(parameters) > 32:
            raise SipParseError("malformed credentials")
        parameters[name] = parse_parameters(f";v={value}").get("v") or ""
    return scheme.lower(), parameters


def parse_addresses(values: list[str]) -> tuple[NameAddr, ...]:
    """Addresses for information (P-Asserted-Identity, Diversion, History-Info): malformed ones are passed over."""
    found: list[NameAddr] = []
    for value in values:
        try:
            found.append(parse_address(value))
        except SipParseError:
            continue
    return tuple(found)


def retry_after(text: str | None) -> int | None:
    """Seconds of Retry-After (20.33), None without or when malformed."""
    found = re.match(r"\s*(\d{1,9})", text or "")
    return int(found[1]) if found else None
