"""Slots in files that are mapped: where what a tape has open lies sealed, for whoever comes after a killed process.

A slot is written by tape.c alone (tape.h: tape_slot). A file is locked as long as its process lives. What lies in it
is given to the kernel by being written, and costs no call; it survives the process, not the machine's power. Its blocks
are reserved when it is made: writing to a mapped file that the disk has no room for would be the end of the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import re
import struct
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from telephony.media.compiled import ffi, lib

_SLOTS = 64
"""Of a file: 3 MB."""
_LINGER_SECONDS = 2.0
"""A slot stays as it was for so long after its track has ended: by then its last segment lies on the disk elsewhere."""
_MAGIC = 0x3250544D
_HEAD = struct.Struct("@II208s")
_AREA = struct.Struct("@Iidd")
_ENTRY_ROOM, _DATA_ROOM = 256, 24_200
_AREAS = [_HEAD.size + number * (_AREA.size + _ENTRY_ROOM + _DATA_ROOM) for number in range(2)]
_SIZE = _AREAS[1] + _AREA.size + _ENTRY_ROOM + _DATA_ROOM
"""Of a slot, with its two areas."""
_PLACE = re.compile(r"[0-9A-Za-z_-]+/[0-9A-Za-z_-]+/[0-9a-z_]+")

Report = Callable[[str, str, BaseException | None], None]
"""Takes (what happened, file, error)."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One track's place in a file."""

    at: Any
    """tape.h: tape_slot."""
    file: Any
    """The mapped file it lies in: whoever may write to the slot keeps it mapped."""


@dataclass(frozen=True)
class Left:
    """One sealed segment that a killed process had open, or had just finished."""

    tenant_id: str
    recording_id: str
    track: str
    sequence: int
    seconds: float
    end: float
    """Its last packet, in seconds since the recording began."""
    sealed: bytes


class Tails:
    """This process's slots, in files `<life>-<number>.tails` of a folder."""

    def __init__(self, folder: Path, life: str, report: Report) -> None:
        self._folder = folder
        self._life = life
        self._report = report
        self._files: list[tuple[int, Path, Any]] = []
        self._free: deque[Slot] = deque()
        self._lingering: deque[tuple[float, Slot]] = deque()
        self._taken = 0

    def slot(self) -> Slot | None:
        """One for a track; None where there is no C part, or no room on the disk."""
        while self._lingering and monotonic() - self._lingering[0][0] > _LINGER_SECONDS:
            self._free.append(self._lingering.popleft()[1])
        if not self._free and lib is not None:
            self._grow()
        if not self._free:
            return None
        self._taken += 1
        return self._free.popleft()

    def release(self, slot: Slot) -> None:
        """Its track has ended."""
        self._taken -= 1
        self._lingering.append((monotonic(), slot))

    def close(self) -> None:
        """The process ends, and what was taken off lies on the disk: forget the rest, unless tracks are still on."""
        for number, path, _ in self._files:
            if not self._taken:
                path.unlink(missing_ok=True)
            fcntl.flock(number, fcntl.LOCK_UN)  # a file that is still mapped would keep it
            os.close(number)
        self._files.clear()
        self._free.clear()
        self._lingering.clear()

    def _grow(self) -> None:
        path = self._folder / f"{self._life}-{len(self._files):03d}.tails"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._report("a killed process would lose what its recordings have open: no file", path.name, error)
            return
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.posix_fallocate(number, 0, _SLOTS * _SIZE)
            slots = ffi.from_buffer("tape_slot[]", mmap.mmap(number, _SLOTS * _SIZE))
        except OSError as error:
            os.close(number)
            path.unlink(missing_ok=True)
            self._report("a killed process would lose what its recordings have open: no room", path.name, error)
            return
        self._files.append((number, path, slots))
        self._free.extend(Slot(ffi.addressof(slots, index), slots) for index in range(_SLOTS))


def left_behind(folder: Path, report: Report) -> Iterator[Left]:
    """What processes that live no more had open. Their files are gone when all of it was taken."""
    for path in sorted(folder.glob("*.tails")):
        with contextlib.ExitStack() as stack:
            try:
                file = stack.enter_context(path.open("rb"))
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                content = file.read()
            except BlockingIOError:
                continue  # its process lives
            except OSError as error:
                report("what a killed process had open can't be read; it stays for the next start", path.name, error)
                continue
            for at in range(0, len(content) - _SIZE + 1, _SIZE):
                yield from _in_slot(content[at : at + _SIZE])
            path.unlink(missing_ok=True)


def _in_slot(content: bytes) -> Iterator[Left]:
    """The segments of a track that a slot holds, as far as they had come."""
    magic, used, place = _HEAD.unpack_from(content)
    name = place.partition(b"\0")[0].decode("ascii", "replace")
    if magic != _MAGIC or not used or not _PLACE.fullmatch(name):
        return
    tenant_id, recording_id, track = name.split("/")
    for at in _AREAS:
        length, sequence, seconds, end = _AREA.unpack_from(content, at)
        begin = at + _AREA.size + _ENTRY_ROOM
        if 0 < length <= _DATA_ROOM:
            sealed = content[begin : begin + length]
            yield Left(tenant_id, recording_id, track, sequence, seconds, end, sealed)
