"""What leaves the recorder lies on the disk until recording has it, whatever becomes of either."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
from chassis.lifecycle import Tasks
from chassis.statuses import RemoteFailed
from hypothesis import given
from hypothesis import strategies as st
from kernel.errors import InvalidInput, Unavailable
from telephony.media import segment_files
from telephony.media import spool as spools
from telephony.media.recorder import Presence
from telephony.media.segment_files import Finish, Segment
from telephony.media.spool import Spool
from telephony.media.tracks import Entry
from testkit import eventually

TENANT, RECORDING = "ten_a", "rec_a"
CUSTOMER, ANN = "leg_01jd3v9k8r5x7m2p4q6s8t0w1y", "leg_01jd3v9k8r5x7m2p4q6s8t0w2z"


class Store:
    """Recording's end: takes segments unless it is down, fails or refuses."""

    def __init__(self) -> None:
        self.down = False
        self.failing: list[Exception] = []
        self.refused: dict[str, Exception] = {}
        """By recording or track: what becomes of its segments."""
        self.calls: list[list[Segment]] = []
        self.finished: list[Finish] = []
        self.answers = asyncio.Event()
        self.answers.set()

    async def append(self, tenant_id: str, entries: Sequence[Entry]) -> list[Exception | None]:
        await self.answers.wait()
        self._up()
        segments = [Segment.of(tenant_id, entry) for entry in entries]
        outcomes = [self.refused.get(each.recording_id) or self.refused.get(each.track) for each in segments]
        self.calls.append([each for each, error in zip(segments, outcomes, strict=True) if error is None])
        return outcomes

    async def finish(self, finish: Finish) -> None:
        self._up()
        self.finished.append(finish)

    @property
    def segments(self) -> list[tuple[str, int, bytes]]:
        """(Track, sequence, content) in order of coming."""
        return [(segment.track, segment.sequence, segment.sealed) for call in self.calls for segment in call]

    def _up(self) -> None:
        if self.down:
            raise Unavailable("down")
        if self.failing:
            raise self.failing.pop(0)


def segment(sequence: int, recording_id: str = RECORDING, *, tenant_id: str = TENANT, track: str = "agent") -> Segment:
    return Segment(tenant_id, recording_id, track, sequence, 0.8, b"%d" % sequence)


def keep(spool: Spool, kept: Segment) -> None:
    spool.keep(kept.tenant_id, kept.recording_id, [kept.entry])


@contextlib.asynccontextmanager
async def spooling(folder: Path, store: Store, reports: list[tuple[Any, ...]] | None = None) -> AsyncIterator[Spool]:
    """A spool for the life of a process, which ends without waiting for what is under way."""
    report = (lambda *what: None) if reports is None else (lambda *what: reports.append(what))
    async with Tasks("a life") as tasks:
        spool = Spool(folder, store.append, store.finish, tasks.spawn, report)
        yield spool
        await spool.close()


async def emptied(folder: Path) -> None:
    """Wait until every recording is with recording, and nothing of them left."""
    await eventually(lambda: not os.listdir(folder))


def apart(folder: Path) -> list[str]:
    """Segments that lie in their recordings' folders."""
    return sorted(path.name for path in folder.glob("*/*/*.seg"))


async def test_what_lies_on_the_disk_of_a_finished_recording_names_no_number(tmp_path: Path) -> None:
    store = Store()
    store.down = True
    presence = Presence(ANN, "participant", "", 1.5, 2.0)
    async with spooling(tmp_path, store) as spool:
        spool.finish(Finish(TENANT, RECORDING, 2.4, {ANN: 0}, (presence,)))
    store.down = False
    async with spooling(tmp_path, store) as spool:
        spool.resume()
        await eventually(lambda: store.finished)
    assert store.finished == [Finish(TENANT, RECORDING, 2.4, {ANN: 0}, (presence,))]


async def test_segments_of_versions_of_before_are_sent_on(tmp_path: Path) -> None:
    store, folder = Store(), tmp_path / TENANT / RECORDING
    folder.mkdir(parents=True)
    for track in ("agent", "customer"):
        (folder / f"{track}-000000-800.seg").write_bytes(b"sealed")
    (folder / "finish.json").write_text('{"seconds": 0.8, "segment_counts": {"customer": 1, "agent": 1}}')
    async with spooling(tmp_path, store) as spool:
        assert spool.resume() == 1
        await eventually(lambda: store.finished)
    assert [track for track, *_ in store.segments] == ["agent", "customer"]
    assert store.finished == [Finish(TENANT, RECORDING, 0.8, {"customer": 1, "agent": 1})]


