"""The process that forecasts."""

from __future__ import annotations

import pickle
import subprocess
import sys
from datetime import date

from wfm.domain.series import Series

from .conftest import made_up

_COUNTS_ITS_THREADS = """
import sys
from wfm.forecast_worker import work
work(sys.stdin.buffer, sys.stdout.buffer)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("Threads")), file=sys.stderr)
"""


def _worked(*asked: tuple[Series, date, int]) -> tuple[list[object], str]:
    done = subprocess.run(
        [sys.executable, "-c", _COUNTS_ITS_THREADS], input=pickle.dumps(asked), capture_output=True, check=True
    )
    return pickle.loads(done.stdout), done.stderr.decode().splitlines()[-1]


def test_a_process_that_forecasts_takes_one_core() -> None:
    made, threads = _worked((made_up(60), date(2026, 3, 6), 14))
    assert made[0] is not None
    assert threads == "1"


def test_a_series_that_cannot_be_forecast_costs_no_other_one_its_forecast() -> None:
    whole = made_up(60)
    broken = Series(whole.days, whole.offered[:3], whole.handled, whole.seconds)
    made, _ = _worked((broken, date(2026, 3, 6), 14), (whole, date(2026, 3, 6), 14))
    assert made[0] is None and made[1] is not None
