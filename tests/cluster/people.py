"""People who go on through an upgrade as their pages do, and requests that never stop: what is dropped and what fails
is counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import grpc
import grpc.aio
from chassis.lifecycle import Tasks
from merkez.routing.v1 import queue_service_pb2, queue_service_pb2_grpc
from testkit.company import PASSWORD, Api, Company, Json
from testkit.people import AgentAtDesk, CallerOnWidget, Socket
from testkit.waiting import eventually
from testkit.webrtc import Peer

_LOOK_SECONDS = 0.1
_SILENT_SECONDS = 1.0
"""Without a packet for so long a page makes its media anew."""
_BACKOFF = (1.5, 2.0, 5.0, 10.0)
_PAUSE_SECONDS = 0.2
_RENEW_SECONDS = 100.0
_RETRIES = {
    "methodConfig": [{
        "name": [{}],
        "retryPolicy": {
            "maxAttempts": 4, "initialBackoff": "0.2s", "maxBackoff": "1s", "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
        },
    }]
}  # fmt: skip
"""As services/gateway's README asks of partners: gRPC itself says CANCELLED to what reaches a server as it stops."""


class _Stall:
    # As the pages' StallWatch: at once, then ever more rarely.
    def __init__(self) -> None:
        self._tries, self._last = 0, 0.0
        self._peer: Peer | None = None
        self._moved = 0.0

    def may_try(self, peer: Peer) -> bool:
        now = time.monotonic()
        if peer is not self._peer:
            self._peer, self._moved = peer, now
        heard = max(self._moved, peer.arrivals[-1] if peer.arrivals else 0.0)
        if now - heard < _SILENT_SECONDS:
            self._tries = 0 if peer.arrivals and heard == peer.arrivals[-1] else self._tries
            return False
        if now - self._last < _BACKOFF[min(self._tries, len(_BACKOFF) - 1)]:
            return False
        self._tries, self._last = self._tries + 1, now
        return True


class Agent(AgentAtDesk):
    """An agent whose page stays open: the socket is opened anew, the media follow the call."""

    call_id = ""

    async def stay(self) -> None:
        """Does for ever what the desktop's page does by itself."""
        stall, told = _Stall(), 0
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self.socket.is_closed:
                told = 0
                with contextlib.suppress(Exception):  # whatever it was, the page tries again
                    await self.reopen()
                continue
            moved = [each for each in self.socket.pushed[told:] if self._is_my_move(each)]
            told = len(self.socket.pushed)
            if moved and (node := moved[-1]["data"].get("toNodeId", "")):
                self._heed({"type": "live", "name": "station_wanted", "data": {"nodeId": node}})
            elif self.call_id and stall.may_try(self.peer):
                self._heed({"type": "live", "name": "station_wanted", "data": {"nodeId": ""}})

    def _is_my_move(self, frame: Json) -> bool:
        return frame.get("fact") == "CallMoved" and frame["data"].get("call", {}).get("callId") == self.call_id


class Customer(CallerOnWidget):
    """A customer whose page stays open."""

    async def stay(self) -> None:
        """Does for ever what the widget's page does by itself."""
        stall, told = _Stall(), len(self.socket.pushed)
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                if self.socket.is_closed:
                    await self._reopen()
                    told = 0
                moved = [each for each in self.socket.pushed[told:] if each["type"] == "moved"]
                told = len(self.socket.pushed)
                if moved or stall.may_try(self.peer):
                    await self.move()
            except Exception:  # whatever it was, the page tries again
                await asyncio.sleep(_LOOK_SECONDS)

    @property
    def ended(self) -> str:
        """Why the call ended, as the page was told; empty while it goes on."""
        over = [each for each in self.socket.pushed if each["type"] == "state" and each["state"] == "ended"]
        return str(over[-1].get("reason", "ENDED")) if over else ""

    async def _reopen(self) -> None:
        await self.socket.close()
        self.socket = Socket(self._url)
        await self.socket.open()
        await self.socket.send({"type": "reattach", "token": self.call["token"]})
        await self.socket.wait(lambda frame: frame["type"] in ("answer", "state", "problem"), deadline=5)


@dataclass
class Conversation:
    """A customer and an agent who talk, each with a tone of their own."""

    customer: Customer
    agent: Agent
    tones: tuple[float, float]
    contact_id: str = ""

    @property
    def call_id(self) -> str:
        return str(self.customer.call["callId"])

    async def goes_on(self) -> bool:
        """Whether both hear each other, by their tones."""
        if self.customer.ended:
            return False
        self.customer.peer.forget()
        self.agent.peer.forget()
        try:
            await self.agent.hears(self.tones[0], deadline=20)
            await eventually(lambda: _hears(self.customer, self.tones[1]), deadline=20)
        except (TimeoutError, AssertionError):
            return False
        return not self.customer.ended


def _hears(who: CallerOnWidget, tone: float) -> bool:
    found = who.peer.frequencies(seconds=0.2)
    return bool(found) and abs(found[0] - tone) < 15


