"""Makes the forecasts of runs, in processes of their own: a few series at a time, tenants in turn.

A run is a row and its series are rows that wait; whoever works on some holds a lease, so a replica that dies loses a
few minutes' work, and a cancelled run loses the piece at hand. As every turn is one small piece of one tenant, a run
over a thousand queues holds nobody else's up for longer than that.
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Sequence
from datetime import date

from chassis.lifecycle import Tasks
from chassis.sql import Database
from chassis.telemetry import log
from chassis.workers import Worker

from wfm.domain.forecasting import Forecast
from wfm.domain.series import Series
from wfm.ops import forecasts as ops
from wfm.store import forecasts as store

PIECE = 8
"""Series of a turn: about a second."""
_SECONDS = 120.0
_PAUSE = 1.0
Asked = tuple[Series, date, int]


class Forecaster:
    """The forecasting of this process: so many turns at once, each in a worker that lives on."""

    def __init__(self, db: Database, tasks: Tasks, workers: int) -> None:
        self._db = db
        self._tasks = tasks
        self._workers = workers
        self._served: list[str] = []
        self._wanted = asyncio.Event()

    def start(self) -> None:
        """Work from now on."""
        for at in range(self._workers):
            self._tasks.spawn(self._go(), f"forecasts {at}")

    def wake(self) -> None:
        """There may be something to do."""
        self._wanted.set()

    async def turn(self) -> bool:
        """One piece of the tenant that has waited longest for a turn; whether there was any."""
        now = self._db.clock.now()
        waiting = await self._db.system(lambda tx: store.tenants_with_work(tx, now), read_only=True)
        for tenant_id in sorted(waiting, key=self._place):
            claimed = await self._db.run(tenant_id, lambda tx: ops.claim(tx, now, PIECE))
            if claimed is None:
                continue
            self._served = [*(each for each in self._served[-1000:] if each != tenant_id), tenant_id]
            await self._forecast(tenant_id, *claimed)
            return True
        return False

    async def _forecast(self, tenant_id: str, run: store.Run, keys: Sequence[store.SeriesKey]) -> None:
        known = await self._db.run(tenant_id, lambda tx: ops.histories(tx, run, keys), read_only=True)
        made = await _made([(series, run.first, run.days) for series in known])
        kept = list(zip(keys, made, strict=True))
        await self._db.run(tenant_id, lambda tx: ops.keep(tx, run.forecast_run_id, kept, self._db.clock.now()))

    async def _go(self) -> None:
        while True:
            try:
                if await self.turn():
                    continue
            except Exception:
                log.exception("forecasting failed")
                await asyncio.sleep(_PAUSE)
            self._wanted.clear()
            try:
                await asyncio.wait_for(self._wanted.wait(), _PAUSE)
            except TimeoutError:
                continue

    def _place(self, tenant_id: str) -> int:
        return self._served.index(tenant_id) if tenant_id in self._served else -1


async def _made(asked: Sequence[Asked]) -> list[Forecast | None]:
    """Each forecast, None where it could not be made: its process died, or took too long."""
    worker = await Worker.start("wfm.forecast_worker")
    try:
        async with asyncio.timeout(_SECONDS):
            worker.writer.write(pickle.dumps(list(asked)))
            worker.writer.write_eof()
            answer = await worker.reader.read()
            code = await worker.end()
    except (TimeoutError, OSError) as error:
        log.warning("a forecasting process failed", error=str(error), series=len(asked))
        return [None] * len(asked)
    finally:
        worker.kill()
    return pickle.loads(answer) if not code else [None] * len(asked)
