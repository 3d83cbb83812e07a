"""An agent at a desk and a customer on a widget, with real WebRTC and the gateway's sockets, but no browser."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

from testkit.company import Api, Company, Json, Problem
from testkit.waiting import PATIENCE
from testkit.webrtc import Peer

DEADLINE = PATIENCE
STALLED_SECONDS = 1.25


class Socket:
    """A WebSocket of the gateway: requests with answers, and everything pushed, kept in order. A fact that comes twice
    is dropped, as docs/websocket.md asks of its clients.
    """

    def __init__(self, url: str) -> None:
        self.pushed: list[Json] = []
        self._facts: set[str] = set()
        self._url = url.replace("http", "ws", 1)
        self._arrived = asyncio.Condition()
        self._numbers = itertools.count(1)
        self.on_frame: Callable[[Json], object] = lambda frame: None
        """Told of each frame as it comes."""
        self._connection: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connects and begins to read."""
        self._connection = await connect(self._url, max_size=2**22)
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def closed(self) -> None:
        """Returns when the connection is over."""
        assert self._reader is not None
        await asyncio.wait({self._reader})

    @property
    def is_closed(self) -> bool:
        """Whether the connection that once stood is over."""
        return self._reader is not None and self._reader.done()

    async def close(self) -> None:
        """Closes the connection, as a closed tab would."""
        if self._connection is not None:
            await self._connection.close()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def send(self, frame: Json) -> None:
        """Sends one frame."""
        assert self._connection is not None
        await self._connection.send(json.dumps(frame))

    async def request(self, method: str, body: Json | None = None) -> Json:
        """Calls an rpc over the socket. Raises `Problem`."""
        number = next(self._numbers)
        await self.send({"type": "request", "id": number, "method": method, "body": body or {}})
        answer = await self.wait(lambda frame: frame["type"] == "response" and frame["id"] == number)
        if "problem" in answer:
            raise Problem(int(answer["problem"].get("status", 0)), answer["problem"])
        return answer["body"]

    async def wait(self, matches: Callable[[Json], bool], *, deadline: float = DEADLINE, since: int = 0) -> Json:
        """The first frame pushed from position `since` on that matches. Raises `AssertionError` after `deadline`."""
        end = time.monotonic() + deadline
        async with self._arrived:
            while True:
                for frame in self.pushed[since:]:
                    if matches(frame):
                        return frame
                try:
                    await asyncio.wait_for(self._arrived.wait(), max(0.0, end - time.monotonic()))
                except TimeoutError:
                    seen = [frame.get("fact") or frame.get("state") or frame["type"] for frame in self.pushed[since:]]
                    raise AssertionError(f"nothing that matched came within {deadline} s; came: {seen}") from None

    async def _read(self) -> None:
        assert self._connection is not None
        with contextlib.suppress(Exception):
            async for text in self._connection:
                frame = json.loads(text)
                frame["received"] = time.monotonic()
                if frame["type"] == "event":
                    if frame["id"] in self._facts:
                        continue
                    self._facts.add(frame["id"])
                self.on_frame(frame)
                async with self._arrived:
                    self.pushed.append(frame)
                    self._arrived.notify_all()


