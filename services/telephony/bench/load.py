"""The load of the media benches, as Python sees it: streams in, figures out. The work is load.c's.

The generator has to be much cheaper than what it measures: at 700 calls it sends and reads 70,000 packets a second,
encrypts and decrypts each, and compares each byte of each. It is C, compiled into a temporary folder when the bench
starts, and runs in a thread of its own without the GIL. Without a C compiler `python_load` does the same; it should
then be asked for a few dozen calls at most.

Added delay is from just before sendto to the kernel's receive time of the same packet at the other end, so it
holds the way in over loopback, the server's wait and work, and the way out, and not the load's own turn.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import random
import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pylibsrtp import Session
from pylibsrtp._binding import ffi, lib

_HISTORY, _BUCKETS = 1024, 200_000
_SETTLE_SECONDS = 0.3
PAYLOAD = 80
"""Bytes of a 20 ms Opus packet at 32 kbit/s."""


class _Stream(ctypes.Structure):
    _fields_ = (
        ("fd", ctypes.c_int32), ("address_length", ctypes.c_uint32), ("address", ctypes.c_uint8 * 32),
        ("tx", ctypes.c_void_p), ("rx", ctypes.c_void_p),
        ("ssrc", ctypes.c_uint32), ("timestamp", ctypes.c_uint32), ("samples", ctypes.c_uint32),
        ("payload_size", ctypes.c_uint32), ("expected", ctypes.c_uint32), ("count", ctypes.c_uint32),
        ("reports", ctypes.c_uint32), ("sequence", ctypes.c_uint16), ("payload_type", ctypes.c_uint8),
        ("measured", ctypes.c_uint8),
        ("sent", ctypes.c_uint64), ("received", ctypes.c_uint64), ("wrong", ctypes.c_uint64),
        ("twice", ctypes.c_uint64), ("rtcp", ctypes.c_uint64), ("due", ctypes.c_uint64),
        ("sent_at", ctypes.c_uint64 * _HISTORY), ("counts", ctypes.c_uint32 * _HISTORY),
    )  # fmt: skip


class _Load(ctypes.Structure):
    _fields_ = (
        ("streams", ctypes.POINTER(_Stream)), ("count", ctypes.c_uint32), ("other_fd", ctypes.c_uint32),
        ("protect", ctypes.c_void_p), ("unprotect", ctypes.c_void_p),
        ("protect_rtcp", ctypes.c_void_p), ("unprotect_rtcp", ctypes.c_void_p),
        ("late_turns", ctypes.c_uint64), ("turns", ctypes.c_uint64),
        ("delays", ctypes.c_uint32 * _BUCKETS), ("stop", ctypes.c_uint32),
    )  # fmt: skip


@dataclass
class End:
    """One end of a call at the load's side: its socket, where it sends, its keys (None: plain RTP)."""

    socket: socket.socket
    to: tuple[str, int]
    tx: Session | None = None
    rx: Session | None = None
    payload_type: int = 96
    samples: int = 960
    payload_size: int = PAYLOAD
    same: bool = True
    """Whether what it hears is byte for byte what the other end sent (not so when it is transcoded or mixed)."""
    other: Callable[[bytes, tuple[str, int]], None] | None = None
    """Takes each datagram that isn't SRTP (STUN, DTLS)."""
    taken: Callable[[bool], None] | None = None
    """Told True before the load reads the socket, and False after."""


@dataclass
class Figures:
    """What one run measured. Delays in microseconds by the bucket's index."""

    sent: int
    received: int
    wrong: int
    twice: int
    rtcp: int
    gone: int
    """Ends whose socket was closed before, for instance because a consent check failed on a starved machine."""
    late_share: float
    """Share of packets the load itself sent more than 1 ms late: above a few percent it was the bottleneck."""
    delays: NDArray[np.uint32]

    def delay_ms(self, share: float) -> float | None:
        """The delay that this share of packets stayed under."""
        total = int(self.delays.sum())
        return None if not total else float(np.searchsorted(np.cumsum(self.delays), share * total)) / 1000


