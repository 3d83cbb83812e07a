"""RTP as numbers: the header, one shared packet buffer, and the two directions of a stream.

`Inbound` counts what a browser sent us (RFC 3550 appendix A: loss, jitter, sequence cycles). `Outbound` is
the one stream a browser hears from us whatever feeds it: it keeps SSRC, sequence numbers and timestamps
continuous while the source changes from a prompt to music to the other party and back, so the browser's
jitter buffer never has to start over.

All packets of the process pass through one buffer, `PACKET`: the event loop handles one datagram from start
to end before the next, so nobody else writes to it meanwhile.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from telephony.media.codecs import OPUS, Codec

if TYPE_CHECKING:
    from telephony.media.lanes import Lane, Wire

CLOCK_RATE = OPUS.clock_rate
FRAME_SECONDS = 0.02

HEADER = struct.Struct("!BBHII")
HEADER_SIZE = 12
BUFFER_SIZE = 2048
PACKET = bytearray(BUFFER_SIZE)
"""The shared datagram buffer (see the module's text)."""
VIEW = memoryview(PACKET)
MAX_PAYLOAD = 1275 + 64
"""An Opus packet of one frame is at most 1275 bytes (RFC 6716 3.4); anything much larger isn't voice."""

SILENCE = OPUS.silence

_pack_header = HEADER.pack_into

_MAX_REORDER = 128
_RESYNC_JUMP = 3000
_LEAP_SECONDS = 2
"""A source's clock has leapt where it runs so far ahead of time and of what was lost, or behind itself."""
_LONGEST_FRAMES = 6
"""Of 20 ms in a packet (RFC 6716 3.2.5)."""
_LATE = (1 << _MAX_REORDER) - 1
_NEAR = (1 << 64) - 1


def payload_bounds(length: int) -> tuple[int, int] | None:
    """Where the payload of the RTP packet in PACKET starts and ends, or None when the header lies.

    Skips contributing sources and header extensions and cuts padding (RFC 3550 5.1, 5.3.1).
    """
    first = PACKET[0]
    start = HEADER_SIZE + 4 * (first & 0x0F)
    if first & 0x10:
        if start + 4 > length:
            return None
        start += 4 + 4 * int.from_bytes(PACKET[start + 2 : start + 4], "big")
    end = length
    if first & 0x20 and length:
        end -= PACKET[length - 1]
    return (start, end) if start <= end else None


class Inbound:
    """Reception statistics of one SSRC (RFC 3550 A.1, A.3, A.8)."""

    __slots__ = (
        "_arrival", "_base", "_clock_rate", "_cycles", "_expected_before", "_highest", "_odd", "_received_before",
        "_timestamp", "jitter_samples", "late", "packets", "ssrc",
    )  # fmt: skip

    def __init__(self, ssrc: int, sequence: int, clock_rate: int = CLOCK_RATE) -> None:
        self.ssrc = ssrc
        self._clock_rate = clock_rate
        self.packets = 0
        self.late = 0
        self.jitter_samples = 0.0
        self._arrival = -1e9  # long ago
        self._timestamp = 0
        self._base = sequence
        self._highest = (sequence - 1) & 0xFFFF
        # A stream that begins at 0 has not wrapped with its first packet.
        self._cycles = 0 if sequence else -0x10000
        self._odd = -1
        self._expected_before = 0
        self._received_before = 0

    def add(self, sequence: int, timestamp: int, arrival: float) -> bool:
        """Count one packet that passed authentication; `arrival` in seconds, monotonic. False, and it isn't counted,
        when its number is too far from the others to be one of theirs: see `begins_anew`."""
        highest = self._highest
        step = (sequence - highest) & 0xFFFF
        if step > _RESYNC_JUMP:
            if step < 0x10000 - _MAX_REORDER:
                return False
            self.packets += 1
            self.late += 1
            return True
        self.packets += 1
        if sequence < highest:
            self._cycles += 0x10000
        self._highest = sequence
        rate = self._clock_rate
        drift = (arrival - self._arrival) * rate - (timestamp - self._timestamp)
        self._arrival, self._timestamp = arrival, timestamp
        # A step of more than a second is DTX, a new talk spurt's origin, the first packet or the wrap: not jitter.
        if -rate < drift < rate:
            self.jitter_samples += (abs(drift) - self.jitter_samples) / 16
        return True

    def begins_anew(self, sequence: int) -> bool:
        """Whether this is the second packet in a row far from the others: the sender has begun anew with the same SSRC,
        and this is the first of another source (RFC 3550 A.1). One alone is a stray.
        """
        again = sequence == self._odd
        self._odd = (sequence + 1) & 0xFFFF
        return again

    def write_to(self, numbers: Any) -> None:
        """Say them to a lane's thread (lanes.h: `lane`)."""
        numbers.in_ssrc, numbers.clock_rate = self.ssrc, self._clock_rate
        numbers.in_highest, numbers.in_cycles = self._highest, self._cycles & 0xFFFFFFFF
        numbers.in_timestamp, numbers.in_arrival = self._timestamp, self._arrival
        numbers.in_packets, numbers.late, numbers.jitter = self.packets, self.late, self.jitter_samples

    def read_from(self, numbers: Any) -> None:
        """Take them back."""
        self._highest, self._cycles = numbers.in_highest, numbers.in_cycles
        self._timestamp, self._arrival = numbers.in_timestamp, numbers.in_arrival
        self.packets, self.late, self.jitter_samples = numbers.in_packets, numbers.late, numbers.jitter

    @property
    def arrival(self) -> float:
        """Monotonic seconds of the last packet in order."""
        return self._arrival

    @property
    def extended_highest(self) -> int:
        return (self._cycles + self._highest) & 0xFFFFFFFF

    @property
    def expected(self) -> int:
        return self._cycles + self._highest - self._base + 1

    @property
    def lost(self) -> int:
        return max(0, self.expected - self.packets)

    @property
    def jitter_seconds(self) -> float:
        return self.jitter_samples / self._clock_rate

    def fraction_lost(self) -> int:
        """Loss since the last call, in 1/256 (RFC 3550 A.3)."""
        expected = self.expected - self._expected_before
        received = self.packets - self._received_before
        self._expected_before, self._received_before = self.expected, self.packets
        lost = expected - received
        return min(255, (lost << 8) // expected) if expected > 0 and lost > 0 else 0


def _nothing() -> None:
    return None


class Outbound:
    """The one stream a browser hears from us.

    `transmit(length)` must protect and send the first `length` bytes of PACKET; it is the leg's. A source
    is any object: the first packet of a source other than the last one is spliced on behind what was sent
    before. What is forwarded or sent must be of `codec` already, whose clock its timestamps run by.
    """

    patient = False

    __slots__ = (
        "_exclusive", "_missing", "_sent_at", "_sequence", "_sequence_offset", "_source", "_source_highest",
        "_timestamp", "_timestamp_offset", "_transmit", "codec", "lane", "octets", "on_unfed", "packets",
        "payload_type", "ssrc", "wire",
    )  # fmt: skip

    def __init__(self, payload_type: int, transmit: Callable[[int], None], codec: Codec = OPUS) -> None:
        self.ssrc = secrets.randbits(32)
        self.payload_type = payload_type
        self.codec = codec
        self.packets = 0
        self.octets = 0
        self.lane: Lane | None = None
        """The lane by which it is fed now: closed before anything else is done with the stream."""
        self.on_unfed: Callable[[], None] = _nothing
        """Called when its lane is closed, or stands still."""
        self.wire: Callable[[], Wire | None] = _nothing
        """What it is sent through, when a lane may use that."""
        self._exclusive: object | None = None
        self._transmit = transmit
        # The lower half avoids a wrap in the first packets, which some SRTP stacks get wrong.
        self._sequence = secrets.randbits(15)
        self._timestamp = secrets.randbits(32)
        self._sent_at: float | None = None
        self._source: object | None = None
        self._sequence_offset = 0
        self._timestamp_offset = 0
        self._source_highest = 0
        self._missing = 0
        """Bit k: the packet k + 1 before the highest hasn't come since the splice, and may yet. None twice, and none of
        before the splice: their numbers have been protected already."""

    @property
    def exclusive(self) -> object | None:
        """While set, only this source is sent (digits are going out)."""
        return self._exclusive

    @exclusive.setter
    def exclusive(self, source: object | None) -> None:
        self._leave_lane()
        self._exclusive = source

    def forward(self, source: object, sequence: int, timestamp: int, length: int) -> None:
        """Pass on the packet in PACKET: a 12-byte header to overwrite, then `length - 12` bytes of payload."""
        if self.lane is not None:
            self.lane.close()
        if self._exclusive is not None and source is not self._exclusive:
            self._source = None
            return
        now = monotonic()
        marker = 0
        if source is not self._source:
            self._splice(source, sequence, timestamp, now)
            marker = 0x80
        else:
            step = (sequence - self._source_highest) & 0xFFFF
            if step == 0:
                return
            if step < 0x8000:
                if step > _RESYNC_JUMP or self._leaps(step, timestamp, now):
                    self._splice(source, sequence, timestamp, now)
                    marker = 0x80
                else:
                    self._source_highest = sequence
                    if step > 1 or self._missing:
                        self._missing = (self._missing << step | (1 << step - 1) - 1) & _LATE
            else:
                late = 1 << 0xFFFF - step if step >= 0x10000 - _MAX_REORDER else 0
                if not self._missing & late:
                    return
                self._missing ^= late
        out_sequence = (sequence + self._sequence_offset) & 0xFFFF
        out_timestamp = (timestamp + self._timestamp_offset) & 0xFFFFFFFF
        if (out_sequence - self._sequence) & 0xFFFF < 0x8000:
            self._sequence, self._timestamp, self._sent_at = out_sequence, out_timestamp, now
        _pack_header(PACKET, 0, 0x80, marker | self.payload_type, out_sequence, out_timestamp, self.ssrc)
        self.packets += 1
        self.octets += length - HEADER_SIZE
        # A local first: an attribute called in place is looked up as a method, which takes Python much longer.
        transmit = self._transmit
        transmit(length)

    def skip(self, source: object, sequence: int) -> None:
        """Close the gap a packet of `source` leaves that is not passed on (a digit), so that it isn't seen
        as loss.
        """
        self._leave_lane()
        if source is self._source and (sequence - self._source_highest) & 0xFFFF < 0x8000:
            self._sequence_offset -= 1
            self._source_highest = sequence
            self._missing = 0

    def send(self, source: object, payload: bytes) -> None:
        """Send one packet of 20 ms we made ourselves, behind the previous one of the same source."""
        self._leave_lane()
        if self._exclusive is not None and source is not self._exclusive:
            self._source = None
            return
        now = monotonic()
        samples = self.codec.frame_samples
        marker = 0
        if source is not self._source:
            self._timestamp = (self._timestamp + self._elapsed(now) - samples) & 0xFFFFFFFF
            self._source = source
            marker = 0x80
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + samples) & 0xFFFFFFFF
        self._sent_at = now
        self._emit(marker | self.payload_type, self._timestamp, payload)

    def send_event(self, source: object, payload_type: int, payload: bytes, *, begins: bool) -> None:
        """Send one packet of a telephone event: every packet of an event carries its first timestamp (RFC
        4733 2.2.1).
        """
        self._leave_lane()
        now = monotonic()
        if begins:
            self._timestamp = (self._timestamp + self._elapsed(now)) & 0xFFFFFFFF
            self._sent_at = now
            self._source = source
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._emit((0x80 if begins else 0) | payload_type, self._timestamp, payload)

    def retune(self, payload_type: int, codec: Codec) -> None:
        """Go on in another codec or under another payload type, in the same sequence.

        Another clock takes another SSRC (RFC 7160 4.1): the receiver can't mend timestamps of two clocks.
        """
        self._leave_lane()
        if codec.clock_rate != self.codec.clock_rate:
            self.ssrc = secrets.randbits(32)
        self.payload_type, self.codec = payload_type, codec
        self._source = None

    def renew(self) -> None:
        """Go on as another stream, for another key: whether the receiver counts the rounds of an old one's sequence
        numbers on or anew under it (RFC 3711 3.3.1, RFC 4568 7.1.4), a new one's are in the first.
        """
        self._leave_lane()
        self.ssrc, self._sequence = secrets.randbits(32), secrets.randbits(15)
        self._source = None

    def restart(self) -> None:
        """The next packet begins anew behind the last one, even when its source did not change meanwhile."""
        self._leave_lane()
        self._source = None

    def fed_by(self, source: object) -> bool:
        """Whether what goes out now is this source's, spliced in and alone."""
        return source is self._source and self._exclusive is None

    def write_to(self, numbers: Any) -> None:
        """Say its numbers to a lane's thread (lanes.h: `lane`). Something was sent already."""
        numbers.out_type, numbers.out_ssrc = self.payload_type, self.ssrc
        numbers.sequence_offset = self._sequence_offset & 0xFFFF
        numbers.timestamp_offset = self._timestamp_offset & 0xFFFFFFFF
        numbers.out_sequence, numbers.out_timestamp, numbers.sent_at = self._sequence, self._timestamp, self._sent_at
        numbers.source_highest = self._source_highest
        numbers.missing_near, numbers.missing_far = self._missing & _NEAR, self._missing >> 64
        numbers.out_packets, numbers.octets = self.packets, self.octets

    def read_from(self, numbers: Any) -> None:
        """Take them back; the offsets are the same."""
        self._sequence, self._timestamp, self._sent_at = numbers.out_sequence, numbers.out_timestamp, numbers.sent_at
        self._source_highest = numbers.source_highest
        self._missing = numbers.missing_far << 64 | numbers.missing_near
        self.packets, self.octets = numbers.out_packets, numbers.octets

    def timestamp_now(self) -> int:
        """The RTP timestamp of this instant, for a sender report."""
        elapsed = 0 if self._sent_at is None else int((monotonic() - self._sent_at) * self.codec.clock_rate)
        return (self._timestamp + elapsed) & 0xFFFFFFFF

    def _leave_lane(self) -> None:
        if self.lane is not None:
            self.lane.close()

    def _emit(self, second: int, timestamp: int, payload: bytes) -> None:
        length = HEADER_SIZE + len(payload)
        HEADER.pack_into(PACKET, 0, 0x80, second, self._sequence, timestamp, self.ssrc)
        PACKET[HEADER_SIZE:length] = payload
        self.packets += 1
        self.octets += len(payload)
        self._transmit(length)

    def _leaps(self, step: int, timestamp: int, now: float) -> bool:
        """Whether a source's clock tells no time any more. Some senders begin theirs anew in the middle under the same
        SSRC (RFC 3550 5.1 wants another one); telephones take what follows a leap back for late, and are silent."""
        ahead = ((timestamp + self._timestamp_offset - self._timestamp + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        most = _LEAP_SECONDS * self.codec.clock_rate
        if -most <= ahead <= most or self._sent_at is None:
            return False
        passed = (now - self._sent_at) * self.codec.clock_rate
        return ahead < 0 or ahead > most + passed + step * _LONGEST_FRAMES * self.codec.frame_samples

    def _elapsed(self, now: float) -> int:
        """Samples between the last packet and `now`, at least one frame."""
        frame = self.codec.frame_samples
        if self._sent_at is None:
            return frame
        return max(frame, int((now - self._sent_at) * self.codec.clock_rate))

    def _splice(self, source: object, sequence: int, timestamp: int, now: float) -> None:
        self._sequence_offset = self._sequence + 1 - sequence
        self._timestamp_offset = self._timestamp + self._elapsed(now) - timestamp
        self._source = source
        self._source_highest, self._missing = sequence, 0
