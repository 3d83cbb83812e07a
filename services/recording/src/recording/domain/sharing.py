"""Several tracks on one ear, as far as that goes without decoding.

Wherever one of them is heard, its packets are the ear's. Where several are heard at once they must be mixed: those
stretches are told, and `recording.sound` fills them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from recording.domain.opus import Frames
from recording.domain.tracks import GRID, Track

_APART = 25
"""Half a second: a stretch between two overlaps that is shorter is mixed with them. Every change between mixed and
untouched packets costs the listener's decoder a moment to settle."""
_LARGEST_QUIET = 2  # a frame of silence is two bytes, one of DTX or a lost one at most one


@dataclass(frozen=True)
class Ear:
    """What one ear hears: `track` is complete once the slots of `overlaps` are mixed from `voices`."""

    track: Track
    voices: tuple[Track, ...]
    overlaps: tuple[range, ...] = ()


def share(name: str, voices: Sequence[Track]) -> Ear:
    """Put these tracks onto one ear. One alone is taken as it is."""
    if len(voices) == 1:
        return Ear(voices[0], tuple(voices))
    ear = Track(name, end_slot=max((voice.end_slot for voice in voices), default=0))
    mixed = _overlapping(voices, ear.end_slot)
    covered = _covered(voices, ear.end_slot)
    for voice in voices:
        for slot, unit in voice.units.items():
            width = unit.samples // GRID
            if any(mixed[slot : slot + width]):
                continue
            if _audible(unit) or max(covered[slot : slot + width]) == 1:
                ear.units[slot] = unit
    return Ear(ear, tuple(voices), tuple(_ranges(mixed)))


def _audible(unit: Frames) -> bool:
    return any(len(frame) > _LARGEST_QUIET for frame in unit.frames)


def _covered(voices: Sequence[Track], slots: int) -> list[int]:
    """How many tracks have something in each slot, heard or not."""
    counts = [0] * slots
    for voice in voices:
        for slot, unit in voice.units.items():
            for at in range(slot, slot + unit.samples // GRID):
                counts[at] += 1
    return counts


def _overlapping(voices: Sequence[Track], slots: int) -> bytearray:
    """1 for each slot in which several tracks are heard, or that lies between two such or under a unit with one."""
    heard, mixed = bytearray(slots), bytearray(slots)
    wide: list[slice] = []
    for voice in voices:
        for slot, unit in voice.units.items():
            width = unit.samples // GRID
            if width > 1:
                wide.append(slice(slot, slot + width))
            if _audible(unit):
                for at in range(slot, slot + width):
                    mixed[at] |= heard[at]
                    heard[at] = 1
    _close(mixed)
    settled = False
    while not settled:
        settled = True
        for place in wide:
            if 0 < sum(mixed[place]) < place.stop - place.start:
                mixed[place] = b"\1" * (place.stop - place.start)
                settled = False
    return mixed


def _close(mixed: bytearray) -> None:
    """Fill the short pauses between overlaps."""
    found = list(_ranges(mixed))
    for before, after in pairwise(found):
        if after.start - before.stop < _APART:
            mixed[before.stop : after.start] = b"\1" * (after.start - before.stop)


def _ranges(mixed: bytearray) -> list[range]:
    found: list[range] = []
    at = mixed.find(1)
    while at >= 0:
        end = mixed.find(0, at)
        end = len(mixed) if end < 0 else end
        found.append(range(at, end))
        at = mixed.find(1, end)
    return found