def compile_load(folder: Path) -> Path | None:
    """The compiled load, or None when this machine has no C compiler."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    made = folder / "load.so"
    source = Path(__file__).with_name("load.c")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", made, source], check=True)
    return made


def _pointer(name: str) -> int:
    return int(ffi.cast("uintptr_t", ffi.addressof(lib, name)))


def _session(session: Session | None) -> int | None:
    return None if session is None else int(ffi.cast("uintptr_t", session._srtp[0]))


class CLoad:
    """Streams of a set of calls. Ends 2n and 2n+1 are each other's."""

    def __init__(self, library: Path, ends: list[End]) -> None:
        self.ends = ends
        self._run = ctypes.CDLL(str(library)).load_run
        self._run.argtypes = [ctypes.POINTER(_Load), ctypes.c_double, ctypes.c_double]
        self._streams = (_Stream * max(1, len(ends)))()
        self._theirs, self._ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._theirs.setblocking(False)
        self._ours.setblocking(False)
        self._load = _Load(
            streams=self._streams, count=len(ends), other_fd=self._theirs.fileno(),
            protect=_pointer("srtp_protect"), unprotect=_pointer("srtp_unprotect"),
            protect_rtcp=_pointer("srtp_protect_rtcp"), unprotect_rtcp=_pointer("srtp_unprotect_rtcp"),
        )  # fmt: skip
        for number, end in enumerate(ends):
            self._fill(self._streams[number], end, number ^ 1)

    def _fill(self, stream: _Stream, end: End, expected: int) -> None:
        packed = _sockaddr(end.to)
        stream.fd, stream.address_length, stream.samples = end.socket.fileno(), len(packed), end.samples
        ctypes.memmove(stream.address, packed, len(packed))
        stream.tx, stream.rx = _session(end.tx), _session(end.rx)
        stream.ssrc, stream.payload_type, stream.payload_size = (
            random.getrandbits(32),
            end.payload_type,
            end.payload_size,
        )
        stream.expected, stream.measured, stream.sequence = expected, int(end.same), 1000

    def run(self, seconds: float) -> Figures:
        """Send for `seconds` and wait for what is still on its way. Blocks; call it in a thread."""
        for stream, end in zip(self._streams, self.ends, strict=False):
            stream.fd = end.socket.fileno()
        before = self._counts()
        ctypes.memset(self._load.delays, 0, ctypes.sizeof(self._load.delays))
        self._load.turns = self._load.late_turns = 0
        if self._run(ctypes.byref(self._load), seconds, _SETTLE_SECONDS):
            raise OSError("the load could not be started")
        sent, received, wrong, twice, rtcp = (
            after - earlier for after, earlier in zip(self._counts(), before, strict=True)
        )
        late = self._load.late_turns / max(1, self._load.turns)
        gone = sum(end.socket.fileno() < 0 for end in self.ends)
        return Figures(sent, received, wrong, twice, rtcp, gone, late, np.array(self._load.delays, dtype=np.uint32))

    async def measure(self, seconds: float) -> Figures:
        """`run` in a thread, while STUN goes on being answered here."""
        loop = asyncio.get_running_loop()
        self._taken(True)
        loop.add_reader(self._ours.fileno(), self._pass_on)
        try:
            return await asyncio.to_thread(self.run, seconds)
        finally:
            loop.remove_reader(self._ours.fileno())
            self._taken(False)

    def _taken(self, by_load: bool) -> None:
        for end in self.ends:
            if end.taken is not None:
                end.taken(by_load)

    def _pass_on(self) -> None:
        """Give the datagrams that weren't SRTP to who answers them."""
        while True:
            try:
                frame = self._ours.recv(4096)
            except BlockingIOError:
                return
            end = self.ends[int.from_bytes(frame[:4], "little")]
            if end.other is not None:
                end.other(frame[4:], end.to)

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()

    def _counts(self) -> tuple[int, ...]:
        used = self._streams[: len(self.ends)]
        return tuple(sum(getattr(s, name) for s in used) for name in ("sent", "received", "wrong", "twice", "rtcp"))


def _sockaddr(address: tuple[str, int]) -> bytes:
    """struct sockaddr_in or sockaddr_in6 in the machine's byte order of the family."""
    host, port = address
    if ":" in host:
        family, middle = socket.AF_INET6, bytes(4) + socket.inet_pton(socket.AF_INET6, host) + bytes(4)
    else:
        family, middle = socket.AF_INET, socket.inet_aton(host) + bytes(8)
    return int(family).to_bytes(2, "little") + port.to_bytes(2, "big") + middle
