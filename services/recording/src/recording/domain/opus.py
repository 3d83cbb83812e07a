"""Opus packets taken apart and put together again, without decoding a sample (RFC 6716, section 3 and appendix B).

A packet is a TOC byte and one or more frames of one configuration. Muxing moves frames between packets: two 10 ms
frames become one 20 ms packet, a 60 ms packet of three 20 ms frames becomes three packets. The bytes of a frame are
never touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kernel.errors import InvalidInput

SAMPLE_RATE = 48_000
"""Opus counts time in samples at 48 kHz, whatever the microphone gave (RFC 7587 4.1)."""

_LARGEST_FRAME = 1275
_LONGEST_PACKET = SAMPLE_RATE * 120 // 1000


class PacketMalformed(InvalidInput):
    """The bytes are no Opus packet (RFC 6716 3.4)."""

    reason = "OPUS_PACKET_MALFORMED"


@dataclass(frozen=True)
class Frames:
    """Frames of one configuration. `toc` is the TOC byte with its frame count code cleared; an empty frame asks the
    decoder to conceal (RFC 6716 3.1: DTX or lost)."""

    toc: int
    frames: tuple[bytes, ...]

    @property
    def samples(self) -> int:
        """Length at 48 kHz."""
        return frame_samples(self.toc) * len(self.frames)

    @property
    def concealed(self) -> bool:
        """Whether it holds nothing but concealment."""
        return not any(self.frames)


SILENCE = Frames(0xF8, (b"\xff\xfe",))
"""20 ms of encoded silence: CELT full band, mono, silence flag set."""


def frame_samples(toc: int) -> int:
    """Samples at 48 kHz of one frame of this configuration (RFC 6716, table 2)."""
    configuration = toc >> 3
    if configuration < 12:  # SILK: 10, 20, 40, 60 ms
        return (480, 960, 1920, 2880)[configuration & 3]
    if configuration < 16:  # hybrid: 10, 20 ms
        return (480, 960)[configuration & 1]
    return (120, 240, 480, 960)[configuration & 3]  # CELT: 2.5, 5, 10, 20 ms


def parse(packet: bytes) -> Frames:
    """The frames of one packet. Raises PacketMalformed by the seven rules of RFC 6716 3.4."""
    if not packet:
        raise PacketMalformed("an Opus packet has at least one byte")
    toc, code, body = packet[0] & 0xFC, packet[0] & 3, packet[1:]
    if code == 0:
        frames = [body]
    elif code == 1:
        if len(body) % 2:
            raise PacketMalformed("two equal frames need an even length")
        frames = [body[: len(body) // 2], body[len(body) // 2 :]]
    elif code == 2:
        size, rest = _take_length(body)
        if size > len(rest):
            raise PacketMalformed("the first frame is longer than the packet")
        frames = [rest[:size], rest[size:]]
    else:
        frames = _parse_many(body, toc)
    if any(len(frame) > _LARGEST_FRAME for frame in frames):
        raise PacketMalformed("a frame is longer than 1275 bytes")
    return Frames(toc, tuple(frames))


def _parse_many(body: bytes, toc: int) -> list[bytes]:
    if not body:
        raise PacketMalformed("the frame count byte is missing")
    count, padded, variable = body[0] & 0x3F, bool(body[0] & 0x40), bool(body[0] & 0x80)
    if not count or count * frame_samples(toc) > _LONGEST_PACKET:
        raise PacketMalformed("a packet holds 1 frame to 120 ms")
    rest = body[1:]
    if padded:
        rest = _without_padding(rest)
    if not variable:
        size, left = divmod(len(rest), count)
        if left:
            raise PacketMalformed("frames of equal size do not fill the packet")
        return [rest[index * size : (index + 1) * size] for index in range(count)]
    sizes: list[int] = []
    for _ in range(count - 1):
        size, rest = _take_length(rest)
        sizes.append(size)
    sizes.append(len(rest) - sum(sizes))
    if sizes[-1] < 0:
        raise PacketMalformed("the frames are longer than the packet")
    frames: list[bytes] = []
    for size in sizes:
        frames.append(rest[:size])
        rest = rest[size:]
    return frames


def _without_padding(rest: bytes) -> bytes:
    padding = 0
    while True:
        if not rest:
            raise PacketMalformed("the padding length is cut off")
        value, rest = rest[0], rest[1:]
        padding += 254 if value == 255 else value
        if value != 255:
            break
    if padding > len(rest):
        raise PacketMalformed("the padding is longer than the packet")
    return rest[: len(rest) - padding]


def _take_length(body: bytes) -> tuple[int, bytes]:
    # RFC 6716 3.2.1: one byte up to 251, else two.
    if not body:
        raise PacketMalformed("a frame length is cut off")
    if body[0] < 252:
        return body[0], body[1:]
    if len(body) < 2:
        raise PacketMalformed("a frame length is cut off")
    return body[1] * 4 + body[0], body[2:]


def _length(size: int) -> bytes:
    if size < 252:
        return bytes((size,))
    low = 252 + (size & 3)
    return bytes((low, (size - low) // 4))


def build(content: Frames, *, self_delimiting: bool = False) -> bytes:
    """One packet of these frames; in self-delimiting framing (appendix B) the last frame's length is written too."""
    frames, many = content.frames, len(content.frames) > 1
    header = bytes((content.toc | 3, 0x80 | len(frames))) if many else bytes((content.toc,))
    counted = frames if self_delimiting else frames[:-1]
    return header + b"".join(_length(len(frame)) for frame in counted) + b"".join(frames)


