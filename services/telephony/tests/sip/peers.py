"""Who the tests let the agent talk to: agents of our own, and a stranger who says whatever the test writes."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from telephony.sip import (
    AgentSettings,
    Destination,
    Failure,
    Invitation,
    InviteWish,
    ListenPoint,
    NameAddr,
    OutgoingInvite,
    SipAgent,
    SipDialog,
)
from telephony.sip.messages import Request, Response
from telephony.sip.parsing import parse
from telephony.sip.timers import Timers
from testkit.waiting import eventually

CALLER = NameAddr("sip:+4930123@caller.example", "Caller")


def sdp(name: str, direction: str = "sendrecv") -> str:
    """A description that can be told from others."""
    return (
        f"v=0\r\no={name} 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio 4000 RTP/AVP 0\r\na={direction}\r\n"
    )


class _Due:
    def __init__(self, callback: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        self.callback: Callable[..., object] | None = callback
        self.arguments = arguments

    def cancel(self) -> None:
        self.callback = None


class HandTimers:
    """A `Timers` whose time passes when the test says so."""

    def __init__(self) -> None:
        self._now = 0.0
        self._order = itertools.count()
        self._due: list[tuple[float, int, _Due]] = []

    def now(self) -> float:
        return self._now

    def after(self, seconds: float, callback: Callable[..., object], *arguments: Any) -> _Due:
        due = _Due(callback, arguments)
        heapq.heappush(self._due, (self._now + seconds, next(self._order), due))
        return due

    @property
    def waiting(self) -> int:
        """Timers that would still call."""
        return sum(due.callback is not None for _, _, due in self._due)

    def pass_now(self, seconds: float) -> None:
        """Move on, calling what is due on the way in order."""
        end = self._now + seconds
        while self._due and self._due[0][0] <= end:
            self._now, _, due = heapq.heappop(self._due)
            if due.callback is not None:
                due.callback(*due.arguments)
        self._now = end


class Line:
    """An agent of ours with what happened to it."""

    def __init__(self, agent: SipAgent) -> None:
        self.agent = agent
        self.invitations: list[Invitation] = []
        self.on_invitation: Callable[[Invitation], Awaitable[None]] | None = None
        agent.on_invite = self._invited

    def _invited(self, invitation: Invitation) -> None:
        self.invitations.append(invitation)
        if self.on_invitation is not None:
            work: Any = self.on_invitation(invitation)
            self.agent.stack.spawn(work, "invited")

    def port(self, transport: str = "UDP") -> int:
        return next(point.port for point in self.agent.points if point.transport == transport)

    def place(self, transport: str = "UDP", tls_name: str = "") -> Destination:
        return Destination(transport, "127.0.0.1", self.port(transport), tls_name)

    def uri(self, user: str = "+49301000") -> str:
        return f"sip:{user}@127.0.0.1:{self.port(self.agent.points[0].transport)}"

    async def invitation(self, index: int = 0) -> Invitation:
        """The call number `index` that came in."""
        return await eventually(lambda: self.invitations[index] if len(self.invitations) > index else None)

    async def call(self, other: Line, transport: str = "UDP", **wish: Any) -> Attempt:
        """Call the other agent."""
        made = InviteWish(other.uri(), CALLER, sdp("caller"), hop=other.place(transport))
        return Attempt(await self.agent.invite(replace(made, **wish)))

    async def connect(self, other: Line, transport: str = "UDP", **wish: Any) -> tuple[SipDialog, SipDialog]:
        """A call that is answered: the caller's dialog and the callee's."""
        before = len(other.invitations)
        attempt = await self.call(other, transport, **wish)
        theirs = await (await other.invitation(before)).answer(sdp("callee"))
        mine, _ = await attempt.answered
        return mine, theirs


class Attempt:
    """A call attempt with its events as futures."""

    def __init__(self, outgoing: OutgoingInvite) -> None:
        loop = asyncio.get_running_loop()
        self.outgoing = outgoing
        self.rings = 0
        self.early: list[str] = []
        self.answered: asyncio.Future[tuple[SipDialog, str]] = loop.create_future()
        self.failed: asyncio.Future[Failure] = loop.create_future()
        outgoing.on_ringing = self._rang
        outgoing.on_progress = self.early.append
        outgoing.on_answered = lambda dialog, answer: self.answered.set_result((dialog, answer))
        outgoing.on_failed = self.failed.set_result

    def _rang(self) -> None:
        self.rings += 1


class Stranger(asyncio.DatagramProtocol):
    """A UDP socket that says what the test writes, and keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[Request | Response] = []
        self._socket: asyncio.DatagramTransport | None = None
        self._taken = 0
        self.port = 0
        self.to = 0

    def connection_made(self, transport: Any) -> None:
        self._socket = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.heard.append(parse(data))

    def say(self, data: bytes | str) -> None:
        """Send to the agent; text gets its line ends made right."""
        assert self._socket is not None
        whole = data if isinstance(data, bytes) else wire(data)
        self._socket.sendto(whole, ("127.0.0.1", self.to))

    def close(self) -> None:
        assert self._socket is not None
        self._socket.close()

    async def response(self, status: int, *, deadline: float = 5.0) -> Response:
        """The next response; it must have this status, 100 apart."""
        found = await self._next(lambda each: isinstance(each, Response) and each.status != 100, deadline)
        assert isinstance(found, Response)
        assert found.status == status, found.encode().decode()
        return found

    async def request(self, method: str, *, deadline: float = 5.0) -> Request:
        """The next request; it must be this one."""
        found = await self._next(lambda each: isinstance(each, Request), deadline)
        assert isinstance(found, Request)
        assert found.method == method, found.encode().decode()
        return found

    async def _next(self, wanted: Callable[[Request | Response], bool], deadline: float) -> Request | Response:
        def look() -> Request | Response | None:
            while self._taken < len(self.heard):
                self._taken += 1
                if wanted(self.heard[self._taken - 1]):
                    return self.heard[self._taken - 1]
            return None

        return await eventually(look, deadline=deadline)

    def answer(self, request: Request, status: int, body: str = "", *more: str, tag: str = "strange") -> None:
        """Respond to a request of the agent's."""
        response = request.response(status, tag=tag, body=body.encode())
        response.headers.set("contact", f"<sip:stranger@127.0.0.1:{self.port}>")
        response.headers.set("record-route", *request.headers.lines("record-route"))
        if body:
            response.headers.set("content-type", "application/sdp")
        for each in more:
            name, _, value = each.partition(":")
            response.headers.add(name.strip().lower(), value.strip())
        self.say(response.encode())

    def invite(self, branch: str = "z9hG4bKone", *more: str, call: str = "call-1", body: str | None = None) -> str:
        """An INVITE's text."""
        return self.message("INVITE", branch, *more, call=call, body=sdp("stranger") if body is None else body)

    def message(
        self, method: str, branch: str, *more: str, call: str = "call-1", to_tag: str = "", cseq: int = 1,
        body: str = "", uri: str = "", cseq_method: str = "", from_tag: str = "ft", kind: str = "application/sdp",
    ) -> str:  # fmt: skip
        """A request's text, from the stranger to the agent."""
        tag = f";tag={to_tag}" if to_tag else ""
        lines = [
            f"{method} {uri or f'sip:100@127.0.0.1:{self.to}'} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch={branch};rport",
            "Max-Forwards: 70",
            f"From: <sip:stranger@127.0.0.1:{self.port}>;tag={from_tag}",
            f"To: <sip:100@127.0.0.1:{self.to}>{tag}",
            f"Call-ID: {call}",
            f"CSeq: {cseq} {cseq_method or method}",
            f"Contact: <sip:stranger@127.0.0.1:{self.port}>",
            *more,
            *([f"Content-Type: {kind}"] if body else []),
            f"Content-Length: {len(body.encode())}",
        ]
        return "\r\n".join(lines) + "\r\n\r\n" + body


def wire(text: str) -> bytes:
    """Text with any line ends as SIP's bytes."""
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode()


@asynccontextmanager
async def a_line(timers: Timers | None = None, **settings: Any) -> AsyncIterator[Line]:
    """An agent on a free UDP port that trusts everybody, unless `settings` say otherwise."""
    given: dict[str, Any] = {"points": [ListenPoint("UDP", "127.0.0.1", 0)], "trusted": lambda _: True} | settings
    line = Line(SipAgent(AgentSettings(**given), timers))
    await line.agent.start()
    try:
        yield line
    finally:
        await line.agent.close()


@asynccontextmanager
async def a_stranger(line: Line | None = None, host: str = "127.0.0.1") -> AsyncIterator[Stranger]:
    """A stranger on a free port, who knows where `line` is."""
    loop = asyncio.get_running_loop()
    _, stranger = await loop.create_datagram_endpoint(Stranger, local_addr=(host, 0))
    stranger.to = line.port() if line is not None else 0
    try:
        yield stranger
    finally:
        stranger.close()
