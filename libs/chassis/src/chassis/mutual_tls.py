"""Mutual TLS between our processes and to NATS: who we are and whom we believe, from files that are read again.

Every process has a certificate for `<service>.merkez.internal` and for `merkez.internal`, signed by the installation's
own authority. Who calls asks for the first of whom it means, so that one service's key opens no door in another's name;
probes ask for the second. Who is called takes anybody whom the authority signed: what they may do is the internal
token's matter (docs/decisions/0003).

Files are looked at once a second at most, when somebody connects or calls. What is broken or half-written there is told
of and not taken up: what was read before stays in force. docs/mechanisms/mutual-tls.md
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from chassis.lifecycle import Tasks
from chassis.settings import ProcessSettings
from chassis.telemetry import gauge, log

DOMAIN = "merkez.internal"
_LOOK_SECONDS = 1.0
_left = gauge("merkez.certificate.left", "s", "Until this process's certificate expires; less than 0 when it has")
_TELL_SECONDS = 60.0
SOON = timedelta(days=3)
"""Whoever renews certificates has done so long before; from here on the log says that they haven't."""


class CertificateUnusable(ValueError):
    """The files don't make a certificate, its key and an authority; the message says which and why."""


@dataclass(frozen=True)
class Material:
    """What the files held when they were read."""

    certificate: bytes
    key: bytes
    authority: bytes
    expires: datetime

    def channel(self, address: str, service: str, options: Sequence[tuple[str, Any]] = ()) -> grpc.aio.Channel:
        """For calling a service, or with "" whoever of ours answers."""
        credentials = grpc.ssl_channel_credentials(self.authority, self.key, self.certificate)
        options = [*options, ("grpc.ssl_target_name_override", name_of(service))]
        return grpc.aio.secure_channel(address, credentials, options=options)

    def server_configuration(self) -> grpc.ServerCertificateConfiguration:
        """For being called."""
        return grpc.ssl_server_certificate_configuration([(self.key, self.certificate)], self.authority)


class Identity:
    """This process's certificate. Threads may ask too: gRPC does when somebody connects."""

    def __init__(self, certificate: str, key: str, authority: str) -> None:
        self._paths = tuple(map(Path, (certificate, key, authority)))
        self._lock = threading.Lock()
        self._stamps = self._stamped()
        self._material = _read(*self._paths)
        self._looked = monotonic()
        self._told: dict[str, float] = {}

    @classmethod
    def of(cls, settings: ProcessSettings) -> Identity | None:
        """By the settings; None where calls are plain. CertificateUnusable."""
        if not settings.tls_certificate:
            return None
        return cls(settings.tls_certificate, settings.tls_key, settings.tls_authority)

    def current(self) -> Material:
        """What is in force now: another object when it was renewed."""
        with self._lock:
            if monotonic() - self._looked >= _LOOK_SECONDS:
                self._looked = monotonic()
                self._look()
            return self._material

    def server_credentials(self) -> grpc.ServerCredentials:
        """For a server: who connects meets what is in force then, and must be signed by the authority."""
        last = self.current()

        def renewed() -> grpc.ServerCertificateConfiguration | None:
            nonlocal last
            found = self.current()
            if found is last:
                return None
            last = found
            return found.server_configuration()

        return grpc.dynamic_ssl_server_credentials(
            last.server_configuration(),
            renewed,  # type: ignore[arg-type]  # None says that nothing changed; the stubs leave that out
            require_client_authentication=True,
        )

    def nats_context(self) -> tuple[ssl.SSLContext, Callable[[], None]]:
        """For NATS' client, which keeps one context for good: the context, and what renews it in place."""
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=self.current().authority.decode())
        taken: Material | None = None

        def renew() -> None:
            nonlocal taken
            found = self.current()
            if found is taken:
                return
            try:
                # OpenSSL reads chains from files alone; these are ours already and may change once more meanwhile.
                context.load_cert_chain(self._paths[0], self._paths[1])
                context.load_verify_locations(cadata=found.authority.decode())
                taken = found
            except (ssl.SSLError, OSError) as error:
                self._tell("nats", "the renewed certificate can't be used for NATS yet", str(error))

        renew()
        return context, renew

    def _look(self) -> None:
        stamps = self._stamped()
        if stamps != self._stamps:
            try:
                self._material = _read(*self._paths)
                self._stamps = stamps
                log.info("the certificate was renewed", expires=self._material.expires.isoformat())
            except CertificateUnusable as error:
                self._tell("unusable", "a renewed certificate can't be used; the one before stays", str(error))
        left = self._material.expires - datetime.now(UTC)  # noqa: TID251 - what neighbours compare it with
        _left.set(left.total_seconds())
        if left <= timedelta(0):
            said = f"expired {self._material.expires:%Y-%m-%d %H:%M} UTC: neighbours and NATS refuse new connections"
            self._tell("expired", "this process's certificate has expired", f"{said}; renew {self._paths[0]}")
        elif left < SOON:
            self._tell(
                "soon", "this process's certificate expires soon", f"{self._material.expires:%Y-%m-%d %H:%M} UTC"
            )

    def _tell(self, key: str, what: str, problem: str) -> None:
        if monotonic() - self._told.get(key, -_TELL_SECONDS) >= _TELL_SECONDS:
            self._told[key] = monotonic()
            log.error(what, problem=problem)

    def _stamped(self) -> tuple[tuple[int, int, int] | None, ...]:
        def one(path: Path) -> tuple[int, int, int] | None:
            with contextlib.suppress(OSError):
                found = path.stat()
                return found.st_mtime_ns, found.st_ino, found.st_size
            return None

        return tuple(map(one, self._paths))


class Line:
    """The channel to one address. With mutual TLS another one once the certificate was renewed: the one before goes on
    with the calls it has until the renewal after."""

    def __init__(self, open_channel: Callable[[Material | None], grpc.aio.Channel], identity: Identity | None) -> None:
        self._open = open_channel
        self._identity = identity
        self._material = identity.current() if identity is not None else None
        self._channel = open_channel(self._material)
        self._before: grpc.aio.Channel | None = None
        self._tasks = Tasks("line")

    def channel(self) -> grpc.aio.Channel:
        """The one to call by now."""
        if self._identity is not None and (found := self._identity.current()) is not self._material:
            if self._before is not None:
                self._tasks.spawn(self._before.close(), "close an old channel")
            self._before, self._channel, self._material = self._channel, self._open(found), found
        return self._channel

    async def close(self) -> None:
        """Calls in flight are cancelled."""
        await self._channel.close()
        if self._before is not None:
            await self._before.close()
        await self._tasks.drain()


def _read(certificate: Path, key: Path, authority: Path) -> Material:
    try:
        pems = certificate.read_bytes(), key.read_bytes(), authority.read_bytes()
    except OSError as error:
        raise CertificateUnusable(f"{error.filename}: {error.strerror}") from None
    try:
        own = x509.load_pem_x509_certificates(pems[0])[0]
        signs = load_pem_private_key(pems[1], None)
        x509.load_pem_x509_certificates(pems[2])
    except (ValueError, TypeError) as error:
        raise CertificateUnusable(f"{certificate}, {key} or {authority} isn't PEM: {error}") from None
    if own.public_key() != signs.public_key():
        raise CertificateUnusable(f"{key} isn't the key of {certificate}")
    return Material(*pems, own.not_valid_after_utc)


def name_of(service: str) -> str:
    """What a service's certificate is for; of any of ours without one."""
    return f"{service}.{DOMAIN}" if service else DOMAIN