def split(packet: bytes) -> tuple[Frames, bytes]:
    """The frames of a packet that `build` made self-delimiting, and what follows it. Raises PacketMalformed."""
    toc, code, rest = packet[0] & 0xFC if packet else 0, packet[0] & 3 if packet else 1, packet[1:]
    if code not in (0, 3) or (code == 3 and (not rest or rest[0] & 0xC0 != 0x80)):
        raise PacketMalformed("not a self-delimiting packet of this house")
    count = 1
    if code == 3:
        count, rest = rest[0] & 0x3F, rest[1:]
    sizes: list[int] = []
    for _ in range(count):
        size, rest = _take_length(rest)
        sizes.append(size)
    frames: list[bytes] = []
    for size in sizes:
        if size > len(rest):
            raise PacketMalformed("a frame is longer than the packet")
        frames.append(rest[:size])
        rest = rest[size:]
    return Frames(toc, tuple(frames)), rest


def merge(parts: Sequence[Frames]) -> tuple[Frames, int]:
    """One packet's worth out of successive parts, and how many samples of sound it had to give up.

    Parts of one configuration are merely strung together. A packet has a single configuration, so when the parts
    differ the one with most sound wins, and the others become empty frames that the decoder conceals.
    """
    if len(parts) == 1:
        return parts[0], 0
    total = sum(part.samples for part in parts)
    if len({part.toc for part in parts}) == 1:
        return Frames(parts[0].toc, tuple(frame for part in parts for frame in part.frames)), 0
    sound: dict[int, int] = {}
    for part in parts:
        if total % frame_samples(part.toc) == 0:
            audible = 0 if part == SILENCE or part.concealed else part.samples
            sound[part.toc] = sound.get(part.toc, 0) + audible
    toc = max(sound, key=lambda each: (sound[each], each), default=SILENCE.toc)
    unit, at, lost = frame_samples(toc), 0, 0
    slots: list[bytes] = [b""] * (total // unit)
    for part in parts:
        if part.toc == toc and at % unit == 0:
            for index, frame in enumerate(part.frames):
                slots[at // unit + index] = frame
        elif part != SILENCE and not part.concealed:
            lost += part.samples
        at += part.samples
    return Frames(toc, tuple(slots)), lost
