"""What a leg's media is to everybody else, whichever way it reaches us: WebRTC, plain RTP, SRTP.

`leg.WebRtcLeg` and `rtp_leg.RtpLeg` are legs; rooms, players and recorders know only what is written here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from telephony.media.clips import Clip
from telephony.media.codecs import OPUS, Codec
from telephony.media.player import Playback
from telephony.media.quality import mean_opinion_score
from telephony.media.rtp import Outbound

Tap = Callable[[object, int, bytes], None]
"""Takes (source, RTP timestamp, payload) of each packet the leg is heard with, in the leg's own codec."""


@dataclass(frozen=True)
class Both:
    """A tap that gives each packet to two; it equals another one of the same two."""

    first: Tap
    second: Tap

    def __call__(self, source: object, timestamp: int, payload: bytes) -> None:
        self.first(source, timestamp, payload)
        self.second(source, timestamp, payload)


class Sink(Protocol):
    """Where a leg's packets go: another leg's `Outbound`, a `Transcoder`, an input of a mix."""

    @property
    def patient(self) -> bool:
        """Whether packets are early enough here by the ticker's next slot, because a tick takes them."""
        ...

    def forward(self, source: object, sequence: int, timestamp: int, length: int) -> None:
        """Take the packet in rtp.PACKET: a 12-byte header that may be overwritten, `length - 12` bytes of payload.

        Nothing may keep a view of it. `source` is the stream it belongs to; sequence and timestamp are its own.
        """
        ...

    def skip(self, source: object, sequence: int) -> None:
        """This packet of the source isn't sound and isn't lost either (a digit)."""
        ...

    def restart(self) -> None:
        """What the source sent since the last packet was not for here; that isn't loss."""
        ...


@dataclass(frozen=True)
class LegStatistics:
    """Counters of a leg so far; seconds and shares, not milliseconds and percent."""

    packets_received: int
    packets_lost: int
    jitter_seconds: float
    packets_sent: int
    remote_fraction_lost: float
    round_trip_seconds: float | None
    strangers: int
    forged: int
    silent_seconds: float
    codec: Codec = OPUS

    @property
    def loss(self) -> float:
        expected = self.packets_received + self.packets_lost
        return self.packets_lost / expected if expected else 0.0

    @property
    def mos(self) -> float:
        """Mean opinion score 1..4.5 (ITU-T G.107), 0 before anything was heard."""
        if not self.packets_received:
            return 0.0
        return self.opinion(self.loss)

    def opinion(self, loss: float) -> float:
        """The same as if this share of packets were lost."""
        delay = (self.round_trip_seconds or 0.0) / 2 + 2 * self.jitter_seconds + 0.04
        return mean_opinion_score(delay, loss, self.codec)


class MediaLeg(Protocol):
    """One party's media. Attributes say where its packets go; whoever arranges legs sets them."""

    outbound: Outbound
    on_digit: Callable[[str], None] | None
    on_closed: Callable[[], None] | None
    connected: asyncio.Future[bool]
    closed: bool

    @property
    def forward_to(self) -> Sink | None:
        """Where its packets go."""
        ...

    @forward_to.setter
    def forward_to(self, sink: Sink | None) -> None: ...

    @property
    def muted(self) -> bool:
        """Its packets carry silence from now on, to everybody and to the tap."""
        ...

    @muted.setter
    def muted(self, muted: bool) -> None: ...

    @property
    def tap(self) -> Tap | None:
        """Takes its packets too."""
        ...

    @tap.setter
    def tap(self, tap: Tap | None) -> None: ...

    @property
    def last_heard(self) -> float:
        """Monotonic seconds of the last sign of life."""
        ...

    @property
    def codec(self) -> Codec:
        """What it sends, and takes by `outbound`. May change when it is negotiated anew."""
        ...

    def play(self, clips: Sequence[Clip], *, loop: bool = False, start: int = 0) -> Playback:
        """Play to this leg instead of whatever plays now; forwarding to it should have been stopped."""
        ...

    def stop_playing(self) -> None: ...

    @property
    def sends_digits(self) -> bool:
        """Whether the other end takes telephone events."""
        ...

    def send_digits(self, digits: str) -> None: ...

    def statistics(self) -> LegStatistics: ...

    def report(self) -> None:
        """Send one RTCP report."""
        ...

    async def close(self) -> None:
        """End this media for good. Safe to repeat."""
        ...
