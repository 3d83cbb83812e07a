"""The measured process, seen from the bench, and a bench's lines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from light_peer import LightPeer
from process import cpu_seconds


def line(metric: str, value: float | None, unit: str, goal: float | None, better: str = "lower", **more: Any) -> bool:
    """One line in the house's format. False when its goal is missed."""
    meets = None if goal is None or value is None else (value <= goal if better == "lower" else value >= goal)
    shown = None if value is None else round(value, 3)
    print(
        json.dumps(
            {"metric": metric, "value": shown, "unit": unit, "goal": goal, "better": better, "meets": meets, **more}
        ),
        flush=True,
    )
    return meets is not False


async def until_told_to_stop(work: Coroutine[Any, Any, None]) -> None:
    """Run a bench to its end, or until SIGTERM; what it started is stopped either way."""
    task = asyncio.get_running_loop().create_task(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


class Server:
    """media_server.py running beside."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()

    @classmethod
    async def start(cls) -> Server:
        script = Path(__file__).with_name("media_server.py")
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable, script, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20
            )
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def cpu(self) -> float:
        return cpu_seconds(self.pid)

    async def ask(self, **wish: Any) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        async with self._turn:
            self._process.stdin.write(json.dumps(wish).encode() + b"\n")
            return json.loads(await self._process.stdout.readline())

    async def connect(self, count: int, at_once: int = 4) -> list[LightPeer]:
        """Set up `count` more legs, in order, a few of them at the same time."""
        peers: list[LightPeer] = []
        for first in range(0, count, at_once):
            some = [LightPeer() for _ in range(min(at_once, count - first))]
            answers = [(await self.ask(do="answer", sdp=await peer.offer()))["sdp"] for peer in some]
            await asyncio.gather(*(peer.accept(answer) for peer, answer in zip(some, answers, strict=True)))
            peers += some
        return peers

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), 30)
