"""A track's packets in runs, as the bytes that a recording keeps of them: what a `Tape` (tape.c) does, in Python.

It is for where the C part wasn't compiled. Both give the same for the same packets, but that here nothing is sealed
before it is taken off, so that a killed process loses what is open.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from merkez.recording.v1 import segment_pb2

from telephony.media.rtp import CLOCK_RATE

MOST_SECONDS = 1.0
"""What a segment covers at most."""
_MOST_RUNS = 8
"""In a segment."""
_NUMBERS = struct.Struct("<iIH")
"""merkez.recording.v1.PacketRun: samples and microseconds after the first one, length of the payload."""
_MICROS = 1_000_000
_FRAME_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Piece:
    """What goes into one segment."""

    content: bytes
    """`sealed`: the segment, as `tracks.Entry`. Else the runs of a merkez.recording.v1.SegmentPayload, serialized."""
    seconds: float
    """From the first packet to the end of the last."""
    sealed: bool = False


@dataclass(slots=True)
class _Run:
    """Packets of one stream that came one after the other, at least one."""

    position: int
    timestamp: int
    arrival: float
    furthest: int = 0
    """Samples from the first packet to the one that lies furthest behind it, 0 or more."""
    packets: bytearray = field(default_factory=bytearray)


def _distance(timestamp: int, origin: int) -> int:
    """From one RTP timestamp to another, signed: wraps, and a late packet is less than 0."""
    return ((timestamp - origin + 0x80000000) & 0xFFFFFFFF) - 0x80000000


class Runs:
    """What a track is recorded on. `started` is when the recording began, in monotonic seconds."""

    def __init__(self, started: float) -> None:
        self.last_arrival = started
        """When the last packet came, or the recording began."""
        self._started = started
        self._stream: object | None = None
        self._furthest = (0, 0)
        """RTP timestamp and position of the stream's packet that lies furthest, up to the run that is on."""
        self._runs: list[_Run] = []
        self._waiting: list[Piece] = []

    def put(self, source: object, timestamp: int, payload: bytes, now: float) -> None:
        """Take one packet that came at `now`. `source` is the stream it belongs to."""
        long = bool(self._runs) and now - self._runs[0].arrival >= MOST_SECONDS
        if long or (len(self._runs) == _MOST_RUNS and source is not self._stream):
            self._set_aside()
        if not self._runs or source is not self._stream:
            self._begin(source, timestamp, now)
        run = self._runs[-1]
        offset = _distance(timestamp, run.timestamp)
        run.furthest = max(run.furthest, offset)
        run.packets += _NUMBERS.pack(offset, max(0, int((now - run.arrival) * _MICROS)), len(payload)) + payload
        self.last_arrival = now

    def cut(self) -> list[Piece]:
        """Take off what came up to now, in pieces of at most a second."""
        if self._runs:
            self._set_aside()
        pieces, self._waiting = self._waiting, []
        return pieces

    def _begin(self, source: object, timestamp: int, now: float) -> None:
        """Give a run its place: 48 kHz samples since the track's first packet; a new stream goes on where time is."""
        self._pass()
        origin, position = self._furthest
        if source is self._stream:
            # From the packet furthest behind: unwraps, and lets a late packet stand before it.
            position += _distance(timestamp, origin)
        else:
            position += int((now - self.last_arrival) * CLOCK_RATE) if self._stream is not None else 0
            self._stream = source
            self._furthest = (timestamp, position)
        self._runs.append(_Run(position, timestamp, now))

    def _pass(self) -> None:
        if self._runs:
            run = self._runs[-1]
            position = run.position + run.furthest
            if position >= self._furthest[1]:
                self._furthest = ((run.timestamp + run.furthest) & 0xFFFFFFFF, position)

    def _set_aside(self) -> None:
        self._pass()
        runs, self._runs = self._runs, []
        payload = segment_pb2.SegmentPayload()
        for run in runs:
            micros = max(0, int((run.arrival - self._started) * _MICROS))
            payload.runs.add(timestamp=run.position, arrival_micros=micros, packets=bytes(run.packets))
        seconds = min(MOST_SECONDS, self.last_arrival - runs[0].arrival + _FRAME_SECONDS)
        self._waiting.append(Piece(payload.SerializeToString(), seconds))
