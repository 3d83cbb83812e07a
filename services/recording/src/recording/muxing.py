"""Two tracks of packets into one Ogg/Opus file. Takes seconds of CPU for an hour of talk: runs in a thread."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from chassis.telemetry import log

from recording.domain import ogg, tracks
from recording.domain.opus import SAMPLE_RATE
from recording.domain.recordings import Recording, RecordingKind


@dataclass(frozen=True)
class Muxed:
    """A whole file, in the clear."""

    content: bytes
    samples: int
    gaps: tuple[tracks.Gap, ...]


def mux(value: Recording, customer: Sequence[tracks.Packet], agent: Sequence[tracks.Packet]) -> Muxed:
    """The stereo file: customer left, agent right, as long as the recording was. A voicemail is heard on both sides."""
    left = tracks.lay("customer", customer)
    right = left if value.kind is RecordingKind.VOICEMAIL else tracks.lay("agent", agent)
    laid = (left,) if right is left else (left, right)
    told = round(value.duration.total_seconds() * SAMPLE_RATE / tracks.GRID)
    slots = max(told, left.end_slot, right.end_slot)
    comments = (f"TITLE={value.call_id}", f"DATE={value.start_time.isoformat()}")
    serial = zlib.crc32(value.recording_id.encode())
    pages = ogg.write(tracks.pair(left, right, slots), serial=serial, comments=comments)
    content = b"".join(pages)
    for track in laid:
        if track.malformed or track.lost_samples:
            log.warning(
                "packets could not be kept", recording_id=value.recording_id, track=track.name,
                malformed=track.malformed, lost_ms=track.lost_samples * 1000 // SAMPLE_RATE,
            )  # fmt: skip
    found = tuple(gap for track in laid for gap in tracks.gaps(track, slots))
    return Muxed(content, slots * tracks.GRID, found)
