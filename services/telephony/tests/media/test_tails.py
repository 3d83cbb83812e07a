"""What a recording has open survives the process: whoever comes after a SIGKILL sends all but the last moment of it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from chassis.lifecycle import Tasks
from hypothesis import given
from hypothesis import strategies as st
from telephony.media import tails
from telephony.media.compiled import ffi, lib
from telephony.media.recorder import Recording
from telephony.media.sealing import Place, RecordingKey, open_keyset, plain_key
from telephony.media.segment_files import Finish, Segment
from telephony.media.spool import Spool
from telephony.media.tails import Tails, left_behind
from telephony.media.tape import Tape
from telephony.media.tracks import Source, Track
from testkit import eventually
from testkit.segments import opened, packets_of
from tink import aead, new_keyset_handle, proto_keyset_format, secret_key_access

TENANT, RECORDING = "ten_a", "rec_a"
CUSTOMER = "leg_01jd3v9k8r5x7m2p4q6s8t0w1y"
aead.register()
KEYSET = proto_keyset_format.serialize(new_keyset_handle(aead.aead_key_templates.AES256_GCM), secret_key_access.TOKEN)
LOST_SECONDS = 0.1
"""What of the voice that has gone on may be missing in the recording of a killed process, at most."""


def payload_of(number: int) -> bytes:
    """One packet's."""
    return number.to_bytes(4, "big") + bytes(range(156))


def _a_slot() -> bytes:
    """One of a track, with a segment and a half of it."""
    slot = ffi.new("tape_slot *")
    slot.magic, slot.used, slot.place = 0x3250544D, 1, b"ten_a/rec_a/" + CUSTOMER.encode()
    for area in slot.areas:
        area.length, area.sequence, area.seconds, area.end = 300, 7, 0.8, 12.5
    return bytes(ffi.buffer(slot))


_SLOT = _a_slot()
_NUMBERS = [*range(260), *(at + number for at in tails._AREAS for number in range(24))]
"""Where its own numbers and names lie."""


def no_report(*what: object) -> None:
    """Nothing is to be reported."""
    raise AssertionError(what)


class Store:
    """Recording's end."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.finished: list[Any] = []

    async def append(self, tenant_id: str, entries: Any) -> list[Exception | None]:
        self.segments += [Segment.of(tenant_id, entry) for entry in entries]
        return [None for _ in entries]

    async def finish(self, finish: Any) -> None:
        self.finished.append(finish)


@contextlib.asynccontextmanager
async def life(folder: Path, store: Store, reports: list[Any] | None = None) -> AsyncIterator[Spool]:
    """A spool of a process."""
    async with Tasks("a life") as tasks:
        report = (lambda *_: None) if reports is None else (lambda *what: reports.append(what))
        spool = Spool(folder, store.append, store.finish, tasks.spawn, report)
        yield spool
        await spool.close()


def numbers_in(segments: list[Segment]) -> list[int]:
    """The packets of a recording, in order of its segments."""
    found: list[int] = []
    for each in sorted(segments, key=lambda segment: segment.sequence):
        payload = opened(open_keyset(KEYSET), f"{TENANT}/{RECORDING}/{each.track}/{each.sequence}", each.sealed)
        found += [int.from_bytes(packet.payload[:4], "big") for packet in packets_of(payload)]
    return found


@pytest.mark.media
@pytest.mark.parametrize("way", ["lane", "python"])
async def test_a_killed_process_takes_a_tenth_of_a_second_of_what_was_heard_with_it(tmp_path: Path, way: str) -> None:
    heard = killed_at(tmp_path, way)
    assert contents(tmp_path) and not [each for each in contents(tmp_path) if payload_of(heard)[4:] in each]
    store = Store()
    async with life(tmp_path, store) as spool:
        assert spool.resume() == 1
        await eventually(lambda: store.finished)
    recorded = numbers_in(store.segments)
    assert recorded == list(range(recorded[0], recorded[-1] + 1)) and recorded[0] <= 2
    assert heard - recorded[-1] <= LOST_SECONDS / 0.02, f"heard up to {heard}, recorded up to {recorded[-1]}"
    (finish,) = store.finished
    assert finish.segment_counts == {CUSTOMER: max(each.sequence for each in store.segments) + 1}
    assert finish.seconds > recorded[-1] * 0.02
    assert not os.listdir(tmp_path)


def killed_at(folder: Path, way: str) -> int:
    """Kill a process in the middle of a segment; the last packet that the listener had of it."""
    command = [sys.executable, str(Path(__file__).with_name("recorded_process.py")), str(folder), way, KEYSET.hex()]
    heard = due = 0
    with subprocess.Popen(command, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            heard = int(line.removeprefix("heard ")) if line.startswith("heard ") else heard
            if not due and len(list(folder.glob("*.batch"))) >= 2:
                due = heard + 15
            if due and heard >= due:
                break
        process.kill()
        return max([heard, *(int(line.removeprefix("heard ")) for line in process.stdout if line.startswith("heard "))])


def contents(folder: Path) -> list[bytes]:
    """Of all files that lie there."""
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def recording_on(folder: Path, store: Store, spool: Spool) -> Recording:
    recording = Recording(TENANT, asyncio.get_running_loop())
    spool.begin(TENANT, RECORDING)
    recording.open(RecordingKey(RECORDING, KEYSET), lambda entries: spool.keep(TENANT, RECORDING, entries), spool.tails)
    return recording


def say(recording: Recording, numbers: range) -> None:
    """The customer's packets, 20 ms apart."""
    track = recording.tap(CUSTOMER, Source("customer"))
    assert isinstance(track, Track)
    for number in numbers:
        track.take("a stream", number * 960, payload_of(number), recording.started + number * 0.02)


