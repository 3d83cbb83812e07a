"""Forecasts against baselines by rolling origin, 1,000 queues, staffing against computed values, schedules against a
bound; JSON lines.

    python services/wfm/bench/bench_wfm.py [--only PART] [FILE [STAFFING [ROSTERING]]]

PART: forecasts, staffing, multiskill, schedules, rostering, intraday.
FILE is a CSV of `time,calls` by 5 minutes (the calls of a North American bank of Weinberg, Brown, Stroud 2007 are not
ours to ship); STAFFING a JSON file of Erlang values; ROSTERING a folder of rosters. Without them their
lines say that they are missing.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import multiprocessing
import os
import resource
import time
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from intraday import bench_board, bench_reforecast
from multiskill import bench_multiskill
from rostering import bench_rostering
from schedules import bench_schedules
from wfm.domain.cleaning import usual
from wfm.domain.erlang import agents_c, erlang_c
from wfm.domain.erlang_a import agents_a, erlang_a
from wfm.domain.forecasting import forecast
from wfm.domain.methods import all_forecasts
from wfm.domain.series import Mark, MarkKind, Series

SHARED = Path(__file__).resolve().parents[4] / "shared"
WEEKS = range(8, 25)
"""Origins of the bank's series: so many weeks known; 28 days follow, as far as they go."""


def tell(metric: str, value: float | None, unit: str, goal: float | None = None, better: str = "lower") -> None:
    """One line."""
    line: dict[str, Any] = {"metric": metric, "value": value, "unit": unit, "goal": goal, "better": better}
    if value is not None and goal is not None:
        line["meets"] = value <= goal if better == "lower" else value >= goal
    print(json.dumps(line), flush=True)


