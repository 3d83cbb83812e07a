"""The rest of a day from what came of it, against the forecast as it was made; and a board of a thousand agents."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
from wfm.domain.adherence import Heard, Person, Rules, now_of
from wfm.domain.forecasting import forecast
from wfm.domain.intraday import reforecast
from wfm.domain.series import Series
from wfm.domain.shifts import Break, Shift

SEEN = (18, 20, 22, 24, 28, 32, 36)
"""Half hours that are over when the rest is forecast anew: 9:00 to 18:00."""


def bench_reforecast(tell: Callable[..., None], name: str, series: Series, weeks: Sequence[int]) -> None:
    """A week ahead by the chosen method, a week of origins after the other; then each day at seven times of it."""
    before = after = came = inside = count = 0.0
    for week in weeks:
        origin = int(series.days[0]) + 7 * week
        made = forecast(series.until(origin), date.fromordinal(origin), 7)
        rows = series.offered[(series.days >= origin) & (series.days < origin + 7)]
        for row, day in enumerate(rows):
            volume, low, high = made.volume[row], made.quantiles[0][row], made.quantiles[2][row]
            if not np.nansum(day) or not volume.sum():
                continue
            for over in SEEN:
                mean, lower, upper, _ = reforecast(volume, low, high, np.nan_to_num(day), over, 0.5)
                rest, known = slice(over, None), ~np.isnan(day[over:])
                before += np.abs(volume - day)[rest][known].sum()
                after += np.abs(mean - day)[rest][known].sum()
                came += day[rest][known].sum()
                some = known & (volume[rest] > 0)
                inside += ((day >= lower) & (day <= upper))[rest][some].sum()
                count += some.sum()
    before, after, came, share = float(before), float(after), float(came), float(inside / count)
    tell(f"wfm.reforecast.{name}.as_forecast", round(100 * before / came, 2), "% WAPE of the rest")
    tell(f"wfm.reforecast.{name}", round(100 * after / came, 2), "% WAPE of the rest", round(100 * before / came, 2))
    tell(f"wfm.reforecast.{name}.coverage", round(100 * share, 1), "% of 80 %", None)


def bench_board(tell: Callable[..., None], agents: int = 1000) -> None:
    """Everybody at three in the afternoon, each with a break, a lunch and thirty moves that matter."""
    midnight = datetime(2026, 3, 9, tzinfo=UTC)
    at = [midnight + timedelta(minutes=15 * each) for each in range(97)]
    people = []
    for number in range(agents):
        user = f"usr_{number}"
        breaks = (Break(at[40], at[41], True), Break(at[48], at[50], False))
        heard = [
            Heard(user, place, ("AVAILABLE", "NOT_READY")[place % 2], at[32] + timedelta(minutes=13 * place),
                  ("NOT_READY", "AVAILABLE")[place % 2], at[32] + timedelta(minutes=13 * (place - 1)))
            for place in range(30)
        ]  # fmt: skip
        people.append(Person(user, [Shift(user, date(2026, 3, 9), at[32], at[64], breaks)], (), heard))
    began = time.perf_counter()
    for person in people:
        now_of(person, Rules(), midnight, at[60], at[96])
    tell(f"wfm.adherence.board_of_{agents}", round(time.perf_counter() - began, 2), "s", 1.0)
