"""Workers beside the event loop: joined by a pair of sockets, seen when they die."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from chassis.workers import Worker

ECHO = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "turns_it_round.py").write_text(ECHO)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "turns_it_round"


async def test_a_worker_gets_all_that_is_written_and_answers_it(module: str) -> None:
    worker = await Worker.start(module)
    worker.writer.write(b"ab" * 4_000_000)
    worker.writer.write_eof()
    assert await worker.reader.read() == b"ba" * 4_000_000
    assert await worker.end() == 0


async def test_many_at_once_know_nothing_of_each_other(module: str) -> None:
    async def turned(number: int) -> bytes:
        worker = await Worker.start(module)
        worker.writer.write(b"%03d" % number)
        worker.writer.write_eof()
        try:
            return await worker.reader.read()
        finally:
            assert await worker.end() == 0

    assert await asyncio.gather(*map(turned, range(100, 120))) == [b"%03d" % n for n in map(_reversed, range(100, 120))]


async def test_a_worker_that_is_killed_is_at_its_end_and_says_by_which_signal(module: str) -> None:
    worker = await Worker.start(module)
    assert worker.alive
    os.kill(worker.pid, signal.SIGKILL)
    assert await worker.reader.read() == b""
    assert await worker.end() == -signal.SIGKILL
    assert not worker.alive


async def test_nothing_of_a_worker_is_left_once_it_was_killed(module: str) -> None:
    worker = await Worker.start(module)
    worker.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(worker.pid, 0)


def _reversed(number: int) -> int:
    return int(str(number)[::-1])
