"""Packets in runs: those of one stream that came one after the other, as the bytes that a recording keeps of them.

A lane puts packets down in the same form (lanes.c), so that nothing of Python touches them one by one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

_NUMBERS = struct.Struct("<iIH")
"""merkez.recording.v1.PacketRun: samples and microseconds after the first one, length of the payload."""
_MICROS = 1_000_000


def distance(timestamp: int, origin: int) -> int:
    """From one RTP timestamp to another, signed: wraps, and a late packet is less than 0."""
    return ((timestamp - origin + 0x80000000) & 0xFFFFFFFF) - 0x80000000


@dataclass(slots=True)
class Run:
    """Packets of one stream, at least one."""

    timestamp: int
    """RTP timestamp of the first."""
    arrival: float
    """When it came, in monotonic seconds."""
    furthest: int
    """Samples from the first one to the one that lies furthest behind it, 0 or more."""
    last_arrival: float
    """When the last one came."""
    packets: bytes | bytearray
    """merkez.recording.v1.PacketRun.packets."""

    @classmethod
    def begun(cls, timestamp: int, arrival: float) -> Run:
        """One to which its first packet is to be added."""
        return cls(timestamp, arrival, 0, arrival, bytearray())

    def add(self, timestamp: int, arrival: float, payload: bytes) -> None:
        """One more, to a run that was begun here."""
        offset = distance(timestamp, self.timestamp)
        self.furthest = max(self.furthest, offset)
        self.last_arrival = arrival
        micros = max(0, int((arrival - self.arrival) * _MICROS))
        self.packets += _NUMBERS.pack(offset, micros, len(payload)) + payload

    def parts(self, seconds: float) -> Iterator[Run]:
        """The same packets in runs that are shorter than so many seconds."""
        if self.last_arrival - self.arrival < seconds:
            yield self
            return
        part: Run | None = None
        for timestamp, arrival, payload in self:
            if part is None or arrival - part.arrival >= seconds:
                if part is not None:
                    yield part
                part = Run.begun(timestamp, arrival)
            part.add(timestamp, arrival, payload)
        if part is not None:
            yield part

    def __iter__(self) -> Iterator[tuple[int, float, bytes]]:
        """(RTP timestamp, monotonic seconds, payload) of each packet."""
        content, at = bytes(self.packets), 0
        while at < len(content):
            offset, micros, length = _NUMBERS.unpack_from(content, at)
            begin = at + _NUMBERS.size
            at = begin + length
            yield (self.timestamp + offset) & 0xFFFFFFFF, self.arrival + micros / _MICROS, content[begin:at]


class Keeper(Protocol):
    """Keeps packets until somebody asks for them."""

    def give(self) -> None:
        """Give the tap what is kept for it."""
        ...


class RunTap:
    """A tap (`media_leg.Tap`) that needn't be called for each packet: who keeps packets for it is in `keepers`, and
    gives them when it is asked, or before a packet is given otherwise.
    """

    def __init__(self) -> None:
        self.keepers: list[Keeper] = []

    def __call__(self, source: object, timestamp: int, payload: bytes) -> None:
        """Take one packet."""
        raise NotImplementedError

    def take_run(self, source: object, run: Run) -> None:
        """Take what was kept."""
        raise NotImplementedError

    def collect(self) -> None:
        """Have everything that is kept given."""
        for keeper in tuple(self.keepers):
            keeper.give()
