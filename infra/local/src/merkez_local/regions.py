"""Several regions of Merkez on one machine, as they are on several: each all of it, with a NATS domain of its own.

What outlives any region is beside them: one database (PostgreSQL here; CockroachDB over three places in production),
the folder of recordings, and what leads people to a region that lives (`front`). As root each region has a network
of its own that can be cut; else an address of loopback.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from merkez_local import guard, postgres
from merkez_local.children import Child
from merkez_local.console import Console
from merkez_local.database import bring_up_to_date
from merkez_local.front import Front
from merkez_local.network import Network, may_cut
from merkez_local.place import Place
from merkez_local.postgres import Postgres, free_port, start_postgres
from merkez_local.system import Options, System, make_secrets

REGIONS = ("eu-central", "eu-west")


@dataclass(frozen=True, kw_only=True)
class RegionsOptions:
    """How to run them."""

    data_dir: Path
    names: Sequence[str] = REGIONS
    durable: bool = True
    web: bool = True
    environment: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    """Region -> public port; a free one for those that aren't named."""


class Regions:
    """Running regions by their names, and what is beside them."""

    def __init__(self, options: RegionsOptions, console: Console) -> None:
        self.options = options
        self.console = console
        self.network = Network(options.names) if may_cut() else None
        self.systems: dict[str, System] = {}
        self._leaves = {name: free_port() for name in options.names}
        self._edges = {name: free_port() for name in options.names}
        self._database: Child | None = None
        self._postgres: Postgres | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        hosts = {name: (self._host(name), self._edges[name]) for name in options.names}
        self.front = Front(hosts)

    async def start(self) -> None:
        """Start everything. What failed is raised after the rest was stopped."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def start_region(self, name: str) -> None:
        """Start a region that was killed, or never ran."""
        if name in self.systems:
            await self.systems[name].stop()
        system = self.systems[name] = System(self._options(name), self.console)
        await system.start()

    async def kill(self, name: str) -> None:
        """All of a region dies at once. `start_region` brings it back."""
        await self.systems[name].end()

    async def stop(self) -> None:
        """Stop everything."""
        await self.front.close()
        await asyncio.gather(*(system.stop() for system in self.systems.values()))
        if self._database is not None:
            await self._database.stop()
        if self.network is not None:
            self.network.remove()
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            await asyncio.to_thread(self._guard.wait)

    def url(self, name: str) -> str:
        """Where people of a region go."""
        return self.front.url(name)

    @property
    def database_url(self) -> str:
        """The administrator's URL."""
        assert self._postgres is not None
        return self._postgres.url("merkez")

    @property
    def people(self) -> str:
        """This machine's address, from which every region can be reached."""
        return self.network.host if self.network is not None else "127.0.0.1"

    async def _start(self) -> None:
        shared = self.options.data_dir / "shared"
        running = self.options.data_dir / "running"
        for folder in (shared, running):
            folder.mkdir(parents=True, exist_ok=True)
        notes = Path(tempfile.mkdtemp(dir=running))
        self._guard = guard.start(notes)
        if self.network is not None:
            self.network.make()
        await self._start_database(shared, notes)
        await self.front.start(self.options.ports)
        first, *others = self.options.names  # the first one makes the keys that all share
        await self.start_region(first)
        await asyncio.gather(*map(self.start_region, others))

    async def _start_database(self, shared: Path, notes: Path) -> None:
        port = free_port()
        host = self.people

        def start() -> subprocess.Popen[bytes]:
            durable = self.options.durable
            self._postgres = start_postgres(shared / "postgres", port=port, durable=durable, host=host)
            assert self._postgres.process is not None
            return self._postgres.process

        log = shared / "postgres" / postgres.LOG
        self._database = Child("PostgreSQL", start, log, self.console, notes, stop_signal=signal.SIGINT)
        await self._database.start()
        make_secrets(shared)
        password = shared / "role.password"
        assert self._postgres is not None
        await bring_up_to_date(self._postgres, password.read_text())
        self.console.step("The database of all regions is up to date")

    def _host(self, name: str) -> str:
        if self.network is not None:
            return self.network.host_of(name)
        return f"127.0.0.{self.options.names.index(name) + 2}"

    def _options(self, name: str) -> Options:
        shared, folder = self.options.data_dir / "shared", self.options.data_dir / name
        folder.mkdir(exist_ok=True)
        for key in ("internal.jwk", "role.password"):
            shutil.copy(shared / key, folder / key)
        names = self.options.names
        place = Place(
            region=name,
            regions=tuple(names),
            host=self._host(name),
            namespace=self.network.namespace(name) if self.network is not None else "",
            leaf_port=self._leaves[name],
            # One of each two joins the other.
            remotes=tuple(f"nats://{self._host(each)}:{self._leaves[each]}" for each in names[: names.index(name)]),
        )
        return Options(
            data_dir=folder,
            http_port=self._edges[name],
            grpc_port=0,
            durable=self.options.durable,
            web=self.options.web,
            place=place,
            postgres=self._postgres,
            environment={
                "MERKEZ_SIGNING_KEYS": str(shared / "signing.jwks"),
                "MERKEZ_RECORDING_STORE_URL": (shared / "recordings").absolute().as_uri(),
                "MERKEZ_RECORDING_MASTER_KEY_URI": (shared / "master-key.json").absolute().as_uri(),
                "MERKEZ_PUBLIC_URL": self.front.url(name),
            }
            | self.options.environment,
        )
