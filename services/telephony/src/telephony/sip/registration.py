"""Being registered elsewhere (RFC 3261 10.2): refreshed in time, tried again with growing pauses (RFC 5626 4.5)."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from telephony.sip.dialogs import place_of
from telephony.sip.digest import Credentials, DigestClient
from telephony.sip.errors import SipParseError
from telephony.sip.fields import retry_after
from telephony.sip.messages import Flow, Headers, Request, Response
from telephony.sip.stack import Stack
from telephony.sip.syntax import number
from telephony.sip.timers import Timer
from telephony.sip.transports import Destination
from telephony.sip.uris import SipUri, parse_address, parse_uri

_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 600.0
_LONGEST_ASKED = 3600.0
"""However long a registrar says to wait (Retry-After): a mistake there must not end a trunk for good."""


@dataclass(frozen=True)
class Registration:
    """What to register where."""

    registrar: str
    """The Request-URI, `sip:carrier.example`."""
    address: str
    """Our address of record there, `sip:user@carrier.example`."""
    credentials: Credentials | None
    contact: str = ""
    """The URI to be reached at instead of our own: an edge's of ours. Empty makes one of where we listen."""
    routes: tuple[str, ...] = ()
    """Route values to begin with."""
    contact_user: str = ""
    """The user of our Contact: calls to it come with this Request-URI. Empty takes the address's."""
    hop: Destination | None = None
    """Where to send it, when not to the registrar's own host."""
    seconds: int = 600


class Registrant:
    """One registration that is kept up. `on_state(registered, status)` is called at every change and every failure."""

    def __init__(self, stack: Stack, wish: Registration, on_state: Callable[[bool, int], None]) -> None:
        self.wish = wish
        self.registered = False
        self.status = 0
        """The last final status, 0 before the first."""
        self._stack = stack
        self._on_state = on_state
        self._digest = DigestClient(wish.credentials)
        self._call_id = secrets.token_hex(16)
        self._tag = secrets.token_hex(8)
        self._cseq = 0
        self._seconds = wish.seconds
        self._failures = 0
        self._next: Timer | None = None
        self._stopped = False
        self._request: Request | None = None
        self._flow: Flow | None = None
        """By what the registrar took it: calls come by that."""
        # Wrong once is wrong for ever: better told to who asks now.
        _ = self._hop(), parse_uri(wish.address)

    def start(self) -> None:
        """Begin, and go on until `stop`."""
        self._next = None
        self._stack.on_flow_lost.add(self._lost)
        self._stack.spawn(self._once(), "register")

    async def stop(self) -> None:
        """Take it back (10.2.2) and rest."""
        self._stopped = True
        self._stack.on_flow_lost.discard(self._lost)
        if self._next is not None:
            self._next.cancel()
        if self.registered:
            await self._ask(0)
            self.registered = False

    def _lost(self, flow: Flow) -> None:
        """The connection it came by is gone, and so are calls, until there is another one (RFC 5626 5.3)."""
        if flow is self._flow and self.registered and self._next is not None:
            self._next.cancel()
            self._next = self._stack.timers.after(_FIRST_PAUSE * random.uniform(0.5, 1.0), self.start)

    async def _once(self) -> None:
        response = await self._ask(self._seconds)
        if self._stopped:
            return
        before, self.status = (self.registered, self.status), response.status
        self.registered = response.status < 300
        if self.registered:
            self._failures, self._flow = 0, self._request.flow if self._request is not None else None
            pause = _refresh_after(self._granted(response))
        elif response.status == 423 and (least := _least(response)) > self._seconds:
            self._seconds, pause = least, 0.0
        else:
            self._failures += 1
            longest = min(_FIRST_PAUSE * 2 ** min(self._failures - 1, 10), _LONGEST_PAUSE)
            asked = min(retry_after(response.headers.get("retry-after")) or 0, _LONGEST_ASKED)
            pause = max(longest * random.uniform(0.5, 1.0), asked)
        self._next = self._stack.timers.after(pause, self.start)
        if not self.registered or before != (self.registered, self.status):
            self._on_state(self.registered, self.status)

    async def _ask(self, seconds: int) -> Response:
        def make() -> Request:
            self._cseq += 1
            request = _request(self._stack, self.wish, self._call_id, self._tag, self._cseq)
            request.headers.set("contact", f"<{self._contact()}>;expires={seconds}")
            request.headers.set("expires", str(seconds))
            self._request = request
            return request

        return await self._stack.ask(make, lambda: [self._hop()], self._digest)

    def _hop(self) -> Destination:
        return self.wish.hop or place_of(parse_uri(self.wish.registrar))

    def _contact(self) -> str:
        if self.wish.contact:
            return self.wish.contact
        user = self.wish.contact_user or parse_uri(self.wish.address).plain_user
        return self._stack.contact(self._hop().transport, user)

    def _granted(self, response: Response) -> int:
        """Seconds the registrar gave our Contact (10.2.4). Which is ours isn't certain where none is written as we
        wrote it, or several are: registrars put in the address they saw. Then the soonest counts."""
        mine = parse_uri(self._contact())
        common = _seconds(response.headers.get("expires")) or self._seconds
        given = [each for each in map(_contact_of, response.headers.each("contact")) if each is not None]
        ours = [each for each in given if each[0].same_as(mine)]
        return min((seconds or common for _, seconds in (ours if len(ours) == 1 else given)), default=common)


async def ask(stack: Stack, wish: Registration, seconds: float) -> Response:
    """A REGISTER that only asks what is bound (10.2.3): it proves the credentials and changes nothing."""
    call_id, tag, cseq = secrets.token_hex(16), secrets.token_hex(8), 0

    def make() -> Request:
        nonlocal cseq
        cseq += 1
        return _request(stack, wish, call_id, tag, cseq)

    hop = wish.hop or place_of(parse_uri(wish.registrar))
    return await stack.ask(make, lambda: [hop], DigestClient(wish.credentials), seconds=seconds)


def _request(stack: Stack, wish: Registration, call_id: str, tag: str, cseq: int) -> Request:
    headers = Headers()
    headers.set("route", *wish.routes)
    headers.set("from", f"<{wish.address}>;tag={tag}")
    headers.set("to", f"<{wish.address}>")
    headers.set("call-id", call_id)
    headers.set("cseq", f"{cseq} REGISTER")
    headers.set("max-forwards", "70")
    request = Request("REGISTER", wish.registrar, headers)
    stack.dress(request)
    return request


def _contact_of(text: str) -> tuple[SipUri, int] | None:
    """A Contact of a 200 and the seconds it has, 0 when it doesn't say; None for what can't be read."""
    try:
        contact = parse_address(text)
        return contact.sip, _seconds(contact.parameters.get("expires"))
    except SipParseError:
        return None


def _seconds(text: str | None) -> int:
    try:
        return number((text or "").strip(), most=86_400)
    except SipParseError:
        return 0


def _refresh_after(seconds: int) -> float:
    """Early enough for a lost packet or two, and never in a tight circle."""
    return max(seconds - max(30.0, seconds / 10), seconds / 2, 5.0)


def _least(response: Response) -> int:
    return _seconds(response.headers.get("min-expires"))
