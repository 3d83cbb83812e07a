"""Sealed segments and ends of recordings as they lie on this node's disk (docs/mechanisms/recording-segments.md).

`<tenant_id>/<recording_id>/` is there from a recording's beginning to its end. It may hold `finish.json`, and segments
apart: `<track>-<sequence>-<ms>.seg`. `<name>.batch` holds segments of several recordings that were sealed at the same
time. A file with its final name is whole, unless the machine lost its power: a batch is read up to where it is torn.
"""

from __future__ import annotations

import json
import os
import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from chassis.instants import duration_in, duration_out
from google.protobuf.message import DecodeError
from merkez.recording.v1.recording_service_pb2 import AppendSegmentRequest, AppendSegmentsRequest

from telephony.media.recorder import Presence
from telephony.media.tracks import Entry

_NAME = re.compile(r"(customer|agent|leg_[0-9a-z]+)-(\d+)-(\d+)\.seg")
_PLACE = re.compile(r"([0-9A-Za-z_-]+)/([0-9A-Za-z_-]+)/([0-9a-z_]+-\d+-\d+\.seg)")
_TENANT = re.compile(r"[0-9A-Za-z_-]+")
_NAMES = re.compile(r"[0-9A-Za-z_-]+/(?:customer|agent|leg_[0-9a-z]+)")
_MOST_PARTS = 1024
"""In one call of writev (IOV_MAX)."""
_HEAD = struct.Struct("<IHI")
"""Of a segment in a batch: CRC-32 of what follows the head, lengths of its tenant's id and of its entry."""
_FINISH = "finish.json"


@dataclass(frozen=True, slots=True)
class Segment:
    """One sealed segment."""

    tenant_id: str
    recording_id: str
    track: str
    sequence: int
    seconds: float
    sealed: bytes

    @classmethod
    def of(cls, tenant_id: str, entry: Entry) -> Segment:
        """The same, read. Raises ValueError for what is none."""
        try:
            (read,) = AppendSegmentsRequest.FromString(entry).segments
        except DecodeError as error:
            raise ValueError("no segment") from error
        if not _NAMES.fullmatch(f"{read.recording_id}/{read.track}"):
            raise ValueError("a segment of no recording or track")
        seconds = (duration_in(read, "duration") or timedelta(0)).total_seconds()
        return cls(tenant_id, read.recording_id, read.track, read.sequence, seconds, read.sealed)

    @property
    def entry(self) -> Entry:
        """The same as it is sent."""
        duration = duration_out(timedelta(seconds=self.seconds))
        segment = AppendSegmentRequest(
            recording_id=self.recording_id, track=self.track, sequence=self.sequence, sealed=self.sealed,
            duration=duration,
        )  # fmt: skip
        return AppendSegmentsRequest(segments=[segment]).SerializeToString()

    @property
    def place(self) -> str:
        """The file that holds it alone, within the spool's folder."""
        return f"{self.tenant_id}/{self.recording_id}/{self.track}-{self.sequence:06d}-{int(self.seconds * 1000)}.seg"


@dataclass(frozen=True)
class Finish:
    """The end of a recording: its length, how many segments each track has, and who was there when."""

    tenant_id: str
    recording_id: str
    seconds: float
    segment_counts: Mapping[str, int]
    presences: tuple[Presence, ...] = ()


def put(path: Path, *content: bytes) -> None:
    """Write a file, of these one behind the other, that is whole whenever it has this name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f"{path.suffix}.tmp")
    with temporary.open("wb", buffering=0) as file:
        _write(file.fileno(), content)
    temporary.replace(path)


def _write(file: int, content: Sequence[bytes]) -> None:
    """All of it, without a copy in one piece first: a beat of a full node is some megabytes."""
    for first in range(0, len(content), _MOST_PARTS):
        parts: Sequence[bytes | memoryview] = content[first : first + _MOST_PARTS]
        while parts:
            written = os.writev(file, parts)
            while parts and written >= len(parts[0]):
                written -= len(parts[0])
                parts = parts[1:]
            if written:
                parts = [memoryview(parts[0])[written:], *parts[1:]]


def listed(recording: Path) -> list[Path]:
    """The segments that lie in a recording's folder alone, in order."""
    return sorted((path for path in recording.glob("*.seg") if _NAME.fullmatch(path.name)), key=_order)


