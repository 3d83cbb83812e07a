"""RTCP from our own counters (RFC 3550 6.4): aiortc's stay at zero because packets never pass through it.

A sender report with one report block and our name goes out every few seconds; what comes back gives the
round trip time and the browser's view of our stream.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from time import monotonic, time

from telephony.media.rtp import CLOCK_RATE, Inbound, Outbound

_NTP_EPOCH = 2208988800
_RTT_SMOOTHING = 0.85

_SENDER_REPORT, _RECEIVER_REPORT, _DESCRIPTION = 200, 201, 202
_HEAD = struct.Struct("!BBHI")
"""Version and count, type, length in words less one, SSRC (6.4)."""
_SENDER = struct.Struct("!QIII")
"""NTP time, RTP time, packets, octets (6.4.1)."""
_BLOCK = struct.Struct("!IIIIII")
"""SSRC, fraction and number lost, highest sequence, jitter, last SR, delay since it (6.4.1)."""
_NAME = bytes((1, 6)) + b"merkez" + bytes(4)
"""CNAME, the end of the items, and zeros up to a whole word (6.5)."""
_NTP = struct.Struct("!Q")
_REMEMBERED = 4
"""Reports of ours whose time is kept, for the answer that gives the round trip."""


@dataclass
class Remote:
    """What the browser reports about the stream we send."""

    fraction_lost: float = 0.0
    jitter_seconds: float = 0.0
    round_trip_seconds: float | None = None


class Reports:
    """Makes and reads the RTCP packets of one leg."""

    def __init__(self) -> None:
        self.remote = Remote()
        self.clock_rate = CLOCK_RATE
        """Of the codec we send: what the other side's jitter counts in."""
        self._last_report: tuple[int, float] | None = None
        self._sent: dict[int, float] = {}
        self._packets = (0, 0)

    def report(self, outbound: Outbound, inbound: Inbound | None) -> bytes:
        """One compound packet: SR with a report block when anything was received, and SDES.

        RR in place of SR when nothing was sent since the report before the last one (RFC 3550 6.4).
        """
        name = _HEAD.pack(0x81, _DESCRIPTION, (4 + len(_NAME)) // 4, outbound.ssrc) + _NAME
        block = self._block(inbound) if inbound is not None else b""
        count = 0x81 if block else 0x80
        before, self._packets = self._packets[0], (self._packets[1], outbound.packets)
        if before == outbound.packets:
            return _HEAD.pack(count, _RECEIVER_REPORT, 1 + len(block) // 4, outbound.ssrc) + block + name
        ntp = int((time() + _NTP_EPOCH) * (1 << 32))
        self._sent[(ntp >> 16) & 0xFFFFFFFF] = monotonic()
        if len(self._sent) > _REMEMBERED:
            del self._sent[next(iter(self._sent))]
        packets, octets = outbound.packets & 0xFFFFFFFF, outbound.octets & 0xFFFFFFFF
        head = _HEAD.pack(count, _SENDER_REPORT, 6 + len(block) // 4, outbound.ssrc)
        return head + _SENDER.pack(ntp, outbound.timestamp_now(), packets, octets) + block + name

    def read(self, data: bytes, our_ssrc: int) -> None:
        """Take in a decrypted compound packet; a malformed one is ignored from where it is so (6.1, A.2)."""
        at = 0
        while at + _HEAD.size <= len(data):
            first, kind, words, _ = _HEAD.unpack_from(data, at)
            end = at + 4 * (words + 1)
            if first >> 6 != 2 or end > len(data):
                return
            if kind in (_SENDER_REPORT, _RECEIVER_REPORT):
                self._report_read(data, at + _HEAD.size, end, kind, first & 0x1F, our_ssrc)
            at = end

    def _report_read(self, data: bytes, at: int, end: int, kind: int, blocks: int, our_ssrc: int) -> None:
        """The report whose own part begins at `at`."""
        if kind == _SENDER_REPORT:
            if at + _SENDER.size > end:
                return
            (ntp,) = _NTP.unpack_from(data, at)
            self._last_report = ((ntp >> 16) & 0xFFFFFFFF, monotonic())
            at += _SENDER.size
        for _ in range(blocks):
            if at + _BLOCK.size > end:
                return
            ssrc, lost, _, jitter, last, delay = _BLOCK.unpack_from(data, at)
            if ssrc == our_ssrc:
                self._heard(lost >> 24, jitter, last, delay)
            at += _BLOCK.size

    def _block(self, inbound: Inbound) -> bytes:
        last, at = self._last_report or (0, 0.0)
        lost = inbound.fraction_lost() << 24 | min(inbound.lost, 0x7FFFFF)
        delay = int((monotonic() - at) * 65536) & 0xFFFFFFFF if last else 0
        jitter = min(int(inbound.jitter_samples), 0xFFFFFFFF)
        return _BLOCK.pack(inbound.ssrc, lost, inbound.extended_highest, jitter, last, delay)

    def _heard(self, fraction_lost: int, jitter: int, last: int, delay: int) -> None:
        self.remote.fraction_lost = fraction_lost / 256
        self.remote.jitter_seconds = jitter / self.clock_rate
        sent = self._sent.get(last)
        if sent is None or not delay:
            return
        round_trip = max(0.0, monotonic() - sent - delay / 65536)
        before = self.remote.round_trip_seconds
        self.remote.round_trip_seconds = (
            round_trip if before is None else _RTT_SMOOTHING * before + (1 - _RTT_SMOOTHING) * round_trip
        )
