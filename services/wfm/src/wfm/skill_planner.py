"""Makes skill plans in processes of their own: some intervals of one tenant's plan at a turn.

A plan is a row. What a turn found is kept at its end, so that a replica that dies loses a turn; who cancels a plan is
heard with the next word of progress. What somebody tries out is simulated in such a process, too, a few at once.
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator
from datetime import datetime

import numpy as np
from chassis.lifecycle import Tasks
from chassis.sql import Database, Tx
from chassis.telemetry import log
from chassis.workers import Worker
from kernel.errors import QuotaExceeded, Unavailable

from wfm.domain.skill_plan import Problem, Staffed
from wfm.ops import skill_plans as ops
from wfm.schedule_worker import HEAD, framed
from wfm.skill_worker import Job
from wfm.store import skill_plans as store
from wfm.store.skill_plans import Plan
from wfm.turns import Turns

SILENT = 120.0
"""Seconds without a word after which a process is given up."""
AT_ONCE = 2
"""Simulations of things tried out beside each other."""
MOST_WAITING = 4
"""Of a tenant's, those that may wait or be simulated."""


class SimulationBusy(QuotaExceeded):
    """As many of the tenant's wait as may."""

    reason = "STAFFING_SIMULATION_BUSY"


class SimulationFailed(Unavailable):
    """The process that simulates ended before it was done."""

    reason = "STAFFING_SIMULATION_FAILED"


class SkillPlanner(Turns):
    """The making of skill plans of this process."""

    def __init__(self, db: Database, tasks: Tasks, workers: int) -> None:
        super().__init__(db, tasks, workers, "skill plans")

    async def waiting(self, tx: Tx, now: datetime) -> list[str]:
        return await store.tenants_with_work(tx, now)

    async def claim(self, tx: Tx, now: datetime) -> Plan | None:
        return await ops.claim(tx, now)

    async def work(self, tenant_id: str, piece: Plan) -> None:
        problem, cases = await self._db.run(tenant_id, lambda tx: ops.load(tx, piece), read_only=True)
        plan: Plan | None = piece
        try:
            # Each turn has contacts of its own.
            async for said in _said(Job(problem, piece.seed * 1000 + piece.done_count)):
                assert plan is not None
                plan = await self._heard(tenant_id, plan, cases, said)
                if plan is None:
                    return
        except (TimeoutError, OSError, EOFError, pickle.UnpicklingError) as error:
            log.warning("a process that makes skill plans failed", error=repr(error), plan=piece.skill_plan_id)
            now, ours = self._db.clock.now(), plan or piece
            await self._db.run(tenant_id, lambda tx: ops.fail(tx, ours, now))

    async def _heard(self, tenant_id: str, plan: Plan, cases: np.ndarray, said: float | Staffed) -> Plan | None:
        """Kept; None when it isn't ours any more."""
        now = self._db.clock.now()
        if isinstance(said, Staffed):
            return await self._db.run(tenant_id, lambda tx: ops.keep(tx, plan, cases, said, now))
        return await self._db.run(tenant_id, lambda tx: ops.note_progress(tx, plan, now))


class TryingOut:
    """What people try out: some at once, one of a tenant's after the other."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(AT_ONCE)
        self._tenants: dict[str, tuple[asyncio.Lock, int]] = {}

    async def tried(self, tenant_id: str, problem: Problem, agents: np.ndarray) -> Staffed:
        """What comes of numbers by group, of the problem's only interval."""
        lock, waiting = self._tenants.get(tenant_id, (asyncio.Lock(), 0))
        if waiting >= MOST_WAITING:
            raise SimulationBusy(f"{MOST_WAITING} simulations are being made: wait for one to end")
        self._tenants[tenant_id] = (lock, waiting + 1)
        try:
            async with lock, self._room:
                return await self._one(Job(problem, 1, agents))
        finally:
            lock, waiting = self._tenants.pop(tenant_id)
            if waiting > 1:
                self._tenants[tenant_id] = (lock, waiting - 1)

    async def _one(self, job: Job) -> Staffed:
        try:
            async for said in _said(job):
                if isinstance(said, Staffed):
                    return said
        except (TimeoutError, OSError, EOFError, pickle.UnpicklingError) as error:
            log.warning("a simulation failed", error=repr(error))
        raise SimulationFailed("the simulation ended before it was done: try again")


async def _said(job: Job) -> AsyncIterator[float | Staffed]:
    """What a process says of a job, until the last."""
    worker = await Worker.start("wfm.skill_worker")
    try:
        worker.writer.write(framed(job))
        while True:
            async with asyncio.timeout(SILENT):
                try:
                    (length,) = HEAD.unpack(await worker.reader.readexactly(HEAD.size))
                    body = await worker.reader.readexactly(length)
                except asyncio.IncompleteReadError as error:
                    raise EOFError("it ended before it was done") from error
            said = pickle.loads(body)
            yield said
            if isinstance(said, Staffed):
                return
    finally:
        worker.kill()
