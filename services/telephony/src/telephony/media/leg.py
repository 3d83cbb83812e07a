"""One browser's media: an SDP answer, an inbound stream, an outbound stream.

Packets come and go inside one event loop callback, as in every `VoiceLeg`. A leg can be given new media by
`plane.MediaPlane.reattach`; its outbound stream is then a new one, because a browser's new connection starts new
SRTP keys anyway.
"""

from __future__ import annotations

from collections.abc import Set
from time import monotonic

from telephony.media.aiortc_private import VoiceTransport
from telephony.media.dtmf import DigitSender
from telephony.media.lanes import Wire
from telephony.media.rtp import Outbound
from telephony.media.sdp import Offer
from telephony.media.ticker import Ticker
from telephony.media.voice_leg import VoiceLeg

_NOBODY = object()
"""Whose packets are sent while nothing is."""


class WebRtcLeg(VoiceLeg):
    """Media of one browser connection. Made by `plane.MediaPlane`."""

    __slots__ = ("_transport",)

    def __init__(self, transport: VoiceTransport, offer: Offer, ticker: Ticker) -> None:
        super().__init__(Outbound(offer.opus, transport.transmit), ticker)
        self._transport = transport
        self._event_types = {payload_type: rate for rate, payload_type in offer.events.items()}
        self._digits = self._digit_sender(offer, ticker)
        self.outbound.wire = transport.sink
        transport.on_moving = self.leave_lanes
        transport.connection.on_check = self._alive

    def fill(self, idle: Set[int] = frozenset()) -> None:
        """Send a frame of silence when nothing has gone out since the last time. The plane calls this ten times a
        second: a browser in a call then knows a dead way from a quiet line, whatever the other side does. `idle` are
        the ids of lanes that stand still.
        """
        self._fill(self.in_call, idle)

    @property
    def hushed(self) -> bool:
        return self.outbound.exclusive is _NOBODY

    @hushed.setter
    def hushed(self, hushed: bool) -> None:
        """Send nothing as long as the browser isn't heard: its packets may come here no more while ours still get
        there, as when a region is cut off in one direction. What it would hear is the music of a node whose calls are
        another's by now; in silence its page looks for a better way.
        """
        if hushed and self.outbound.exclusive is None:
            self.outbound.exclusive = _NOBODY
        elif not hushed and self.hushed:
            self.outbound.exclusive = None

    # -- set-up and end, by the plane ----------------------------------------------------------------------

    def established(self) -> None:
        """The SRTP keys are there: begin to take packets."""
        self.last_heard = monotonic()
        self._transport.hear(self._voice, self._genuine_rtcp)
        if not self.connected.done():
            self.connected.set_result(True)

    def _source(self) -> Wire | None:
        return self._transport.source()

    async def _close_carrier(self) -> None:
        await self._transport.close()

    def _forget_source(self, ssrc: int) -> None:
        self._transport.forget(ssrc)

    def _strangers(self) -> int:
        return self._transport.connection.strangers

    def _transmit_rtcp(self, data: bytes) -> None:
        self._transport.transmit_rtcp(data)

    def _alive(self) -> None:
        self.last_heard = monotonic()

    def _digit_sender(self, offer: Offer, ticker: Ticker) -> DigitSender | None:
        for rate in (48_000, 8_000):
            if rate in offer.events:
                return DigitSender(self.outbound, ticker, offer.events[rate], rate // 50)
        return None
