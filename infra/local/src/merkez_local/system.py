"""All of Merkez as processes of one machine: where its data is, which ports it takes, its start and its stop.

Used by `make run` and by tests that need the whole system. Public ports are the caller's choice; what talks only
to itself (PostgreSQL, NATS, services among each other) takes free ports of loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
from chassis.auth import generate_key
from chassis.migrate import migrate, role_url, services_with_migrations
from chassis.settings import SERVICES
from grpc_health.v1 import health_pb2, health_pb2_grpc

from merkez_local.children import Child
from merkez_local.console import Console
from merkez_local.nats import Nats, start_nats
from merkez_local.postgres import Postgres, free_port, start_postgres
from merkez_local.web_build import build_web

ROOT = Path(__file__).resolve().parents[4]
DATABASE = "merkez"
READY_DEADLINE = 60.0


class StartFailed(RuntimeError):
    """Merkez did not start; the message says what failed and what to do, in a line or with a log's last lines."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to run. Port 0 takes a free one."""

    data_dir: Path
    http_port: int = 8080
    grpc_port: int = 8081
    durable: bool = True
    web: bool = True
    environment: dict[str, str] = field(default_factory=dict)
    """More `MERKEZ_*` variables for every service."""


class System:
    """A running Merkez."""

    def __init__(self, options: Options, console: Console) -> None:
        self.options = options
        self.console = console
        self.children: dict[str, Child] = {}
        self._postgres: Postgres | None = None
        self._nats: Nats | None = None
        self._ports = {name: free_port() for name in SERVICES}
        self._http_port = options.http_port or free_port()
        self._grpc_port = options.grpc_port or free_port()

    @property
    def url(self) -> str:
        """Where a browser goes."""
        return f"http://localhost:{self._http_port}"

    @property
    def grpc_address(self) -> str:
        """Where partners' gRPC goes."""
        return f"localhost:{self._grpc_port}"

    @property
    def data_dir(self) -> Path:
        """Where everything is kept."""
        return self.options.data_dir

    @property
    def nats_url(self) -> str:
        """Address of nats-server, for tests that look at the bus."""
        assert self._nats is not None
        return self._nats.url

    @property
    def admin_database_url(self) -> str:
        """The administrator's URL, for tests that look at the rows."""
        assert self._postgres is not None
        return self._postgres.url(DATABASE)

    def service_address(self, name: str) -> str:
        """Internal gRPC address of a service."""
        return f"127.0.0.1:{self._ports[name]}"

    async def start(self) -> None:
        """Starts everything and returns when it answers. Raises `StartFailed` after stopping what had begun."""
        try:
            self._claim_ports()
            self._prepare_folders()
            await asyncio.gather(self._start_postgres(), self._start_nats(), self._build_web())
            await self._migrate()
            await self._start_services()
            self._write_card()
        except BaseException as error:
            await self.stop()
            if isinstance(error, (asyncio.CancelledError, KeyboardInterrupt, StartFailed)):
                raise
            raise StartFailed(str(error)) from error

    async def stop(self) -> None:
        """Stops all of it: the edge first, the databases last."""
        (self.data_dir / "run.json").unlink(missing_ok=True)
        edge = [child for name, child in self.children.items() if name == "gateway"]
        inner = [child for name, child in self.children.items() if name != "gateway"]
        for group in (edge, inner):
            await asyncio.gather(*(child.stop() for child in group))
        self.children.clear()
        for server in (self._nats, self._postgres):
            if server is not None:
                await asyncio.to_thread(server.stop)
        self._nats = self._postgres = None

    async def wait_ready(self, name: str, deadline: float = READY_DEADLINE) -> None:
        """Returns once a service answers its health check. Raises `StartFailed` after `deadline` seconds."""
        end = time.monotonic() + deadline
        while not await self._answers(name):
            child = self.children[name]
            if time.monotonic() > end or child.restarts > 2:
                raise StartFailed(f"{name} did not start; the end of its log:\n{child.last_words()}")
            await asyncio.sleep(0.05)

    def _claim_ports(self) -> None:
        for port, what in ((self._http_port, "HTTP"), (self._grpc_port, "gRPC")):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("0.0.0.0", port))
                except OSError:
                    variable = f"MERKEZ_{'HTTP' if what == 'HTTP' else 'PUBLIC_GRPC'}_PORT"
                    raise StartFailed(
                        f"Port {port} ({what}) is taken: stop what uses it, or choose another: {variable}=9090 make run"
                    ) from None

    def _prepare_folders(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        for name in ("logs", "traces", "services"):
            (self.data_dir / name).mkdir(exist_ok=True)
        for name, make in (("internal.jwk", generate_key), ("role.password", lambda: secrets.token_hex(24))):
            path = self.data_dir / name
            if not path.exists():
                with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                    file.write(make())

    async def _start_postgres(self) -> None:
        self._postgres = await asyncio.to_thread(
            start_postgres, self.data_dir / "postgres", durable=self.options.durable
        )
        self.console.step("PostgreSQL is up")

    async def _start_nats(self) -> None:
        self._nats = await asyncio.to_thread(start_nats, self.data_dir / "nats", durable=self.options.durable)
        self.console.step("NATS is up")

    async def _build_web(self) -> None:
        if self.options.web:
            await asyncio.to_thread(build_web, ROOT, self.console)
            self.console.step("The web app is built")

    async def _migrate(self) -> None:
        assert self._postgres is not None
        password = (self.data_dir / "role.password").read_text()
        await asyncio.to_thread(_create_database, self._postgres)
        services = services_with_migrations()
        await migrate(self.admin_database_url, services, dict.fromkeys(services, password))
        self.console.step("The database is up to date")

    async def _start_services(self) -> None:
        for name in SERVICES:
            log = self.data_dir / "logs" / f"{name}.log"
            self.children[name] = Child(name, self._environment(name), log, self.console)
        await asyncio.gather(*(child.start() for child in self.children.values()))
        self.console.step(f"Starting {', '.join(SERVICES)}")
        await asyncio.gather(*(self.wait_ready(name) for name in SERVICES))
        self.console.step("Every service answers")

    def _environment(self, name: str) -> dict[str, str]:
        assert self._postgres is not None and self._nats is not None
        password = (self.data_dir / "role.password").read_text()
        folder = self.data_dir / "services" / name
        folder.mkdir(exist_ok=True)
        own = (
            database_settings(self.admin_database_url, name, password)
            | {
                "GRPC_PORT": str(self._ports[name]),
                "NATS_URL": self._nats.url,
                "INTERNAL_KEY": str(self.data_dir / "internal.jwk"),
                "TRACE_DIR": str(self.data_dir / "traces"),
                "DATA_DIR": str(folder),
                "HTTP_PORT": str(self._http_port),
                "PUBLIC_GRPC_PORT": str(self._grpc_port),
                "PUBLIC_URL": self.url,
                "WEB_DIST": str(ROOT / "services" / "web" / "dist"),
            }
            | {f"{peer.upper()}_ADDRESS": self.service_address(peer) for peer in SERVICES}
        )
        return (
            dict(os.environ)
            # What this run decides wins over what the shell happens to say.
            | {f"MERKEZ_{key}": value for key, value in own.items()}
            | {"PYTHONUNBUFFERED": "1"}
            | self.options.environment
        )

    async def _answers(self, name: str) -> bool:
        if self.children[name].pid == 0:
            return False
        if name == "gateway":
            with contextlib.suppress(httpx.HTTPError):
                async with httpx.AsyncClient() as client:
                    return (await client.get(f"{self.url}/readyz", timeout=2)).status_code == 200
            return False
        try:
            async with grpc.aio.insecure_channel(self.service_address(name)) as channel:
                stub: Any = health_pb2_grpc.HealthStub(channel)
                answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=2)
                return answer.status == health_pb2.HealthCheckResponse.SERVING
        except grpc.aio.AioRpcError:
            return False

    def _write_card(self) -> None:
        # Where the running system is, for `make demo`, `make bench-call` and `make operator`; nothing secret.
        assert self._postgres is not None
        database = self._postgres.url(DATABASE, password="")
        card = {"url": self.url, "grpc": self.grpc_address, "database": database, "pid": os.getpid()}
        (self.data_dir / "run.json").write_text(json.dumps(card))


def database_settings(admin_url: str, service: str, password: str) -> dict[str, str]:
    """Settings by which a service reaches its rows, without their prefix."""
    return {
        "DATABASE_URL": role_url(admin_url, service, password),
        "SYSTEM_DATABASE_URL": role_url(admin_url, service, password, system=True),
    }


def _create_database(server: Postgres) -> None:
    async def create() -> None:
        import asyncpg

        connection = await asyncpg.connect(server.url().replace("+asyncpg", ""))
        try:
            if not await connection.fetchval("select 1 from pg_database where datname = $1", DATABASE):
                await connection.execute(f'CREATE DATABASE "{DATABASE}"')
        finally:
            await connection.close()

    asyncio.run(create())
