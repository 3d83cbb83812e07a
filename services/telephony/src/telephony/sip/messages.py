"""Requests and responses as values: start line, header fields, body, and the bytes of them (RFC 3261 7).

Header fields are kept as text under their long name in lower case, in order of arrival; what a field means is
read by `fields` when somebody asks. Writing refuses a line break inside a value, so nothing is smuggled in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from telephony.sip.errors import SipParseError
from telephony.sip.fields import Via
from telephony.sip.syntax import TOKEN, number, split_list
from telephony.sip.uris import NameAddr, parse_address

COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported",
    "l": "content-length", "m": "contact", "n": "identity-info", "o": "event", "r": "refer-to", "s": "subject",
    "t": "to", "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}  # fmt: skip
"""Compact forms (7.3.3 and the registry's later ones)."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""But tabs, which are blanks, and line breaks, which are counted."""

_SHOWN = {
    "call-id": "Call-ID", "cseq": "CSeq", "www-authenticate": "WWW-Authenticate", "rseq": "RSeq", "rack": "RAck",
    "min-se": "Min-SE", "mime-version": "MIME-Version", "p-asserted-identity": "P-Asserted-Identity",
}  # fmt: skip

REASONS = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
    200: "OK", 202: "Accepted", 300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone",
    413: "Request Entity Too Large", 415: "Unsupported Media Type", 416: "Unsupported URI Scheme",
    420: "Bad Extension", 421: "Extension Required", 422: "Session Interval Too Small", 423: "Interval Too Brief",
    480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected",
    483: "Too Many Hops", 484: "Address Incomplete", 486: "Busy Here", 487: "Request Terminated",
    488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending", 500: "Server Internal Error",
    501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Server Time-out",
    505: "Version Not Supported", 513: "Message Too Large", 600: "Busy Everywhere", 603: "Decline",
    604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}  # fmt: skip
"""Reason phrases of RFC 3261 21 and the extensions used here."""


