"""`make demo` finds the running system, or says in one line what is missing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from merkez_local.claim import Card, Claim
from merkez_local.postgres import free_port

from tests.flows.demo import running_system

Edge = Callable[[int, object], str]


@pytest.fixture
def edge() -> Iterator[Edge]:
    """`url = edge(503, body)`: an edge whose /readyz says so."""
    with ExitStack() as stack:

        def start(status: int, body: object) -> str:
            class Ready(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    self.send_response(status)
                    self.end_headers()
                    self.wfile.write(json.dumps(body).encode())

                def log_message(self, format: str, *args: object) -> None:
                    pass

            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Ready))
            stack.callback(server.shutdown)
            Thread(target=server.serve_forever, daemon=True).start()
            return f"http://127.0.0.1:{server.server_port}"

        yield start


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """`runs(url)`: somebody runs Merkez there."""
    monkeypatch.setenv("MERKEZ_LOCAL_DIR", str(tmp_path))
    monkeypatch.delenv("MERKEZ_URL", raising=False)
    claim = Claim(tmp_path)
    yield lambda url: claim.take(Card(url, "localhost:1", "", os.getpid()))
    claim.release()


async def test_demo_takes_the_system_that_runs(edge: Edge, runs: Callable[[str], None]) -> None:
    url = edge(200, {"ready": True})
    runs(url)
    assert running_system() == url


async def test_demo_says_how_to_start_when_nothing_runs(runs: Callable[[str], None]) -> None:
    with pytest.raises(SystemExit, match="Merkez isn't running: start it with `make run`"):
        running_system()


async def test_demo_says_what_a_running_system_waits_for(edge: Edge, runs: Callable[[str], None]) -> None:
    checks = {"signingKeys": True, "facts": False, "accepting": True}
    runs(edge(503, {"ready": False, "checks": checks}))
    with pytest.raises(SystemExit, match=rf"runs \(process {os.getpid()}\) .* isn't ready. It waits for NATS, which"):
        running_system()


async def test_demo_says_that_a_system_runs_but_does_not_answer(runs: Callable[[str], None]) -> None:
    runs(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(SystemExit, match=rf"runs \(process {os.getpid()}\) .* but doesn't answer \(ConnectError\)"):
        running_system()
