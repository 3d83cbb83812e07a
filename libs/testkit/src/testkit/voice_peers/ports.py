"""Loopback ports for peers: free for UDP and TCP, and nobody else's until they are given back.

Peers are told their ports before they open them. Ports are taken in blocks below the kernel's range for outgoing
sockets, and a lock on each block keeps other test runs of this machine away until this one ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

BLOCK = 50
_LOWEST, _HIGHEST = 12_000, 32_000  # Linux gives outgoing sockets 32768 and up


class Ports:
    """Gives out ports of `host`; `close` gives all of them back."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self._locks: list[IO[str]] = []
        self._left: list[int] = []

    def take(self, count: int = 1) -> list[int]:
        """`count` ports one after the other, the first of them even (RFC 3550 11: RTP even, RTCP the next)."""
        if count > BLOCK:
            raise ValueError(f"a block has {BLOCK} ports, {count} were asked for")
        while True:
            if self._left and self._left[0] % 2:
                self._left.pop(0)
            if len(self._left) < count:
                self._left = self._block()
            taken, self._left = self._left[:count], self._left[count:]
            if all(_free(self.host, port) for port in taken):
                return taken

    def one(self) -> int:
        """One port."""
        return self.take()[0]

    def close(self) -> None:
        """Give them back."""
        for lock in self._locks:
            lock.close()
        self._locks, self._left = [], []

    def _block(self) -> list[int]:
        folder = Path(tempfile.gettempdir()) / f"merkez-test-ports-{os.getuid()}"
        folder.mkdir(exist_ok=True)
        starts = list(range(_LOWEST, _HIGHEST, BLOCK))
        random.shuffle(starts)
        for start in starts:
            lock = (folder / str(start)).open("w")
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._locks.append(lock)
                return list(range(start, start + BLOCK))
            lock.close()
        raise RuntimeError("no ports are left for voice peers")


def _free(host: str, port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            # As servers do: what only waits for the other side's last packets is free to them.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(kind == socket.SOCK_STREAM))
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True
