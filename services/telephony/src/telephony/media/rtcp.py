"""RTCP from our own counters (RFC 3550 6.4): aiortc's stay at zero because packets never pass through it.

A sender report with one report block and our name goes out every few seconds; what comes back gives the
round trip time and the browser's view of our stream.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from time import monotonic, time

from aiortc.rtp import (
    RtcpPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
)

from telephony.media.rtp import CLOCK_RATE, Inbound, Outbound

_NTP_EPOCH = 2208988800
_RTT_SMOOTHING = 0.85


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
        name = RtcpSdesPacket(chunks=[RtcpSourceInfo(ssrc=outbound.ssrc, items=[(1, b"merkez")])])
        blocks = [self._block(inbound)] if inbound is not None else []
        before, self._packets = self._packets[0], (self._packets[1], outbound.packets)
        if before == outbound.packets:
            return bytes(RtcpRrPacket(ssrc=outbound.ssrc, reports=blocks)) + bytes(name)
        ntp = int((time() + _NTP_EPOCH) * (1 << 32))
        middle = (ntp >> 16) & 0xFFFFFFFF
        self._sent = {**dict(list(self._sent.items())[-3:]), middle: monotonic()}
        sender = RtcpSrPacket(
            ssrc=outbound.ssrc,
            sender_info=RtcpSenderInfo(
                ntp_timestamp=ntp,
                rtp_timestamp=outbound.timestamp_now(),
                packet_count=outbound.packets & 0xFFFFFFFF,
                octet_count=outbound.octets & 0xFFFFFFFF,
            ),
            reports=blocks,
        )
        return bytes(sender) + bytes(name)

    def read(self, data: bytes, our_ssrc: int) -> None:
        """Take in a decrypted compound packet; a malformed one is ignored."""
        try:
            packets = RtcpPacket.parse(data)
        except (ValueError, IndexError, struct.error):
            return
        for packet in packets:
            if isinstance(packet, RtcpSrPacket):
                self._last_report = ((packet.sender_info.ntp_timestamp >> 16) & 0xFFFFFFFF, monotonic())
            if isinstance(packet, RtcpSrPacket | RtcpRrPacket):
                for block in packet.reports:
                    if block.ssrc == our_ssrc:
                        self._heard(block)

    def _block(self, inbound: Inbound) -> RtcpReceiverInfo:
        last, at = self._last_report or (0, 0.0)
        return RtcpReceiverInfo(
            ssrc=inbound.ssrc,
            fraction_lost=inbound.fraction_lost(),
            packets_lost=min(inbound.lost, 0x7FFFFF),
            highest_sequence=inbound.extended_highest,
            jitter=int(inbound.jitter_samples),
            lsr=last,
            dlsr=int((monotonic() - at) * 65536) & 0xFFFFFFFF if last else 0,
        )

    def _heard(self, block: RtcpReceiverInfo) -> None:
        self.remote.fraction_lost = block.fraction_lost / 256
        self.remote.jitter_seconds = block.jitter / self.clock_rate
        sent = self._sent.get(block.lsr)
        if sent is None or not block.dlsr:
            return
        round_trip = max(0.0, monotonic() - sent - block.dlsr / 65536)
        before = self.remote.round_trip_seconds
        self.remote.round_trip_seconds = (
            round_trip if before is None else _RTT_SMOOTHING * before + (1 - _RTT_SMOOTHING) * round_trip
        )
