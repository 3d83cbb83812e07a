"""Makes the forecasts of runs, in processes of their own: a few series at a turn.

A run is a row and its series are rows that wait; a cancelled run loses the piece at hand.
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Sequence
from datetime import date, datetime

from chassis.lifecycle import Tasks
from chassis.sql import Database, Tx
from chassis.telemetry import log
from chassis.workers import Worker

from wfm.domain.forecasting import Forecast
from wfm.domain.series import Series
from wfm.ops import forecasts as ops
from wfm.store import forecasts as store
from wfm.turns import Turns

PIECE = 8
"""Series of a turn: about a second."""
_SECONDS = 120.0
Asked = tuple[Series, date, int]
Piece = tuple[store.Run, list[store.SeriesKey]]


class Forecaster(Turns):
    """The forecasting of this process."""

    def __init__(self, db: Database, tasks: Tasks, workers: int) -> None:
        super().__init__(db, tasks, workers, "forecasts")

    async def waiting(self, tx: Tx, now: datetime) -> list[str]:
        return await store.tenants_with_work(tx, now)

    async def claim(self, tx: Tx, now: datetime) -> Piece | None:
        return await ops.claim(tx, now, PIECE)

    async def work(self, tenant_id: str, piece: Piece) -> None:
        run, keys = piece
        known = await self._db.run(tenant_id, lambda tx: ops.histories(tx, run, keys), read_only=True)
        made = await _made([(series, run.first, run.days) for series in known])
        kept = list(zip(keys, made, strict=True))
        await self._db.run(tenant_id, lambda tx: ops.keep(tx, run.forecast_run_id, kept, self._db.clock.now()))


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
