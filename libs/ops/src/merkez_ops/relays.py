"""Whether a STUN or TURN server answers: a Binding request (RFC 8489), over whatever its URL says."""

from __future__ import annotations

import asyncio
import re
import secrets
import ssl
import struct
from collections.abc import Sequence
from dataclasses import dataclass

_URL = re.compile(
    r"(?P<kind>stuns?|turns?):(?P<host>\[[^\]]+\]|[^:?]+)(:(?P<port>\d+))?(\?transport=(?P<over>udp|tcp))?"
)
_COOKIE = 0x2112A442
_BINDING, _SUCCESS = 0x0001, 0x0101
_TRIES = 3
PATIENCE = 2.0
"""Seconds a try has."""


@dataclass(frozen=True)
class Relay:
    """One URL browsers are told of (RFC 7064, RFC 7065)."""

    url: str
    host: str
    port: int
    over: str
    """udp, tcp or tls."""


def relays_of(urls: str) -> Sequence[Relay]:
    """Of URLs with commas; what is no URL is asked nowhere and so doesn't answer."""
    return [_relay(url.strip()) for url in urls.split(",") if url.strip()]


def _relay(url: str) -> Relay:
    found = _URL.fullmatch(url)
    if found is None:
        return Relay(url, "", 0, "udp")
    secure = found["kind"].endswith("s")
    over = "tls" if secure else found["over"] or "udp"
    return Relay(url, found["host"].strip("[]"), int(found["port"] or (5349 if secure else 3478)), over)


async def relay_answers(relay: Relay) -> str:
    """What is wrong with it; empty when nothing is."""
    if not relay.host:
        return "is no stun: or turn: URL"
    key = secrets.token_bytes(12)
    request = struct.pack("!HHI", _BINDING, 0, _COOKIE) + key
    try:
        answer = await (_over_udp if relay.over == "udp" else _over_stream)(relay, request)
    except TimeoutError:
        return f"no answer within {PATIENCE * (_TRIES if relay.over == 'udp' else 1):.0f} s"
    except OSError as error:
        return str(error)
    if len(answer) < 20 or answer[8:20] != key or struct.unpack("!H", answer[:2])[0] != _SUCCESS:
        return "answers something that isn't STUN"
    return ""


async def _over_udp(relay: Relay, request: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    heard: asyncio.Future[bytes] = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Listener(heard), remote_addr=(relay.host, relay.port)
    )  # fmt: skip
    try:
        for left in reversed(range(_TRIES)):  # a packet may be lost
            transport.sendto(request)
            try:
                return await asyncio.wait_for(asyncio.shield(heard), PATIENCE)
            except TimeoutError:
                if not left:
                    raise
        raise TimeoutError
    finally:
        transport.close()


async def _over_stream(relay: Relay, request: bytes) -> bytes:
    context = ssl.create_default_context() if relay.over == "tls" else None
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(relay.host, relay.port, ssl=context)
        try:
            writer.write(request)
            return await reader.readexactly(20)
        except asyncio.IncompleteReadError as error:
            return error.partial
        finally:
            writer.close()


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, heard: asyncio.Future[bytes]) -> None:
        self._heard = heard

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self._heard.done():
            self._heard.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._heard.done():
            self._heard.set_exception(exc)