def bank(path: Path) -> Series:
    """Half hours of a file of 5 minutes."""
    with path.open() as file:
        rows = [(datetime.fromisoformat(row["time"]), float(row["calls"])) for row in csv.DictReader(file)]
    first, last = rows[0][0].date(), rows[-1][0].date()
    offered = np.zeros(((last - first).days + 1, 48))
    for at, calls in rows:
        if (at.hour, at.minute) < (21, 0):  # the last half hour has only its first five minutes
            offered[(at.date() - first).days, at.hour * 2 + at.minute // 30] += calls
    days = np.arange(first.toordinal(), last.toordinal() + 1)
    return Series(days, offered, offered, offered * 200.0)


def made_up(seed: int, days: int = 200) -> Series:
    """A queue at random: its size, hours, week, growth, season, noise; some with holidays that are marked, steps or
    gaps."""
    chance = np.random.default_rng(seed)
    ordinals = np.arange(739_000, 739_000 + days)
    weekday = chance.uniform(0.7, 1.3, 7) * np.where(np.arange(7) > 4, chance.choice([0.0, 0.4, 0.9]), 1.0)
    hour = np.arange(48) / 2
    opening, closing = chance.choice([0, 7, 8, 9]), chance.choice([17, 18, 22, 24])
    shape = np.where((hour >= opening) & (hour < closing), 1.2 + np.sin((hour - 6) / 24 * 2 * np.pi), 0.0)
    level = math.exp(chance.uniform(0, 5))
    day = np.arange(days)
    drift = np.exp(chance.normal(0, 0.4) * day / 365 + chance.uniform(0, 0.15) * np.sin(2 * np.pi * day / 365.25))
    rate = level * drift * weekday[(ordinals + 6) % 7] * np.exp(chance.normal(0, chance.uniform(0.02, 0.12), days))
    marks = {}
    if seed % 3 == 0:
        for at in range(20, days, 45):
            marks[date.fromordinal(int(ordinals[at]))] = Mark(MarkKind.SPECIAL_DAY, "Holiday")
            rate[at] *= 0.3
    if seed % 5 == 0:
        rate[days // 2 :] *= 1.5
    if seed % 7 == 0:
        rate[60:63] = 0.0
    offered = chance.poisson(rate[:, None] * shape[None, :]).astype(float)
    return Series(ordinals, offered, offered, offered * 240.0, marks)


def rolling(
    series: Series, weeks: range, ahead: int = 28
) -> Iterator[tuple[Mapping[str, np.ndarray], np.ndarray, Any]]:
    """At each origin: days by slots by method (`CHOSEN` is what a planner gets), what came, and the quantiles."""
    for week in weeks:
        origin = int(series.days[0]) + 7 * week
        known = series.until(origin)
        rows = (series.days >= origin) & (series.days < origin + ahead) & (series.offered.sum(axis=1) > 0)
        if not rows.any():
            continue
        wanted = series.days[rows]
        made = forecast(known, date.fromordinal(origin), int(wanted.max()) - origin + 1)
        methods = all_forecasts(usual(known), wanted) | {"CHOSEN": made.volume[wanted - origin]}
        yield methods, series.offered[rows], made.quantiles[:, wanted - origin]


def errors(series: Series, weeks: range) -> tuple[dict[str, float], float]:
    """WAPE in percent by method, and the share of intervals within the outer quantiles."""
    sums: dict[str, float] = {}
    whole = inside = counted = 0.0
    for methods, came, quantiles in rolling(series, weeks):
        for name, values in methods.items():
            sums[name] = sums.get(name, 0.0) + float(np.abs(values - came).sum())
        busy = methods["CHOSEN"] > 0
        inside += float(((came >= quantiles[0]) & (came <= quantiles[2]))[busy].sum())
        counted += float(busy.sum())
        whole += float(came.sum())
    return {name: 100 * value / whole for name, value in sums.items()}, inside / max(1.0, counted)


def one_forecast(seed: int) -> float:
    """Four weeks of one made-up queue."""
    series = made_up(seed)
    return float(forecast(series, date.fromordinal(int(series.days[-1]) + 1), 28).volume.sum())


def bench_bank(path: Path) -> None:
    """The bank's calls, 1 to 4 weeks ahead, a week of origins after the other."""
    if not path.exists():
        tell(f"wfm.forecast.bank: {path.name} is missing", None, "% WAPE", 6.0)
        return
    found, coverage = errors(bank(path), WEEKS)
    tell("wfm.forecast.bank.chosen", round(found.pop("CHOSEN"), 3), "% WAPE", 6.0)
    for name, value in sorted(found.items(), key=lambda item: item[1]):
        tell(f"wfm.forecast.bank.{name.lower()}", round(value, 3), "% WAPE")
    tell("wfm.forecast.bank.coverage", round(100 * coverage, 1), "% of 80 %", None)
    tell("wfm.forecast.bank.coverage_off_80", round(abs(100 * coverage - 80), 1), "points", 5.0)


def bench_made_up() -> None:
    """Thirty queues of all kinds: never much worse than the median of six weeks, and the range is one."""
    worst, shares, coverages = 0.0, [], []
    for seed in range(30):
        found, coverage = errors(made_up(seed), range(16, 26, 2))
        worst = max(worst, found["CHOSEN"] / found["MEDIAN_OF_SIX"] - 1)
        shares.append(found["CHOSEN"] / found["LAST_WEEK"])
        coverages.append(coverage)
    tell("wfm.forecast.made_up.worst_over_median_of_six", round(100 * worst, 2), "%", 2.0)
    tell("wfm.forecast.made_up.error_by_last_weeks_copys", round(float(np.mean(shares)), 3), "ratio", 1.0)
    tell("wfm.forecast.made_up.coverage_off_80", round(abs(100 * float(np.mean(coverages)) - 80), 1), "points", 5.0)


def bench_thousand() -> None:
    """1,000 queues, 4 weeks of half hours each, backtest and all, in two processes where there are two cores."""
    workers = min(2, os.cpu_count() or 1)
    began = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        assert len(pool.map(one_forecast, range(1000), chunksize=25)) == 1000
    tell(f"wfm.forecast.1000_queues.{workers}_processes", round(time.perf_counter() - began, 1), "s", 60.0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    tell("wfm.forecast.1000_queues.cpu_of_two_cores", round((used.ru_utime + used.ru_stime) / 2, 1), "s", 60.0)


def bench_staffing(path: Path) -> None:
    """Errors against computed values, and how long a month of intervals of ten queues takes."""
    if path.exists():
        told = json.loads(path.read_text())
        worst = 0.0
        for case in told["erlang_c"]:
            found = erlang_c(_load(case), case.get("aht_s", 180), case["n"], case.get("t_s", 20))
            worst = max(worst, abs(found.p_wait - case["p_wait"]))
        for case in told["erlang_a"]:
            found = erlang_a(_load(case), case["aht_s"], case["n"], 20, case["patience_s"])
            worst = max(
                worst, abs(found.p_wait - case["p_wait"]), abs(found.service_level - case["served_within_20_s"])
            )
        tell("wfm.staffing.oracle_error (they have 6 digits)", worst, "probability", 6e-7)
        wrong = [
            n
            for calls, s, aht, n in told["required_agents_80_20"]
            if math.ceil(agents_c(calls * aht / s, aht, 0.8, 20)) != n
        ]
        tell("wfm.staffing.required_agents_wrong", float(len(wrong)), "cases", 0.0)
    else:
        tell(f"wfm.staffing.oracles: {path.name} is missing", None, "probability", 6e-7)
    loads = np.random.default_rng(1).uniform(1, 120, 33_600)
    for name, work in (
        ("erlang_c", lambda: [agents_c(load, 300, 0.8, 20) for load in loads.tolist()]),
        ("erlang_a", lambda: agents_a(loads, 300, 0.8, 20, 120)),
    ):
        began = time.perf_counter()
        work()
        tell(f"wfm.staffing.33600_requirements.{name}", round(time.perf_counter() - began, 2), "s", 1.0)


def _load(case: Mapping[str, float]) -> float:
    if "offered_erlang" in case:
        return case["offered_erlang"]
    if "calls" in case:
        return case["calls"] * case["aht_s"] / case["interval_s"]
    return case["calls_per_min"] * case["aht_s"] / 60


def main() -> None:
    """All of it, or one part."""
    asked = argparse.ArgumentParser()
    parts = ("forecasts", "staffing", "multiskill", "schedules", "rostering", "intraday")
    asked.add_argument("--only", choices=parts)
    asked.add_argument("given", nargs="*", type=Path)
    said = asked.parse_args()
    given: list[Path] = said.given
    if said.only in (None, "forecasts"):
        bench_bank(given[0] if given else SHARED / "data" / "calls" / "bank_5min.csv")
        bench_made_up()
        bench_thousand()
    if said.only in (None, "staffing"):
        bench_staffing(given[1] if len(given) > 1 else SHARED / "oracles" / "staffing.json")
    if said.only in (None, "multiskill"):
        bench_multiskill(tell)
    if said.only in (None, "schedules"):
        bench_schedules(tell)
    if said.only in (None, "rostering"):
        bench_rostering(tell, given[2] if len(given) > 2 else SHARED / "data" / "rostering")
    if said.only in (None, "intraday"):
        path = given[0] if given else SHARED / "data" / "calls" / "bank_5min.csv"
        if path.exists():
            bench_reforecast(tell, "bank", bank(path), WEEKS)
        else:
            tell(f"wfm.reforecast.bank: {path.name} is missing", None, "% WAPE of the rest")
        for seed in (2, 5, 10, 11):
            bench_reforecast(tell, f"made_up_{seed}", made_up(seed), range(20, 28))
        bench_board(tell)


if __name__ == "__main__":
    main()
