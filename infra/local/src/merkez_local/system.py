"""All of Merkez as processes of one machine: where its data is, which ports it takes, its start and its stop.

Used by `make run` and by tests that need the whole system. Public ports are the caller's choice; what talks only
to itself (PostgreSQL, NATS, services among each other) takes free ports of loopback.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from chassis.schemas import role_url
from chassis.settings import SERVICES, SETTINGS_WRONG

from merkez_local import guard, logs, nats, operations, postgres
from merkez_local.children import Child, unbroken
from merkez_local.claim import AlreadyRuns, Card, Claim
from merkez_local.console import Console
from merkez_local.database import DATABASE, bring_up_to_date
from merkez_local.nats import Nats, start_nats
from merkez_local.place import HERE, Place
from merkez_local.postgres import Postgres, free_port, start_postgres
from merkez_local.services import settings_problems, start_service
from merkez_local.web_build import build_web

ROOT = Path(__file__).resolve().parents[4]
READY_DEADLINE = 60.0
TELEPHONY = "telephony"


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
    telephony_nodes: int = 1
    """How many processes hold calls; each is a node of its own and adopts the calls of one that dies."""
    place: Place = HERE
    postgres: Postgres | None = None
    """A running server of several regions, with an up to date database; None starts one of its own."""
    environment: dict[str, str] = field(default_factory=dict)
    """More `MERKEZ_*` variables for every service."""

    @property
    def processes(self) -> dict[str, str]:
        """Process -> its service, in the order they start."""
        nodes = {f"{TELEPHONY}-{number}": TELEPHONY for number in range(1, self.telephony_nodes)}
        return {name: name for name in SERVICES} | nodes


class System:
    """A running Merkez."""

    def __init__(self, options: Options, console: Console) -> None:
        self.options = options
        self.console = console
        self.children: dict[str, Child] = {}
        self.servers: dict[str, Child] = {}
        """`PostgreSQL` and `NATS`, in their order of start; nothing works without them."""
        self.lost = asyncio.Event()
        """Set when one of the servers can't be kept running; `lost_reason` says why in one line."""
        self.lost_reason = ""
        self._postgres: Postgres | None = options.postgres
        self._nats: Nats | None = None
        self._claim = Claim(options.data_dir)
        self._guard: subprocess.Popen[bytes] | None = None
        self._ports = {name: free_port() for name in (*options.processes, "PostgreSQL", "NATS")}
        self._http_port = options.http_port or free_port()
        self._grpc_port = options.grpc_port or free_port()

    @property
    def url(self) -> str:
        """Where a browser goes."""
        return f"http://{self._public_host}:{self._http_port}"

    @property
    def grpc_address(self) -> str:
        """Where partners' gRPC goes."""
        return f"{self._public_host}:{self._grpc_port}"

    @property
    def _public_host(self) -> str:
        return "localhost" if self.options.place == HERE else self.options.place.host

    @property
    def data_dir(self) -> Path:
        """Where everything is kept."""
        return self.options.data_dir

    @property
    def _database(self) -> str:
        if (server := self.options.postgres) is not None:
            return f"postgresql+asyncpg://{server.host}:{server.port}/{DATABASE}"
        return f"postgresql+asyncpg://127.0.0.1:{self._ports['PostgreSQL']}/{DATABASE}"

    @property
    def nats_url(self) -> str:
        """Address of nats-server, for tests that look at the bus."""
        return f"nats://{self.options.place.host}:{self._ports['NATS']}"

    @property
    def admin_database_url(self) -> str:
        """The administrator's URL, for tests that look at the rows."""
        assert self._postgres is not None
        return self._postgres.url(DATABASE)

    def service_address(self, name: str) -> str:
        """Internal gRPC address of a service: of all its processes, where there are several."""
        ports = [self._ports[process] for process, service in self.options.processes.items() if service == name]
        several = ",".join(f"{self.options.place.host}:{port}" for port in ports)
        return several if len(ports) == 1 else f"ipv4:{several}"

    async def start(self) -> None:
        """Starts everything and returns when it answers. Raises `StartFailed` after stopping what had begun."""
        try:
            self._claim_folder()
            self._check_settings()
            notes = await self._begin_guard()
            self._claim_ports()
            await asyncio.gather(self._start_servers(notes), self._build_web())
            await self._migrate()
            await self._start_services(notes)
        except BaseException as error:
            await self.stop()
            if isinstance(error, (asyncio.CancelledError, KeyboardInterrupt, StartFailed)):
                raise
            raise StartFailed(str(error)) from error

    async def stop(self) -> None:
        """Stops all of it: the edge first, the databases last."""
        edge = [child for name, child in self.children.items() if name == "gateway"]
        inner = [child for name, child in self.children.items() if name != "gateway"]
        for group in (edge, inner):
            await asyncio.gather(*(child.stop() for child in group))
        self.children.clear()
        for server in reversed(self.servers.values()):
            await server.stop()
        self.servers.clear()
        self._postgres, self._nats = self.options.postgres, None
        if self._guard is not None:
            assert self._guard.stdin is not None
            self._guard.stdin.close()
            await asyncio.to_thread(self._guard.wait)
            self._guard = None
        self._claim.release()

    async def end(self) -> None:
        """Ends all of it at once without a word, as a region's loss of power would. `stop` is still due."""
        await asyncio.gather(*(child.end() for child in (*self.children.values(), *self.servers.values())))

    async def wait_ready(self, name: str, deadline: float = READY_DEADLINE) -> None:
        """Returns once a service answers its health check. Raises `StartFailed` after `deadline` seconds, or when it
        ends again and again."""
        child = self.children[name]
        end, before = time.monotonic() + deadline, child.restarts
        log = f"its log: {logs.place(self._log_of(name))}"
        while not await self._answers(name):
            if self.lost.is_set():
                raise StartFailed(self.lost_reason)
            if child.exit_code == SETTINGS_WRONG or child.restarts - before > 1:
                raise StartFailed(child.ended)
            if time.monotonic() > end:
                raise StartFailed(f"{name} does not answer after {deadline:.0f} s ({log})")
            await asyncio.sleep(0.1)

    def _claim_folder(self) -> None:
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            self._claim.take(Card(self.url, self.grpc_address, self._database, os.getpid()))
            for name in ("logs", "traces", "services", "running"):
                (self.data_dir / name).mkdir(exist_ok=True)
            make_secrets(self.data_dir)
        except AlreadyRuns as error:
            raise StartFailed(str(error)) from None
        except OSError as error:
            instead = "choose another: MERKEZ_LOCAL_DIR=/folder make run"
            raise StartFailed(f"The data folder can't be used ({error}): {instead}") from None

    def _check_settings(self) -> None:
        # Before anything starts: a service takes seconds to find out, and then says so among other things.
        if problems := settings_problems({name: self._environment(name, name) for name in SERVICES}):
            raise StartFailed("; ".join(problems))

    async def _begin_guard(self) -> Path:
        # Each run has a folder of its own, so that the guard of a run that was killed never removes the next one's.
        running = self.data_dir / "running"
        for left in running.iterdir():
            await unbroken(asyncio.to_thread(guard.clean, left))
        notes = Path(tempfile.mkdtemp(dir=running))
        self._guard = guard.start(notes)
        return notes

    def _claim_ports(self) -> None:
        for port, what, variable in (
            (self._http_port, "HTTP", "MERKEZ_HTTP_PORT"),
            (self._grpc_port, "gRPC", "MERKEZ_PUBLIC_GRPC_PORT"),
        ):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("0.0.0.0", port))
                except OSError as error:
                    taken = error.errno == errno.EADDRINUSE
                    why = "is taken: stop what uses it, or" if taken else f"can't be used ({error.strerror}):"
                    raise StartFailed(f"Port {port} ({what}) {why} choose another: {variable}=9090 make run") from None

    async def _start_servers(self, notes: Path) -> None:
        folder, durable, place = self.data_dir, self.options.durable, self.options.place

        def postgresql() -> subprocess.Popen[bytes]:
            self._postgres = start_postgres(folder / "postgres", port=self._ports["PostgreSQL"], durable=durable)
            assert self._postgres.process is not None
            return self._postgres.process

        def nats_server() -> subprocess.Popen[bytes]:
            self._nats = start_nats(folder / "nats", port=self._ports["NATS"], durable=durable, place=place)
            assert self._nats.process is not None
            return self._nats.process

        for name, start, log, how in (
            # SIGINT is PostgreSQL's fast shutdown: sessions are cut, data is safe.
            ("PostgreSQL", postgresql, folder / "postgres" / postgres.LOG, signal.SIGINT),
            ("NATS", nats_server, folder / "nats" / nats.LOG, signal.SIGTERM),
        ):
            if name == "PostgreSQL" and self.options.postgres is not None:
                continue
            self.servers[name] = Child(name, start, log, self.console, notes, stop_signal=how, give_up=self._lose)
        await asyncio.gather(*(self._start_server(server) for server in self.servers.values()))

    async def _start_server(self, server: Child) -> None:
        await server.start()
        self.console.step(f"{server.name} is up")

    def _lose(self, reason: str) -> None:
        self.lost_reason = reason
        self.lost.set()

    async def _build_web(self) -> None:
        if self.options.web:
            await build_web(ROOT, self.console)
            self.console.step("The web app is built")

    async def _migrate(self) -> None:
        if self.options.postgres is not None:
            return
        assert self._postgres is not None
        password = (self.data_dir / "role.password").read_text()
        await bring_up_to_date(self._postgres, password)
        self.console.step("The database is up to date")

    async def _start_services(self, notes: Path) -> None:
        for name, service in self.options.processes.items():
            log = self._log_of(name)
            start = partial(start_service, service, self._environment(name, service), log, self.options.place)
            self.children[name] = Child(name, start, log, self.console, notes)
        await asyncio.gather(*(child.start() for child in self.children.values()))
        self.console.step(f"Starting {', '.join(SERVICES)}")
        await asyncio.gather(*(self.wait_ready(name) for name in self.options.processes))
        operations.note(self.data_dir, self.operations_environment())
        self.console.step("Every service answers")

    def _log_of(self, name: str) -> Path:
        return self.data_dir / "logs" / f"{name}.log"

    def _environment(self, name: str, service: str) -> dict[str, str]:
        password = (self.data_dir / "role.password").read_text()
        folder = self.data_dir / "services" / name
        folder.mkdir(exist_ok=True)
        node = name if name != service else f"{service}-0"
        own = (
            {
                "GRPC_PORT": str(self._ports[name]),
                "NATS_URL": self.nats_url,
                "INTERNAL_KEY": str(self.data_dir / "internal.jwk"),
                "TRACE_DIR": str(self.data_dir / "traces"),
                "DATA_DIR": str(folder),
                "HTTP_PORT": str(self._http_port),
                "PUBLIC_GRPC_PORT": str(self._grpc_port),
                "PUBLIC_URL": self.url,
                "WEB_DIST": str(ROOT / "services" / "web" / "dist"),
                "NODE_ID": node,
            }
            | self._region(node)
            | database_settings(self._database, service, password)
            | {f"{peer.upper()}_ADDRESS": self.service_address(peer) for peer in SERVICES}
        )
        return (
            # Carriers that are tried out beside it. Nobody's but this machine's owner reaches a system begun this way.
            {"MERKEZ_SIP_PRIVATE_NETWORKS": "127.0.0.0/8", "MERKEZ_CARRIER": "simulated"}
            | dict(os.environ)
            # What this run decides wins over what the shell happens to say.
            | {f"MERKEZ_{key}": value for key, value in own.items()}
            | {"PYTHONUNBUFFERED": "1"}
            | self.options.environment
        )

    def _region(self, node: str) -> dict[str, str]:
        place = self.options.place
        if not place.regions:
            return {}
        hosts = dict.fromkeys(("GRPC_HOST", "HTTP_HOST", "PUBLIC_GRPC_HOST", "MEDIA_ADDRESSES"), place.host)
        return hosts | {"REGION": place.region, "REGIONS": ",".join(place.regions), "NODE_ID": f"{node}.{place.region}"}

    def operations_environment(self) -> dict[str, str]:
        """What `merkez-ops` is told, to look at this run."""
        base = self._environment("gateway", "gateway")
        told = ("NATS_URL", "INTERNAL_KEY", "TURN_URLS", "PUBLIC_URL", "REGION", "REGIONS")
        kept = [f"MERKEZ_{name}" for name in told]
        peers = [f"MERKEZ_{peer.upper()}_ADDRESS" for peer in SERVICES if peer != "gateway"]
        own = {"MERKEZ_ADMIN_DATABASE_URL": self.admin_database_url, "MERKEZ_GATEWAY_URL": self.url}
        return {name: base[name] for name in (*kept, *peers) if name in base} | own

    async def _answers(self, name: str) -> bool:
        # Loaded only here, where the services are loading as well.
        from merkez_local.health import serves_grpc, serves_http

        if self.children[name].pid == 0:
            return False
        host = self.options.place.host
        return await (serves_http(self._http_port, host) if name == "gateway" else serves_grpc(self._ports[name], host))


def database_settings(database: str, service: str, password: str) -> dict[str, str]:
    """Settings by which a service reaches its rows, without their prefix. `database`: its URL, of whatever user."""
    return {
        "DATABASE_URL": role_url(database, service, password),
        "SYSTEM_DATABASE_URL": role_url(database, service, password, system=True),
    }


def make_secrets(folder: Path) -> None:
    """What services trust each other by, and the password of their roles; what is there already stays."""
    for name, make in (("internal.jwk", _internal_key), ("role.password", lambda: secrets.token_hex(24))):
        path = folder / name
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(make())


def _internal_key() -> str:
    from chassis.auth import generate_key

    return generate_key()
