"""Does what flows still have to do when a caller hung up while they waited: at once after the fact, and again by a
sweep where a process died with it or a neighbour was away."""

from __future__ import annotations

import asyncio

from chassis.auth import acting_for
from chassis.lifecycle import Tasks
from chassis.sql import Database
from chassis.telemetry import current_tenant, log
from kernel.clock import Clock

from flows.domain.runs import Run
from flows.ops import departures
from flows.ops.runs import Seal
from flows.turns import Turns

SWEEP_SECONDS = 10.0
_AT_ONCE = 20
_SIDE_BY_SIDE = 5


class Leaving:
    """The work of this process."""

    def __init__(self, db: Database, turns: Turns, seal: Seal, clock: Clock):
        self._db = db
        self._turns = turns
        self._seal = seal
        self._clock = clock
        self._tasks = Tasks("flows.leaving")

    def soon(self, tenant_id: str, run: Run) -> None:
        """Do what is left of a run, beside everything else."""
        self._tasks.spawn(self._do(tenant_id, run), f"what is left of {run.run_id}")

    async def sweep(self) -> list[str]:
        """Take over what nobody finished: the runs it was of. What happens to one of them keeps no other one waiting
        for longer than its time."""
        now = self._clock.now()
        found = await self._db.system(lambda tx: departures.due(tx, now, _AT_ONCE), read_only=True)
        room = asyncio.Semaphore(_SIDE_BY_SIDE)
        taken: list[str] = []

        async def take(tenant_id: str, run_id: str) -> None:
            async with room:
                run = await self._take(tenant_id, run_id)
                if run is not None:
                    taken.append(run_id)
                    await self._do(tenant_id, run)

        async with asyncio.TaskGroup() as group:
            for tenant_id, run_id in found:
                group.create_task(take(tenant_id, run_id), name=f"what is left of {run_id}")
        return taken

    async def drain(self) -> None:
        """Let what is at hand come to its end."""
        await self._tasks.drain()

    async def close(self) -> None:
        """Drop what still runs: it will be taken over."""
        await self._tasks.close()

    async def _take(self, tenant_id: str, run_id: str) -> Run | None:
        try:
            # The lease begins when the work does, not with the sweep: others may have taken minutes before.
            return await self._db.run(tenant_id, lambda tx: departures.take(tx, run_id, self._seal, self._clock.now()))
        except Exception as error:
            log.warning("what is left of a call waits", run_id=run_id, exc_info=error)
            return None

    async def _do(self, tenant_id: str, run: Run) -> None:
        tenant = current_tenant.set(tenant_id)
        try:
            # Less than the lease: who takes it over must find it untouched.
            async with asyncio.timeout(departures.LEASE.total_seconds() - 30):
                with acting_for(tenant_id):
                    await self._turns.leave(tenant_id, run)
        except Exception as error:
            log.warning("what is left of a call waits", run_id=run.run_id, call_id=run.call_id, exc_info=error)
        finally:
            current_tenant.reset(tenant)