class Traffic:
    """A company with conversations that last, whose people stay signed in."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.conversations: list[Conversation] = []
        self.tasks = Tasks("traffic")
        self._signed_in = {company.email: company.owner}
        self.tasks.every(_RENEW_SECONDS, self._renew, "renew tokens")

    async def talk(self, count: int) -> None:
        """Begins conversations whose people stay."""
        for number in range(len(self.conversations), len(self.conversations) + count):
            tones = 600.0 + 90 * number, 1500.0 + 90 * number
            agent = Agent(await self._hire(number), tone=tones[1])
            await agent.sit_down()
            customer = Customer(self.company, tone=tones[0])
            await customer.dial()
            await customer.peer.hears_sound()
            await customer.press("1")
            offer = await agent.offered()
            agent.call_id = str(customer.call["callId"])
            self.tasks.spawn(agent.stay(), f"agent {number}")
            self.tasks.spawn(customer.stay(), f"customer {number}")
            await agent.answer(offer)
            made = Conversation(customer, agent, tones, offer["data"]["offer"]["contact"]["contactId"])
            assert await made.goes_on(), "they don't hear each other"
            self.conversations.append(made)

    async def _hire(self, number: int) -> Api:
        email, name = f"agent-{number}-{secrets.token_hex(4)}@example.com", f"Alex {number}"
        secret = (await self.company.invite(email, name=name)).rsplit("/", 1)[1]
        async with Api(self.company.url) as stranger:
            body = {"secret": secret, "displayName": name, "password": PASSWORD}
            session = await stranger.post("/v1/invitations:accept", body)
        made = self._signed_in[email] = Api(self.company.url, session["accessToken"])
        self.company.people.append(made)
        return made

    async def _renew(self) -> None:
        # As pages do: a token is good for five minutes.
        for email, api in self._signed_in.items():
            async with Api(self.company.url) as stranger:
                session = await stranger.post("/v1/sessions:signIn", {"email": email, "password": PASSWORD})
            api.token = session["accessToken"]
            api.http.headers["authorization"] = f"Bearer {api.token}"
        for each in self.conversations:
            with contextlib.suppress(Exception):  # one that has just closed says hello anew when it opens
                await each.agent.socket.send({"type": "hello", "token": each.agent.api.token})

    async def dropped(self) -> list[str]:
        """Conversations that don't go on, by their call's id."""
        well = await asyncio.gather(*(each.goes_on() for each in self.conversations))
        return [each.call_id for each, goes_on in zip(self.conversations, well, strict=True) if not goes_on]

    async def hang_up(self) -> None:
        """Ends every conversation."""
        for each in self.conversations:
            await each.agent.api.post(f"/v1/calls/{each.call_id}:hangUp")
        await self.tasks.close()
        await asyncio.gather(*(who.leave() for each in self.conversations for who in (each.customer, each.agent)))


@dataclass
class Requests:
    """What was asked while something happened, and what failed."""

    asked: int = 0
    failed: list[str] = field(default_factory=list)
    calls: int = 0
    calls_failed: list[str] = field(default_factory=list)

    async def one(self, what: str, ask: Callable[[], Awaitable[object]]) -> None:
        """Asks once and counts."""
        self.asked += 1
        began = time.monotonic()
        try:
            await ask()
        except Exception as error:  # whatever it was, somebody's request failed
            self.failed.append(f"{what} after {time.monotonic() - began:.2f} s: {error!r}")


@contextlib.asynccontextmanager
async def requests(company: Company, grpc_address: str, key: str) -> AsyncIterator[Requests]:
    """Reads and writes over REST, on kept connections and on new ones, gRPC by a partner's key, and short calls of new
    customers, one after the other each, until the block ends."""
    found = Requests()
    flow = f"/v1/flows/{company.flow['flowId']}"
    reads = ("/v1/me", "/v1/queues", "/v1/agents", "/v1/contacts", "/v1/brands", flow, "/v1/cdrs", "/v1/usageRecords")
    going = True

    async def read_kept() -> None:
        while going:
            for path in reads:
                await found.one(f"GET {path}", lambda path=path: company.owner.get(path))
                await asyncio.sleep(_PAUSE_SECONDS)

    async def read_anew() -> None:
        while going:
            for path in reads:
                async with Api(company.url, company.owner.token) as anew:
                    await found.one(f"GET {path}, new connection", lambda anew=anew, path=path: anew.get(path))
                await asyncio.sleep(_PAUSE_SECONDS)

    async def write() -> None:
        number = 0
        while going:
            number += 1
            body: Json = {"flow": {"flowId": company.flow["flowId"], "displayName": f"Main line {number}"}}
            body |= {"updateMask": "displayName"}
            async with Api(company.url, company.owner.token) as anew:
                await found.one(f"PATCH {flow}", lambda anew=anew, body=body: anew.patch(flow, body))
            await asyncio.sleep(_PAUSE_SECONDS)

    async def by_grpc() -> None:
        options = (("grpc.service_config", json.dumps(_RETRIES)),)
        async with grpc.aio.insecure_channel(grpc_address, options=options) as channel:
            stub = queue_service_pb2_grpc.QueueServiceStub(channel)
            metadata = (("authorization", f"Bearer {key}"),)
            while going:
                request = queue_service_pb2.ListQueuesRequest()
                await found.one(
                    "gRPC ListQueues",
                    lambda request=request: stub.ListQueues(request, metadata=metadata, timeout=10),  # type: ignore[arg-type,return-value]
                )
                await asyncio.sleep(_PAUSE_SECONDS)

    async def call_anew() -> None:
        while going:
            found.calls += 1
            caller = CallerOnWidget(company)
            try:
                await caller.dial()
                await caller.peer.hears_sound()
                await caller.hang_up()
            except Exception as error:  # whatever it was, a customer wasn't served
                found.calls_failed.append(repr(error))
            finally:
                await caller.leave()
            await asyncio.sleep(2)

    async with Tasks("requests") as tasks:
        for work in (read_kept, read_anew, write, by_grpc, call_anew):
            tasks.spawn(work(), work.__name__)
        try:
            yield found
        finally:
            going = False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(60):
                    await tasks.drain()
