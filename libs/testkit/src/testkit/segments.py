"""The inside of a recording's segment, read by the contract: for tests of who writes it."""

from __future__ import annotations

import struct
from typing import Protocol

from merkez.recording.v1 import segment_pb2

FRAMED = 2
"""What a segment of frames begins with."""


class Cipher(Protocol):
    """Tink's AEAD, as far as it is needed here."""

    def decrypt(self, ciphertext: bytes, associated_data: bytes) -> bytes: ...


def opened(cipher: Cipher, place: str, sealed: bytes) -> segment_pb2.SegmentPayload:
    """A sealed segment of this place ("tenant/recording/track/sequence"), whole or in frames."""
    if sealed[0] != FRAMED:
        return segment_pb2.SegmentPayload.FromString(cipher.decrypt(sealed, place.encode()))
    content, at, number = b"", 1, 0
    while at < len(sealed):
        (length,) = struct.unpack_from("<I", sealed, at)
        content += cipher.decrypt(sealed[at + 4 : at + 4 + length], f"{place}/{number}".encode())
        at, number = at + 4 + length, number + 1
    assert at == len(sealed), "a segment ends within a frame"
    return segment_pb2.SegmentPayload.FromString(content)


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
