"""Sealed segments taken apart into what was sealed at once (docs/mechanisms/recording-segments.md)."""

from __future__ import annotations

from collections.abc import Iterator

FRAMED = 2
"""The first byte of a segment of frames. What Tink has sealed begins with another."""
_LENGTH_BYTES = 4


def parts_of(sealed: bytes, bound: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(Sealed bytes, associated data) of each part; `bound` is the segment's. One of before is one part.

    Raises ValueError where a frame is cut off.
    """
    if sealed[:1] != bytes([FRAMED]):
        yield sealed, bound
        return
    at = 1
    for number in range(len(sealed)):
        begin = at + _LENGTH_BYTES
        end = begin + int.from_bytes(sealed[at:begin], "little")
        if end > len(sealed) or end == begin:
            raise ValueError(f"frame {number} is cut off")
        yield sealed[begin:end], bound + f"/{number}".encode()
        at = end
        if at == len(sealed):
            return
