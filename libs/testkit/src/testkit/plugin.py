"""The pytest plugin: real PostgreSQL, nats-server and voice peers for whoever asks.

Nothing starts until a test needs it. Workers of one run share PostgreSQL (a lock decides who starts it) and the run's
first process stops it and removes its folder; a nats-server belongs to one test. Loaded by the root conftest.py.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from chassis.auth import generate_key
from chassis.bus import Bus
from chassis.settings import ProcessSettings
from chassis.sql import Database
from hypothesis import settings
from kernel.clock import Clock
from merkez_local import guard
from merkez_local.nats import Nats, start_nats
from merkez_local.postgres import Postgres, start_postgres

from testkit.clock import ManualClock
from testkit.cockroach import check_statements
from testkit.compiled import share_compiled
from testkit.databases import ELSEWHERE, Databases
from testkit.reruns import rerun
from testkit.rpc import RpcHouse

if TYPE_CHECKING:
    from testkit.voice_peers import VoicePeers

_SHARED = "MERKEZ_TEST_RUN_DIR"
_TIDY_SECONDS = 300
"""A busy machine takes its time over ten thousand files, and nothing of the run is wrong for that."""
_GUARD = pytest.StashKey[subprocess.Popen[bytes]]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """The run's first process makes the folder and its guard; its workers find the folder in their environment."""
    # What takes long on a machine that has much to do isn't wrong.
    settings.register_profile("merkez", deadline=None)
    settings.load_profile("merkez")
    if hasattr(config, "workerinput"):
        return
    os.environ[_SHARED] = tempfile.mkdtemp(prefix="merkez-test-")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or every process that starts compiles all it imports
    # pytest's own folder is shared by all runs of a user, and each start closes it to the account PostgreSQL runs as.
    config.option.basetemp = config.option.basetemp or f"{os.environ[_SHARED]}/tmp"
    # The guard lives until its stdin closes, so it also cleans up after a run that is killed.
    config.stash[_GUARD] = guard.start(Path(os.environ[_SHARED]))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Have everything stopped and removed."""
    watching = config.stash.get(_GUARD, None)
    if watching is not None and watching.stdin is not None:
        watching.stdin.close()
        watching.wait(_TIDY_SECONDS)


@pytest.fixture(scope="session")
def postgres() -> Postgres:
    """The run's PostgreSQL, fsync off."""

    def start(folder: Path) -> dict[str, Any]:
        server = start_postgres(folder / "postgres", durable=False)
        guard.note(folder, server.pid)
        return {"port": server.port, "password": server.password, "pid": server.pid, "data_dir": str(server.data_dir)}

    return _postgres(_shared_server("postgres", start))


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[Nats]:
    """A nats-server with JetStream of this test alone (it starts in 40 ms): empty streams, so that no other test's
    facts arrive, and free to be stopped and started again on its port."""
    server = start_nats(tmp_path / "nats", durable=False)
    noted = guard.note(Path(os.environ[_SHARED]), server.pid)
    yield server
    server.stop()
    noted.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def internal_key() -> str:
    """Path of the key that signs internal tokens in this run."""
    with _lock("key") as folder:
        path = folder / "internal-key.json"
        if not path.exists():
            path.write_text(generate_key())
    return str(path)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still until the test moves it."""
    return ManualClock()


@pytest.fixture(scope="module")
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Fresh databases for this test module, copied from a migrated template, or made on the server that is named
    (`testkit.databases.ELSEWHERE`)."""
    server = os.environ.get(ELSEWHERE) or request.getfixturevalue("postgres")
    made = Databases(server, Path(os.environ[_SHARED]))
    yield made
    made.drop()


ServiceDb = Callable[..., Awaitable[Database]]


@pytest_asyncio.fixture
async def service_db(databases: Databases) -> AsyncIterator[ServiceDb]:
    """`db = await service_db("routing", clock=clock)`: a migrated database, fresh per module and service.

    Tests of a module share it, so each makes its own tenants. Pass `fresh=True` for one of the test's own.
    """
    async with AsyncExitStack() as stack:

        async def make(service: str, *, clock: Clock | None = None, fresh: bool = False) -> Database:
            settings = await databases.settings(service, fresh=fresh)
            db = await Database.connect(settings, service, clock=clock, pool_size=5)
            for engine in (db.engine, db.system_engine):
                if engine is not None:
                    check_statements(engine)
                    share_compiled(engine)
            rerun(db)
            stack.push_async_callback(db.close)
            return db

        yield make


@pytest_asyncio.fixture
async def make_bus(nats_server: Nats) -> AsyncIterator[Callable[..., Awaitable[Bus]]]:
    """`bus = await make_bus("routing")`: a connected bus of that service on the test's nats-server."""
    async with AsyncExitStack() as stack:

        async def make(service: str, *, url: str = "") -> Bus:
            bus = await Bus.connect(ProcessSettings(service=service, nats_url=url or nats_server.url))
            stack.push_async_callback(bus.close)
            return bus

        yield make


@pytest_asyncio.fixture
async def rpc(internal_key: str) -> AsyncIterator[RpcHouse]:
    """Servers and stubs in this process over real sockets: `await rpc.serve("routing", [(add, servicer)])`, then
    `rpc.stub(QueueServiceStub, "routing")`."""
    house = RpcHouse(internal_key)
    yield house
    await house.close()


@pytest_asyncio.fixture
async def voice_peers(tmp_path: Path) -> AsyncIterator[VoicePeers]:
    """SIP, TURN and media peers of this test's own: `await voice_peers.start(Sipp, "carrier", UAS)`."""
    from testkit.voice_peers import VoicePeers  # brings aiortc, which a run without voice has no use for

    peers = VoicePeers(tmp_path / "peers")
    yield peers
    await peers.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test's report has its voice peers' logs."""
    report = yield
    peers: VoicePeers | None = getattr(item, "funcargs", {}).get("voice_peers")
    if report.failed and peers is not None:
        report.sections += [(f"log of {name}", log) for name, log in peers.logs().items()]
    return report


@contextmanager
def _lock(name: str) -> Iterator[Path]:
    folder = Path(os.environ[_SHARED])
    with (folder / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield folder


def _shared_server(name: str, start: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    with _lock(name) as folder:
        note = folder / f"{name}.json"
        if not note.exists():
            note.write_text(json.dumps(start(folder)))
        return json.loads(note.read_text())


def _postgres(note: dict[str, Any]) -> Postgres:
    return Postgres(Path(note["data_dir"]), note["port"], note["password"], note["pid"])
