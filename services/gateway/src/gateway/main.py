"""Composition root of the gateway: build, start, drain, stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import uvicorn
from chassis.bus import Bus
from chassis.grpc import Peers
from chassis.lifecycle import Process, run_service
from chassis.telemetry import log
from kernel.clock import SystemClock
from starlette.types import ASGIApp

from gateway.apikeys import ApiKeys
from gateway.app import Health, build_app
from gateway.assets import Assets
from gateway.audit import AuditLog
from gateway.budgets import TELL_EVERY_SECONDS, RequestBudgets
from gateway.call_traces import CallTraces
from gateway.contracts import methods
from gateway.edge import Edge
from gateway.grpc_edge import PublicGrpc
from gateway.identity import Identity
from gateway.neighbours import Neighbours
from gateway.openapi import build_document
from gateway.rest import Rest
from gateway.rules import Router, load_rules
from gateway.settings import GatewaySettings
from gateway.signin import SignIn
from gateway.socket.agent import AgentSockets
from gateway.socket.connection import MAX_MESSAGE_BYTES
from gateway.socket.hub import Hub
from gateway.socket.screen_pop import ScreenPops
from gateway.socket.widget import Widgets
from gateway.tokens import AccessTokens, SigningKeys

_FAREWELL_SECONDS = 2.0
"""How long who keeps a connection has to ask once more and be sent away; who asks more rarely seldom meets the end."""


class Gateway:
    """The whole edge, built and started; `http_port` and `grpc_port` say where it listens."""

    def __init__(self, settings: GatewaySettings, bus: Bus, peers: Peers):
        clock = SystemClock()
        routes = load_rules(methods())
        neighbours = Neighbours(peers)
        self.keys = SigningKeys(neighbours.signing_keys, clock)
        tokens = AccessTokens(self.keys, settings.access_audience, clock)
        identity = Identity(tokens, ApiKeys(neighbours.verify_api_key, clock), clock)
        traces = CallTraces()
        self.audit = AuditLog(bus, clock)
        self.budgets = RequestBudgets(bus, clock)
        by_action = {route.method.action: route for route in routes}
        edge = Edge(by_action, neighbours, identity, self.audit, self.budgets, settings, clock)
        self.hub = Hub(bus, identity, traces, ScreenPops(neighbours).text, settings)
        https = settings.public_url.startswith("https:")
        app = build_app(
            Rest(Router(routes), edge, SignIn(settings.public_url), traces),
            build_document(routes, metadata.version("merkez-gateway")),
            Assets(Path(settings.web_dist)),
            AgentSockets(edge, self.hub, traces, settings, clock),
            Widgets(neighbours, self.hub, traces, settings, clock),
            Health(self.keys, bus, self.hub),
            https=https,
        )
        self.http = HttpServer(app, settings)
        self.grpc = PublicGrpc(edge, traces, settings)

    @property
    def http_port(self) -> int:
        """Where HTTP and WebSockets are served."""
        return self.http.port

    @property
    def grpc_port(self) -> int:
        """Where public gRPC is served."""
        return self.grpc.port

    async def start(self, process: Process) -> None:
        """Begin to serve, and register what has to drain and close."""
        self.hub.start()
        self.audit.start()
        process.closing(self.audit)
        process.closing(self.budgets)
        process.closing(self.hub)
        process.closing(self.http)
        process.closing(self.grpc)
        process.draining(self.hub.drain)
        process.draining(self.http.drain)
        process.draining(self.grpc.drain)
        process.draining(self.audit.drain)
        await self.grpc.start()
        process.tasks.spawn(self.http.serve(), "http server")
        process.tasks.every(TELL_EVERY_SECONDS, self.budgets.tell_over, "requests over soft limits")
        process.tasks.every(240.0, self.keys.keep_fresh, "refresh signing keys")


class HttpServer(uvicorn.Server):
    """uvicorn on a socket of ours, stopped by our own lifecycle instead of its signal handlers."""

    def __init__(self, app: ASGIApp, settings: GatewaySettings):
        super().__init__(
            uvicorn.Config(
                app,
                loop="none",
                http="httptools",
                ws="websockets-sansio",
                ws_max_size=MAX_MESSAGE_BYTES,
                ws_ping_interval=20.0,
                ws_ping_timeout=20.0,
                ws_per_message_deflate=False,  # it costs more time than it saves on messages this small
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=bool(settings.proxies),
                forwarded_allow_ips=settings.proxies,
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=5,
            )
        )
        self._socket = _listen(settings.http_host, settings.http_port)
        self.port: int = self._socket.getsockname()[1]

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until drained or closed."""
        await super().serve([self._socket])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """chassis.lifecycle handles signals."""
        yield

    async def drain(self) -> None:
        """Let kept connections go with their next answer (gateway.app says `Connection: close` by now), then take no
        more and wait for live requests."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                while self.server_state.connections:
                    await asyncio.sleep(0.02)
        self.should_exit = True
        while self.server_state.connections:
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Stop at once."""
        self.should_exit = self.force_exit = True
        self._socket.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only when the protocol is said; with it every small answer takes 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise OSError(f"MERKEZ_HTTP_PORT {port} can't be taken: {error.strerror}") from error
    listening.listen(2048)
    listening.setblocking(False)
    return listening


async def start(process: Process, settings: GatewaySettings) -> Gateway:
    """Build the gateway of these settings and start it."""
    bus = process.closing(await Bus.connect(settings))
    peers = process.closing(Peers(settings))
    gateway = Gateway(settings, bus, peers)
    await gateway.start(process)
    log.info("the edge is open", http_port=gateway.http_port, grpc_port=gateway.grpc_port)
    return gateway


def main() -> None:
    """Run the gateway until it is told to stop."""
    run_service(lambda process: start(process, process.begin(GatewaySettings, service="gateway")))
