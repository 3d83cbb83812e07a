"""A tap whose packets are read again as a recording would have them: for tests of who puts them down."""

from __future__ import annotations

from itertools import pairwise

from merkez.recording.v1 import segment_pb2
from telephony.media.tracks import Track
from testkit.segments import packets_of


class Taken(Track):
    """All that it was given up to when it is asked."""

    def __init__(self) -> None:
        super().__init__("customer", 0.0)
        self._payloads: list[segment_pb2.SegmentPayload] = []

    @property
    def payloads(self) -> list[bytes]:
        """Of each packet."""
        return [packet.payload for packet in self._packets()]

    @property
    def arrivals(self) -> list[float]:
        """Monotonic seconds of each, to the microsecond below."""
        return [packet.arrival_micros / 1_000_000 for packet in self._packets()]

    @property
    def steps(self) -> list[int | None]:
        """Samples from each packet to the one before it; None where a run begins."""
        found: list[int | None] = []
        for run in self._runs():
            far = segment_pb2.PacketRun(timestamp=1 << 40, packets=run.packets)  # none lies before the beginning
            positions = [packet.timestamp for packet in packets_of(segment_pb2.SegmentPayload(runs=[far]))]
            found += [None, *(after - before for before, after in pairwise(positions))]
        return found

    def _runs(self) -> list[segment_pb2.PacketRun]:
        self._payloads += [segment_pb2.SegmentPayload.FromString(piece.content) for piece in self.tape.cut()]
        return [run for payload in self._payloads for run in payload.runs]

    def _packets(self) -> list[segment_pb2.OpusPacket]:
        return packets_of(segment_pb2.SegmentPayload(runs=self._runs()))
