"""The inside of a recording's segment, read by the contract: for tests of who writes it."""

from __future__ import annotations

import struct

from merkez.recording.v1 import segment_pb2


def packets_of(payload: segment_pb2.SegmentPayload) -> list[segment_pb2.OpusPacket]:
    """Its packets, one by one, whichever way they lie in it."""
    found = list(payload.packets)
    for run in payload.runs:
        at = 0
        while at < len(run.packets):
            offset, micros, length = struct.unpack_from("<iIH", run.packets, at)
            content = run.packets[at + 10 : at + 10 + length]
            assert len(content) == length, "a run ends within a packet"
            found.append(
                segment_pb2.OpusPacket(
                    timestamp=max(0, run.timestamp + offset), arrival_micros=run.arrival_micros + micros,
                    payload=content,
                )
            )  # fmt: skip
            at += 10 + length
    return found
