"""Records what legs are heard with: packets in, sealed segments out (docs/mechanisms/recording-segments.md).

Nothing is decoded. A track's packets are collected for less than a second on its tape, which seals them with the
recording's data key, and handed to the spool, which keeps them on disk until recording has them. All recordings of a
node seal on the same beats, so that the spool writes and sends what many have sealed at once.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from telephony.media.media_leg import Tap
from telephony.media.sealing import RecordingKey, plain_key
from telephony.media.tails import Tails
from telephony.media.tracks import Entry, Key, Source, Track

_BEAT = 0.4
_SEGMENT_BEATS = 2
"""0.8 s: with the write and the way to recording behind it, a machine that dies takes a second with it at most."""
_TURNS, _TURN = 4, 0.01
"""Recordings seal in turns behind the beat: all at once would hold the event loop. The spool gathers for longer."""

KeepSegments = Callable[[Sequence[Entry]], None]
"""Takes what a recording's tracks have sealed at the same time and returns at once."""


@dataclass(frozen=True)
class Presence:
    """When a leg was in the recorded conversation, in seconds from its beginning. It may have been on hold in between.

    Without its number: what lies unsealed on the disk names nobody outside.
    """

    track: str
    party: str
    agent_id: str
    start: float
    end: float


class Recording:
    """One recording under way: its tracks and the cipher. `finish` seals what is left.

    Packets are taken from the first moment; sealing begins with `open`, when recording has given the key. `started` is
    monotonic seconds, now when it isn't said.
    """

    def __init__(
        self,
        tenant_id: str,
        loop: asyncio.AbstractEventLoop,
        tracks: Sequence[str] = (),
        started: float | None = None,
    ) -> None:
        self.recording_id = ""
        self.started = monotonic() if started is None else started
        self._tenant_id = tenant_id
        self._key: Key | None = None
        self._keep: KeepSegments | None = None
        self._loop = loop
        self._ended: float | None = None
        self._tracks = {name: Track(name, self.started) for name in tracks}
        self._phase = random.randrange(_TURNS) * _TURN
        self._timer: asyncio.TimerHandle | None = loop.call_later(self._to_beat(), self._beat)

    def tap(self, leg_id: str, source: Source) -> Tap:
        """Where a leg's packets go while it is in the conversation: its track, made when it is new."""
        track = self._tracks.get(leg_id)
        if track is None:
            track = self._tracks[leg_id] = Track(leg_id, self.started, source)
            if self._key is not None:
                self._hand_over(track.open(self._key))
        track.left = None
        return track

    def leave(self, leg_id: str) -> None:
        """A leg is in the conversation no more. Nothing happens when it wasn't, or left before."""
        track = self._tracks.get(leg_id)
        if track is not None and track.left is None:
            track.left = self.seconds

    def track(self, name: str) -> Track:
        """One of those it began with."""
        return self._tracks[name]

    def open(self, key: RecordingKey, keep: KeepSegments, tails: Tails | None = None) -> None:
        """Begin to seal: the key is here. What is open is kept in `tails` for whoever comes after this process."""
        self.recording_id = key.recording_id
        self._keep = keep
        for_tapes = plain_key(key.keyset) if key.takes_frames else None
        self._key = Key(self._tenant_id, key.recording_id, key.keyset, for_tapes, tails)
        self._hand_over(*(track.open(self._key) for track in self._tracks.values()))

    @property
    def seconds(self) -> float:
        """How long it is by now, or was when the clock was stopped."""
        return (monotonic() if self._ended is None else self._ended) - self.started

    def stop_clock(self, at: float | None = None) -> None:
        """The conversation is over though the key isn't here yet: the length is what it was at `at`, or is now
        unless the clock stands already."""
        if at is not None or self._ended is None:
            self._ended = monotonic() if at is None else at

    def stop_clock_at_last_packet(self) -> None:
        """The length is up to the last packet: this process stood still since, and the call went on elsewhere."""
        if self._ended is None:
            arrivals = (track.last_arrival for track in self._tracks.values())
            self.stop_clock(max(arrivals, default=self.started))

    @property
    def presences(self) -> tuple[Presence, ...]:
        """Who is or was in it when."""
        return tuple(
            Presence(
                track.name, track.source.party, track.source.agent_id, track.joined,
                max(track.joined, self.seconds if track.left is None else track.left),
            )
            for track in self._tracks.values()
            if track.source is not None
        )  # fmt: skip

    def finish(self) -> tuple[float, Mapping[str, int]]:
        """Seal the open segments and stop. The length in seconds and the segments each track has.

        Call it with the key in place: packets without one are lost.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._seal()
        for track in self._tracks.values():
            track.end()
        return self.seconds, {name: track.sequence for name, track in self._tracks.items()}

    def _beat(self) -> None:
        self._timer = self._loop.call_later(self._to_beat(), self._beat)
        self._seal()

    def _to_beat(self) -> float:
        """Seconds to the beat that lies a segment ahead. Timers come a little early or late."""
        now = monotonic() - self._phase
        return (math.floor(now / _BEAT + 0.25) + _SEGMENT_BEATS) * _BEAT - now

    def _seal(self) -> None:
        """Cut what is open, and hand over what could be sealed."""
        self._hand_over(*(track.segments() for track in self._tracks.values()))

    def _hand_over(self, *of_tracks: Iterable[Entry]) -> None:
        segments = [segment for each in of_tracks for segment in each]
        if segments:
            assert self._keep is not None
            self._keep(segments)