class AgentAtDesk:
    """A signed-in agent with a socket and a warm station whose microphone is a tone."""

    def __init__(self, api: Api, *, tone: float = 440.0) -> None:
        self.api = api
        self.peer = Peer(tone)
        self.peer_tone = tone
        self._moving: asyncio.Task[None] | None = None
        self._moving_to = ""
        self.socket = Socket(f"{api.url}/v1/socket")
        self.client_id = secrets.token_hex(8)

    async def sit_down(self, *, state: str = "AVAILABLE", station: bool = True) -> Self:
        """Socket, station, state. Without a station it is their desk phone that rings."""
        await self._greet(self.socket)
        if station:
            await self.attach()
        self.socket.on_frame = self._heed
        if state:
            await self.set_state(state)
        return self

    async def reopen(self) -> None:
        """A socket anew once this one is closed, tried until it stands, as the page does."""
        await self.socket.closed()
        end = time.monotonic() + DEADLINE
        while True:
            socket = Socket(f"{self.api.url}/v1/socket")
            try:
                async with asyncio.timeout(3):
                    await self._greet(socket)
            except Exception:  # whatever it was, the page tries again
                await socket.close()
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(0.2)
            else:
                socket.on_frame = self._heed
                self.socket = socket
                return

    async def _greet(self, socket: Socket) -> None:
        await socket.open()
        await socket.send({"type": "hello", "token": self.api.token})
        await socket.wait(lambda frame: frame["type"] == "welcome")

    async def attach(self, *, takeover: bool = False) -> None:
        """Attaches the peer's media as the station."""
        await self._attach_with(self.peer, takeover)

    def _heed(self, frame: Json) -> None:
        """A call waits on another node than the media is on: attach there, as the softphone does."""
        if frame["type"] == "live" and frame["name"] == "station_wanted":
            node_id = frame["data"]["nodeId"]
            if self._moving_to:
                return  # asked for again while it is under way
            self._moving_to = node_id
            self._moving = asyncio.get_running_loop().create_task(self._move(node_id))

    async def _move(self, node_id: str) -> None:
        old, peer = self.peer, Peer(self.peer_tone)
        try:
            await self._attach_with(peer, node_id=node_id)
        except Exception:  # the old connection is what it has, and its silence brings the next try
            await peer.close()
            return
        finally:
            self._moving_to = ""
        self.peer = peer
        await old.close()

    async def hears(self, tone: float, *, deadline: float = DEADLINE) -> None:
        """Waits until this tone is heard, on whichever connection the softphone has by then."""
        end = time.monotonic() + deadline
        while True:
            try:
                await self.peer.hears(tone, timeout=0.5)
            except TimeoutError:
                if time.monotonic() > end:
                    raise
            else:
                return

    async def come_back(self, tone: float) -> None:
        """Does what the softphone does when no packets came for a second: new media, tried again until it stands. A
        hint that the call is elsewhere may be faster."""
        old = self.peer
        while not _stalled(old) and self.peer is old:
            await asyncio.sleep(0.02)
        if self._moving is not None:
            await self._moving
        if self.peer is not old:
            return
        self._moving_to = "wherever the call is"
        try:
            self.peer = await _again(old, tone, self._attach_with)
        finally:
            self._moving_to = ""

    async def _attach_with(self, peer: Peer, takeover: bool = False, node_id: str = "") -> None:
        body = {"sdpOffer": await peer.offer(), "clientId": self.client_id, "takeover": takeover, "nodeId": node_id}
        answer = await self.api.post("/v1/station:attach", body)
        await peer.accept(answer["sdpAnswer"], timeout=10)

    async def set_state(self, state: str, reason: str = "") -> Json:
        """Sets the agent's own state."""
        return await self.api.post("/v1/agents/me:setState", {"state": f"AGENT_STATE_{state}", "reason": reason})

    async def offered(self, *, since: int = 0, deadline: float = DEADLINE) -> Json:
        """The frame of the next offer."""
        return await self.event("OfferMade", since=since, deadline=deadline)

    async def answer(self, offer: Json) -> Json:
        """Accepts an offer's frame over the socket."""
        offer_id = offer["data"]["offer"]["offerId"]
        return await self.socket.request("routing.v1.OfferService/AcceptOffer", {"offerId": offer_id})

    async def event(self, fact: str, *, since: int = 0, deadline: float = DEADLINE) -> Json:
        """The first event named `fact` from position `since` on."""
        return await self.socket.wait(lambda frame: frame.get("fact") == fact, since=since, deadline=deadline)

    async def desktop(self) -> Json:
        """What the desktop shows."""
        return await self.api.get("/v1/desktop")

    async def leave(self) -> None:
        """Closes the tab: socket and media vanish."""
        await self.socket.close()
        await self.peer.close()


