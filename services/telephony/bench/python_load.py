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
from load import End, Figures
from pylibsrtp import Error

_HEADER = struct.Struct("!BBHII")
_STAMP = struct.Struct("!dI")
_SLOTS = 20


class PythonLoad:
    """Streams of a set of calls. Ends 2n and 2n+1 are each other's."""

    def __init__(self, ends: list[End]) -> None:
        self.ends = ends
        self._ssrcs = [random.getrandbits(32) for _ in ends]
        self._sequences = [1000] * len(ends)
        self._fill = os.urandom(ends[0].payload_size - _STAMP.size) if ends else b""
        self._counts = {"sent": 0, "received": 0, "wrong": 0, "rtcp": 0}
        self._delays = np.zeros(200_000, dtype=np.uint32)

    async def measure(self, seconds: float) -> Figures:
        """Send for `seconds` and wait for what is still on its way."""
        # The private names: a socket of aioice's still belongs to its transport, which the public ones respect.
        loop: Any = asyncio.get_running_loop()
        self._counts = dict.fromkeys(self._counts, 0)
        self._delays[:] = 0
        for number, end in enumerate(self.ends):
            if end.taken is not None:
                end.taken(True)
            loop._add_reader(end.socket.fileno(), self._readable, number)
        late = await self._pace(seconds)
        await asyncio.sleep(0.3)
        for end in self.ends:
            loop._remove_reader(end.socket.fileno())
            if end.taken is not None:
                end.taken(False)
        counts = self._counts
        return Figures(
            counts["sent"], counts["received"], counts["wrong"], 0, counts["rtcp"], 0, late, self._delays.copy()
        )

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
        sequence = self._sequences[number] = (self._sequences[number] + 1) & 0xFFFF
        head = _HEADER.pack(0x80, end.payload_type, sequence, sequence * 960 & 0xFFFFFFFF, self._ssrcs[number])
        packet = head + _STAMP.pack(time.perf_counter(), number) + self._fill
        end.socket.sendto(end.tx.protect(packet) if end.tx is not None else packet, end.to)
        self._counts["sent"] += 1

    def _readable(self, number: int) -> None:
        end = self.ends[number]
        data, address = end.socket.recvfrom(2048)
        now = time.perf_counter()
        if not 127 < data[0] < 192:
            if end.other is not None:
                end.other(data, address)
            return
        if 191 < data[1] < 224:
            self._counts["rtcp"] += 1
            return
        try:
            plain = end.rx.unprotect(data) if end.rx is not None else data
        except Error:
            self._counts["wrong"] += 1
            return
        if len(plain) != 12 + end.payload_size:
            self._counts["wrong"] += 1
            return
        sent, source = _STAMP.unpack_from(plain, 12)
        if end.same and (source != number ^ 1 or plain[12 + _STAMP.size :] != self._fill):
            self._counts["wrong"] += 1
        self._counts["received"] += 1
        self._delays[min(len(self._delays) - 1, max(0, int((now - sent) * 1e6)))] += 1
