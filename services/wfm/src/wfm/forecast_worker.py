"""`python -m wfm.forecast_worker`: series on stdin, forecasts on stdout, both pickled; None for one that failed."""

from __future__ import annotations

import os
import pickle
import sys
from typing import BinaryIO


def work(asked: BinaryIO, answer: BinaryIO) -> None:
    """One piece. Takes one core: how many are taken is said by the setting that counts these processes."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read when numpy is loaded, which is why that happens only below
    from chassis.telemetry import log

    from wfm.domain.forecasting import Forecast, forecast

    made: list[Forecast | None] = []
    for series, first, days in pickle.loads(asked.read()):
        try:
            made.append(forecast(series, first, days))
        except Exception:
            log.exception("a forecast failed")
            made.append(None)
    answer.write(pickle.dumps(made))


if __name__ == "__main__":
    work(sys.stdin.buffer, sys.stdout.buffer)
