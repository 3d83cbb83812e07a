"""A dialog's state (RFC 3261 12): plain values that can be kept as JSON and go on at another node.

Pure: makes requests, judges sequence numbers, says where the next request goes. Sending is the session's.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from ipaddress import ip_address
from typing import Any

from kernel.networks import is_public

from telephony.sip.errors import SipParseError
from telephony.sip.fields import Replaces
from telephony.sip.messages import Flow, Headers, Request, Response
from telephony.sip.transports import DEFAULT_PORTS, Destination
from telephony.sip.uris import NameAddr, SipUri, parse_address, parse_uri

DialogKey = tuple[str, str, str]
"""Call-ID, our tag, the peer's tag."""

TAKE_OVER_STEP = 1000
"""What a node that takes over adds to our CSeq: the stored one may be old, and gaps are allowed (12.2.2)."""
MAX_ROUTES = 32


@dataclass
class DialogState:
    """Everything needed to go on with a dialog. Times are seconds."""

    call_id: str
    local_tag: str
    remote_tag: str
    local: str
    """Our address as in From, without the tag's parameter."""
    remote: str
    remote_target: str
    """The peer's Contact: the Request-URI of what we send."""
    contact: str
    """Our Contact's URI."""
    local_cseq: int = 0
    remote_cseq: int = 0
    routes: list[str] = field(default_factory=list[str])
    hop: list[Any] | None = None
    """Transport, host, port and certificate name when requests go elsewhere than routes and target say (NAT)."""
    heard_at: str = ""
    """The peer's address as it was met. Who was met in public names no place in a private network to us: what it says
    of its contact and routes would have us knock there."""
    tls_name: str = ""
    """The name the peer's certificate showed, for a target that is only an address."""
    initiator: bool = False
    """Whether we sent the INVITE: decides who waits how long after glare (14.1)."""
    allows: list[str] = field(default_factory=list[str])
    """The peer's Allow, lower case."""
    session_seconds: int = 0
    """The agreed session interval (RFC 4028), 0 without one."""
    we_refresh: bool = False
    local_sdp: str = ""
    remote_sdp: str = ""
    user: str = ""
    """The user the peer proved to be, empty for others."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def of(cls, stored: dict[str, Any]) -> DialogState:
        """The state from `as_dict`; ValueError when a field is missing. Unknown ones (a newer node's) are dropped."""
        known = {each.name for each in fields(cls)}
        try:
            return cls(**{name: value for name, value in stored.items() if name in known})
        except TypeError as error:
            raise ValueError(f"not a dialog's state: {error}") from error

    @property
    def key(self) -> DialogKey:
        return self.call_id, self.local_tag, self.remote_tag

    def request(self, method: str, *, cseq: int | None = None) -> Request:
        """The next request within the dialog (12.2.1.1); an ACK or CANCEL gives the CSeq of its INVITE."""
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        uri, routes = self.remote_target, self.routes
        if routes and "lr" not in _parameters(routes[0]):
            # A strict router wants itself in the Request-URI and the target last (12.2.1.1).
            uri, routes = parse_address(routes[0]).uri, [*routes[1:], f"<{self.remote_target}>"]
        headers = Headers()
        headers.set("route", *routes)
        headers.set("from", f"{self.local};tag={self.local_tag}")
        headers.set("to", f"{self.remote};tag={self.remote_tag}" if self.remote_tag else self.remote)
        headers.set("call-id", self.call_id)
        headers.set("cseq", f"{cseq} {method}")
        headers.set("max-forwards", "70")
        if method in ("INVITE", "UPDATE", "REFER", "NOTIFY"):
            headers.set("contact", f"<{self.contact}>")
        return Request(method, uri, headers)

    def next_hops(self) -> list[Destination]:
        """Where the next request goes, and where else when no connection can be made there.

        SipParseError when the target is no place we can reach.
        """
        if self.hop is not None and self.hop[0] == "UDP":
            return [Destination(*self.hop)]
        place = place_of(parse_address(self.routes[0]).sip if self.routes else parse_uri(self.remote_target))
        if self.tls_name and is_address(place.host):
            place = replace(place, tls_name=self.tls_name)
        if is_public(self.heard_at):
            place = replace(place, public=True)
        # A connection the peer once made may be gone with the node it was made to.
        return [place] if self.hop is None else [Destination(*self.hop), place]

    @property
    def bound(self) -> bool:
        """Whether the peer is reached where it was heard from and not where it says it is: by a connection of its own,
        or through its router (NAT)."""
        if self.hop is None:
            return False
        return self.hop[0] != "UDP" or self.hop[1] != parse_uri(self.remote_target).host

    def heard_by(self, request: Request) -> bool:
        """A re-INVITE or UPDATE of the peer's came: who is reached where they were heard from is reached there from now
        on (its router gave it another port, it made another connection); whether that is elsewhere."""
        flow, before = request.flow, self.hop
        if flow is None or before is None:
            return False
        self.hop, self.heard_at = _back_by(flow), flow.remote[0]
        return self.hop != before

    def accepts(self, cseq: int) -> bool:
        """Whether a request of the peer's is in order (12.2.2); if so its number is the newest."""
        if cseq < self.remote_cseq:
            return False
        self.remote_cseq = cseq
        return True

    def left_by(self) -> None:
        """Another node goes on: a connection that the peer made was made to the one before (RFC 5626 5.3), who is
        reached by its Contact now."""
        if self.hop is not None and self.hop[0] != "UDP":
            self.tls_name, self.hop = self.tls_name or self.hop[3], None

    def refresh_target(self, message: Request | Response) -> bool:
        """Take over the Contact of a re-INVITE, UPDATE or their 2xx (12.2.2); whether it is another now."""
        contact = message.contact
        if contact is None or contact.uri == self.remote_target:
            return False
        _ = contact.sip
        self.remote_target = contact.uri
        return True

    def replaces(self) -> Replaces:
        """This dialog as its other end knows it, for whoever is to replace us there."""
        return Replaces(self.call_id, self.remote_tag, self.local_tag)


def of_invite(request: Request, local_tag: str, contact: str) -> DialogState:
    """The dialog an incoming INVITE begins (12.1.1). SipParseError without a usable Contact."""
    remote_contact = request.contact
    if remote_contact is None:
        raise SipParseError("no Contact")
    _ = remote_contact.sip
    state = DialogState(
        call_id=request.call_id,
        local_tag=local_tag,
        remote_tag=request.from_.tag,
        local=_without_tag(request.to),
        remote=_without_tag(request.from_),
        remote_target=remote_contact.uri,
        contact=contact,
        remote_cseq=request.cseq[0],
        routes=request.headers.each("record-route")[:MAX_ROUTES],
        allows=sorted(request.headers.tokens("allow")),
        heard_at=request.flow.remote[0] if request.flow is not None else "",
    )
    if state.routes:
        _ = parse_address(state.routes[0]).sip
    elif request.flow is not None and _is_behind(request, request.flow):
        state.hop = _back_by(request.flow)
    return state


def of_response(
    request: Request, response: Response, contact: str, sent_to: Destination, *, keep_hop: bool
) -> DialogState:
    """The dialog a response to our INVITE, which went to `sent_to`, begins (12.1.2).

    SipParseError without tag or usable Contact.
    """
    remote_contact = response.contact
    target = remote_contact.uri if remote_contact is not None else request.uri
    _ = parse_uri(target)
    if not response.to.tag:
        raise SipParseError("no tag")
    state = DialogState(
        call_id=request.call_id,
        local_tag=request.from_.tag,
        remote_tag=response.to.tag,
        local=_without_tag(request.from_),
        remote=_without_tag(request.to),
        remote_target=target,
        contact=contact,
        local_cseq=request.cseq[0],
        routes=response.headers.each("record-route")[:MAX_ROUTES][::-1],
        heard_at=sent_to.host if is_address(sent_to.host) else "",
        tls_name=sent_to.tls_name or ("" if is_address(sent_to.host) else sent_to.host),
        initiator=True,
        allows=sorted(response.headers.tokens("allow")),
    )
    if state.routes:
        _ = parse_address(state.routes[0]).sip
    elif keep_hop:
        state.hop = [sent_to.transport, sent_to.host, sent_to.port, sent_to.tls_name]
    return state


def place_of(uri: SipUri) -> Destination:
    """The transport, host and port a URI names, without asking DNS for services (RFC 3263 reduced)."""
    if uri.scheme == "tel" or not uri.host:
        raise SipParseError("a number is no place", 416)
    transport = uri.transport
    return Destination(transport, uri.host, uri.port or DEFAULT_PORTS.get(transport, 5060))


def _is_behind(request: Request, flow: Flow) -> bool:
    """Whether the sender's Contact isn't where it was heard from: it is behind NAT, or keeps its connection."""
    via = request.via
    if flow.reliable:
        return True
    contact = request.contact
    host = contact.sip.host if contact is not None else via.host
    return is_address(host) and ip_address(host).is_private and host != flow.remote[0]


def _back_by(flow: Flow) -> list[Any]:
    return [flow.transport, *flow.remote, flow.name]


def is_address(host: str) -> bool:
    """Whether it is an IP address, not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _without_tag(address: NameAddr) -> str:
    parameters = {name: value for name, value in address.parameters.items() if name != "tag"}
    return str(NameAddr(address.uri, address.display, parameters))


def _parameters(route: str) -> dict[str, str | None]:
    try:
        return parse_address(route).sip.parameters
    except SipParseError:
        return {}
