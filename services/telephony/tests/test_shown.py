"""A renewed certificate is shown to who connects from then on; one without its key never."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from chassis import watched
from telephony.live.sip.shown import shown
from testkit.certificates import self_signed


async def _met(port: int) -> bytes:
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=anybody)
    found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return found


def _made(folder: Path) -> tuple[Path, Path]:
    folder.mkdir()
    return self_signed(folder, "127.0.0.1")


async def test_a_renewed_certificate_is_shown_to_who_connects_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched, "LOOK_SECONDS", 0.0)
    first, second = _made(tmp_path / "first"), _made(tmp_path / "second")
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"

    def put(whose: tuple[Path, Path], *, with_key: bool = True) -> bytes:
        certificate.write_bytes(whose[0].read_bytes())
        if with_key:
            key.write_bytes(whose[1].read_bytes())
        return ssl.PEM_cert_to_DER_cert(whose[0].read_text())

    before = put(first)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    look = shown(context, str(certificate), str(key))
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        assert await _met(port) == before
        put(second, with_key=False)  # who writes them is between the two
        look()
        assert await _met(port) == before
        after = put(second)
        look()
        assert await _met(port) == after != before
    finally:
        server.close()


def test_files_that_cannot_be_used_are_refused_at_the_start(tmp_path: Path) -> None:
    certificate, _ = _made(tmp_path / "one")
    _, key = _made(tmp_path / "another")
    with pytest.raises((OSError, ValueError)):
        shown(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), str(certificate), str(key))
