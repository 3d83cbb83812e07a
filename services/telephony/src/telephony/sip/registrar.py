"""REGISTER received (RFC 3261 10.3): read, put to the application, answered with what is bound now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from telephony.sip.errors import SipParseError, SipRefused
from telephony.sip.messages import Request
from telephony.sip.server_transactions import ServerTransaction
from telephony.sip.syntax import number
from telephony.sip.transports import Destination
from telephony.sip.uris import NameAddr, parse_address

LEAST_SECONDS = 60
MOST_SECONDS = 3600
_CONTACTS = 8
_PATHS = 8


@dataclass(frozen=True)
class Binding:
    """One place a user can be reached at."""

    uri: str
    """The phone's Contact, to be the Request-URI of calls to it."""
    seconds: int
    """How long it holds; 0 removes it."""
    instance: str = ""
    """+sip.instance (RFC 5626), empty without: the same phone after it moved."""


@dataclass(frozen=True)
class RegisterWish:
    """A user's wish, proved by digest. `remove_all` is `Contact: *`; no bindings at all only asks what is bound."""

    user: str
    address: str
    """The address of record's URI (To)."""
    bindings: tuple[Binding, ...]
    remove_all: bool
    reach: Destination
    """Where it came from: the way to a phone behind NAT, or on a connection it holds. Behind an edge of ours only the
    edge can go that way."""
    by_edge: bool
    """Whether an edge of ours passed it on."""
    path: tuple[str, ...]
    """Path values (RFC 3327): routes to begin calls to it with. To be believed only `by_edge`: else a phone could send
    our calls anywhere."""
    call_id: str
    cseq: int
    """Within one Call-ID, a wish with a lower number than the last is out of order (10.3 step 7)."""
    agent: str
    """User-Agent."""


OnRegister = Callable[[RegisterWish], Awaitable[list[Binding]]]
"""Gives every binding the user has now. May raise SipRefused."""


def read(request: Request, user: str) -> RegisterWish:
    """The wish in a REGISTER. SipRefused 423 when too short, SipParseError when malformed."""
    contacts = request.headers.each("contact")
    default = _seconds(request.headers.get("expires"))
    everything = contacts == ["*"]
    if (everything and default != 0) or (not everything and "*" in contacts) or len(contacts) > _CONTACTS:
        raise SipParseError("malformed Contact")
    source, path = request.source, tuple(request.headers.each("path"))
    if len(path) > _PATHS:
        raise SipParseError("too many Path values")
    for each in path:
        _ = parse_address(each).sip
    bindings = () if everything else tuple(_binding(parse_address(each), default) for each in contacts)
    return RegisterWish(
        user=user,
        address=request.to.uri,
        bindings=bindings,
        remove_all=everything,
        reach=Destination(source.transport, source.host, source.port),
        by_edge=source.by_edge,
        path=path,
        call_id=request.call_id,
        cseq=request.cseq[0],
        agent=(request.headers.get("user-agent") or "")[:200],
    )


async def register(transaction: ServerTransaction, user: str, on_register: OnRegister) -> None:
    """Do it and answer."""
    request = transaction.request
    try:
        if request.to.sip.plain_user != user:
            raise SipRefused(403, "Forbidden")
        bound = await on_register(read(request, user))
    except SipRefused as refusal:
        response = request.response(refusal.status, refusal.reason)
        if refusal.status == 423:
            response.headers.set("min-expires", str(LEAST_SECONDS))
        if refusal.retry_after is not None:
            response.headers.set("retry-after", str(refusal.retry_after))
        transaction.respond(response)
        return
    response = request.response(200)
    for each in bound:
        response.headers.add("contact", f"<{each.uri}>;expires={each.seconds}")
    if path := request.headers.lines("path"):
        response.headers.set("path", *path)
    transaction.respond(response)


def _binding(contact: NameAddr, default: int | None) -> Binding:
    own = _seconds(contact.parameters.get("expires"))
    seconds = own if own is not None else default if default is not None else MOST_SECONDS
    if 0 < seconds < LEAST_SECONDS:
        raise SipRefused(423, "Interval Too Brief")
    _ = contact.sip
    return Binding(contact.uri, min(seconds, MOST_SECONDS), (contact.parameters.get("+sip.instance") or "")[:200])


def _seconds(text: str | None) -> int | None:
    """An Expires value; malformed ones count as none, too large ones as very large (RFC 4475 3.1.2.4)."""
    if text is None or not text.strip().isdigit():
        return None
    try:
        return number(text.strip(), most=0xFFFFFFFF)
    except SipParseError:
        return 0xFFFFFFFF
