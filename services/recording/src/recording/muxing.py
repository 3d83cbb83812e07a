"""Tracks of packets into Ogg/Opus files. Takes seconds of CPU for an hour of talk: runs in a thread."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from chassis.telemetry import log

from recording import sound
from recording.domain import ogg, sharing, tracks
from recording.domain.opus import SAMPLE_RATE
from recording.domain.recordings import Recording, RecordingKind
from recording.domain.voices import TRACKS, Voice, heard_in

_SLOT_MICROS = tracks.GRID * 1_000_000 // SAMPLE_RATE


@dataclass(frozen=True)
class Muxed:
    """Whole files, in the clear."""

    content: bytes
    """The stereo file."""
    samples: int
    gaps: tuple[tracks.Gap, ...]
    voices: tuple[Voice, ...]
    alone: Mapping[str, bytes]
    """By track: a file of its own, of tracks that share an ear with others."""


def mux(value: Recording, packets: Mapping[str, Sequence[tracks.Packet]]) -> Muxed:
    """The stereo file, as long as the recording was: customer left, everybody else right. A voicemail is heard on both
    sides."""
    message = value.kind is RecordingKind.VOICEMAIL
    voices = heard_in(value.voices, packets, value.agent_id, alone=message)
    laid = {voice.track: tracks.lay(voice.track, packets.get(voice.track, ())) for voice in voices}
    told = round(value.duration.total_seconds() * SAMPLE_RATE / tracks.GRID)
    slots = max([told, *(track.end_slot for track in laid.values())])
    left = sharing.share("left", [laid[voice.track] for voice in voices if voice.left])
    right = sharing.share("right", [laid[voice.track] for voice in voices if not voice.left])
    pictures = sound.listen(list(laid.values()), [left, right], slots)
    voices = tuple(
        _placed(replace(voice, activity=picture), laid[voice.track], slots)
        for voice, picture in zip(voices, pictures, strict=True)
    )
    pairs = tracks.pair(left.track, left.track if message else right.track, slots)
    serial, comments = zlib.crc32(value.recording_id.encode()), _comments(value)
    content = b"".join(ogg.write(pairs, serial=serial, comments=comments))
    alone = {
        track.name: b"".join(ogg.write_mono(tracks.alone(track, slots), serial=serial, comments=comments))
        for ear in (left, right)
        if len(ear.voices) > 1
        for track in ear.voices
    }
    _warn(value, laid.values())
    found = tuple(
        gap
        for voice in voices
        for gap in tracks.gaps(
            laid[voice.track], round((voice.end or 0) / _SLOT_MICROS), round(voice.start / _SLOT_MICROS)
        )
    )
    return Muxed(content, slots * tracks.GRID, found, voices, alone)


def track_of(content: bytes, value: Recording, *, left: bool) -> bytes:
    """One side of a stereo file as a file of its own, its packets as they are."""
    serial = zlib.crc32(value.recording_id.encode())
    return b"".join(ogg.write_mono(ogg.side(content, left=left), serial=serial, comments=_comments(value)))


def _comments(value: Recording) -> tuple[str, ...]:
    return (f"TITLE={value.call_id}", f"DATE={value.start_time.isoformat()}")


def _placed(voice: Voice, track: tracks.Track, slots: int) -> Voice:
    """With its end: when it left, or when it was heard last if the node died before it said so."""
    said = 0 if voice.end is None else round(voice.end / _SLOT_MICROS)
    of_before = voice.track in TRACKS
    end = slots if of_before else min(slots, max(said, track.end_slot, round(voice.start / _SLOT_MICROS)))
    return replace(voice, end=max(voice.start, end * _SLOT_MICROS))


def _warn(value: Recording, laid: Iterable[tracks.Track]) -> None:
    for track in laid:
        if track.malformed or track.lost_samples:
            log.warning(
                "packets could not be kept", recording_id=value.recording_id, track=track.name,
                malformed=track.malformed, lost_ms=track.lost_samples * 1000 // SAMPLE_RATE,
            )  # fmt: skip