async def test_what_is_sealed_at_the_same_time_is_one_file_and_one_call_for_each_tenant(tmp_path: Path) -> None:
    store = Store()
    store.answers.clear()
    async with spooling(tmp_path, store) as spool:
        others = segment(0, "rec_z", tenant_id="ten_z")
        for each in (segment(0), segment(0, track="customer"), segment(0, "rec_b"), others):
            keep(spool, each)
        await eventually(lambda: len(list(tmp_path.glob("*.batch"))) == 1)
        store.answers.set()
        await eventually(lambda: sorted(map(len, store.calls)) == [1, 3])
        for recording, tenant, counts in (
            (RECORDING, TENANT, {"agent": 1, "customer": 1}), ("rec_b", TENANT, {"agent": 1}),
            ("rec_z", "ten_z", {"agent": 1}),
        ):  # fmt: skip
            spool.finish(Finish(tenant, recording, 0.8, counts))
        await eventually(lambda: len(store.finished) == 3)
        await emptied(tmp_path)


async def test_a_call_holds_no_more_than_recording_takes(tmp_path: Path) -> None:
    store = Store()
    async with spooling(tmp_path, store) as spool:
        for sequence in range(600):
            keep(spool, segment(sequence))
        large = [Segment(TENANT, "rec_b", "agent", sequence, 0.8, bytes(400_000)) for sequence in range(4)]
        for each in large:
            keep(spool, each)
        spool.finish(Finish(TENANT, RECORDING, 480.0, {"agent": 600}))
        spool.finish(Finish(TENANT, "rec_b", 3.2, {"agent": 4}))
        await eventually(lambda: len(store.finished) == 2)
    assert sum(map(len, store.calls)) == 604
    assert max(map(len, store.calls)) <= 512
    assert max(sum(len(each.sealed) for each in call) for call in store.calls) <= 3 << 20


async def test_segments_wait_on_disk_while_recording_is_away_and_go_out_in_order(tmp_path: Path) -> None:
    store, reports = Store(), []
    store.down = True
    async with spooling(tmp_path, store, reports) as spool:
        for sequence in range(3):
            keep(spool, segment(sequence))
        spool.finish(Finish(TENANT, RECORDING, 2.4, {"agent": 3}))
        await eventually(lambda: reports and len(apart(tmp_path)) == 3)
        store.down = False
        await emptied(tmp_path)
    assert store.segments == [("agent", n, b"%d" % n) for n in range(3)]
    assert store.finished[0].segment_counts == {"agent": 3}


async def test_what_is_written_before_during_and_after_an_outage_goes_out_once_and_in_order(tmp_path: Path) -> None:
    store, reports = Store(), []
    async with spooling(tmp_path, store, reports) as spool:

        def keep_all(*sequences: int) -> None:
            for sequence in sequences:
                keep(spool, segment(sequence))

        keep_all(0, 1)
        await eventually(lambda: len(store.segments) == 2)
        store.down = True
        keep_all(*range(2, 80))
        await eventually(lambda: reports and len(apart(tmp_path)) == 78)
        store.down = False
        keep_all(*range(80, 100))
        await eventually(lambda: len(store.segments) == 100)
        keep_all(100)
        spool.finish(Finish(TENANT, RECORDING, 80.8, {"agent": 101}))
        await emptied(tmp_path)
    assert store.segments == [("agent", n, b"%d" % n) for n in range(101)]


async def test_a_recording_that_takes_slowly_gets_all_there_is_in_order(tmp_path: Path) -> None:
    store = Store()
    store.answers.clear()
    async with spooling(tmp_path, store) as spool:
        for sequence in range(50):
            keep(spool, segment(sequence))
        spool.finish(Finish(TENANT, RECORDING, 40.0, {"agent": 50}))
        await eventually(lambda: (tmp_path / TENANT / RECORDING / "finish.json").exists())
        store.answers.set()
        await eventually(lambda: store.finished)
    assert store.segments == [("agent", n, b"%d" % n) for n in range(50)]


async def test_what_waits_for_a_recording_that_does_not_answer_is_on_disk_and_not_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "_AT_HAND_BYTES", 100)
    store = Store()
    store.answers.clear()
    async with spooling(tmp_path, store) as spool:
        for sequence in range(0, 90, 3):
            for each in range(sequence, sequence + 3):
                keep(spool, Segment(TENANT, f"rec_{each}", "agent", 0, 0.8, bytes(60)))
            await eventually(lambda: not spool._fresh and spool._gathering is None)
        await eventually(lambda: len(apart(tmp_path)) > 60)
        assert spool._octets < 1000
        store.answers.set()
        for each in range(90):
            spool.finish(Finish(TENANT, f"rec_{each}", 0.8, {"agent": 1}))
        await emptied(tmp_path)
    assert len(store.segments) == len(store.finished) == 90


