"""A PostgreSQL that speaks TLS, which the wheel of `make run` can't: Debian's, on a folder of a test's own."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from merkez_local import guard
from merkez_local.postgres import free_port

from testkit.certificates import Own

_SETTINGS = {
    "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "ssl": "on",
    "ssl_cert_file": "tls.crt", "ssl_key_file": "tls.key", "max_connections": "40",
}  # fmt: skip


class TlsPostgres:
    """A running server; whoever comes without TLS is turned away."""

    def __init__(self, folder: Path, port: int, password: str) -> None:
        self.folder, self.port, self.password = folder, port, password

    def url(
        self, user: str = "postgres", password: str = "", host: str = "127.0.0.1", dialect: str = "postgresql"
    ) -> str:
        """SQLAlchemy's URL; the administrator's unless told otherwise."""
        who = f"{user}:{password or self.password}" if user == "postgres" or password else user
        return f"{dialect}+asyncpg://{who}@{host}:{self.port}/postgres"

    def show(self, own: Own) -> None:
        """Show this certificate to whoever connects from now on."""
        _place(self.folder, own)
        _run("pg_ctl", "reload", "-D", str(self.folder))


@contextmanager
def tls_postgres(own: Own) -> Iterator[TlsPostgres]:
    """Start one that shows `own`; it is stopped and its folder removed afterwards."""
    home = Path(tempfile.mkdtemp(prefix="merkez-tls-"))
    folder, password, port = home / "data", secrets.token_hex(12), free_port()
    secret = home / "admin.password"
    secret.write_text(password)
    for path in (home, secret):
        shutil.chown(path, *_whose())
    try:
        _run(
            "initdb", "--auth=scram-sha-256", "--no-sync", "--no-instructions", "--encoding=utf8", "--locale=C.UTF-8",
            f"--pwfile={secret}", "-U", "postgres", "-D", str(folder),
        )  # fmt: skip
        (folder / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
        _place(folder, own)
        options = " ".join(f"-c {name}='{value}'" for name, value in (_SETTINGS | {"port": str(port)}).items())
        _run("pg_ctl", "start", "--wait", "-D", str(folder), "-l", str(folder / "log"), "-o", options)
        noted = guard.note(
            Path(os.environ["MERKEZ_TEST_RUN_DIR"]), int((folder / "postmaster.pid").read_text().split()[0])
        )
        try:
            yield TlsPostgres(folder, port, password)
        finally:
            _run("pg_ctl", "stop", "-m", "fast", "-D", str(folder))
            noted.unlink(missing_ok=True)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _place(folder: Path, own: Own) -> None:
    for name, source in (("tls.key", own.key), ("tls.crt", own.certificate)):
        path = folder / f"{name}.new"
        path.write_bytes(source.read_bytes())
        path.chmod(0o600)
        shutil.chown(path, *_whose())
        path.replace(folder / name)


def _whose() -> tuple[int, int]:
    # PostgreSQL refuses to run as root.
    entry = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    return entry.pw_uid, entry.pw_gid


def _run(program: str, *arguments: str) -> None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    assert found, "Debian's postgresql isn't here: `make peers` brings it"
    given: dict[str, Any] = {}
    if os.geteuid() == 0:
        given["user"], given["group"] = _whose()
    done = subprocess.run(
        [str(found[-1]), *arguments], stdout=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
        stderr=subprocess.STDOUT, cwd="/", timeout=120, check=False, **given,
    )  # fmt: skip
    assert done.returncode == 0, f"{program}: {done.stdout!r}"