async def test_what_a_living_process_has_open_is_left_to_it(tmp_path: Path) -> None:
    store = Store()
    async with life(tmp_path, store) as spool:
        recording = recording_on(tmp_path, store, spool)
        say(recording, range(20))
        assert list(left_behind(tmp_path, no_report)) == []
        seconds, counts = recording.finish()
        spool.finish(Finish(TENANT, RECORDING, seconds, counts))
        await eventually(lambda: store.finished)
    assert numbers_in(store.segments) == list(range(20))
    assert not os.listdir(tmp_path)


async def test_who_still_speaks_when_the_spool_is_closed_harms_nobody(tmp_path: Path) -> None:
    store = Store()
    async with life(tmp_path, store) as spool:
        recording = recording_on(tmp_path, store, spool)
        say(recording, range(20))
    gc.collect()
    say(recording, range(20, 140))
    assert recording.finish()[1][CUSTOMER] > 1
    assert [left.recording_id for left in left_behind(tmp_path, no_report)]


async def test_a_recording_that_is_over_is_not_begun_again_by_what_a_killed_process_left_of_it(tmp_path: Path) -> None:
    store = Store()
    async with life(tmp_path, store) as spool:
        recording = recording_on(tmp_path, store, spool)
        say(recording, range(20))
        seconds, counts = recording.finish()
        spool.finish(Finish(TENANT, RECORDING, seconds, counts))
        await eventually(lambda: store.finished and not (tmp_path / TENANT).exists())
        (left,) = contents(tmp_path)
    (tmp_path / "killed-000.tails").write_bytes(left)
    assert [each.sequence for each in left_behind(tmp_path, no_report)] == [0]
    (tmp_path / "killed-000.tails").write_bytes(left)
    again = Store()
    async with life(tmp_path, again) as spool:
        assert spool.resume() == 0
    assert not again.segments and not again.finished and not os.listdir(tmp_path)


async def test_without_room_for_what_is_open_a_call_is_recorded_all_the_same_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    store, reports = Store(), []
    async with life(tmp_path, store, reports) as spool:
        recording = recording_on(tmp_path, store, spool)
        say(recording, range(120))
        seconds, counts = recording.finish()
        spool.finish(Finish(TENANT, RECORDING, seconds, counts))
        await eventually(lambda: store.finished)
    assert numbers_in(store.segments) == list(range(120))
    assert ["no room" in what for what, *_ in reports] == [True]


async def test_a_voice_of_many_bytes_is_in_more_segments_and_none_of_it_is_lost(tmp_path: Path) -> None:
    store = Store()
    async with life(tmp_path, store) as spool:
        recording = recording_on(tmp_path, store, spool)
        track = recording.tap(CUSTOMER, Source("customer"))
        for number in range(40):
            track("a stream", number * 960, payload_of(number) + bytes(1200))
        seconds, counts = recording.finish()
        spool.finish(Finish(TENANT, RECORDING, seconds, counts))
        await eventually(lambda: store.finished)
    assert numbers_in(store.segments) == list(range(40))
    assert counts[CUSTOMER] == len(store.segments) > 1
    assert max(len(each.sealed) for each in store.segments) < 25_000


async def test_a_slot_is_another_tracks_only_when_its_last_segment_lies_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails, "_SLOTS", 1)
    slots = Tails(tmp_path, "life", no_report)
    first = slots.slot()
    assert first is not None
    slots.release(first)
    second = slots.slot()
    assert second is not None and second.at != first.at
    monkeypatch.setattr(tails, "_LINGER_SECONDS", -1.0)
    third = slots.slot()
    assert third is not None and third.at == first.at
    slots.close()
    assert len(contents(tmp_path)) == 2  # two tracks are on
    assert list(left_behind(tmp_path, no_report)) == [] and not os.listdir(tmp_path)


@given(st.data())
def test_whatever_a_disk_makes_of_a_slot_it_is_read_to_its_end(data: st.DataObject) -> None:
    content = bytearray(_SLOT)
    for _ in range(data.draw(st.integers(0, 12))):
        content[data.draw(st.sampled_from(_NUMBERS))] = data.draw(st.integers(0, 255))
    for left in tails._in_slot(bytes(content)):
        assert len(left.sealed) <= 24_200 and left.tenant_id and "/" not in left.track


def test_a_tape_that_has_ended_and_has_no_slot_wants_nothing_sealed_into_it() -> None:
    plain = plain_key(KEYSET)
    assert plain is not None and lib is not None
    tape = Tape(0.0)
    assert tape.seal(plain, Place(TENANT, RECORDING, CUSTOMER), b"", 0, None)
    assert lib.tape_put(tape.at, 1, 0, 1.0, b"x", 1) == 0 and lib.tape_put(tape.at, 1, 960, 1.2, b"x", 1) > 0
    tape.end()
    assert lib.tape_put(tape.at, 1, 1920, 1.4, b"x", 1) == 0