class Flow(Protocol):
    """Where a message came from and where its answer goes (`transports` has them)."""

    transport: str
    """UDP, TCP or TLS."""
    remote: tuple[str, int]

    @property
    def name(self) -> str:
        """The name that its far end's certificate showed; empty for none."""
        ...

    @property
    def reliable(self) -> bool: ...

    @property
    def alive(self) -> bool: ...

    def send(self, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Source:
    """Where a request began: at whom it was heard from, or where an edge of ours says that it heard it."""

    transport: str = ""
    host: str = ""
    """An address; empty when an edge did not say."""
    port: int = 0
    by_edge: bool = False


class Headers:
    """Header fields by long lower-case name."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: dict[str, list[str]] = {}
        for name, value in fields:
            self.add(name, value)

    def get(self, name: str) -> str | None:
        """The first value, as it stands."""
        values = self._fields.get(name)
        return values[0] if values else None

    def lines(self, name: str) -> list[str]:
        """All values as they stand, one for each line."""
        return list(self._fields.get(name, ()))

    def each(self, name: str) -> list[str]:
        """All values of a field that is a list, whether on one line or several (7.3.1); empty ones are left out."""
        return [part for line in self._fields.get(name, ()) for part in split_list(line) if part]

    def tokens(self, name: str) -> frozenset[str]:
        """A list of tokens (Supported, Require, Allow, ...) in lower case."""
        return frozenset(part.lower() for part in self.each(name))

    def add(self, name: str, value: str) -> None:
        """One more line."""
        self._fields.setdefault(name, []).append(value)

    def set(self, name: str, *values: str) -> None:
        """These lines and no others; without any the field is gone."""
        if values:
            self._fields[name] = list(values)
        else:
            self._fields.pop(name, None)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for name, values in self._fields.items():
            for value in values:
                yield name, value

    def copy(self) -> Headers:
        """Another set of the same fields."""
        other = Headers()
        other._fields = {name: list(values) for name, values in self._fields.items()}
        return other


class Message:
    """What requests and responses have in common. The properties raise SipParseError on what isn't well formed."""

    __slots__ = ("_addresses", "body", "flow", "headers")

    def __init__(self, headers: Headers, body: bytes) -> None:
        self.headers = headers
        self.body = body
        self.flow: Flow | None = None
        """Where it came from; None on a message of ours."""
        self._addresses: dict[str, NameAddr] = {}

    @property
    def call_id(self) -> str:
        return self._required("call-id")

    @property
    def from_(self) -> NameAddr:
        return self._address("from")

    @property
    def to(self) -> NameAddr:
        return self._address("to")

    @property
    def cseq(self) -> tuple[int, str]:
        """The number and the method (20.16)."""
        parts = self._required("cseq").split()
        if len(parts) != 2 or not TOKEN.fullmatch(parts[1]):
            raise SipParseError("malformed CSeq")
        return number(parts[0], most=0x7FFFFFFF), parts[1]

    @property
    def via(self) -> Via:
        """The topmost Via."""
        return Via.parse(split_list(self._required("via"))[0])

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact, None without one or with `*`."""
        contacts = self.headers.each("contact")
        return parse_address(contacts[0]) if contacts and contacts[0] != "*" else None

    def supports(self, option: str) -> bool:
        """Whether the sender supports or requires the option tag."""
        return option in self.headers.tokens("supported") or option in self.headers.tokens("require")

    def encode(self) -> bytes:
        """The bytes on the wire. ValueError if one of our own values holds a line break or another control character:
        nobody could read that message."""
        lines = [self._start_line()]
        for name, value in self.headers:
            if name != "content-length":
                lines.append(f"{shown(name)}: {value}")
        lines.append(f"Content-Length: {len(self.body)}")
        head = "\r\n".join(lines)
        if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
            raise ValueError("a header field holds a line break")
        if _CONTROL.search(head):
            raise ValueError("a header field holds a control character")
        return head.encode("utf-8", "replace") + b"\r\n\r\n" + self.body

    def _start_line(self) -> str:
        raise NotImplementedError

    def _required(self, name: str) -> str:
        value = self.headers.get(name)
        if not value:
            raise SipParseError(f"no {shown(name)}")
        return value

    def _address(self, name: str) -> NameAddr:
        address = self._addresses.get(name)
        if address is None:
            address = self._addresses[name] = parse_address(self._required(name))
        return address


class Request(Message):
    """A request; `uri` is the Request-URI's text."""

    __slots__ = ("_source", "method", "sent_at", "uri")

    def __init__(self, method: str, uri: str, headers: Headers, body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.method = method
        self.uri = uri
        self._source: Source | None = None
        self.sent_at = 0.0
        """When we sent it, by the loop's time."""

    @property
    def source(self) -> Source:
        """Where it began; of what no edge passed on, the flow's far end."""
        if self._source is not None:
            return self._source
        return Source() if self.flow is None else Source(self.flow.transport, *self.flow.remote)

    def began_at(self, source: Source) -> None:
        """An edge passed it on: `source` is where it began."""
        self._source = source

    def _start_line(self) -> str:
        return f"{self.method} {self.uri} SIP/2.0"

    def response(self, status: int, reason: str = "", *, tag: str = "", body: bytes = b"") -> Response:
        """A response by 8.2.6.2: the same Via, From, Call-ID, CSeq, and To with our tag when it has none."""
        headers = Headers()
        headers.set("via", *self.headers.lines("via"))
        headers.set("from", self._required("from"))
        headers.set("to", self._tagged(tag))
        headers.set("call-id", self._required("call-id"))
        headers.set("cseq", self._required("cseq"))
        return Response(status, reason or REASONS.get(status, "Unknown"), headers, body)

    def _tagged(self, tag: str) -> str:
        to = self._required("to")
        try:
            return to if not tag or self.to.tag else f"{to};tag={tag}"
        except SipParseError:
            # Malformed, and to be told so: it goes back as it came.
            return to


class Response(Message):
    """A response. `local` marks one we made up ourselves for a time-out or a broken transport (8.1.3.1)."""

    __slots__ = ("local", "reason", "status")

    def __init__(self, status: int, reason: str, headers: Headers, body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.status = status
        self.reason = reason
        self.local = False

    def _start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"


def shown(name: str) -> str:
    """The usual spelling of a lower-case field name."""
    spelled = _SHOWN.get(name)
    if spelled is None:
        spelled = "-".join(part.capitalize() for part in name.split("-"))
        if len(_SHOWN) < 512:
            _SHOWN[name] = spelled
    return spelled
