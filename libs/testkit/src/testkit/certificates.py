"""Certificates for tests that speak TLS to a server of their own."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Own:
    """What one process is given: three PEM files."""

    certificate: Path
    key: Path
    authority: Path


class Certificates:
    """An authority of a test's own, that signs what the installation's would; good whenever the test runs."""

    def __init__(self, folder: Path, *, now: datetime = datetime(2020, 1, 1, tzinfo=UTC)) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._now = folder, now
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority {folder.name}")])
        own = self._signed(self._name, self._key, now + timedelta(days=36_500), ()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.authority = folder / "ca.crt"
        self.authority.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issue(
        self, service: str, *, until: datetime | None = None, into: Path | None = None, address: str = "127.0.0.1"
    ) -> Own:
        """A certificate for `<service>.merkez.internal`, `merkez.internal` and loopback, or another `address` in its
        place. Each file of `into` is replaced at once, as a kubelet does it."""
        folder = into or self._folder / service
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, service)])
        names = [x509.DNSName(each) for each in (f"{service}.merkez.internal", "merkez.internal", "localhost")]
        made = self._signed(
            name, key, until or self._now + timedelta(days=36_500),
            [*names, x509.IPAddress(ipaddress.ip_address(address))],
        )  # fmt: skip
        pem = made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        own = Own(folder / "tls.crt", folder / "tls.key", folder / "ca.crt")
        _put(own.key, _private(key))
        _put(own.certificate, pem)
        _put(own.authority, self.authority.read_bytes())
        return own

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, until: datetime, names: Sequence[x509.GeneralName]
    ) -> x509.CertificateBuilder:
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - timedelta(days=3650))
            .not_valid_after(until)
        )
        return made.add_extension(x509.SubjectAlternativeName(names), critical=False) if names else made


def _put(path: Path, data: bytes) -> None:
    path.with_suffix(".new").write_bytes(data)
    path.with_suffix(".new").replace(path)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def self_signed(folder: Path, address: str) -> tuple[Path, Path]:
    """A certificate for an IP address, which signs itself, and its key: two PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    # Good whenever the test runs.
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(_private(key))
    return paths
