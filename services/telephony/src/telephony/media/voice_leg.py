"""What every leg does with its packets, whatever carries them: count, read digits, mute, tap, pass on, play.

A packet is handled inside one event loop callback, without a queue, a task or a codec. What it is for is decided by
three attributes that others set: `forward_to`, `tap` and `on_digit`. `WebRtcLeg` and `RtpLeg` bring the packets.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence, Set
from time import monotonic

from telephony.media.clips import Clip
from telephony.media.codecs import OPUS, Codec
from telephony.media.dtmf import DigitReader, DigitSender
from telephony.media.gathering import Gathered, Gathering
from telephony.media.lanes import Lane, Lanes, Wire
from telephony.media.media_leg import LegStatistics, Sink, Tap
from telephony.media.player import Playback
from telephony.media.rtcp import Reports
from telephony.media.rtp import HEADER, HEADER_SIZE, MAX_PAYLOAD, PACKET, VIEW, Inbound, Outbound, payload_bounds
from telephony.media.ticker import Ticker

_unpack_header = HEADER.unpack_from
_LANE_PAUSE = 0.25
"""Seconds that a leg stays out of its lane after leaving it: what made it leave (a digit) seldom comes alone."""

_MOST_SOURCES = 32
"""Sources (SSRC) of one end at a time; one that comes back after so many others is a new one."""


class VoiceLeg:
    """A `MediaLeg` but for what carries it."""

    # Not for the memory: an instance with slots is one block, and each packet finds its leg cold.
    __slots__ = (
        "_departures", "_digits", "_event_types", "_filled", "_forged", "_forward_to", "_inbound", "_lane",
        "_lane_after", "_last_heard", "_lost_before", "_muted", "_packets_before", "_playback", "_reader", "_sources",
        "_tap", "_ticker", "_voice_type", "closed", "codec", "connected", "in_call", "on_closed", "on_digit",
        "on_heard", "on_loose", "outbound", "reports",
    )  # fmt: skip

    def __init__(self, outbound: Outbound, ticker: Ticker) -> None:
        self.codec: Codec = outbound.codec
        self._forward_to: Sink | None = None
        self._muted = False
        self._tap: Tap | None = None
        self._lane: Lane | Gathered | None = None
        self._lane_after = 0.0
        self.on_digit: Callable[[str], None] | None = None
        self.on_heard: Callable[[], None] | None = None
        """Told once, in the middle of the first packet that is heard of the other end."""
        self.on_closed: Callable[[], None] | None = None
        self.on_loose: Callable[[VoiceLeg], None] = _ignore
        """Called when it is to be tended again: packets from here or to here go through no lane, or none come."""
        self.connected: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """True when media can flow; False when the set-up failed or was given up."""
        self.closed = False
        self.in_call = False
        """Somebody waits for sound here: a browser's silence is filled then."""
        self._last_heard = monotonic()
        self.outbound = outbound
        outbound.on_unfed = self._loose
        self.reports = Reports()
        self._ticker = ticker
        self._departures = ticker.departures
        self._voice_type = outbound.payload_type
        self._event_types: dict[int, int] = {}
        self._inbound: Inbound | None = None
        self._sources: OrderedDict[int, None] = OrderedDict()
        self._packets_before = self._lost_before = 0
        self._filled = self._forged = 0
        self._reader = DigitReader(self._digit)
        self._playback: Playback | None = None
        self._digits: DigitSender | None = None

    # -- where its packets go ------------------------------------------------------------------------------

    @property
    def forward_to(self) -> Sink | None:
        return self._forward_to

    @forward_to.setter
    def forward_to(self, sink: Sink | None) -> None:
        if sink is not self._forward_to:
            self._leave_lane()
            self._forward_to = sink

    @property
    def muted(self) -> bool:
        return self._muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        if muted != self._muted:
            self._leave_lane()
            self._muted = muted

    @property
    def tap(self) -> Tap | None:
        return self._tap

    @tap.setter
    def tap(self, tap: Tap | None) -> None:
        if tap != self._tap:
            self._leave_lane()
            self._tap = tap

    @property
    def last_heard(self) -> float:
        self._sync_inbound()
        return self._last_heard

    @last_heard.setter
    def last_heard(self, at: float) -> None:
        self._last_heard = at

    @property
    def last_voice(self) -> float:
        """As `last_heard`, of RTP alone: reports and checks go on where a microphone has gone."""
        self._sync_inbound()
        return self._inbound.arrival if self._inbound is not None else self._last_heard

    # -- lanes ---------------------------------------------------------------------------------------------

    def enter_lane(self, lanes: Lanes, gathering: Gathering | None) -> None:
        """Let the lanes' thread pass this leg's packets on, when that is all that happens to them, or gather them
        when all are for ticks. The plane calls this ten times a second.
        """
        sink, inbound = self._forward_to, self._inbound
        if self._lane is not None or sink is None or inbound is None or self.closed:
            return
        if sink.__class__ is Outbound:
            assert isinstance(sink, Outbound)
            self._enter_lane(lanes, inbound, sink)
        elif gathering is not None and sink.patient:
            self._gather(gathering, inbound)

    def _gather(self, gathering: Gathering, inbound: Inbound) -> None:
        wire = self._source()
        if wire is not None and monotonic() >= self._lane_after:
            gathered = Gathered(gathering, inbound, wire, self._heard, self._lane_closed)
            if gathered.open(self._voice_type):
                self._lane = gathered

    def _enter_lane(self, lanes: Lanes, inbound: Inbound, sink: Outbound) -> None:
        if sink.lane is not None or sink.codec is not self.codec or not sink.fed_by(inbound):
            return
        wires = self._source(), sink.wire()
        if wires[0] is None or wires[1] is None or monotonic() < self._lane_after:
            return
        lane = Lane(lanes, inbound, sink, (wires[0], wires[1]), self._tap, self._lane_closed)
        if lane.open(self._voice_type, self._silence() if self._muted else b"", repeated=self.codec is not OPUS):
            self._lane = sink.lane = lane

    def leave_lanes(self) -> None:
        """Take back what comes from here and what goes here, and send what waits, before sockets or keys change."""
        self._departures.leave()
        self._leave_lane()
        if self.outbound.lane is not None:
            self.outbound.lane.close()

    def _leave_lane(self) -> None:
        if self._lane is not None:
            self._lane.close()

    @property
    def in_lanes(self) -> bool:
        """Whether what comes from here and what goes here is walked without Python: there is nothing to tend."""
        return self._lane is not None and self.outbound.lane is not None

    def _loose(self) -> None:
        self.on_loose(self)

    def _lane_closed(self, lane: Lane | Gathered) -> None:
        self._lane = None
        self._loose()
        self._lane_after = monotonic() + _LANE_PAUSE
        self._forged += lane.forged
        self._last_heard = max(self._last_heard, lane.inbound.arrival)

    def _sync_inbound(self) -> None:
        if self._lane is not None:
            self._lane.sync()
            self._last_heard = max(self._last_heard, self._lane.inbound.arrival)

    def _sync_outbound(self) -> None:
        if self.outbound.lane is not None:
            self.outbound.lane.sync()

    def _silence(self) -> bytes:
        return self.codec.silence if self.codec is OPUS else self.codec.silence[:1]

    # -- what others do with a leg -------------------------------------------------------------------------

    def play(self, clips: Sequence[Clip], *, loop: bool = False, start: int = 0) -> Playback:
        """Play to this leg instead of whatever plays now; forwarding to it should have been stopped."""
        self.stop_playing()
        self._playback = Playback(self.outbound, self._ticker, clips, loop=loop, start=start)
        return self._playback

    def stop_playing(self) -> None:
        playback, self._playback = self._playback, None
        if playback is not None:
            playback.stop()

    @property
    def sends_digits(self) -> bool:
        """Whether the other end takes telephone events."""
        return self._digits is not None

    def send_digits(self, digits: str) -> None:
        if self._digits is not None:
            self._digits.send(digits)

    def statistics(self) -> LegStatistics:
        self._sync_inbound()
        self._sync_outbound()
        inbound, remote = self._inbound, self.reports.remote
        return LegStatistics(
            packets_received=self._packets_before + (inbound.packets if inbound else 0),
            packets_lost=self._lost_before + (inbound.lost if inbound else 0),
            jitter_seconds=inbound.jitter_seconds if inbound else 0.0,
            packets_sent=self.outbound.packets,
            remote_fraction_lost=remote.fraction_lost,
            round_trip_seconds=remote.round_trip_seconds,
            strangers=self._strangers(),
            forged=self._forged + (self._lane.forged if self._lane is not None else 0),
            silent_seconds=monotonic() - self._last_heard,
            codec=self.codec,
        )

    @property
    def stands(self) -> bool:
        """Whether packets can go both ways."""
        return not self.closed and self.connected.done() and self.connected.result()

    def report(self) -> None:
        """Send one RTCP report. The plane calls this every few seconds."""
        if self.stands:
            self._sync_inbound()
            self._sync_outbound()
            self._transmit_rtcp(self.reports.report(self.outbound, self._inbound))

    def _fill(self, wanted: bool, idle: Set[int]) -> None:
        """Send a frame of silence when nothing has gone out since the last time, by us or by a lane (`idle` are the ids
        of lanes that stand still)."""
        outbound = self.outbound
        lane = outbound.lane
        if lane is not None and lane.id not in idle:
            return
        if wanted and (lane is not None or outbound.packets == self._filled) and self.stands:
            # Each frame stands where it is in time: what lies between them isn't sent.
            outbound.restart()
            outbound.send(self, self.codec.silence)
        self._filled = outbound.packets

    async def close(self) -> None:
        """End this media for good. Safe to repeat."""
        if self.closed:
            return
        self.closed = True
        self.leave_lanes()
        self.stop_playing()
        if self._digits is not None:
            self._digits.stop()
        self.forward_to = self.tap = self.on_digit = None
        if not self.connected.done():
            self.connected.set_result(False)
        on_closed, self.on_closed = self.on_closed, None
        await self._close_carrier()
        if on_closed is not None:
            on_closed()

    # -- what carries it -----------------------------------------------------------------------------------

    def _strangers(self) -> int:
        raise NotImplementedError

    def _transmit_rtcp(self, data: bytes) -> None:
        raise NotImplementedError

    def _forget_source(self, ssrc: int) -> None:
        """Keep nothing of a source that was heard once."""
        raise NotImplementedError

    def _source(self) -> Wire | None:
        """What the other end's packets come through, when a lane may read it."""
        raise NotImplementedError

    async def _close_carrier(self) -> None:
        raise NotImplementedError

    # -- packets -------------------------------------------------------------------------------------------

    def _voice(self, length: int) -> None:
        """One genuine RTP packet in PACKET, not encrypted any more."""
        now = self._last_heard = monotonic()
        first, second, sequence, timestamp, ssrc = _unpack_header(PACKET)
        inbound = self._inbound
        if inbound is None or inbound.ssrc != ssrc:
            inbound = self._new_inbound(ssrc, sequence)
        if not inbound.add(sequence, timestamp, now):
            if not inbound.begins_anew(sequence):
                return
            inbound = self._new_inbound(ssrc, sequence)
            inbound.add(sequence, timestamp, now)
        if first != 0x80:
            length = self._plain(length)
            if length < HEADER_SIZE:
                return
        payload_type = second & 0x7F
        if payload_type != self._voice_type and not self._other(inbound, payload_type, sequence, timestamp, length):
            return
        if HEADER_SIZE < length < MAX_PAYLOAD:
            self._heard(inbound, sequence, timestamp, length)

    def _heard(self, inbound: Inbound, sequence: int, timestamp: int, length: int) -> None:
        """The sound of one packet in PACKET behind its header, counted already."""
        if self._muted:
            length = self._mute(length)
        # The tap goes first: protecting the packet for the other leg overwrites it.
        tap = self._tap
        if tap is not None:
            tap(inbound, timestamp, bytes(VIEW[HEADER_SIZE:length]))
        forward_to = self._forward_to
        if forward_to is not None:
            forward_to.forward(inbound, sequence, timestamp, length)

    def _other(self, inbound: Inbound, payload_type: int, sequence: int, timestamp: int, length: int) -> bool:
        """Digits are read, other payload types dropped (False); neither leaves a gap in what is forwarded."""
        if payload_type in self._event_types:
            self._reader.packet(timestamp, bytes(VIEW[HEADER_SIZE:length]))
        if self._forward_to is not None:
            self._forward_to.skip(inbound, sequence)
        return False

    def _mute(self, length: int) -> int:
        """Silence in place of the packet's sound, as long as it; the new length."""
        silence = self._silence() if self.codec is OPUS else self._silence() * (length - HEADER_SIZE)
        PACKET[HEADER_SIZE : HEADER_SIZE + len(silence)] = silence
        return HEADER_SIZE + len(silence)

    def _plain(self, length: int) -> int:
        """Move the payload to byte 12 when extensions, sources or padding surround it; the new length."""
        bounds = payload_bounds(length)
        if bounds is None:
            return 0
        start, end = bounds
        PACKET[HEADER_SIZE : HEADER_SIZE + end - start] = bytes(VIEW[start:end])
        return HEADER_SIZE + end - start

    def _genuine_rtcp(self, length: int) -> None:
        """One RTCP datagram in PACKET, not encrypted any more; below 8 bytes it wasn't genuine."""
        if length < 8:
            self._forged += 1
            return
        self._last_heard = monotonic()
        self._heard_from(int.from_bytes(PACKET[4:8], "big"))
        self.reports.read(bytes(VIEW[:length]), self.outbound.ssrc)

    def _new_inbound(self, ssrc: int, sequence: int) -> Inbound:
        if self._inbound is not None:
            self._packets_before += self._inbound.packets
            self._lost_before += self._inbound.lost
        self._inbound = Inbound(ssrc, sequence, self.codec.clock_rate)
        self._heard_from(ssrc)
        on_heard, self.on_heard = self.on_heard, None
        if on_heard is not None:
            on_heard()
        return self._inbound

    def _heard_from(self, ssrc: int) -> None:
        """Keep few sources: libsrtp keeps each one's counters, and goes through all of them for each packet."""
        if ssrc not in self._sources:
            self._sources[ssrc] = None
            if len(self._sources) > _MOST_SOURCES:
                self._leave_lane()
                self._forget_source(self._sources.popitem(last=False)[0])

    def _digit(self, digit: str) -> None:
        if self.on_digit is not None:
            self.on_digit(digit)


def _ignore(_leg: VoiceLeg) -> None:
    return None
