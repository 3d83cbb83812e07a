"""Ogg pages around Opus packets: the file a browser plays (RFC 3533, RFC 7845).

A recording is one logical stream of two channels. Channel mapping family 1 with two uncoupled mono streams puts the
customer's own packets on the left and everybody else's on the right: every Ogg packet is the left packet in
self-delimiting framing followed by the right one. A track alone is a stream of one channel.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator

from recording.domain.opus import SAMPLE_RATE, Frames, PacketMalformed, build, parse, split

_FIRST, _LAST = 2, 4
_PAGE_SAMPLES = SAMPLE_RATE  # a page a second: seeking lands close enough, and the overhead stays under 1 %
_MAX_SEGMENTS = 255
_NO_PACKET_ENDS = -1


_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _checksum(page: bytes) -> int:
    # Polynomial 0x04c11db7 from zero, most significant bit first, no final inversion (RFC 3533 6, field 7). That is
    # zlib's CRC-32 in a mirror: mirror every byte and the result, and undo both of its inversions.
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def _page(serial: int, number: int, flags: int, granule: int, lacing: bytes, body: bytes) -> bytes:
    header = struct.pack("<4sBBqIII", b"OggS", 0, flags, granule, serial, number, 0)
    page = header + bytes((len(lacing),)) + lacing + body
    return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]


def _lacing(size: int) -> bytes:
    return b"\xff" * (size // 255) + bytes((size % 255,))


def opus_head() -> bytes:
    """The identification header (RFC 7845 5.1): two channels, family 1, two mono streams, left = 0, right = 1.

    Pre-skip is 0: the recording begins in the middle of two streams, so there is no encoder delay to drop, and the
    timeline stays that of the call.
    """
    return struct.pack("<8sBBHIhBBBBB", b"OpusHead", 1, 2, 0, SAMPLE_RATE, 0, 1, 2, 0, 0, 1)


def _mono_head() -> bytes:
    """The identification header of one channel, family 0."""
    return struct.pack("<8sBBHIhB", b"OpusHead", 1, 1, 0, SAMPLE_RATE, 0, 0)


def opus_tags(comments: Iterable[str]) -> bytes:
    """The comment header (RFC 7845 5.2)."""
    vendor = b"merkez"
    encoded = [comment.encode() for comment in comments]
    body = b"".join(struct.pack("<I", len(comment)) + comment for comment in encoded)
    return struct.pack("<8sI", b"OpusTags", len(vendor)) + vendor + struct.pack("<I", len(encoded)) + body


def write(pairs: Iterable[tuple[Frames, Frames]], *, serial: int, comments: Iterable[str] = ()) -> Iterator[bytes]:
    """The pages of a stereo file from (left, right) pairs, each pair of one duration of at most 120 ms."""
    return _pages(opus_head(), _paired(pairs), serial, comments)


def write_mono(packets: Iterable[Frames], *, serial: int, comments: Iterable[str] = ()) -> Iterator[bytes]:
    """The pages of a file of one channel, each packet of at most 120 ms."""
    return _pages(_mono_head(), ((build(packet), packet.samples) for packet in packets), serial, comments)


def side(file: bytes, *, left: bool) -> Iterator[Frames]:
    """The packets of one side of a stereo file that `write` made. Raises PacketMalformed for any other."""
    for number, packet in enumerate(_packets(file)):
        if number > 1:  # the two headers
            first, second = split(packet)
            yield first if left else parse(second)


def _paired(pairs: Iterable[tuple[Frames, Frames]]) -> Iterator[tuple[bytes, int]]:
    for left, right in pairs:
        if left.samples != right.samples:
            raise ValueError("the two packets of a pair last equally long")
        yield build(left, self_delimiting=True) + build(right), left.samples


def _packets(file: bytes) -> Iterator[bytes]:
    """The packets of a file of one logical stream."""
    at, held = 0, b""
    while at < len(file):
        if file[at : at + 4] != b"OggS" or at + 27 > len(file):
            raise PacketMalformed("the file is no Ogg stream")
        count = file[at + 26]
        lacing = file[at + 27 : at + 27 + count]
        at += 27 + count
        for size in lacing:
            held += file[at : at + size]
            at += size
            if size < 255:
                yield held
                held = b""


def _pages(head: bytes, packets: Iterable[tuple[bytes, int]], serial: int, comments: Iterable[str]) -> Iterator[bytes]:
    yield _page(serial, 0, _FIRST, 0, _lacing(len(head)), head)
    tags = opus_tags(comments)
    yield _page(serial, 1, 0, 0, _lacing(len(tags)), tags)
    number, granule, began = 2, 0, 0
    lacing, body = b"", b""
    for packet, samples in packets:
        added = _lacing(len(packet))
        if lacing and (granule - began >= _PAGE_SAMPLES or len(lacing) + len(added) > _MAX_SEGMENTS):
            yield _page(serial, number, 0, granule, lacing, body)
            number, began, lacing, body = number + 1, granule, b"", b""
        lacing += added
        body += packet
        granule += samples
    yield _page(serial, number, _LAST, granule if lacing else _NO_PACKET_ENDS, lacing, body)
