"""A leg's voice in a recording: its packets, undecoded, until they are sealed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from chassis.instants import duration_out
from merkez.recording.v1 import recording_pb2, recording_service_pb2, segment_pb2

from telephony.media.compiled import lib
from telephony.media.runs import Piece, Runs
from telephony.media.sealing import Place, PlainKey, open_keyset, sealed
from telephony.media.tails import Tails
from telephony.media.tape import Tape

_MOST_WAITING = 800
"""Pieces of a track that are kept in memory while recording can't be reached: ten minutes, then the oldest go."""


Entry = bytes
"""A sealed segment as it is sent: the field `segments` of a merkez.recording.v1.AppendSegmentsRequest, serialized. One
behind the other they are a request."""


@dataclass(frozen=True)
class Source:
    """Whose voice a track is: one of `domain.legs.Party`, the user of an agent or a supervisor, others' number."""

    party: str
    agent_id: str = ""
    address: str = ""


@dataclass(frozen=True)
class Key:
    """What a recording's segments are sealed with."""

    tenant_id: str
    recording_id: str
    keyset: bytes = field(repr=False)
    """Tink's. Its cipher is made when it is needed, which is once where tapes seal: a full node has thousands."""
    plain: PlainKey | None
    """The same for tapes, where it is a kind that they know."""
    tails: Tails | None


class Track:
    """One leg's voice in a recording: a tap that goes on a party; it survives the party's re-attachment.

    `source` is None in a message, whose one track needs no telling apart.
    """

    # For the memory: a full node has thousands.
    __slots__ = ("_head", "_key", "_waiting", "ended", "joined", "left", "name", "sequence", "source", "tape")

    def __init__(self, name: str, started: float, source: Source | None = None) -> None:
        self.name = name
        self.source = source
        self.tape: Tape | Runs = Runs(started) if lib is None else Tape(started)
        """Where its packets are put: a lane does it by itself."""
        self.sequence = 0
        """Of the next segment."""
        self.joined = monotonic() - started
        self.left: float | None = None
        self.ended = False
        """Nothing is taken any more."""
        self._waiting: deque[Piece] | None = None
        """What was cut before there was a key."""
        self._key: Key | None = None
        self._head = b""

    def __call__(self, source: object, timestamp: int, payload: bytes) -> None:
        """Take one packet. `source` is the stream it belongs to; `timestamp` is of that stream's clock."""
        self.take(source, timestamp, payload, monotonic())

    def take(self, source: object, timestamp: int, payload: bytes, now: float) -> None:
        """The same for a packet that came at `now`, a while ago."""
        if not self.ended:
            self.tape.put(source, timestamp, payload, now)

    def open(self, key: Key) -> Iterable[Entry]:
        """Seal from now on, and what came before: as `segments`."""
        self._key = key
        self._head = self._payload_head(key)
        before = list(self.segments())
        if isinstance(self.tape, Tape) and key.plain is not None:
            slot = key.tails.slot() if key.tails is not None else None
            place = Place(key.tenant_id, key.recording_id, self.name)
            if not self.tape.seal(key.plain, place, self._head, self.sequence, slot) and slot is not None:
                assert key.tails is not None
                key.tails.release(slot)
        return before

    def segments(self) -> Iterator[Entry]:
        """What came up to now. Without a key it waits."""
        pieces = self.tape.cut()
        key = self._key
        if key is None:
            if self._waiting is None:
                self._waiting = deque(maxlen=_MOST_WAITING)
            self._waiting.extend(pieces)
            return
        if self._waiting is not None:
            pieces = [*self._waiting, *pieces]
            self._waiting = None
        for piece in pieces:
            sequence = self.sequence
            self.sequence += 1
            yield piece.content if piece.sealed else self._seal(key, sequence, piece)

    def end(self) -> None:
        """Nothing is taken any more."""
        self.ended = True
        if isinstance(self.tape, Tape):
            slot = self.tape.end()
            if slot is not None and self._key is not None and self._key.tails is not None:
                self._key.tails.release(slot)

    @property
    def last_arrival(self) -> float:
        """When the last packet came, or the recording began, by the monotonic clock."""
        return self.tape.last_arrival

    def _seal(self, key: Key, sequence: int, piece: Piece) -> Entry:
        place = Place(key.tenant_id, key.recording_id, self.name)
        segment = recording_service_pb2.AppendSegmentRequest(
            recording_id=key.recording_id, track=self.name, sequence=sequence,
            sealed=sealed(open_keyset(key.keyset), place, self._head, sequence, piece.content),
            duration=duration_out(timedelta(seconds=piece.seconds)),
        )  # fmt: skip
        return recording_service_pb2.AppendSegmentsRequest(segments=[segment]).SerializeToString()

    def _payload_head(self, key: Key) -> bytes:
        """What is the same in each of its segments: who it is of, so that none depends on another."""
        source = None
        if self.source is not None:
            source = recording_pb2.Track(
                track=self.name, party=self.source.party, agent_id=self.source.agent_id, address=self.source.address,
                start_offset=duration_out(timedelta(seconds=self.joined)),
            )  # fmt: skip
        head = segment_pb2.SegmentPayload(recording_id=key.recording_id, track=self.name, source=source)
        return head.SerializeToString()
