"""When certificates expire: those in files, and the one browsers are shown."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from merkez_ops.doctor import Finding, doubtful, fine, skipped, wrong
from merkez_ops.settings import OpsSettings

SOON = timedelta(days=14)
"""A renewal that works has happened by then."""


async def certificate_findings(settings: OpsSettings, now: datetime) -> AsyncIterator[Finding]:
    """Of every certificate that settings name."""
    named = settings.tls_certificate, settings.tls_authority, settings.database_tls_authority
    paths = [*settings.certificates, *filter(None, named)]
    for path in dict.fromkeys(paths):
        yield of_file(path, now)
    parts = urlsplit(settings.public_url)
    if parts.scheme == "https" and parts.hostname:
        yield await of_server(parts.hostname, parts.port or 443, now)
    elif not paths:
        yield skipped("certificates", "set MERKEZ_PUBLIC_URL (https) or MERKEZ_CERTIFICATES (PEM files, with commas)")


def of_file(path: str, now: datetime) -> Finding:
    """Of the certificates in a PEM file: the one that ends first counts."""
    what = f"certificate {path}"
    try:
        found = x509.load_pem_x509_certificates(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        return wrong(what, f"can't be read: {error}", "put a PEM certificate there, readable by who runs this")
    return judge(what, min(found, key=lambda each: each.not_valid_after_utc), now)


async def of_server(host: str, port: int, now: datetime) -> Finding:
    """Of what a TLS server shows, whoever signed it."""
    what = f"certificate of {host}:{port}"
    try:
        pem = await asyncio.to_thread(ssl.get_server_certificate, (host, port), timeout=5)
    except OSError as error:
        return wrong(what, f"can't be asked for: {error}", "see whether it is reached from here")
    return judge(what, x509.load_pem_x509_certificate(pem.encode()), now)


def judge(what: str, certificate: x509.Certificate, now: datetime) -> Finding:
    """By its dates alone."""
    until, since = certificate.not_valid_after_utc, certificate.not_valid_before_utc
    day = f"{until:%Y-%m-%d %H:%M} UTC"
    if until <= now:
        return wrong(what, f"expired {day}", "renew it now: nobody who checks it connects any more")
    if since > now:
        return wrong(what, f"isn't valid before {since:%Y-%m-%d %H:%M} UTC", "look at the clock of who issued it")
    if until - now < SOON:
        return doubtful(what, f"expires {day}", "see why it wasn't renewed yet: `kubectl describe certificate`")
    return fine(what, f"is valid until {day}")
