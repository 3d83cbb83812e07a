"""A gateway on free ports with real neighbours around it, and clients to knock at it."""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from chassis.bus import Bus, LiveMessage
from chassis.facts import fact_of
from chassis.lifecycle import Process
from gateway.main import Gateway, start
from gateway.settings import GatewaySettings
from google.protobuf.message import Message
from kernel.clock import SystemClock
from kernel.ids import new_id
from merkez.gateway.v1.gateway_events_pb2 import RequestAudited
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from testkit.rpc import RpcHouse
from testkit.waiting import PATIENCE, eventually
from websockets.asyncio.client import ClientConnection, connect


def _beside(name: str) -> Any:
    # importlib mode keeps tests' folders off sys.path, so a helper module is loaded by its place.
    if name not in sys.modules:
        file = Path(__file__).with_name(f"{name.removeprefix('gateway_')}.py")
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


neighbours = _beside("gateway_neighbours")
if not isinstance(trace.get_tracer_provider(), TracerProvider):
    trace.set_tracer_provider(TracerProvider())  # so that requests have trace ids, as in a real process


class House:
    """The running gateway and everything around it."""

    def __init__(self, world: Any, gateway: Gateway, process: Process, bus: Bus, rpc: RpcHouse):
        self.world = world
        self.gateway = gateway
        self.process = process
        self.bus = bus
        self.rpc = rpc
        self.url = f"http://127.0.0.1:{gateway.http_port}"
        self.grpc_address = f"127.0.0.1:{gateway.grpc_port}"
        self.http = httpx.AsyncClient(base_url=self.url, timeout=PATIENCE)

    def token(self, role: str = "admin", subject: str = "", **more: Any) -> str:
        """An access token."""
        return self.world.signer.token(role, subject, **more)

    def as_role(self, role: str = "admin", **more: Any) -> dict[str, str]:
        """Headers of somebody signed in."""
        return {"authorization": f"Bearer {self.token(role, **more)}"}

    async def publish(self, fact: Message, tenant_id: str = "", traceparent: str = "") -> str:
        """A fact passes on the bus."""
        now = SystemClock().now()
        event_id = new_id("evt", now)
        await self.bus.publish_fact(
            full_name=fact_of(fact).full_name, tenant_id=tenant_id or neighbours.TENANT, key="key", event_id=event_id,
            payload=fact.SerializeToString(), time=datetime.now(UTC), traceparent=traceparent,  # noqa: TID251
        )  # fmt: skip
        return event_id

    async def audited(self, count: int = 1) -> list[Any]:
        """The entries noted so far, once there are this many."""
        await self.gateway.audit.drain()
        await eventually(lambda: len(self.world.audit) >= count)
        return [entry for _, entry in self.world.audit]

    async def socket(self, path: str = "/v1/socket", **options: Any) -> Socket:
        """A WebSocket to the gateway."""
        return Socket(await connect(self.url.replace("http", "ws") + path, **options))

    async def signed_in(self, role: str = "agent", subject: str = "", **more: Any) -> Socket:
        """A WebSocket after its hello."""
        opened = await self.socket()
        await opened.send(type="hello", token=self.token(role, subject, **more))
        assert (await opened.next())["type"] == "welcome"
        return opened


class Socket:
    """A client's end of a WebSocket, with deadlines."""

    def __init__(self, connection: ClientConnection):
        self.connection = connection
        self._numbers = itertools.count(1)

    async def send(self, **message: Any) -> None:
        """Send a JSON message."""
        await self.connection.send(json.dumps(message))

    async def next(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """The next message."""
        return json.loads(await asyncio.wait_for(self.connection.recv(), seconds))

    async def until(self, kind: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """The next message of this type; others are skipped."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self.next(seconds)
                if message["type"] == kind:
                    return message

    async def request(self, method: str, **body: Any) -> dict[str, Any]:
        """Call an rpc and wait for its response."""
        number = next(self._numbers)
        await self.send(type="request", id=number, method=method, body=body)
        return await self.until("response")

    async def silent(self, seconds: float = 0.3) -> bool:
        """Whether nothing comes for a while."""
        try:
            await self.next(seconds)
        except TimeoutError:
            return True
        return False

    async def closed(self, seconds: float = PATIENCE) -> int:
        """Wait for the close; its code."""
        await asyncio.wait_for(self.connection.wait_closed(), seconds)
        return self.connection.close_code or 0

    async def close(self) -> None:
        """Close from this end."""
        await self.connection.close()


@pytest.fixture
def world() -> Any:
    """What the neighbours know."""
    return neighbours.World()


@pytest_asyncio.fixture
async def make_house(
    world: Any, rpc: RpcHouse, nats_server: Any, make_bus: Callable[..., Awaitable[Bus]], tmp_path: Path
) -> AsyncIterator[Callable[..., Awaitable[House]]]:
    """`house = await make_house(sockets_per_user=2)`; `without="tenancy"` has that neighbour away."""
    processes: list[tuple[Process, House]] = []
    listening: list[Bus] = []

    async def hear(message: LiveMessage) -> None:
        world.audit.append((message.tenant_id, RequestAudited.FromString(message.data).entry))

    async def make(*, without: str = "", **settings: Any) -> House:
        for service, servicers in world.servicers().items():
            server = await rpc.serve(service, servicers)
            if service == without:
                await server.stop()
        defaults: dict[str, Any] = {
            "http_host": "127.0.0.1", "http_port": 0, "public_grpc_host": "127.0.0.1", "public_grpc_port": 0,
            "nats_url": nats_server.url, "internal_key": rpc.internal_key, "peers": rpc.addresses,
            "web_dist": str(tmp_path), "requests_per_second": 10_000, "stranger_requests_per_second": 10_000,
            "sign_ins_per_minute": 60_000, "widget_calls_per_minute": 60_000,
        }  # fmt: skip
        if not listening:
            ears = await make_bus("tenancy", url=(defaults | settings)["nats_url"])
            await ears.subscribe("merkez.*.audit.v1.request_audited", hear)
            await ears.nats.flush()
            listening.append(ears)
        process = Process(5.0)
        gateway = await start(process, GatewaySettings(service="gateway", **(defaults | settings)))
        house = House(world, gateway, process, await make_bus("routing"), rpc)
        processes.append((process, house))
        return house

    yield make
    for process, house in processes:
        await house.http.aclose()
        await process.drain()
        await process.stack.aclose()


@pytest_asyncio.fixture
async def house(make_house: Callable[..., Awaitable[House]]) -> House:
    """A gateway as it comes."""
    return await make_house()
