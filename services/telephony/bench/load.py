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
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from listening import Packet
from numpy.typing import NDArray
from pylibsrtp import Session
from pylibsrtp._binding import ffi, lib
from sounds import Sound

_HISTORY, _BUCKETS, _KEPT = 1024, 200_000, 400
_HEARD = np.dtype([("at", "u8"), ("timestamp", "u4"), ("length", "u4"), ("payload", "V400")])
SETTLE_SECONDS = 0.3
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
        ("twice", ctypes.c_uint64), ("rtcp", ctypes.c_uint64), ("gaps", ctypes.c_uint64),
        ("saying", ctypes.c_void_p), ("hearing", ctypes.c_void_p), ("saying_count", ctypes.c_uint32),
        ("hearing_size", ctypes.c_uint32), ("hearing_count", ctypes.c_uint32), ("highest", ctypes.c_uint32),
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
    saying: Sound | None = None
    """What it says. None: bytes that the other end of its pair must get as they were sent, since nothing decodes them.
    """
    listens: bool = False
    """Whether what it hears is kept, to be listened to."""
    other: Callable[[bytes, tuple[str, int]], None] | None = None
    """Takes each datagram that isn't SRTP (STUN, DTLS)."""
    taken: Callable[[bool], None] | None = None
    """Told True before the load reads the socket, and False after."""


@dataclass
class Figures:
    """What one run measured. Delays in microseconds by the bucket's index."""

    sent: int
    received: int
    lost: int
    """Packets that never came; of sound that is made anew on its way: gaps in the numbering, or too few of them. What
    its decoder made up in their place can't be seen here (`Subject.heard`)."""
    wrong: int
    twice: int
    rtcp: int
    gone: int
    """Ends whose socket was closed before, for instance because a consent check failed on a starved machine."""
    late_share: float
    """Share of packets the load itself sent more than 1 ms late: above a few percent it was the bottleneck."""
    delays: NDArray[np.uint32]
    heard: dict[int, list[Packet]] = field(default_factory=dict)
    """What each end that listens got."""
    sent_at: Callable[[int], dict[int, float]] = lambda number: {}
    """When an end sent which packet, in seconds; the last 20 s of it, until the next run."""

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
    """Streams of a set of calls. Ends 2n and 2n+1 are each other's, unless they say sounds."""

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
        self._said: dict[Sound, NDArray[np.uint8]] = {}
        self._said_before = [0] * len(ends)
        self._heard: dict[int, NDArray[np.void]] = {}
        for number, end in enumerate(ends):
            self._fill(self._streams[number], end, number ^ 1)

    def _fill(self, stream: _Stream, end: End, expected: int) -> None:
        packed = _sockaddr(end.to)
        stream.fd, stream.address_length, stream.samples = end.socket.fileno(), len(packed), end.samples
        ctypes.memmove(stream.address, packed, len(packed))
        stream.tx, stream.rx = _session(end.tx), _session(end.rx)
        stream.ssrc, stream.payload_type = random.getrandbits(32), end.payload_type
        stream.payload_size, stream.expected, stream.sequence = end.payload_size, expected, 1000
        stream.measured = int(end.saying is None)
        if end.saying is not None:
            slots = self._said.setdefault(end.saying, _slots(end.saying))
            stream.saying, stream.saying_count = slots.ctypes.data, len(slots)

    def run(self, seconds: float) -> Figures:
        """Send for `seconds` and wait for what is still on its way. Blocks; call it in a thread."""
        self._begin(seconds)
        before = self._counts()
        if self._run(ctypes.byref(self._load), seconds, SETTLE_SECONDS):
            raise OSError("the load could not be started")
        counts = self._counts() - before
        sent, received, wrong, twice, rtcp, gaps = counts.T
        made_anew = np.array([end.saying is not None for end in self.ends])
        lost = np.where(made_anew, np.maximum(np.maximum(gaps, sent - received), 0), sent - received)
        totals = (int(each.sum()) for each in (sent, received, lost, wrong, twice, rtcp))
        return Figures(
            *totals,
            gone=sum(end.socket.fileno() < 0 for end in self.ends),
            late_share=self._load.late_turns / max(1, self._load.turns),
            delays=np.array(self._load.delays, dtype=np.uint32),
            heard={number: self._packets(number) for number in self._heard},
            sent_at=self._sent_at,
        )

    def _begin(self, seconds: float) -> None:
        """Fresh counters; sockets that were closed meanwhile are left out."""
        ctypes.memset(self._load.delays, 0, ctypes.sizeof(self._load.delays))
        self._load.turns = self._load.late_turns = 0
        room = int((seconds + SETTLE_SECONDS) * 60) + 50
        for number, (stream, end) in enumerate(zip(self._streams, self.ends, strict=False)):
            stream.fd, stream.highest, stream.hearing_count = end.socket.fileno(), 0, 0
            self._said_before[number] = stream.count
            if end.listens:
                kept = self._heard[number] = np.zeros(room, _HEARD)
                stream.hearing, stream.hearing_size = kept.ctypes.data, room

    def _packets(self, number: int) -> list[Packet]:
        kept = self._heard[number][: self._streams[number].hearing_count]
        return [
            Packet(int(each["at"]) / 1e9, int(each["timestamp"]), each["payload"].tobytes()[: int(each["length"])])
            for each in kept
        ]

    def _sent_at(self, number: int) -> dict[int, float]:
        stream, before = self._streams[number], self._said_before[number]
        return {count: at / 1e9 for count, at in zip(stream.counts, stream.sent_at, strict=True) if count > before}

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

    def _counts(self) -> NDArray[np.int64]:
        names = ("sent", "received", "wrong", "twice", "rtcp", "gaps")
        used = self._streams[: len(self.ends)]
        return np.array([[getattr(s, name) for name in names] for s in used], np.int64).reshape(-1, len(names))


def _slots(sound: Sound) -> NDArray[np.uint8]:
    """The sound's packets as load.c reads them: two bytes of length in the machine's order, then the payload."""
    slots = np.zeros((len(sound.payloads), 2 + _KEPT), np.uint8)
    for slot, payload in zip(slots, sound.payloads, strict=True):
        slot[:2] = np.frombuffer(np.uint16(len(payload)).tobytes(), np.uint8)
        slot[2 : 2 + len(payload)] = np.frombuffer(payload, np.uint8)
    return slots


def _sockaddr(address: tuple[str, int]) -> bytes:
    """struct sockaddr_in or sockaddr_in6 in the machine's byte order of the family."""
    host, port = address
    if ":" in host:
        family, middle = socket.AF_INET6, bytes(4) + socket.inet_pton(socket.AF_INET6, host) + bytes(4)
    else:
        family, middle = socket.AF_INET, socket.inet_aton(host) + bytes(8)
    return int(family).to_bytes(2, "little") + port.to_bytes(2, "big") + middle
