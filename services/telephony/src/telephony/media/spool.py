"""Sealed segments on this node's disk until recording has acknowledged each (docs/mechanisms/recording-segments.md).

What was sealed at the same time is written as one file and sent in one call for each tenant; it is forgotten when it is
acknowledged. What can't be sent then is moved into its recordings' folders, a file each, and goes out from there,
however long that takes: one stuck recording holds up no other. What a killed process left is sent by the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kernel.errors import AlreadyExists, FailedPrecondition, InvalidInput, NotFound

from telephony.media import segment_files, tails
from telephony.media.segment_files import Finish, Segment
from telephony.media.tails import Tails
from telephony.media.tracks import Entry

_BACKOFF = (0.1, 0.3, 1.0, 3.0, 10.0)
_GATHER_SECONDS = 0.05
"""From the first segment to the writing of a batch: recordings seal on the same beats, a little apart."""
_AT_ONCE = 32
"""Segments of a recording that are read from its folder and sent together."""
_MOST_SEGMENTS, _MOST_BYTES = 256, 1 << 20
"""In one call. The contract allows more."""
_AT_HAND_BYTES = 32 << 20
"""Sealed bytes that are kept in memory while they are sent: some seconds of a full node."""
_REFUSALS = (AlreadyExists, FailedPrecondition, InvalidInput, NotFound)

SendSegments = Callable[[str, Sequence[Entry]], Awaitable[Sequence[Exception | None]]]
"""Takes a tenant and segments of its recordings; what became of each: None when it is acknowledged."""
SendFinish = Callable[[Finish], Awaitable[None]]
Report = Callable[[str, str, BaseException | None], None]
"""Takes (what happened, recording id or file, error)."""


@dataclass(slots=True)
class _Waiting:
    """What of one recording is to be sent."""

    tenant_id: str
    recording_id: str
    wake: asyncio.Event | None = None  # of who sends what lies in its folder, and its end: None before there is either
    at_hand: int = 0
    """How much is being written, or sent from memory."""
    on_disk: bool = False
    """Its folder holds segments, and those that follow go there too."""
    finish: Finish | None = None


@dataclass
class _Batch:
    """What was written as one file, None when the disk didn't take it."""

    path: Path | None
    left: int


@dataclass(slots=True)
class _AtHand:
    """Segments of one recording that are at hand, sealed at the same time."""

    segments: Sequence[Entry]
    octets: int
    waiting: _Waiting
    batch: _Batch | None = None


