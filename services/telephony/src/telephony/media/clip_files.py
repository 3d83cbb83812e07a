"""Clips on the node's disk: a folder of bounded size, out of which goes what was not used for longest.

Layout: `<folder>/<version>/<key>.clip`: a magic, then each packet behind its length of two bytes. What another version
left in the folder is removed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

_VERSION = "3"
"""Raise it when the voice, level or encoding changes, or the file's format."""
_MAGIC = b"MRKCLIP1"
_ROOM = 0.9
"""Part of the bound that is left full when files have to go, so that not every new one needs a look at all of them."""


class ClipFiles:
    """Packets by key. Everything here blocks: call it in a thread. A disk that fails costs a repeat of the making."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder / _VERSION
        self._most = most_bytes
        self._turn = threading.Lock()
        self._folder.mkdir(parents=True, exist_ok=True)
        for other in folder.iterdir():
            if other != self._folder:
                shutil.rmtree(other, ignore_errors=True)
        self._bytes = sum(size for _, size, _ in self._listed())

    def read(self, key: str) -> tuple[bytes, ...] | None:
        """The packets kept under `key`; None when there are none."""
        path = self._path(key)
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        if not data.startswith(_MAGIC):
            return None
        packets, at = [], len(_MAGIC)
        while at + 2 <= len(data):
            size = int.from_bytes(data[at : at + 2], "big")
            packets.append(data[at + 2 : at + 2 + size])
            at += 2 + size
        # A disk that lost power may hold the beginning only: it is made anew.
        return tuple(packets) if packets and at == len(data) else None

    def write(self, key: str, packets: Sequence[bytes]) -> None:
        """Keep these packets, and give up others when the folder is full."""
        whole = b"".join([_MAGIC, *(len(packet).to_bytes(2, "big") + packet for packet in packets)])
        path = self._path(key)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        with self._turn, contextlib.suppress(OSError):
            temporary.write_bytes(whole)
            temporary.replace(path)
            self._bytes += len(whole)
            if self._bytes > self._most:
                self._make_room()

    def _make_room(self) -> None:
        found = sorted(self._listed())
        self._bytes = sum(size for _, size, _ in found)
        for _, size, path in found:
            if self._bytes <= self._most * _ROOM:
                break
            path.unlink(missing_ok=True)
            self._bytes -= size

    def _listed(self) -> list[tuple[int, int, Path]]:
        """(time of last use in ns, bytes, path) of every file."""
        found: list[tuple[int, int, Path]] = []
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                stat = path.stat()
                found.append((stat.st_mtime_ns, stat.st_size, path))
        return found

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.clip"
