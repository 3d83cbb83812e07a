"""How a database lets us in: by a password and an authority out of files that are renewed while we run.

Both are looked at whenever a connection is opened. Those that are open go on: neither PostgreSQL nor CockroachDB asks
them again. docs/mechanisms/database-access.md
"""

from __future__ import annotations

import ssl
from time import monotonic
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.settings import ProcessSettings
from chassis.sqlerrors import REFUSED, sqlstate
from chassis.telemetry import log
from chassis.watched import Watched

_TELL_SECONDS = 60.0


class Access:
    """What new connections show the database, and what they ask of it."""

    def __init__(self, password_file: str = "", tls_authority: str = "") -> None:
        """OSError or ValueError when a file can't be read, or holds no password or certificate."""
        self._passwords = Watched(password_file, _passwords, "the database's password") if password_file else None
        self._authority = Watched(tls_authority, _context, "the database's authority") if tls_authority else None
        self._told: dict[str, float] = {}

    @classmethod
    def of(cls, settings: ProcessSettings) -> Access:
        """By the settings."""
        return cls(settings.database_password_file, settings.database_tls_authority)

    def open_by(self, engine: AsyncEngine) -> None:
        """Have the engine open its connections so."""
        if self._passwords is not None or self._authority is not None:
            event.listen(engine.sync_engine, "do_connect", self._connect)

    def _connect(self, dialect: Dialect, _record: Any, arguments: list[Any], named: dict[str, Any]) -> Any:
        given = dict(named)
        if self._authority is not None:
            given["ssl"] = self._authority.current()
        try:
            return self._by_passwords(dialect, arguments, given)
        except ssl.SSLError as error:
            self._tell("the database's certificate is refused; nothing is sent to it", str(error))
            raise
        except Exception as error:
            if isinstance(error, ConnectionError) and "SSL upgrade" in str(error):  # asyncpg's words: it has no code
                self._tell("the database speaks no TLS; nothing is sent to it", str(error))
            elif sqlstate(error) in REFUSED:
                self._tell("the database refuses this process's password", str(error))
            raise

    def _by_passwords(self, dialect: Dialect, arguments: list[Any], given: dict[str, Any]) -> Any:
        if self._passwords is None:
            return dialect.connect(*arguments, **given)
        *others, last = self._passwords.current()
        for password in others:
            try:
                return dialect.connect(*arguments, **given | {"password": password})
            except Exception as error:
                if sqlstate(error) not in REFUSED:
                    raise
        return dialect.connect(*arguments, **given | {"password": last})

    def _tell(self, what: str, problem: str) -> None:
        if monotonic() - self._told.get(what, -_TELL_SECONDS) >= _TELL_SECONDS:
            self._told[what] = monotonic()
            log.error(what, problem=problem)


def _passwords(content: bytes) -> tuple[str, ...]:
    found = tuple(filter(None, (line.strip() for line in content.decode().splitlines())))
    if not found:
        raise ValueError("it holds no password")
    return found


def _context(content: bytes) -> ssl.SSLContext:
    # Of these authorities alone, not the machine's; the host's name is checked (libpq's verify-full).
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise ValueError("it holds no PEM certificate")
    try:
        return ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=content.decode())
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(f"it holds what is no certificate: {error}") from None
