"""Where the packets of a track lie in time, what is missing, and how two tracks are paired.

The rules are those of docs/mechanisms/recording-segments.md: the first packet lies at its arrival, from there on the
distance in RTP timestamps is the distance in time. Everything is laid on a 20 ms grid that both tracks share.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from recording.domain.opus import SAMPLE_RATE, SILENCE, Frames, PacketMalformed, frame_samples, merge, parse

GRID = 960
"""One slot: 20 ms at 48 kHz, what browsers send."""
GAP_SLOTS = 5
"""Missing time from 100 ms on is in the gap map; less is ordinary packet loss."""
_CONCEAL_SLOTS = 3  # beyond 60 ms a decoder's concealment is noise, not speech
_REST_SLOTS = 50  # an encoder at rest (DTX) still speaks up every 400 ms; a second without means it stopped
_WIDEST = 6  # 120 ms: the most one Opus packet can hold
_TINY = 0xE0  # CELT, 2.5 ms: fills any remainder


@dataclass(frozen=True)
class Packet:
    """One Opus packet as it came off the wire."""

    timestamp: int
    """48 kHz samples since the track's first packet."""
    arrival_micros: int
    """Microseconds since the recording started."""
    payload: bytes


@dataclass(frozen=True)
class Gap:
    """A stretch of a track without sound, in samples from the start of the recording."""

    track: str
    start: int
    samples: int


@dataclass
class Track:
    """A track laid on the grid: slot -> what begins there. A slot that nothing covers is silence."""

    name: str
    units: dict[int, Frames] = field(default_factory=dict)
    end_slot: int = 0
    malformed: int = 0
    lost_samples: int = 0
    """Sound given up because frames of two configurations met in one packet."""

    def put(self, content: Frames) -> None:
        """Append `content`, a multiple of the grid, behind what is there."""
        self.units[self.end_slot] = content
        self.end_slot += content.samples // GRID


def lay(name: str, packets: Iterable[Packet]) -> Track:
    """Lay one track's packets, in any order and with doubles, on the grid."""
    track = Track(name)
    for start, run in _runs(_in_time(packets, track)):
        _bridge(track, max(track.end_slot, (start + GRID // 2) // GRID))
        for unit in _units(run, track):
            track.put(unit)
    return track


def _in_time(packets: Iterable[Packet], track: Track) -> Iterator[tuple[int, Frames]]:
    """(position in samples, frames) of what can be read, in order, without overlaps."""
    ordered = sorted({packet.timestamp: packet for packet in reversed(list(packets))}.items())
    origin: int | None = None
    end = 0
    for timestamp, packet in ordered:
        try:
            content = parse(packet.payload)
        except PacketMalformed:
            track.malformed += 1
            continue
        if origin is None:
            origin = packet.arrival_micros * SAMPLE_RATE // 1_000_000 - timestamp
        at = max(0, origin + timestamp)
        if at >= end:
            yield at, content
            end = at + content.samples


def _runs(placed: Iterable[tuple[int, Frames]]) -> Iterator[tuple[int, list[Frames]]]:
    """Packets that follow each other without a break, with the position of the first."""
    start = end = 0
    run: list[Frames] = []
    for at, content in placed:
        if run and at != end:
            yield start, run
            run = []
        if not run:
            start = at
        run.append(content)
        end = at + content.samples
    if run:
        yield start, run


def _bridge(track: Track, until: int) -> None:
    """Go on to slot `until`: have short losses and DTX concealed, leave the rest silent."""
    missing = until - track.end_slot
    last = next(reversed(track.units.values()), None)
    if missing and last is not None:
        # A frame of at most one byte is DTX (RFC 6716 2.1.9): the decoder makes comfort noise, nothing is missing.
        resting = all(len(frame) <= 1 for frame in last.frames)
        size = frame_samples(last.toc)
        if missing <= (_REST_SLOTS if resting else _CONCEAL_SLOTS) and GRID % size == 0:
            for _ in range(missing):
                track.put(Frames(last.toc, (b"",) * (GRID // size)))
    track.end_slot = until


def _units(run: Sequence[Frames], track: Track) -> Iterator[Frames]:
    """A run cut into the smallest pieces that begin and end on the grid."""
    pending: list[Frames] = []
    held = 0
    for content in run:
        for frame in content.frames:
            atom = Frames(content.toc, (frame,))
            if held + atom.samples > _WIDEST * GRID:  # frames of odd sizes that never meet the grid
                yield _merged([*pending, _filler(-held % GRID)], track)
                pending, held = [], 0
            pending.append(atom)
            held += atom.samples
            if held % GRID == 0:
                yield _merged(pending, track)
                pending, held = [], 0
    if pending:
        toc = pending[-1].toc
        count, left = divmod(-held % GRID, frame_samples(toc))
        yield _merged([*pending, _filler(-held % GRID) if left else Frames(toc, (b"",) * count)], track)


def _filler(samples: int) -> Frames:
    return Frames(_TINY, (b"",) * (samples // frame_samples(_TINY)))


def _merged(parts: Sequence[Frames], track: Track) -> Frames:
    whole, lost = merge([part for part in parts if part.frames])
    track.lost_samples += lost
    return whole


def pair(left: Track, right: Track, slots: int) -> Iterator[tuple[Frames, Frames]]:
    """(left, right) of equal length, 20 ms wherever both tracks allow it, for `slots` of the grid.

    A 40 or 60 ms SILK frame can't be cut, so the other side's frames are put together to match it.
    """
    at = 0
    while at < slots:
        width = _width(left, right, at)
        yield _take(left, at, width), _take(right, at, width)
        at += width


def _width(left: Track, right: Track, at: int) -> int:
    width, settled = 1, False
    while not settled:
        settled = True
        for track in (left, right):
            for slot in range(at, at + width):
                unit = track.units.get(slot)
                if unit is not None and at + width < slot + unit.samples // GRID <= at + _WIDEST:
                    width, settled = slot + unit.samples // GRID - at, False
    return width


def alone(track: Track, slots: int) -> Iterator[Frames]:
    """One track's packets for `slots` of the grid."""
    at = 0
    while at < slots:
        width = _width(track, track, at)
        yield _take(track, at, width)
        at += width


def _take(track: Track, at: int, width: int) -> Frames:
    parts: list[Frames] = []
    slot = at
    while slot < at + width:
        unit = track.units.get(slot)
        if unit is not None and slot + unit.samples // GRID <= at + width:
            parts.append(unit)
            slot += unit.samples // GRID
            continue
        if unit is not None:
            track.lost_samples += unit.samples
        parts.append(SILENCE)
        slot += 1
    return _merged(parts, track)


def gaps(track: Track, slots: int, begin: int = 0) -> list[Gap]:
    """What is missing from the track between `begin` and `slots`, from 100 ms on."""
    found: list[Gap] = []
    covered = begin
    for slot, unit in [*track.units.items(), (slots, SILENCE)]:
        if min(slot, slots) - covered >= GAP_SLOTS:
            found.append(Gap(track.name, covered * GRID, (min(slot, slots) - covered) * GRID))
        covered = max(covered, slot + unit.samples // GRID)
    return found