async def test_a_bug_at_recordings_end_holds_a_recording_up_and_loses_nothing_of_it(tmp_path: Path) -> None:
    store, reports = Store(), []
    bug = RemoteFailed(grpc.StatusCode.INTERNAL, "AppendSegments", "internal error")
    async with spooling(tmp_path, store, reports) as spool:
        store.failing = [bug, OSError("the connection was cut")]
        for sequence in range(2):
            keep(spool, segment(sequence))
        await eventually(lambda: len(store.segments) == 2)
        store.failing = [bug]
        spool.finish(Finish(TENANT, RECORDING, 1.6, {"agent": 2}))
        await emptied(tmp_path)
    assert store.segments == [("agent", n, b"%d" % n) for n in range(2)]
    assert [error for *_, error in reports] == [bug, reports[1][2], bug] and isinstance(reports[1][2], OSError)


@pytest.mark.parametrize(
    "trouble", [Unavailable("its disk is full"), RemoteFailed(grpc.StatusCode.INTERNAL, "AppendSegments", "a bug")]
)
async def test_one_recording_in_trouble_holds_up_no_other_and_goes_out_when_it_is_over(
    tmp_path: Path, trouble: Exception
) -> None:
    store = Store()
    store.refused["rec_stuck"] = trouble
    async with spooling(tmp_path, store) as spool:
        for sequence in range(3):
            keep(spool, segment(sequence, "rec_stuck"))
            keep(spool, segment(sequence))
            await eventually(lambda sequence=sequence: len(store.segments) == sequence + 1)
        spool.finish(Finish(TENANT, "rec_stuck", 2.4, {"agent": 3}))
        spool.finish(Finish(TENANT, RECORDING, 2.4, {"agent": 3}))
        await eventually(lambda: store.finished)
        assert [finish.recording_id for finish in store.finished] == [RECORDING]
        await eventually(lambda: len(apart(tmp_path)) == 3)
        store.refused.clear()
        await emptied(tmp_path)
    assert len(store.finished) == 2
    stuck = [each.sequence for call in store.calls for each in call if each.recording_id == "rec_stuck"]
    assert stuck == [0, 1, 2]


async def test_of_what_was_sealed_together_only_what_recording_does_not_have_yet_goes_out_again(tmp_path: Path) -> None:
    store = Store()
    store.refused["agent"] = Unavailable("its disk is full")
    async with spooling(tmp_path, store) as spool:
        together = [segment(0, track=track).entry for track in ("customer", "agent")]
        spool.keep(TENANT, RECORDING, together)
        await eventually(lambda: apart(tmp_path) == ["agent-000000-800.seg"])
        spool.finish(Finish(TENANT, RECORDING, 0.8, {"agent": 1, "customer": 1}))
        store.refused.clear()
        await emptied(tmp_path)
        assert spool._octets == 0
    assert store.segments == [("customer", 0, b"0"), ("agent", 0, b"0")]


async def test_a_refused_segment_does_not_hold_up_the_rest(tmp_path: Path) -> None:
    store, reports = Store(), []
    store.refused["rec_erased"] = InvalidInput("never")
    async with spooling(tmp_path, store, reports) as spool:
        for recording in ("rec_erased", RECORDING):
            keep(spool, segment(0, recording))
            spool.finish(Finish(TENANT, recording, 0.8, {"agent": 1}))
        await eventually(lambda: len(store.finished) == 2)
        await emptied(tmp_path)
    assert [what[:2] for what in reports] == [("recording refused a segment for good", "rec_erased")]
    assert store.segments == [("agent", 0, b"0")]


async def test_what_a_killed_process_left_is_sent_by_the_next_one(tmp_path: Path) -> None:
    store = Store()
    store.answers.clear()
    # Nothing was acknowledged, or not known to be, when it was killed.
    async with spooling(tmp_path, store) as spool:
        for sequence in range(2):
            keep(spool, segment(sequence, track=CUSTOMER))
            keep(spool, segment(sequence, "rec_b", tenant_id="ten_b"))
            await spool_written(spool)
    store.answers.set()
    assert [name[-14:] for name in sorted(os.listdir(tmp_path))] == ["00000001.batch", "00000002.batch"]
    (tmp_path / TENANT / RECORDING).mkdir(parents=True, exist_ok=True)
    (tmp_path / TENANT / RECORDING / f"{CUSTOMER}-000002-800.seg.tmp").write_bytes(b"half a segment")
    (tmp_path / "life-00000003.batch.tmp").write_bytes(b"half a batch")
    async with spooling(tmp_path, store) as spool:
        assert spool.resume() == 2
        await emptied(tmp_path)
    assert sorted((each.recording_id, each.sequence) for call in store.calls for each in call) == [
        (RECORDING, 0), (RECORDING, 1), ("rec_b", 0), ("rec_b", 1),
    ]  # fmt: skip
    counts = {finish.recording_id: finish.segment_counts for finish in store.finished}
    assert counts == {RECORDING: {CUSTOMER: 2}, "rec_b": {"agent": 2}}


