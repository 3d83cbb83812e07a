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
_LEAP = 2 * CLOCK_RATE
_STILL_SECONDS = 10.0
"""A sender's clock has leapt where it runs so far ahead of time, or behind itself, or stood still for longer than a
network keeps packets back."""


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
        self._ahead = 0
        """Samples that the stream was ahead of time at most: what comes late is less so."""
        self._runs: list[_Run] = []
        self._waiting: list[Piece] = []

    def put(self, source: object, timestamp: int, payload: bytes, now: float) -> None:
        """Take one packet that came at `now`. `source` is the stream it belongs to."""
        anew = source is not self._stream or self._leapt(timestamp, now)
        long = bool(self._runs) and now - self._runs[0].arrival >= MOST_SECONDS
        if long or (len(self._runs) == _MOST_RUNS and anew):
            self._set_aside()
        if not self._runs or anew:
            self._begin(source, timestamp, now, anew)
        run = self._runs[-1]
        offset = _distance(timestamp, run.timestamp)
        run.furthest = max(run.furthest, offset)
        self._ahead = max(self._ahead, run.position + offset - self._time_at(now))
        run.packets += _NUMBERS.pack(offset, max(0, int((now - run.arrival) * _MICROS)), len(payload)) + payload
        self.last_arrival = now

    def cut(self) -> list[Piece]:
        """Take off what came up to now, in pieces of at most a second."""
        if self._runs:
            self._set_aside()
        pieces, self._waiting = self._waiting, []
        return pieces

    def _time_at(self, now: float) -> int:
        return int((now - self._started) * CLOCK_RATE)

    def _leapt(self, timestamp: int, now: float) -> bool:
        """Whether the stream's clock tells no time any more: some senders begin theirs anew in the middle (RFC 3550 5.1
        wants another SSRC then), or let it stand while they send nothing."""
        origin, furthest = self._furthest
        position = furthest + _distance(timestamp, origin)
        if self._runs:
            run = self._runs[-1]
            position = run.position + _distance(timestamp, run.timestamp)
            furthest = max(furthest, run.position + run.furthest)
        step = position - furthest
        early = position - self._time_at(now) > self._ahead + _LEAP
        return early or step < -_LEAP or step < int((now - self.last_arrival - _STILL_SECONDS) * CLOCK_RATE)

    def _begin(self, source: object, timestamp: int, now: float, anew: bool) -> None:
        """Give a run its place: 48 kHz samples since the track's first packet; one that is `anew`, of another stream or
        behind a leap of its clock, goes on where time is."""
        self._pass()
        origin, position = self._furthest
        if not anew:
            # From the packet furthest behind: unwraps, and lets a late packet stand before it.
            position += _distance(timestamp, origin)
        else:
            position += int((now - self.last_arrival) * CLOCK_RATE) if self._stream is not None else 0
            self._stream = source
            self._furthest = (timestamp, position)
            self._ahead = position - self._time_at(now)
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
