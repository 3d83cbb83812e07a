"""Sealed segments on this node's disk until recording has acknowledged each (docs/mechanisms/recording-segments.md).

Layout: `<folder>/<tenant_id>/<recording_id>/<track>-<sequence>-<milliseconds>.seg` and `finish.json`. A file with its
final name is whole. What a killed process left is sent by the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import re
import shutil
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kernel.errors import AlreadyExists, FailedPrecondition, InvalidInput, NotFound

from telephony.media.recorder import Presence

_NAME = re.compile(r"(customer|agent|leg_[0-9a-z]+)-(\d+)-(\d+)\.seg")
_BACKOFF = (0.1, 0.3, 1.0, 3.0, 10.0)
_AT_HAND = 32
"""Segments of one recording that are kept in memory until they are sent; more are read from the disk again."""
_REFUSALS = (AlreadyExists, FailedPrecondition, InvalidInput, NotFound)


@dataclass(frozen=True)
class Segment:
    """One sealed segment."""

    tenant_id: str
    recording_id: str
    track: str
    sequence: int
    seconds: float
    sealed: bytes


@dataclass(frozen=True)
class Finish:
    """The end of a recording: its length, how many segments each track has, and who was there when."""

    tenant_id: str
    recording_id: str
    seconds: float
    segment_counts: Mapping[str, int]
    presences: tuple[Presence, ...] = ()


SendSegment = Callable[[Segment], Awaitable[None]]
SendFinish = Callable[[Finish], Awaitable[None]]
Report = Callable[[str, str, BaseException | None], None]
"""Takes (what happened, recording id, error)."""


@dataclass
class _Waiting:
    """What of one recording is to be sent."""

    wake: asyncio.Event = field(default_factory=asyncio.Event)
    at_hand: deque[tuple[Path, Segment]] = field(default_factory=deque)
    """Whole files and what is in them, in order: looking into the folder and reading cost more than sending."""
    on_disk: bool = False
    """The folder holds more than is at hand."""
    ended: bool = False


class Spool:
    """Keeps segments and sends them on. One sender per recording, so that one stuck recording holds up no other."""

    def __init__(
        self,
        folder: Path,
        send_segment: SendSegment,
        send_finish: SendFinish,
        spawn: Callable[..., object],
        report: Report,
    ) -> None:
        self._folder = folder
        self._send_segment = send_segment
        self._send_finish = send_finish
        self._spawn = spawn
        self._report = report
        # One thread keeps the writes of a recording in order without blocking the loop that forwards packets.
        self._writer = ThreadPoolExecutor(1, "spool")
        self._waiting: dict[Path, _Waiting] = {}
        self.pending = 0
        """Segments written or being written and not yet acknowledged, of this process's life."""

    def resume(self) -> int:
        """Send on what an earlier process left; how many recordings. One without an end gets one from its files."""
        found = [path for path in self._folder.glob("*/*") if path.is_dir()]
        for recording in found:
            if not (recording / "finish.json").exists():
                _finish_from_files(recording)
            waiting = self._sender(recording)
            waiting.on_disk = True
            waiting.wake.set()
        return len(found)

    def begin(self, tenant_id: str, recording_id: str) -> None:
        """A recording is under way: whatever becomes of this process, the next one knows that it must be finished."""
        folder = self._folder / tenant_id / recording_id
        self._writer.submit(folder.mkdir, parents=True, exist_ok=True)

    def keep(self, segment: Segment) -> None:
        """Write one segment and send it. Returns at once; a failing disk is reported and the segment lost."""
        recording = self._folder / segment.tenant_id / segment.recording_id
        name = f"{segment.track}-{segment.sequence:06d}-{int(segment.seconds * 1000)}.seg"
        self.pending += 1
        self._write(recording / name, segment.sealed, segment)

    def finish(self, finish: Finish) -> None:
        """No segment follows. Sent after the last segment was acknowledged."""
        content = {
            "seconds": finish.seconds,
            "segment_counts": dict(finish.segment_counts),
            "presences": [dataclasses.asdict(presence) for presence in finish.presences],
        }
        folder = self._folder / finish.tenant_id / finish.recording_id
        self._write(folder / "finish.json", json.dumps(content).encode(), None)

    async def close(self) -> None:
        """Wait for the writes. What was not sent stays on disk."""
        await asyncio.to_thread(self._writer.shutdown)

    def _write(self, path: Path, content: bytes, segment: Segment | None) -> None:
        """Write a segment, or what says that none follows (None), and have it sent."""
        loop = asyncio.get_running_loop()

        def work() -> None:
            error: BaseException | None = None
            try:
                _put(path, content)
            except OSError as caught:
                error = caught
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._written, path, segment, error)

        self._writer.submit(work)

    def _written(self, path: Path, segment: Segment | None, error: BaseException | None) -> None:
        recording = path.parent
        waiting = self._sender(recording)
        if error is not None:
            self._report("a recording segment could not be written", recording.name, error)
        elif segment is None:
            waiting.ended = True
        elif waiting.on_disk or len(waiting.at_hand) >= _AT_HAND:
            waiting.on_disk = True
        elif path.exists():  # else a look into the folder has found and sent it already
            waiting.at_hand.append((path, segment))
        waiting.wake.set()

    def _sender(self, recording: Path) -> _Waiting:
        waiting = self._waiting.get(recording)
        if waiting is None:
            waiting = self._waiting[recording] = _Waiting()
            self._spawn(self._send_all(recording, waiting), "recording spool")
        return waiting

    async def _send_all(self, recording: Path, waiting: _Waiting) -> None:
        """Send this recording's files in order until its end was acknowledged. Only being cancelled ends it before."""
        failures = 0
        try:
            while True:
                waiting.wake.clear()
                try:
                    if await self._send_waiting(recording, waiting):
                        return
                    failures = 0
                except Exception as error:
                    # Whatever it is, a bug at recording's end or a failing disk at ours: giving up would leave the
                    # rest of the recording lying here until a restart, by which time it may be refused.
                    if failures == 0:
                        self._report("a recording can't be sent on; trying again", recording.name, error)
                    # It may be long: nothing of it stays in memory.
                    waiting.on_disk = True
                    waiting.at_hand.clear()
                    await asyncio.sleep(_BACKOFF[min(failures, len(_BACKOFF) - 1)])
                    failures += 1
                    continue
                await waiting.wake.wait()
        finally:
            self._waiting.pop(recording, None)

    async def _send_waiting(self, recording: Path, waiting: _Waiting) -> bool:
        """Send what there is now; whether the recording is finished and gone."""
        while waiting.at_hand:
            path, segment = waiting.at_hand[0]
            await self._send(path, segment)
            waiting.at_hand.popleft()
        if waiting.on_disk:
            await self._send_folder(recording)
            # Written meanwhile: it lies in the folder, and not at hand. The next turn looks for it.
            if not waiting.wake.is_set():
                waiting.on_disk = False
                waiting.ended = waiting.ended or (recording / "finish.json").exists()
        return waiting.ended and not waiting.on_disk and await self._send_ending(recording)

    async def _send_folder(self, recording: Path) -> None:
        """Send every segment that lies there now."""
        for path in await asyncio.to_thread(_segments, recording):
            match = _NAME.fullmatch(path.name)
            if match is None:
                continue
            sealed = await asyncio.to_thread(path.read_bytes)
            segment = Segment(
                recording.parent.name, recording.name, match[1], int(match[2]), int(match[3]) / 1000, sealed
            )
            await self._send(path, segment)

    async def _send(self, path: Path, segment: Segment) -> None:
        await self._acknowledged(self._send_segment(segment), path.parent)
        self._sent(path)

    def _sent(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self.pending = max(0, self.pending - 1)

    async def _send_ending(self, recording: Path) -> bool:
        """Say that no segment follows, once none is left to send; whether that is so."""
        content = await asyncio.to_thread(_ending, recording)
        if content is None:
            return False
        presences = tuple(Presence(**presence) for presence in content.get("presences", ()))
        finish = Finish(recording.parent.name, recording.name, content["seconds"], content["segment_counts"], presences)
        await self._acknowledged(self._send_finish(finish), recording)
        await asyncio.to_thread(shutil.rmtree, recording, True)
        with contextlib.suppress(OSError):
            os.rmdir(recording.parent)
        return True

    async def _acknowledged(self, sending: Awaitable[None], recording: Path) -> None:
        """Wait for the answer. A refusal that no repetition can change ends the matter, loudly."""
        try:
            await sending
        except _REFUSALS as error:
            self._report("recording refused a segment for good", recording.name, error)


def _segments(recording: Path) -> list[Path]:
    return sorted(recording.glob("*.seg"), key=_order)


def _ending(recording: Path) -> dict[str, Any] | None:
    """What finish.json says, once no segment is left to send."""
    path = recording / "finish.json"
    return None if not path.exists() or _segments(recording) else json.loads(path.read_text())


def _order(path: Path) -> tuple[int, str]:
    match = _NAME.fullmatch(path.name)
    return (int(match[2]), match[1]) if match else (0, path.name)


def _finish_from_files(recording: Path) -> None:
    """The end a killed process did not write: everything up to the last segment on disk, at least."""
    counts: dict[str, int] = {}
    seconds = 0.0
    for path in recording.glob("*.seg"):
        if match := _NAME.fullmatch(path.name):
            counts[match[1]] = max(counts.get(match[1], 0), int(match[2]) + 1)
            seconds = max(seconds, (int(match[2]) + 1) * int(match[3]) / 1000)
    # Segments acknowledged before the crash are gone from here; recording knows them, and takes the larger count. Who
    # was there when is in the segments themselves.
    _put(recording / "finish.json", json.dumps({"seconds": seconds, "segment_counts": counts}).encode())


def _put(path: Path, content: bytes) -> None:
    """Write a file that is whole whenever it has this name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f"{path.suffix}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