class Spool:
    """Keeps segments and sends them on."""

    def __init__(
        self,
        folder: Path,
        send_segments: SendSegments,
        send_finish: SendFinish,
        spawn: Callable[..., object],
        report: Report,
    ) -> None:
        self._folder = folder
        self._send_segments = send_segments
        self._send_finish = send_finish
        self._spawn = spawn
        self._report = report
        # One thread keeps the writes of a recording in order without blocking the loop that forwards packets.
        self._writer = ThreadPoolExecutor(1, "spool")
        self._life = secrets.token_hex(4)
        self.tails = Tails(folder, self._life, report)
        """Where recordings keep what they have open."""
        self._batches = 0
        self._waiting: dict[tuple[str, str], _Waiting] = {}
        """By tenant and recording."""
        self._fresh: list[_AtHand] = []
        self._gathering: asyncio.TimerHandle | None = None
        self._queues: dict[str, deque[_AtHand]] = {}
        """By tenant: what its sender is to send."""
        self._octets = 0
        """Sealed bytes of all that is at hand."""

    def resume(self) -> int:
        """Send on what an earlier process left; how many recordings. One without an end gets one from its files."""
        for half in self._folder.glob("*.batch.tmp"):
            half.unlink()
        for batch in sorted(self._folder.glob("*.batch")):
            try:
                self._unpack(batch)
            except OSError as error:
                self._report("a batch of recording segments could not be read; it stays for the next start",
                             batch.name, error)  # fmt: skip
        ends = self._keep_left()
        found = [path for path in self._folder.glob("*/*") if path.is_dir()]
        for recording in found:
            finish = segment_files.finish_of(recording, ends.get(recording, 0.0))
            waiting = self._sender(recording.parent.name, recording.name)
            waiting.finish, waiting.on_disk = finish, True
            self._wake(waiting)
            try:  # what was counted once must stay: after a second crash fewer segments are here
                segment_files.write_finish(self._folder, finish)
            except OSError as error:
                self._report("the end of a recording could not be written", recording.name, error)
        return len(found)

    def begin(self, tenant_id: str, recording_id: str) -> None:
        """A recording is under way: whatever becomes of this process, the next one knows that it must be finished."""
        folder = self._folder / tenant_id / recording_id
        self._writer.submit(folder.mkdir, parents=True, exist_ok=True)

    def keep(self, tenant_id: str, recording_id: str, segments: Sequence[Entry]) -> None:
        """Write segments of one recording and send them. Returns at once."""
        waiting = self._sender(tenant_id, recording_id)
        entry = _AtHand(segments, sum(map(len, segments)), waiting)
        waiting.at_hand += 1
        self._octets += entry.octets
        if waiting.on_disk:
            self._put_apart([entry])
            return
        self._fresh.append(entry)
        if self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(_GATHER_SECONDS, self._write_batch)

    def finish(self, finish: Finish) -> None:
        """No segment follows. Sent after the last segment was acknowledged."""
        self._write_batch()
        waiting = self._sender(finish.tenant_id, finish.recording_id)

        def written(error: OSError | None) -> None:
            if error is not None:
                self._report("the end of a recording could not be written", finish.recording_id, error)
            waiting.finish = finish
            self._wake(waiting)

        self._write(lambda: segment_files.write_finish(self._folder, finish), written)

    async def drain(self) -> None:
        """Wait until recording has all of it, ends too: for where the disk goes with the process."""
        while self._waiting:
            await asyncio.sleep(_BACKOFF[0])

    async def close(self) -> None:
        """Wait for the writes. What was not sent stays on disk."""
        self._write_batch()
        await asyncio.to_thread(self._writer.shutdown)
        self.tails.close()

    # -- together ------------------------------------------------------------------------------------------

    def _write_batch(self) -> None:
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        entries, self._fresh = self._fresh, []
        if not entries:
            return
        self._batches += 1
        path = self._folder / f"{self._life}-{self._batches:08d}.batch"
        batch = _Batch(path, len(entries))
        for entry in entries:
            entry.batch = batch
        kept = [(entry.waiting.tenant_id, entry.segments) for entry in entries]
        self._write(
            lambda: segment_files.put(path, *segment_files.batch_of(kept)),
            lambda error: self._batch_written(batch, entries, error),
        )

    def _batch_written(self, batch: _Batch, entries: Sequence[_AtHand], error: OSError | None) -> None:
        if error is not None:  # all that is lost by that is what protects them from being killed
            self._report("recording segments could not be written; they are sent from memory", str(batch.path), error)
            batch.path = None
        if self._octets <= _AT_HAND_BYTES:
            self._queue(entries)
        else:
            self._put_apart(entries)

    def _queue(self, entries: Sequence[_AtHand]) -> None:
        for entry in entries:
            tenant_id = entry.waiting.tenant_id
            queue = self._queues.get(tenant_id)
            if queue is None:
                queue = self._queues[tenant_id] = deque()
                self._spawn(self._send_queue(tenant_id, queue), "recording spool")
            queue.append(entry)

    async def _send_queue(self, tenant_id: str, queue: deque[_AtHand]) -> None:
        """Send a tenant's segments, many at a time, until none is left."""
        try:
            while queue:
                entries = self._some(queue)
                try:
                    segments = [segment for each in entries for segment in each.segments]
                    outcomes = await self._sent(tenant_id, segments)
                except Exception as error:
                    self._report("recording segments can't be sent on; trying again", tenant_id, error)
                    self._put_apart([*entries, *queue])
                    queue.clear()
                    return
                self._settle(entries, outcomes)
        finally:
            del self._queues[tenant_id]

    def _some(self, queue: deque[_AtHand]) -> list[_AtHand]:
        """The next ones, as many as one call takes."""
        found: list[_AtHand] = []
        octets = count = 0
        while queue:
            octets += queue[0].octets
            count += len(queue[0].segments)
            if found and (octets > _MOST_BYTES or count > _MOST_SEGMENTS):
                break
            found.append(queue.popleft())
        return found

    def _settle(self, entries: Sequence[_AtHand], outcomes: Sequence[Exception | None]) -> None:
        apart: list[_AtHand] = []
        told = iter(outcomes)
        for entry in entries:
            recording_id = entry.waiting.recording_id
            again = [segment for segment in entry.segments if not self._is_over(recording_id, next(told))]
            if again:
                self._keep_of(entry, again)
                apart.append(entry)
            else:
                self._leave(entry)
        if apart:
            self._put_apart(apart)

    def _keep_of(self, entry: _AtHand, segments: Sequence[Entry]) -> None:
        """The others of its segments are over."""
        before, entry.segments, entry.octets = entry.octets, segments, sum(map(len, segments))
        self._octets += entry.octets - before

    async def _sent(self, tenant_id: str, segments: Sequence[Entry]) -> Sequence[Exception | None]:
        outcomes = await self._send_segments(tenant_id, segments)
        if len(outcomes) != len(segments):
            raise ValueError(f"{len(outcomes)} outcomes of {len(segments)} segments")
        return outcomes

    def _is_over(self, recording_id: str, error: Exception | None) -> bool:
        """Whether a segment needn't be sent again. A refusal that no repetition can change ends the matter, loudly."""
        if isinstance(error, _REFUSALS):
            self._report("recording refused a segment for good", recording_id, error)
            return True
        return error is None

    def _leave(self, entry: _AtHand) -> None:
        """It isn't at hand any more: acknowledged, refused, in its recording's folder, or lost."""
        waiting, batch = entry.waiting, entry.batch
        waiting.at_hand -= 1
        self._octets -= entry.octets
        if waiting.at_hand == 0 and waiting.finish is not None:
            self._wake(waiting)
        if batch is None:
            return
        batch.left -= 1
        if batch.left == 0 and batch.path is not None:
            # Giving a megabyte back takes the kernel as long as many packets.
            with contextlib.suppress(RuntimeError):  # closed meanwhile: the next process sends it again
                self._writer.submit(batch.path.unlink, missing_ok=True)

    # -- apart ---------------------------------------------------------------------------------------------

    def _put_apart(self, entries: Sequence[_AtHand]) -> None:
        """Have each in its recording's folder, from where it is sent."""
        for entry in entries:
            entry.waiting.on_disk = True
        failed: list[_AtHand] = []

        def work() -> None:
            caught: OSError | None = None
            for entry in entries:
                try:
                    for each in entry.segments:
                        segment = Segment.of(entry.waiting.tenant_id, each)
                        segment_files.put(self._folder / segment.place, segment.sealed)
                except OSError as error:
                    failed.append(entry)
                    caught = error
            if caught is not None:
                raise caught

        self._write(work, lambda error: self._apart(entries, failed, error))

    def _apart(self, entries: Sequence[_AtHand], failed: Sequence[_AtHand], error: OSError | None) -> None:
        lost = 0
        kept: list[_AtHand] = []
        missing = set(map(id, failed))
        for entry in entries:
            if id(entry) not in missing:
                entry.waiting.on_disk = True  # also when a look into the folder came too early for it
                self._leave(entry)
            elif self._octets > _AT_HAND_BYTES and (entry.batch is None or entry.batch.path is None):
                lost += len(entry.segments)
                self._leave(entry)
            else:
                kept.append(entry)
            self._wake(entry.waiting)
        if error is not None:
            said = f"{lost} are lost" if lost else "they are sent from memory"
            self._report(f"recording segments could not be written; {said}", str(self._folder), error)
        if kept:
            asyncio.get_running_loop().call_later(_BACKOFF[-2], self._queue, kept)

    def _sender(self, tenant_id: str, recording_id: str) -> _Waiting:
        waiting = self._waiting.get((tenant_id, recording_id))
        return waiting or self._waiting.setdefault((tenant_id, recording_id), _Waiting(tenant_id, recording_id))

    def _wake(self, waiting: _Waiting) -> None:
        """Something of it lies in its folder, or its end is known."""
        if waiting.wake is None:
            waiting.wake = asyncio.Event()
            recording = self._folder / waiting.tenant_id / waiting.recording_id
            self._spawn(self._send_all(recording, waiting, waiting.wake), "recording spool")
        waiting.wake.set()

    async def _send_all(self, recording: Path, waiting: _Waiting, wake: asyncio.Event) -> None:
        """Send this recording's files in order until its end was acknowledged. Only being cancelled ends it before."""
        failures = 0
        try:
            while True:
                wake.clear()
                try:
                    if await self._send_waiting(recording, waiting, wake):
                        return
                    failures = 0
                except Exception as error:
                    # Whatever it is, a bug at recording's end or a failing disk at ours: giving up would leave the
                    # rest of the recording lying here until a restart, by which time it may be refused.
                    if failures == 0:
                        self._report("a recording can't be sent on; trying again", recording.name, error)
                    await asyncio.sleep(_BACKOFF[min(failures, len(_BACKOFF) - 1)])
                    failures += 1
                    continue
                await wake.wait()
        finally:
            self._waiting.pop((recording.parent.name, recording.name), None)

    async def _send_waiting(self, recording: Path, waiting: _Waiting, wake: asyncio.Event) -> bool:
        """Send what lies in its folder now; whether the recording is finished and gone."""
        if waiting.on_disk:
            await self._send_folder(recording)
            # Put there meanwhile: the next turn looks for it.
            if not wake.is_set():
                waiting.on_disk = False
        if waiting.finish is None or waiting.on_disk or waiting.at_hand:
            return False
        await self._send_ending(recording, waiting.finish)
        return True

    async def _send_folder(self, recording: Path) -> None:
        """Send every segment that lies there now. Raises what one of them met that is to be sent again."""
        paths = deque(await asyncio.to_thread(segment_files.listed, recording))
        again: Exception | None = None
        while paths:
            some = [paths.popleft() for _ in range(min(_AT_ONCE, len(paths)))]
            segments = await asyncio.to_thread(lambda some=some: [_entry_at(path) for path in some])
            outcomes = await self._sent(recording.parent.name, segments)
            for path, error in zip(some, outcomes, strict=True):
                if self._is_over(recording.name, error):
                    path.unlink(missing_ok=True)
                else:
                    again = again or error
        if again is not None:
            raise again

    async def _send_ending(self, recording: Path, finish: Finish) -> None:
        """Say that no segment follows, and forget the recording."""
        try:
            await self._send_finish(finish)
        except _REFUSALS as error:
            self._report("recording refused the end of a recording for good", recording.name, error)
        await asyncio.to_thread(shutil.rmtree, recording, True)
        with contextlib.suppress(OSError):
            os.rmdir(recording.parent)

    # -- the disk ------------------------------------------------------------------------------------------

    def _write(self, work: Callable[[], object], done: Callable[[OSError | None], None]) -> None:
        """Have the writer's thread do it; `done` is called here, with what the disk said against it."""
        loop = asyncio.get_running_loop()

        def guarded() -> None:
            caught: OSError | None = None
            try:
                work()
            except OSError as error:
                caught = error
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(done, caught)

        self._writer.submit(guarded)

    def _keep_left(self) -> dict[Path, float]:
        """Put what a killed process had open into its recordings' folders; recording -> when its last packet came."""
        ends: dict[Path, float] = {}
        try:
            for left in tails.left_behind(self._folder, self._report):
                recording = self._folder / left.tenant_id / left.recording_id
                if not recording.is_dir():
                    continue  # it is over: everything of it was acknowledged
                ends[recording] = max(ends.get(recording, 0.0), left.end)
                if not segment_files.holds(recording, left.track, left.sequence):
                    segment = Segment(
                        left.tenant_id, left.recording_id, left.track, left.sequence, left.seconds, left.sealed
                    )
                    segment_files.put(self._folder / segment.place, segment.sealed)
        except OSError as error:
            self._report("what a killed process had open could not be kept; it stays for the next start",
                         str(self._folder), error)  # fmt: skip
        return ends

    def _unpack(self, batch: Path) -> None:
        """Put what a batch of an earlier process holds into its recordings' folders."""
        try:
            for segment in segment_files.in_batch(batch.read_bytes()):
                segment_files.put(self._folder / segment.place, segment.sealed)
        except ValueError as error:
            self._report("the end of a batch of recording segments is lost", batch.name, error)
        batch.unlink()


def _entry_at(path: Path) -> Entry:
    return segment_files.segment_at(path, path.read_bytes()).entry
