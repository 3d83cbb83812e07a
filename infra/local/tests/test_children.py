"""A child that dies is started again, or given up with the reason; a stop leaves none behind."""

from __future__ import annotations

import asyncio
import io
import signal
import subprocess
from pathlib import Path

import pytest
from merkez_local import children, guard
from merkez_local.children import Child
from merkez_local.console import Console
from merkez_local.postgres import alive
from testkit import eventually

FOR_EVER = "exec sleep 3600"


class House:
    """Makes children of shell lines and keeps what the console said."""

    def __init__(self, folder: Path) -> None:
        self.said = io.StringIO()
        self.log = folder / "child.log"
        self.notes = folder / "notes"
        self.notes.mkdir()
        self.given_up: list[str] = []

    def child(self, line: str, *, lasting: bool = False) -> Child:
        def start() -> subprocess.Popen[bytes]:
            with self.log.open("ab") as log:
                return subprocess.Popen(["sh", "-c", line], stdout=log, stderr=log)

        give_up = None if lasting else self.given_up.append
        return Child("PostgreSQL", start, self.log, Console(self.said), self.notes, give_up=give_up)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(children, "RESTART_PAUSES", (0.01, 0.02, 0.03))
    return House(tmp_path)


async def test_killed_child_is_started_again_and_said_in_one_line(house: House) -> None:
    child = house.child(FOR_EVER)
    await child.start()
    first = child.pid
    child.kill()
    await eventually(lambda: child.pid not in (0, first))
    await eventually(lambda: [int(path.stem) for path in house.notes.iterdir()] == [child.pid])
    await child.stop()
    [line] = house.said.getvalue().splitlines()
    assert line.endswith(f"PostgreSQL was ended by SIGKILL; starting it again (its log: {house.log})")
    assert child.restarts == 1 and child.pid == 0 and list(house.notes.iterdir()) == []


async def test_child_that_dies_again_and_again_is_given_up_with_the_reason(house: House) -> None:
    house.log.write_text("FATAL:  of an earlier day\n")
    child = house.child("echo '[7] FATAL:  the disk is full'; echo 'LOG:  shut down'; exit 3")
    await child.start()
    await eventually(lambda: house.given_up)
    await child.stop()
    [told] = house.given_up
    why = "PostgreSQL ended with code 3: the disk is full"
    assert told == f"PostgreSQL can't be kept running. {why} (its log: {house.log})"
    assert child.restarts == len(children.RESTART_PAUSES)


async def test_child_without_a_limit_is_started_for_ever(house: House) -> None:
    child = house.child("exit 1", lasting=True)
    await child.start()
    await eventually(lambda: child.restarts > len(children.RESTART_PAUSES) + 2)
    await child.stop()
    assert child.pid == 0


async def test_stop_in_the_middle_of_a_start_leaves_nothing_running(house: House) -> None:
    begun, go, made = asyncio.Event(), asyncio.Event(), []
    loop = asyncio.get_running_loop()

    def slowly() -> subprocess.Popen[bytes]:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go.wait(), loop).result(10)
        made.append(subprocess.Popen(["sleep", "3600"]))
        return made[0]

    child = Child("slow", slowly, house.log, Console(house.said), house.notes)
    starting = loop.create_task(child.start())
    await begun.wait()
    starting.cancel()
    stopping = loop.create_task(child.stop())
    go.set()
    await stopping
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert made[0].poll() == -signal.SIGTERM


def test_guard_stops_what_is_noted_but_not_who_got_the_number_later(tmp_path: Path) -> None:
    ours, other = (subprocess.Popen(["sleep", "3600"]) for _ in range(2))
    try:
        guard.note(tmp_path, ours.pid)
        guard.note(tmp_path, other.pid).write_text("born on another day")
        watching = guard.start(tmp_path)
        assert watching.stdin is not None
        watching.stdin.close()
        assert ours.wait(20) == -signal.SIGINT and watching.wait(20) == 0
        assert alive(other.pid, other) and not tmp_path.exists()
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()
