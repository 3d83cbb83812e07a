"""`make run` as a process: it refuses clearly, stops cleanly at any time, and leaves nothing when it is killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from merkez_local import guard
from merkez_local.claim import AlreadyRuns, Card, Claim, who_runs
from merkez_local.postgres import alive, free_port
from testkit import eventually

Run = Callable[..., "Running"]


class Running:
    """One `make run` on a folder and ports of its own."""

    def __init__(self, folder: Path, **more: str) -> None:
        ports = {"MERKEZ_HTTP_PORT": str(free_port()), "MERKEZ_PUBLIC_GRPC_PORT": str(free_port())}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "merkez_local", "run"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=os.environ | ports | {"MERKEZ_LOCAL_DIR": str(folder)} | more, start_new_session=True,
        )  # fmt: skip
        self.port = ports["MERKEZ_HTTP_PORT"]

    def until(self, words: str) -> None:
        """Reads on until a line holds `words`."""
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if words in line:
                return
        raise AssertionError(lines)

    def rest(self) -> list[str]:
        """The remaining lines, once it has ended, without their times."""
        said, _ = self.process.communicate(timeout=60)
        return [re.sub(r"^\[ *[\d.]+ s\] ", "", line) for line in said.splitlines()]


@pytest.fixture
def run() -> Iterator[Run]:
    with ExitStack() as stack:

        def start(folder: Path, **more: str) -> Running:
            running = Running(folder, **more)
            stack.callback(running.process.wait, 60)
            stack.callback(running.process.terminate)
            return running

        yield start


def processes_of(folder: Path) -> list[int]:
    """Everything the run in this folder has started."""
    return [int(note.stem) for note in folder.glob("running/*/*.process")]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"MERKEZ_HTTP_PORT": "abc"}, ["MERKEZ_HTTP_PORT must be a whole number, such as 8080"]),
        ({"MERKEZ_HTTP_PORT": "99999"}, ["MERKEZ_HTTP_PORT must be a port from 0 to 65535"]),
        (
            {"MERKEZ_SMTP_URL": "garbage", "MERKEZ_OIDC_ISSUER": "x", "MERKEZ_SWEEP_SECONDS": "often"},
            ["MERKEZ_SMTP_URL must be smtp://", "MERKEZ_OIDC_ISSUER must be https://", "MERKEZ_SWEEP_SECONDS must be"],
        ),
    ],
)
def test_malformed_setting_is_one_line_before_anything_starts(
    run: Run, tmp_path: Path, given: dict[str, str], said: list[str]
) -> None:
    refused = run(tmp_path, **given)
    [line] = refused.rest()
    assert refused.process.returncode == 1 and line.startswith("Merkez did not start. ")
    assert all(words in line for words in said) and not (tmp_path / "postgres").exists()


async def test_second_run_is_refused_a_killed_one_takes_its_children_along_and_an_interrupted_start_stops_cleanly(
    run: Run, tmp_path: Path
) -> None:
    first = run(tmp_path)
    first.until("PostgreSQL is up")
    second = run(tmp_path)
    [line] = second.rest()
    assert second.process.returncode == 1
    assert f"already runs from this folder: http://localhost:{first.port}, process {first.process.pid}." in line
    assert first.process.poll() is None and who_runs(tmp_path) is not None, "the first goes on"

    first.until("Starting tenancy")
    started = processes_of(tmp_path)
    assert len(started) >= 3 and all(map(alive, started))
    first.process.kill()
    await eventually(lambda: not any(map(alive, started)))
    assert who_runs(tmp_path) is None

    third = run(tmp_path)
    third.until("PostgreSQL is up")
    started = processes_of(tmp_path)
    third.process.send_signal(signal.SIGINT)
    assert third.rest()[-2:] == ["Stopping", f"Stopped; the data stays in {tmp_path.name}/"]
    assert third.process.returncode == 0 and started and not any(map(alive, started))
    assert list((tmp_path / "running").iterdir()) == []


def test_what_a_killed_run_and_its_guard_left_is_stopped_by_the_next(run: Run, tmp_path: Path) -> None:
    left = subprocess.Popen(["sleep", "3600"])
    try:
        (tmp_path / "running" / "old").mkdir(parents=True)
        guard.note(tmp_path / "running" / "old", left.pid)
        run(tmp_path).until("PostgreSQL is up")
        assert left.wait(10) == -signal.SIGINT and not (tmp_path / "running" / "old").exists()
    finally:
        left.kill()


def test_folder_is_held_by_one_run_and_free_when_it_ends(tmp_path: Path) -> None:
    assert who_runs(tmp_path) is None
    card = Card("http://localhost:1", "localhost:2", "postgresql://localhost:3/merkez", os.getpid())
    held, other = Claim(tmp_path), Claim(tmp_path)
    held.take(card)
    assert who_runs(tmp_path) == card
    with pytest.raises(AlreadyRuns, match=r"http://localhost:1, process \d+"):
        other.take(card)
    other.release()
    assert who_runs(tmp_path) == card, "who was refused takes nothing away"
    held.release()
    assert who_runs(tmp_path) is None
    other.take(card)
    other.release()
