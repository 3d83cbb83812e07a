"""Simulations run in a process of their own, so that no live contact waits for one: at most one a tenant, each bounded
in time."""

from __future__ import annotations

import asyncio
import pickle
import sys
from collections.abc import Sequence
from typing import BinaryIO

from chassis.workers import Worker
from kernel.errors import QuotaExceeded, Unavailable

from routing.domain.simulating import Outcome, Played, simulated

_SECONDS = 120.0


class SimulationBusy(QuotaExceeded):
    """Another simulation of the tenant runs."""

    reason = "SIMULATION_BUSY"


class Simulations:
    """Those of this process."""

    def __init__(self) -> None:
        self._running: set[str] = set()

    async def play(self, tenant_id: str, days: Sequence[Played]) -> list[Outcome]:
        """What came of each. SimulationBusy; Unavailable when it took too long or its process died."""
        if tenant_id in self._running:
            raise SimulationBusy("another simulation runs: wait for it to end")
        self._running.add(tenant_id)
        try:
            return await _played(days)
        finally:
            self._running.discard(tenant_id)


async def _played(days: Sequence[Played]) -> list[Outcome]:
    try:
        worker = await Worker.start("routing.simulations")
    except OSError as error:
        raise Unavailable("the simulation's process could not be started") from error
    try:
        async with asyncio.timeout(_SECONDS):
            worker.writer.write(pickle.dumps(list(days)))
            worker.writer.write_eof()
            answer = await worker.reader.read()
            code = await worker.end()
    except TimeoutError as error:
        raise Unavailable(f"the simulation took more than {_SECONDS:g} seconds: take a smaller day") from error
    except OSError as error:
        raise Unavailable("the simulation's process died before it was told the day") from error
    finally:
        worker.kill()
    if code:
        raise Unavailable(f"the simulation's process died (exit code {code})")
    return pickle.loads(answer)


def work(asked: BinaryIO, answer: BinaryIO) -> None:
    """Of the process: days in, what came of them out."""
    days: list[Played] = pickle.loads(asked.read())
    answer.write(pickle.dumps([simulated(each) for each in days]))


if __name__ == "__main__":
    from routing.simulations import work as work_as_module

    work_as_module(sys.stdin.buffer, sys.stdout.buffer)
