"""Simulations run in a process of their own, so that no live contact waits for one: at most one a tenant, each bounded
in time."""

from __future__ import annotations

import asyncio
import pickle
import sys
from collections.abc import Sequence
from typing import BinaryIO

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
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "routing.simulations",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout(_SECONDS):
                answer, _ = await worker.communicate(pickle.dumps(list(days)))
        except TimeoutError as error:
            raise Unavailable(f"the simulation took more than {_SECONDS:g} seconds: take a smaller day") from error
        finally:
            self._running.discard(tenant_id)
            if worker.returncode is None:
                worker.kill()
        if worker.returncode:
            raise Unavailable("the simulation's process died")
        return pickle.loads(answer)


def work(asked: BinaryIO, answer: BinaryIO) -> None:
    """Of the process: days in, what came of them out."""
    days: list[Played] = pickle.loads(asked.read())
    answer.write(pickle.dumps([simulated(each) for each in days]))


if __name__ == "__main__":
    from routing.simulations import work as work_as_module

    work_as_module(sys.stdin.buffer, sys.stdout.buffer)
