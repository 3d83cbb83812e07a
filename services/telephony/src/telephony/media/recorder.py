"""Records what legs are heard with: packets in, sealed segments out (docs/mechanisms/recording-segments.md).

Nothing is decoded. A track's packets are collected for less than a second, put into a `SegmentPayload`, encrypted
with the recording's data key and handed to the spool, which keeps them on disk until recording has them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import tink
from chassis.instants import duration_out
from merkez.recording.v1 import recording_pb2, segment_pb2
from tink import aead, secret_key_access

from telephony.media.media_leg import Tap
from telephony.media.rtp import CLOCK_RATE

SEGMENT_SECONDS = 0.8
"""With the write behind it, less than the promised second is open at any time."""
_CHECK_EVERY = 0.1
_MAX_OPEN = 50 * 60 * 10
"""Packets of one track kept in memory while recording can't be reached: ten minutes, then the oldest go."""

KeepSegment = Callable[[str, int, bytes, float], None]
"""Takes (track, sequence, sealed bytes, seconds covered) and returns at once."""

aead.register()


def open_keyset(keyset: bytes) -> aead.Aead:
    """The cipher of a serialized cleartext Tink keyset."""
    handle = tink.proto_keyset_format.parse(keyset, secret_key_access.TOKEN)
    return handle.primitive(aead.Aead)


def associated_data(tenant_id: str, recording_id: str, track: str, sequence: int) -> bytes:
    """What a segment is bound to, so that it opens nowhere else."""
    return f"{tenant_id}/{recording_id}/{track}/{sequence}".encode()


@dataclass(frozen=True)
class Source:
    """Whose voice a track is: one of `domain.legs.Party`, the user of an agent or a supervisor, others' number."""

    party: str
    agent_id: str = ""
    address: str = ""


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


class Track:
    """One leg's voice in a recording. `tap` goes on a party; it survives the party's re-attachment.

    `source` is None in a message, whose one track needs no telling apart.
    """

    def __init__(self, name: str, started: float, source: Source | None = None) -> None:
        self.name = name
        self.source = source
        self.sequence = 0
        self.joined = monotonic() - started
        self.left: float | None = None
        self.last_arrival = started
        """By the monotonic clock."""
        self._started = started
        self._packets: list[segment_pb2.OpusPacket] = []
        self._opened = 0.0
        self._source: object | None = None
        self._first: tuple[int, int] = (0, 0)
        self._last = (0, 0.0)

    def tap(self, source: object, timestamp: int, payload: bytes) -> None:
        """Take one packet. `source` is the stream it belongs to; `timestamp` is of that stream's clock."""
        self.take(source, timestamp, payload, monotonic())

    def take(self, source: object, timestamp: int, payload: bytes, now: float) -> None:
        """The same for a packet that came at `now`, a while ago."""
        self.last_arrival = now
        position = self._position(source, timestamp, now)
        if not self._packets:
            self._opened = now
        elif len(self._packets) >= _MAX_OPEN:
            del self._packets[: _MAX_OPEN // 10]
        self._packets.append(
            segment_pb2.OpusPacket(
                timestamp=position, arrival_micros=int((now - self._started) * 1_000_000), payload=payload
            )
        )

    def cut(self, now: float, *, force: bool = False) -> tuple[list[segment_pb2.OpusPacket], float] | None:
        """The open packets of at most a second and the seconds they cover, when it is time to seal them."""
        if not self._packets or (not force and now - self._opened < SEGMENT_SECONDS):
            return None
        # After a wait for the key more than one segment is open: cut by arrival.
        limit = self._packets[0].arrival_micros + 1_000_000
        count = next((i for i, p in enumerate(self._packets) if p.arrival_micros >= limit), len(self._packets))
        packets, self._packets = self._packets[:count], self._packets[count:]
        seconds = min(1.0, now - self._opened)
        if self._packets:
            self._opened = self._started + self._packets[0].arrival_micros / 1_000_000
        return packets, seconds

    def _position(self, source: object, timestamp: int, now: float) -> int:
        """48 kHz samples since the track's first packet; a new stream goes on where time is by then."""
        if source is not self._source:
            begun = self._source is not None
            elapsed = int((now - self._last[1]) * CLOCK_RATE) if begun else 0
            self._source = source
            self._first = (timestamp, self._last[0] + elapsed)
        origin, base = self._first
        # Signed 32-bit distance from the last position: unwraps, and lets a late packet stand before it.
        expected = (origin + self._last[0] - base) & 0xFFFFFFFF
        step = ((timestamp - expected + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        position = max(0, self._last[0] + step)
        if position >= self._last[0]:
            self._last = (position, now)
        return position


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
        self._cipher: aead.Aead | None = None
        self._keep: KeepSegment | None = None
        self._loop = loop
        self._ended: float | None = None
        self._tracks = {name: Track(name, self.started) for name in tracks}
        self._timer: asyncio.TimerHandle | None = loop.call_later(_CHECK_EVERY, self._check)

    def tap(self, leg_id: str, source: Source) -> Tap:
        """Where a leg's packets go while it is in the conversation: its track, made when it is new."""
        track = self._tracks.get(leg_id)
        if track is None:
            track = self._tracks[leg_id] = Track(leg_id, self.started, source)
        track.left = None
        return track.tap

    def leave(self, leg_id: str) -> None:
        """A leg is in the conversation no more. Nothing happens when it wasn't, or left before."""
        track = self._tracks.get(leg_id)
        if track is not None and track.left is None:
            track.left = self.seconds

    def track(self, name: str) -> Track:
        """One of those it began with."""
        return self._tracks[name]

    def open(self, recording_id: str, keyset: bytes, keep: KeepSegment) -> None:
        """Begin to seal: the key is here."""
        self.recording_id = recording_id
        self._cipher = open_keyset(keyset)
        self._keep = keep

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
            self.stop_clock(max(self.started, *(track.last_arrival for track in self._tracks.values())))

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
        self._seal(force=True)
        return self.seconds, {name: track.sequence for name, track in self._tracks.items()}

    def _check(self) -> None:
        self._timer = self._loop.call_later(_CHECK_EVERY, self._check)
        self._seal(force=False)

    def _seal(self, *, force: bool) -> None:
        now = monotonic()
        if self._cipher is None or self._keep is None:
            return
        for track in self._tracks.values():
            while (cut := track.cut(now, force=force)) is not None:
                packets, seconds = cut
                payload = segment_pb2.SegmentPayload(
                    recording_id=self.recording_id, track=track.name, sequence=track.sequence, packets=packets,
                    source=_told(track),
                )  # fmt: skip
                bound = associated_data(self._tenant_id, self.recording_id, track.name, track.sequence)
                sealed = self._cipher.encrypt(payload.SerializeToString(), bound)
                self._keep(track.name, track.sequence, sealed, seconds)
                track.sequence += 1


def _told(track: Track) -> recording_pb2.Track | None:
    """Who a track is of, for each of its segments."""
    source = track.source
    if source is None:
        return None
    start = duration_out(timedelta(seconds=track.joined))
    return recording_pb2.Track(
        track=track.name, party=source.party, agent_id=source.agent_id, address=source.address, start_offset=start
    )