def segment_at(path: Path, sealed: bytes) -> Segment:
    """The segment of a file that `listed` has named, and what it holds. ValueError for a name that is no segment's."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise ValueError(f"{path.name} is no segment's")
    recording = path.parent
    return Segment(recording.parent.name, recording.name, match[1], int(match[2]), int(match[3]) / 1000, sealed)


def batch_of(kept: Sequence[tuple[str, Sequence[Entry]]]) -> list[bytes]:
    """The content of a batch of segments, together with their tenant: parts that belong one behind the other."""
    parts: list[bytes] = []
    for tenant_id, entries in kept:
        tenant = tenant_id.encode()
        sum_ = zlib.crc32(tenant)
        for entry in entries:
            parts += (_HEAD.pack(zlib.crc32(entry, sum_), len(tenant), len(entry)) + tenant, entry)
    return parts


def in_batch(content: bytes) -> Iterator[Segment]:
    """Each segment of a batch. Raises ValueError where it is torn, after what lies whole before."""
    at = 0
    while at < len(content):
        begin = at + _HEAD.size
        if begin > len(content):
            raise ValueError("a batch ends within a head")
        sum_, name_length, length = _HEAD.unpack_from(content, at)
        at = begin + name_length + length
        name, rest = content[begin : begin + name_length], content[begin + name_length : at]
        if at > len(content) or zlib.crc32(rest, zlib.crc32(name)) != sum_:
            raise ValueError("a batch is torn")
        yield _in_batch(name.decode("ascii", "replace"), rest)


def _in_batch(name: str, rest: bytes) -> Segment:
    if _TENANT.fullmatch(name):
        return Segment.of(name, rest)
    # A node of before wrote the place of each segment, and its sealed bytes.
    if not _PLACE.fullmatch(name):
        raise ValueError("a batch names no place of a segment")
    return segment_at(Path(name), rest)


def write_finish(folder: Path, finish: Finish) -> None:
    """Say on the disk that no segment follows. It is not sealed, so it names nobody outside."""
    content = {
        "seconds": finish.seconds,
        "segment_counts": dict(finish.segment_counts),
        "presences": [asdict(presence) for presence in finish.presences],
    }
    put(folder / finish.tenant_id / finish.recording_id / _FINISH, json.dumps(content).encode())


def holds(recording: Path, track: str, sequence: int) -> bool:
    """Whether this segment lies in its recording's folder."""
    return any(recording.glob(f"{track}-{sequence:06d}-*.seg"))


def finish_of(recording: Path, end: float = 0.0) -> Finish:
    """The end that the disk tells of, or else the one a killed process did not write: what was heard last, at `end`."""
    path = recording / _FINISH
    try:
        content = json.loads(path.read_text())
        presences = tuple(Presence(**presence) for presence in content.get("presences", ()))
        return Finish(recording.parent.name, recording.name, content["seconds"], content["segment_counts"], presences)
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # or torn by a power cut
        return _from_files(recording, end)


def _from_files(recording: Path, end: float) -> Finish:
    """Everything up to the last segment on disk, at least."""
    counts: dict[str, int] = {}
    for path in listed(recording):
        sequence, track, _ = _order(path)
        counts[track] = max(counts.get(track, 0), sequence + 1)
    # Segments acknowledged before the crash are gone from here; recording knows them, and takes the larger count, and
    # no less time than what it has. Who was there when is in the segments themselves.
    return Finish(recording.parent.name, recording.name, end, counts)


def _order(path: Path) -> tuple[int, str, int]:
    match = _NAME.fullmatch(path.name)
    assert match is not None, path
    return int(match[2]), match[1], int(match[3])
