"""A leg's voice in a recording: its packets, undecoded, until they are sealed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from chassis.instants import duration_out
from merkez.recording.v1 import recording_pb2, segment_pb2

from telephony.media.rtp import CLOCK_RATE
from telephony.media.runs import Run, RunTap, distance

MOST_SECONDS = 1.0
"""What a segment covers at most."""
_MOST_WAITING = 800
"""Segments of a track that are kept in memory while recording can't be reached: ten minutes, then the oldest go."""
_FRAME_SECONDS = 0.02


@dataclass(frozen=True)
class Source:
    """Whose voice a track is: one of `domain.legs.Party`, the user of an agent or a supervisor, others' number."""

    party: str
    agent_id: str = ""
    address: str = ""


@dataclass(frozen=True)
class Piece:
    """What goes into one segment."""

    runs: list[tuple[int, int, bytes]]
    """As in merkez.recording.v1.PacketRun: position, arrival, packets."""
    seconds: float
    """From the first packet to the end of the last."""

    def fill(self, payload: segment_pb2.SegmentPayload) -> None:
        """Put the runs in."""
        for position, micros, packets in self.runs:
            payload.runs.add(timestamp=position, arrival_micros=micros, packets=packets)


class Track(RunTap):
    """One leg's voice in a recording: a tap that goes on a party; it survives the party's re-attachment.

    `source` is None in a message, whose one track needs no telling apart.
    """

    def __init__(self, name: str, started: float, source: Source | None = None) -> None:
        super().__init__()
        self.name = name
        self.source = source
        self.sequence = 0
        """Of the next segment."""
        self.joined = monotonic() - started
        self.left: float | None = None
        self.waiting: deque[Piece] = deque(maxlen=_MOST_WAITING)
        """What was cut and isn't sealed."""
        self.told = None if source is None else recording_pb2.Track(
            track=name, party=source.party, agent_id=source.agent_id, address=source.address,
            start_offset=duration_out(timedelta(seconds=self.joined)),
        )  # fmt: skip
        """Who it is of, for each of its segments."""
        self.ended = False
        """Nothing is taken any more."""
        self._started = started
        self._stream: object | None = None
        self._open: Run | None = None
        self._runs: list[tuple[int, Run]] = []
        """With the position of each."""
        self._last = (0, 0, started)
        """RTP timestamp and position of the packet that lies furthest; when the last one came."""

    def __call__(self, source: object, timestamp: int, payload: bytes) -> None:
        """Take one packet. `source` is the stream it belongs to; `timestamp` is of that stream's clock."""
        self.take(source, timestamp, payload, monotonic())

    def take(self, source: object, timestamp: int, payload: bytes, now: float) -> None:
        """The same for a packet that came at `now`, a while ago."""
        if self.ended:
            return
        run = self._open
        if run is None or source is not self._stream or now - run.arrival >= MOST_SECONDS:
            self.collect()
            self._close()
            run = self._open = Run.begun(timestamp, now)
            self._place(source, run)
        run.add(timestamp, now, payload)

    def take_run(self, source: object, run: Run) -> None:
        """The same for packets that somebody kept meanwhile."""
        if self.ended:
            return
        self._close()
        for part in run.parts(MOST_SECONDS):
            self._place(source, part)
            self._passed(part)

    def cut(self) -> None:
        """What came up to now is `waiting`, in pieces of at most a second."""
        self.collect()
        self._close()
        runs, self._runs = self._runs, []
        begin = 0
        for end in range(1, len(runs) + 1):
            if end == len(runs) or runs[end][1].last_arrival - runs[begin][1].arrival >= MOST_SECONDS:
                self.waiting.append(self._piece(runs[begin:end]))
                begin = end

    @property
    def last_arrival(self) -> float:
        """When the last packet came, or the recording began, by the monotonic clock."""
        self.collect()
        return self._last[2] if self._open is None else self._open.last_arrival

    def _close(self) -> None:
        run, self._open = self._open, None
        if run is not None:
            self._passed(run)

    def _passed(self, run: Run) -> None:
        position = self._runs[-1][0] + run.furthest
        if position >= self._last[1]:
            self._last = ((run.timestamp + run.furthest) & 0xFFFFFFFF, position, run.last_arrival)
        else:
            self._last = (*self._last[:2], run.last_arrival)

    def _place(self, source: object, run: Run) -> None:
        """Give a run its place: 48 kHz samples since the track's first packet; a new stream goes on where time is."""
        timestamp, position, arrival = self._last
        if source is not self._stream:
            position += int((run.arrival - arrival) * CLOCK_RATE) if self._stream is not None else 0
            self._stream = source
            self._last = (run.timestamp, position, run.arrival)
        else:
            # From the packet furthest behind: unwraps, and lets a late packet stand before it.
            position += distance(run.timestamp, timestamp)
        self._runs.append((position, run))

    def _piece(self, runs: list[tuple[int, Run]]) -> Piece:
        made = [
            (position, int((run.arrival - self._started) * 1_000_000), bytes(run.packets)) for position, run in runs
        ]
        return Piece(made, min(MOST_SECONDS, runs[-1][1].last_arrival - runs[0][1].arrival + _FRAME_SECONDS))