async def spool_written(spool: Spool) -> None:
    """Wait until what was kept is on the disk."""
    await eventually(lambda: spool._gathering is None and not spool._fresh)
    await asyncio.get_running_loop().run_in_executor(spool._writer, lambda: None)


@pytest.mark.parametrize("cut", [1, 3, 40])
async def test_of_a_batch_that_a_power_cut_tore_all_that_is_whole_is_sent(tmp_path: Path, cut: int) -> None:
    store, reports = Store(), []
    content = b"".join(segment_files.batch_of([(TENANT, [segment(number).entry]) for number in range(3)]))
    (tmp_path / "life-00000001.batch").write_bytes(content[:-cut])
    async with spooling(tmp_path, store, reports) as spool:
        assert spool.resume() == 1
        await emptied(tmp_path)
    assert [sequence for _, sequence, _ in store.segments] == [0, 1]
    assert [what for what, *_ in reports] == ["the end of a batch of recording segments is lost"]
    assert store.finished[0].segment_counts == {"agent": 2}


@given(st.data())
def test_whatever_a_disk_makes_of_a_batch_only_whole_segments_of_it_are_read(data: st.DataObject) -> None:
    kept = [segment(sequence) for sequence in range(3)]
    content = bytearray().join(segment_files.batch_of([(TENANT, [each.entry for each in kept])]))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    found: list[Segment] = []
    with contextlib.suppress(ValueError):
        found.extend(segment_files.in_batch(bytes(content)))
    assert found == kept[: len(found)]


async def test_a_recording_of_which_nothing_was_written_before_the_crash_is_still_finished(tmp_path: Path) -> None:
    store = Store()
    async with spooling(tmp_path, store) as spool:
        spool.begin(TENANT, RECORDING)
    async with spooling(tmp_path, store) as spool:
        assert spool.resume() == 1
        await eventually(lambda: store.finished)
    assert store.finished == [Finish(TENANT, RECORDING, 0.0, {})]


async def test_what_a_full_disk_does_not_take_is_sent_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, reports = Store(), []
    store.failing = [Unavailable("busy")]
    monkeypatch.setattr(spools, "_BACKOFF", (0.1, 0.1))
    with monkeypatch.context() as patch:
        patch.setattr(segment_files, "put", _full)
        async with spooling(tmp_path, store, reports) as spool:
            for sequence in range(2):
                keep(spool, segment(sequence))
            spool.finish(Finish(TENANT, RECORDING, 1.6, {"agent": 2}))
            await eventually(lambda: store.finished)
    assert sorted(store.segments) == [("agent", 0, b"0"), ("agent", 1, b"1")]
    assert all("could not be written" in what or "trying again" in what for what, *_ in reports)


async def test_what_neither_disk_nor_memory_take_while_recording_is_away_is_told_and_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, reports = Store(), []
    monkeypatch.setattr(spools, "_BACKOFF", (0.1, 0.1))
    monkeypatch.setattr(spools, "_AT_HAND_BYTES", 2 * len(segment(1).entry))
    monkeypatch.setattr(segment_files, "put", _full)
    store.down = True
    async with spooling(tmp_path, store, reports) as spool:
        for sequence in range(5):
            keep(spool, segment(sequence))
            spool._write_batch()
        await eventually(lambda: [what for what, *_ in reports if "are lost" in what])
        store.down = False
        spool.finish(Finish(TENANT, RECORDING, 4.0, {"agent": 5}))
        await eventually(lambda: store.finished)
    assert 0 < len(store.segments) <= 2


def _full(path: Path, *content: bytes) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", str(path))


def test_a_batch_of_more_parts_than_one_call_takes_is_written_whole_also_where_the_disk_takes_it_by_pieces(
    tmp_path, monkeypatch
) -> None:
    kept = [segment(number) for number in range(1500)]
    parts = segment_files.batch_of([(TENANT, [each.entry for each in kept])])
    assert len(parts) > 2 * segment_files._MOST_PARTS
    really, written = os.writev, []

    def by_pieces(file: int, content: Any) -> int:
        head, *others = content
        some = [head, *others[:2]] if len(written) % 3 else [memoryview(head)[: max(1, len(head) // 2)]]
        written.append(really(file, some))
        return written[-1]

    monkeypatch.setattr(os, "writev", by_pieces)
    segment_files.put(tmp_path / "x.batch", *parts)
    assert (tmp_path / "x.batch").read_bytes() == b"".join(parts)
    assert [each.sequence for each in segment_files.in_batch(b"".join(parts))] == [each.sequence for each in kept]
