"""How conversations sound right now: measured every few seconds, told to whoever is in them, at once when media stalls.

Only tells. What follows from media that is gone is the watch's business, what is kept of a call's quality the CDR's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic

from telephony.domain.legs import Leg, Party
from telephony.domain.quality import LegQuality
from telephony.live.call import LiveCall
from telephony.live.outcomes import sounded
from telephony.live.switchboard import Switchboard
from telephony.media.leg import WebRtcLeg
from telephony.media.media_leg import LegStatistics, MediaLeg

MEASURE_SECONDS = 5.0
Tell = Callable[[str, str, Sequence[LegQuality]], object]
"""Takes (tenant id, call id, legs)."""


@dataclass
class _Seen:
    """One leg as it was looked at last."""

    media: MediaLeg | None = None
    counted: LegStatistics | None = None
    stalled: bool = False
    stood: bool = False
    """It stalled at some time since it was measured."""
    quality: LegQuality | None = None


@dataclass
class QualityWatch:
    """`look` after every look at the media, `measure` every MEASURE_SECONDS."""

    switchboard: Switchboard
    tell: Tell
    stall_seconds: float = 0.7
    _seen: dict[str, _Seen] = field(default_factory=dict)
    """By leg id."""

    async def look(self) -> None:
        """Tell of media that stalled or moves again."""
        now = monotonic()
        known = set[str]()
        for live in self._talking():
            changed = False
            for leg, media in _legs(live):
                known.add(leg.leg_id)
                seen = self._of(leg, media)
                stalled = self._stalled(media, now)
                changed |= stalled is not seen.stalled
                seen.stalled, seen.stood = stalled, seen.stood or stalled
            if changed:
                self._tell(live)
        self._seen = {leg_id: seen for leg_id, seen in self._seen.items() if leg_id in known}

    async def measure(self) -> None:
        """Measure every conversation and tell how it sounds."""
        for live in self._talking():
            for leg, media in _legs(live):
                seen = self._of(leg, media)
                if media is not None:
                    before, seen.counted = seen.counted, media.statistics()
                    seen.quality = measured(before, seen.counted) if before is not None else None
                sounded(stalled=seen.stood, loss=seen.quality.loss if seen.quality is not None else 0.0)
                seen.stood = seen.stalled
            self._tell(live)

    def _talking(self) -> Iterator[LiveCall]:
        return (live for live in self.switchboard.calls if live.talking and not live.ending)

    def _of(self, leg: Leg, media: MediaLeg | None) -> _Seen:
        seen = self._seen.setdefault(leg.leg_id, _Seen())
        if seen.media is not media:
            # New media counts from nothing.
            seen.media, seen.counted = media, media.statistics() if media is not None else None
        return seen

    def _stalled(self, media: MediaLeg | None, now: float) -> bool:
        if media is None or media.closed:
            return True
        # A browser that is connected sends all the time, muted or not; a SIP peer may be silent.
        return isinstance(media, WebRtcLeg) and now - media.last_voice > self.stall_seconds

    def _tell(self, live: LiveCall) -> None:
        legs: list[LegQuality] = []
        for leg, _ in _legs(live):
            seen = self._seen[leg.leg_id]
            known = seen.quality or LegQuality()
            told = replace(known, leg_id=leg.leg_id, party=leg.party, agent_id=leg.agent_id, stalled=seen.stalled)
            legs.append(told)
        self.tell(live.tenant_id, live.call_id, legs)


def measured(before: LegStatistics, now: LegStatistics) -> LegQuality:
    """How a leg sounded between two counts."""
    received = now.packets_received - before.packets_received
    # Packets that come late take back some of the loss counted before.
    lost = max(0, now.packets_lost - before.packets_lost)
    inbound = lost / (received + lost) if received + lost > 0 else 0.0
    loss = max(inbound, now.remote_fraction_lost)
    mos = now.opinion(loss) if received > 0 else 0.0
    return LegQuality(round_trip_seconds=now.round_trip_seconds, jitter_seconds=now.jitter_seconds, loss=loss, mos=mos)


def _legs(live: LiveCall) -> list[tuple[Leg, MediaLeg | None]]:
    """Who talks, with their media. Nobody is told of those who supervise."""
    found = live.live_legs(Party.CUSTOMER, Party.AGENT, Party.PARTICIPANT)
    return [(leg, live.room.member(leg.leg_id).leg) for leg in found if leg.answered or leg.party == Party.CUSTOMER]