class CallerOnWidget:
    """A customer on the brand's test page."""

    def __init__(self, company: Company, *, tone: float = 620.0, number: str = "", name: str = "Carla Caller") -> None:
        key = company.brand["widgetKey"]
        self.peer = Peer(tone)
        self._tone = tone
        self._url = f"{company.url}/widget/v1/socket?key={key}"
        self.socket = Socket(self._url)
        self._unanswered = False
        self.call: dict[str, Any] = {}
        self._number, self._name = number, name

    async def dial(self) -> Self:
        """Calls and waits for the answer's media."""
        await self.socket.open()
        offer = await self.peer.offer()
        frame = {"type": "call", "sdp": offer, "callerName": self._name, "callerNumber": self._number}
        await self.socket.send(frame)
        self.call = await self.socket.wait(lambda frame: frame["type"] in ("answer", "problem"))
        if self.call["type"] == "problem":
            raise Problem(int(self.call.get("problem", {}).get("status", 0)), self.call.get("problem", {}))
        await self.peer.accept(self.call["sdp"])
        return self

    async def state(self, wanted: str, *, deadline: float = DEADLINE) -> Json:
        """Waits for a state of the call."""
        return await self.socket.wait(
            lambda frame: frame["type"] == "state" and frame["state"] == wanted, deadline=deadline
        )

    async def come_back(self, tone: float) -> None:
        """Does what the widget does when no packets came for a second: new media by its token, until it stands."""
        self.peer = await _again(self.peer, tone, self._reattach_with)

    async def move(self) -> None:
        """New media by its token at once, as the widget does when it is told that the call is on another node."""
        old, peer = self.peer, Peer(self._tone)
        await self._reattach_with(peer)
        self.peer = peer
        await old.close()

    async def _reattach_with(self, peer: Peer) -> None:
        if (
            self._unanswered
        ):  # a socket of its own for the next try, as the widget does: no late answer is taken for its own
            await self.socket.close()
            self.socket = Socket(self._url)
            await self.socket.open()
        self._unanswered = True
        since = len(self.socket.pushed)
        await self.socket.send({"type": "reattach", "token": self.call["token"], "sdp": await peer.offer()})
        told = ("answer", "problem", "reattached")
        answer = await self._told(self.socket.wait(lambda frame: frame["type"] in told, since=since, deadline=5))
        self._unanswered = False
        if answer["type"] == "problem":
            raise Problem(int(answer.get("problem", {}).get("status", 0)), answer.get("problem", {}))
        await peer.accept(answer["sdp"])

    async def _told(self, answer: Coroutine[Any, Any, Json]) -> Json:
        """The answer, or ConnectionError as soon as the socket is closed, which the widget is told of as well."""
        loop = asyncio.get_running_loop()
        both = loop.create_task(answer), loop.create_task(self.socket.closed())
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not both[0].done():
                raise ConnectionError("the socket is closed")
            return both[0].result()
        finally:
            for each in both:
                each.cancel()

    async def press(self, digits: str) -> None:
        """Presses keys (RFC 4733)."""
        await self.peer.press(digits)

    async def hang_up(self) -> None:
        """Ends the call as the customer."""
        await self.socket.send({"type": "hangUp"})
        await self.state("ended")

    async def leave(self) -> None:
        """Closes the page."""
        await self.socket.close()
        await self.peer.close()


def _stalled(peer: Peer) -> bool:
    return bool(peer.arrivals) and time.monotonic() - peer.arrivals[-1] >= STALLED_SECONDS


async def _again(old: Peer, tone: float, attach: Callable[[Peer], Awaitable[None]]) -> Peer:
    """Waits until `old` hears nothing for a second, as browsers' pages watch their packets, and attaches anew."""
    while not _stalled(old):
        await asyncio.sleep(0.05)
    deadline = time.monotonic() + DEADLINE
    while True:
        peer = Peer(tone)
        try:
            async with asyncio.timeout(3):
                await attach(peer)
            await old.close()
            return peer
        except Exception:
            await peer.close()
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.25)
