"""A process whose disk goes with it stays until recording has what lies there; another one doesn't."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from chassis.lifecycle import Process
from telephony.main import keep_recordings
from telephony.media.segment_files import Finish
from telephony.settings import TelephonySettings
from testkit import eventually

from .test_spool import RECORDING, TENANT, Store, apart, keep, segment, spooling


@pytest.mark.parametrize("down", [False, True], ids=["there", "back after a while"])
async def test_what_recording_has_not_taken_is_waited_for_where_the_disk_goes_with_the_process(
    tmp_path: Path, down: bool
) -> None:
    store, process = Store(), Process(drain_seconds=30.0)
    store.down = down
    async with spooling(tmp_path, store) as spool, process.stack:
        keep_recordings(process, TelephonySettings(data_stays=False), spool)
        for sequence in range(3):
            keep(spool, segment(sequence))
        spool.finish(Finish(TENANT, RECORDING, 2.4, {"agent": 3}))
        draining = process.tasks.spawn(process.drain(), "drain")
        if down:
            await eventually(lambda: apart(tmp_path))  # it lies apart by now
            assert not draining.done()
            store.down = False
        assert await draining, "it ended by itself, not by its bound"
        assert [sequence for _, sequence, _ in store.segments] == [0, 1, 2] and len(store.finished) == 1
        assert not os.listdir(tmp_path)


async def test_a_recording_that_stays_away_is_waited_for_no_longer_than_a_drain_may_take(tmp_path: Path) -> None:
    store, process = Store(), Process(drain_seconds=0.5)
    store.down = True
    async with spooling(tmp_path, store) as spool, process.stack:
        keep_recordings(process, TelephonySettings(data_stays=False), spool)
        keep(spool, segment(0))
        assert not await process.drain()


async def test_a_disk_that_stays_is_left_to_the_next_process(tmp_path: Path) -> None:
    store, process = Store(), Process(drain_seconds=30.0)
    store.down = True
    async with spooling(tmp_path, store) as spool, process.stack:
        keep_recordings(process, TelephonySettings(), spool)
        keep(spool, segment(0))
        assert await process.drain()
    assert store.segments == []
