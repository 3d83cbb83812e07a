"""rtpengine in userspace, with its NG protocol (bencoded dictionaries over UDP): a media relay to stand beside."""

from __future__ import annotations

import asyncio
import secrets
import socket
from pathlib import Path
from typing import Any

from testkit.voice_peers.ports import Ports
from testkit.voice_peers.process import PeerFailed, PeerProcess
from testkit.waiting import PATIENCE


class Rtpengine(PeerProcess):
    """One rtpengine. `rtp` is the port range for media; by default 40 ports of its own."""

    program = "rtpengine"

    def __init__(self, name: str, folder: Path, ports: Ports, *, rtp: tuple[int, int] | None = None) -> None:
        super().__init__(name, folder)
        self.host = ports.host
        self.port = ports.one()
        self.media_ports = range(rtp[0], rtp[1] + 1) if rtp else range((first := ports.take(40)[0]), first + 40)

    async def start(self) -> None:
        """Start it and wait until it answers."""
        self.spawn([
            # Debian's own settings name ports that two of them can't have.
            "--config-file=none", "--table=-1", "--foreground", "--log-stderr", "--log-level=5",
            f"--interface={self.host}",
            f"--listen-ng={self.host}:{self.port}", f"--port-min={self.media_ports[0]}",
            f"--port-max={self.media_ports[-1]}",
            f"--pidfile={self.folder}/rtpengine.pid",
        ])  # fmt: skip
        await self.ready(lambda: self.listens(self.port))
        if (await self.ask({"command": "ping"}))["result"] != "pong":
            raise PeerFailed(f"{self.name} doesn't answer\n{self.tail()}")

    async def ask(self, command: dict[str, Any], timeout: float = PATIENCE) -> dict[str, Any]:
        """Its answer to an NG command, such as `{"command": "offer", "sdp": ..., "call-id": ..., "from-tag": ...}`."""
        return await asyncio.to_thread(self._ask, command, timeout)

    def _ask(self, command: dict[str, Any], timeout: float) -> dict[str, Any]:
        cookie = secrets.token_hex(6).encode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.bind((self.host, 0))
            asking.settimeout(timeout)
            asking.sendto(cookie + b" " + encoded(command), (self.host, self.port))
            while True:
                mark, _, answer = asking.recv(65_535).partition(b" ")
                if mark == cookie:
                    return decoded(answer)


def encoded(value: dict[str, Any] | list[Any] | str | int) -> bytes:
    """A value in bencoding."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        raw = value.encode()
        return b"%d:%s" % (len(raw), raw)
    if isinstance(value, list):
        return b"l" + b"".join(encoded(item) for item in value) + b"e"
    return b"d" + b"".join(encoded(key) + encoded(item) for key, item in sorted(value.items())) + b"e"


def decoded(raw: bytes) -> Any:
    """The value in bencoding; strings as str. Raises `ValueError` when it isn't one."""
    return _decoded(raw, 0)[0]


def _decoded(raw: bytes, at: int) -> tuple[Any, int]:
    kind = raw[at : at + 1]
    if kind == b"i":
        end = raw.index(b"e", at)
        return int(raw[at + 1 : end]), end + 1
    if kind in (b"l", b"d"):
        items, at = [], at + 1
        while raw[at : at + 1] != b"e":
            item, at = _decoded(raw, at)
            items.append(item)
        return (items if kind == b"l" else dict(zip(items[::2], items[1::2], strict=True))), at + 1
    colon = raw.index(b":", at)
    end = colon + 1 + int(raw[at:colon])
    return raw[colon + 1 : end].decode(errors="surrogateescape"), end
