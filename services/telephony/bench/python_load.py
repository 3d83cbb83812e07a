"""The load where there is no C compiler: the same streams and figures from one Python thread, for a few dozen calls.

Its own turn counts as delay, and it compares payloads whole, as load.c does.
"""

from __future__ import annotations

import asyncio
import os
import random
import struct
import time
from typing import Any

import numpy as np
from listening import Packet
from load import SETTLE_SECONDS, End, Figures
from pylibsrtp import Error

_HEADER = struct.Struct("!BBHII")
_STAMP = struct.Struct("!dI")
_SLOTS = 20


class PythonLoad:
    """Streams of a set of calls. Ends 2n and 2n+1 are each other's, unless they say sounds."""

    def __init__(self, ends: list[End]) -> None:
        self.ends = ends
        self._ssrcs = [random.getrandbits(32) for _ in ends]
        self._said = [1000] * len(ends)
        self._filling = os.urandom(max((end.payload_size for end in ends), default=0))
        self._begin()

    def _begin(self) -> None:
        count = len(self.ends)
        self._sent, self._received, self._wrong, self._rtcp = [0] * count, [0] * count, 0, 0
        self._delays = np.zeros(200_000, dtype=np.uint32)
        self._numbers: list[set[int]] = [set() for _ in self.ends]
        self._heard: dict[int, list[Packet]] = {n: [] for n, end in enumerate(self.ends) if end.listens}
        self._sent_at: dict[int, dict[int, float]] = {n: {} for n, end in enumerate(self.ends) if end.saying}

    async def measure(self, seconds: float) -> Figures:
        """Send for `seconds` and wait for what is still on its way."""
        # The private names: a socket of aioice's still belongs to its transport, which the public ones respect.
        loop: Any = asyncio.get_running_loop()
        self._begin()
        for number, end in enumerate(self.ends):
            if end.taken is not None:
                end.taken(True)
            loop._add_reader(end.socket.fileno(), self._readable, number)
        late = await self._pace(seconds)
        await asyncio.sleep(SETTLE_SECONDS)
        for end in self.ends:
            loop._remove_reader(end.socket.fileno())
            if end.taken is not None:
                end.taken(False)
        return Figures(
            sum(self._sent), sum(self._received), sum(map(self._lost, range(len(self.ends)))), self._wrong, 0,
            self._rtcp, 0, late, self._delays, self._heard, self._sent_at.__getitem__,
        )  # fmt: skip

    def _lost(self, number: int) -> int:
        missing = self._sent[number] - self._received[number]
        if self.ends[number].saying is None:
            return missing
        numbers = self._numbers[number]
        first = min(numbers, default=0)
        # A run is far shorter than the numbers' circle: what looks long began before it closed.
        around = {(each - first + 0x8000 & 0xFFFF) - 0x8000 for each in numbers}
        gaps = max(around, default=-1) - min(around, default=0) + 1 - len(numbers)
        return max(gaps, missing, 0)

    def close(self) -> None:
        """Nothing is held."""

    async def _pace(self, seconds: float) -> float:
        """Every end sends each 20 ms, spread evenly over them; the share of slots that began over 1 ms late."""
        loop = asyncio.get_running_loop()
        began, ticks, late = loop.time(), int(seconds * 50 * _SLOTS), 0
        for tick in range(ticks):
            for number in range(tick % _SLOTS, len(self.ends), _SLOTS):
                self._send(number)
            due = began + (tick + 1) * 0.02 / _SLOTS
            late += loop.time() > due + 0.001
            # Also when late: what has arrived must be read, or it waits here and counts as delay.
            await asyncio.sleep(max(0.0, due - loop.time()))
        return late / max(1, ticks)

    def _send(self, number: int) -> None:
        end = self.ends[number]
        count = self._said[number] = self._said[number] + 1
        head = _HEADER.pack(
            0x80, end.payload_type, count & 0xFFFF, count * end.samples & 0xFFFFFFFF, self._ssrcs[number]
        )
        if end.saying is not None:
            packet = head + end.saying.payloads[count % len(end.saying.payloads)]
            self._sent_at[number][count] = time.perf_counter()
        else:
            packet = head + _STAMP.pack(time.perf_counter(), number) + self._filling[: end.payload_size - _STAMP.size]
        end.socket.sendto(end.tx.protect(packet) if end.tx is not None else packet, end.to)
        self._sent[number] += 1

    def _readable(self, number: int) -> None:
        end = self.ends[number]
        data, address = end.socket.recvfrom(2048)
        now = time.perf_counter()
        if not 127 < data[0] < 192:
            if end.other is not None:
                end.other(data, address)
            return
        if 191 < data[1] < 224:
            self._rtcp += 1
            return
        try:
            plain = end.rx.unprotect(data) if end.rx is not None else data
        except Error:
            self._wrong += 1
            return
        self._received[number] += 1
        if end.saying is None:
            self._compare(number, plain, now)
            return
        _, payload_type, sequence, timestamp, _ = _HEADER.unpack_from(plain)
        self._numbers[number].add(sequence)
        if number in self._heard and payload_type & 0x7F == end.payload_type:
            self._heard[number].append(Packet(now, timestamp, plain[_HEADER.size :]))

    def _compare(self, number: int, plain: bytes, now: float) -> None:
        size = self.ends[number].payload_size
        if len(plain) != _HEADER.size + size:
            self._wrong += 1
            return
        sent, source = _STAMP.unpack_from(plain, _HEADER.size)
        if source != number ^ 1 or plain[_HEADER.size + _STAMP.size :] != self._filling[: size - _STAMP.size]:
            self._wrong += 1
        self._delays[min(len(self._delays) - 1, max(0, int((now - sent) * 1e6)))] += 1
