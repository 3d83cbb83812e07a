"""A process drains within its bound and always closes; background work outlives its failures."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from chassis import lifecycle
from chassis.lifecycle import Process, Tasks, live
from chassis.settings import SETTINGS_WRONG
from testkit import eventually


class Thing:
    """Something to close."""

    def __init__(self, name: str, story: list[str], *, fails: bool = False):
        self.name, self.story, self.fails = name, story, fails

    async def close(self) -> None:
        self.story.append(f"close {self.name}")
        if self.fails:
            raise RuntimeError(self.name)


async def test_drains_run_in_order_and_things_close_in_reverse() -> None:
    story: list[str] = []

    async def main(process: Process) -> None:
        process.closing(Thing("db", story))
        process.closing(Thing("bus", story, fails=True))

        async def drain() -> None:
            story.append("drain")

        process.draining(drain)
        process.stop()

    await live(main)
    assert story == ["drain", "close bus", "close db"]


async def test_close_runs_when_the_drain_times_out() -> None:
    story: list[str] = []

    async def main(process: Process) -> None:
        process.closing(Thing("db", story))

        async def hang() -> None:
            story.append("drain")
            await asyncio.sleep(3600)

        process.draining(hang)
        process.stop()

    await asyncio.wait_for(live(main, drain_seconds=0.05), 30)
    assert story == ["drain", "close db"]


async def test_what_was_opened_is_closed_when_the_start_fails() -> None:
    story: list[str] = []

    async def main(process: Process) -> None:
        process.closing(Thing("db", story))
        raise RuntimeError("port taken")

    with pytest.raises(RuntimeError, match="port taken"):
        await live(main)
    assert story == ["close db"]


async def test_a_loop_goes_on_after_a_failure_and_waits_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr(lifecycle.asyncio, "sleep", note)
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs < 4:
            raise RuntimeError("not yet")

    async with Tasks() as tasks:
        tasks.every(0.01, work, "sweep")
        while runs < 6:
            await sleep(0)
    assert pauses[0] < pauses[1] < pauses[2] and pauses[4] < 0.02


async def test_work_that_is_due_once_is_tried_until_it_is_done_and_then_no_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise RuntimeError("not yet")

    async with Tasks() as tasks:
        await asyncio.wait_for(tasks.until_done(0.001, work, "old records"), 5)
    assert runs == 3
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["task"], line["level"]) for line in told] == [("old records", "error")] * 2


async def test_a_failed_task_is_told_and_closing_cancels_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    tasks = Tasks()

    async def fail() -> None:
        raise RuntimeError("lost")

    async def hang() -> None:
        await asyncio.sleep(3600)

    tasks.spawn(fail(), "doomed")
    hanging = tasks.spawn(hang(), "hanging")
    await asyncio.sleep(0.01)
    await tasks.close()
    assert hanging.cancelled()
    line = json.loads(capsys.readouterr().err.splitlines()[0])
    assert (line["task"], line["level"]) == ("doomed", "error") and "lost" in line["error"]


PROGRAM = """
import asyncio, sys
from chassis.lifecycle import run_service
from chassis.settings import ProcessSettings
from chassis.telemetry import log, tracer

async def main(process):
    process.begin(ProcessSettings, service="trial", trace_dir="" if "untold" in sys.argv else sys.argv[1])
    with tracer.start_as_current_span("first call"):
        log.info("in a span", contact_id="con_1")
        with tracer.start_as_current_span("its part") as part:
            log.info("in its part", contact_id="con_1", kept=part.is_recording())
    async def drain():
        log.info("drained")
        await asyncio.sleep(3600 if "slow" in sys.argv else 0)
    process.draining(drain)
    if "broken" in sys.argv:
        raise RuntimeError("no port")
    if "hanging" in sys.argv:
        log.info("started")
        await asyncio.sleep(3600)

run_service(main)
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    def run(*words: str, **more: str) -> subprocess.Popen[str]:
        environment = {"MERKEZ_DRAIN_SECONDS": "60", **os.environ, "PYTHONWARNINGS": "ignore", **more}
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path), *words], stderr=subprocess.PIPE, text=True, env=environment
        )

    return run


def _until(process: subprocess.Popen[str], event: str) -> list[dict[str, str]]:
    assert process.stderr is not None
    lines: list[dict[str, str]] = []
    for line in process.stderr:
        lines.append(json.loads(line))
        if lines[-1]["event"] == event:
            return lines
    raise AssertionError(lines)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_drains_closes_and_writes_the_trace(start: Start, tmp_path: Path, how: signal.Signals) -> None:
    process = start()
    lines = _until(process, "started")
    process.send_signal(how)
    _until(process, "drained")
    _until(process, "stopped")
    assert process.wait(10) == 0
    part, span = map(json.loads, (tmp_path / "trial.jsonl").read_text().splitlines()[:2])
    assert (part["name"], part["parent_id"]) == ("its part", span["span_id"])
    assert span["name"] == "first call" and span["service"] == "trial"
    assert lines[0]["trace_id"] == span["trace_id"] and lines[0]["contact_id"] == "con_1" and lines[1]["kept"]


def test_where_nobody_is_told_of_spans_lines_still_say_which_call_they_are_of(start: Start, tmp_path: Path) -> None:
    process = start("untold")
    outer, inner, *_ = _until(process, "started")
    process.terminate()
    assert process.wait(10) == 0
    assert len(outer["trace_id"]) == 32 and outer["trace_id"] == inner["trace_id"]
    assert not inner["kept"] and not any(tmp_path.iterdir())


def test_a_second_signal_cuts_a_slow_drain_short(start: Start) -> None:
    process = start("slow")
    _until(process, "started")
    process.terminate()
    _until(process, "drained")
    process.terminate()
    _until(process, "stopped")
    assert process.wait(10) == 0


def test_a_signal_during_a_hanging_start_still_stops(start: Start) -> None:
    process = start("hanging")
    _until(process, "started")
    process.terminate()
    _until(process, "stopped")
    assert process.wait(10) == 0


def test_a_failed_start_says_so_in_one_line_and_exits_1(start: Start) -> None:
    process = start("broken")
    lines = _until(process, "the service could not start")
    assert process.wait(10) == 1 and "no port" in lines[-1]["error"]


def test_wrong_settings_are_one_line_without_a_stack_and_an_exit_code_of_their_own(start: Start) -> None:
    process = start(MERKEZ_DRAIN_SECONDS="soon")
    _until(process, "the settings are wrong")[-1]["error"].index("MERKEZ_DRAIN_SECONDS must be a number, such as 10")
    assert process.wait(10) == SETTINGS_WRONG


async def test_eventually_gives_what_it_waited_for() -> None:
    answers = iter([0, 0, 7])
    assert await eventually(lambda: next(answers)) == 7
