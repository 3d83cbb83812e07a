"""A forecast: the tournament that chooses its method, its quantiles, and what a planner has to know about it.

Rolling origin (Tashman 2000): the history is cut at up to eight Mondays-apart days, each method forecasts what followed
from what was known then, and the errors are kept by how many weeks ahead they were. The method with the least WAPE is
taken; the mean is preferred unless another one is clearly better, for what wins by little wins by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from wfm.domain.cleaning import MANY, Usual, Warned, usual
from wfm.domain.methods import MEAN, all_forecasts
from wfm.domain.series import MarkKind, Marks, Series

ORIGINS = 8
CLEARLY = 0.95
"""Another method is taken when its error is below this times that of the mean."""
LEAST_DAYS = 14
COLD_DAYS = 42
LONGEST_DAYS = 64 * 7
QUANTILES = (0.1, 0.5, 0.9)
_WEEKS = (1, 2, 3, 4)
_HANDLED_PULL = 25.0
_HANDLE_HALF_LIFE = 28.0


@dataclass(frozen=True)
class Backtest:
    """WAPE (share, not percent) by method and weeks ahead; `overall` of all weeks ahead together."""

    origins: tuple[date, ...]
    by_week: Mapping[str, tuple[float | None, ...]]
    overall: Mapping[str, float]
    coverage: float | None
    """Share of intervals that lay between the outer quantiles, those fitted without the origin in question."""


@dataclass(frozen=True)
class Forecast:
    """Days by slots. `handle_seconds` is AHT, None when nothing was handled ever. `quantiles`: by QUANTILES."""

    days: np.ndarray
    volume: np.ndarray
    quantiles: np.ndarray
    handle_seconds: np.ndarray | None
    method: str
    backtest: Backtest | None
    warnings: tuple[Warned, ...] = ()


@dataclass
class _Spread:
    """Errors of the chosen method: mean and outcome of every interval, by origin."""

    mean: list[np.ndarray] = field(default_factory=list)
    came: list[np.ndarray] = field(default_factory=list)


def forecast(series: Series, first: date, count: int) -> Forecast:
    """Of `count` days from `first` on. Never raises: what can't be forecast is nothing, and the warnings say why."""
    wanted = np.arange(first.toordinal(), first.toordinal() + count)
    known = usual(series)
    warnings = list(known.warnings)
    if not len(known.days) or known.totals.sum() <= 0:
        nothing = np.zeros((count, series.slots))
        return Forecast(
            wanted, nothing, np.zeros((3, count, series.slots)), handle_times(series, wanted), "NONE", None,
            (*warnings, Warned("NO_HISTORY")),
        )  # fmt: skip
    warnings += _thin(known)
    tested = _backtest(series, min(28, max(7, count)))
    method, backtest = _chosen(tested)
    volume = all_forecasts(known, wanted)[method]
    mean = _marked(volume, wanted, series.marks, known.effects)
    spread = tested.spread.get(method, _Spread())
    low, middle, high = _quantiles(mean, spread, known)
    if backtest is not None:
        backtest = replace(backtest, coverage=_coverage(spread))
    if count > 28 and known.days[-1] - known.days[0] < 392:
        warnings.append(Warned("NO_YEAR", {"days": str(int(known.days[-1] - known.days[0]) + 1)}))
    aht = handle_times(series, wanted)
    if aht is None:
        warnings.append(Warned("NO_HANDLE_TIME"))
    return Forecast(wanted, mean, np.stack([low, middle, high]), aht, method, backtest, tuple(warnings))


def handle_times(series: Series, wanted: np.ndarray) -> np.ndarray | None:
    """Seconds a contact takes, by slot: recent days weigh more, and a slot that handled few is like the whole day."""
    handled, seconds = np.nan_to_num(series.handled), np.nan_to_num(series.seconds)
    if handled.sum() <= 0 or seconds.sum() <= 0:
        return None
    busy = handled.sum(axis=1) > 0
    weight = 0.5 ** ((series.days[busy].max() - series.days) / _HANDLE_HALF_LIFE)
    every = float(weight @ seconds.sum(axis=1) / (weight @ handled.sum(axis=1)))
    slot_count, slot_seconds = weight @ handled, weight @ seconds
    slot = (slot_seconds + _HANDLED_PULL * every) / (slot_count + _HANDLED_PULL)
    found = np.empty((len(wanted), series.slots))
    for weekday in range(7):
        mine = weight * ((series.days + 6) % 7 == weekday)
        counted, took = mine @ handled, mine @ seconds
        found[(wanted + 6) % 7 == weekday] = (took + 2 * _HANDLED_PULL * slot) / (counted + 2 * _HANDLED_PULL)
    return found


def wape(forecasts: np.ndarray, came: np.ndarray) -> float | None:
    """Sum of absolute errors by sum of what came; None when nothing came. Unknown intervals count in neither."""
    known = ~np.isnan(came)
    whole = float(came[known].sum())
    return float(np.abs(forecasts[known] - came[known]).sum()) / whole if whole > 0 else None


@dataclass
class _Tested:
    origins: list[date]
    errors: dict[str, np.ndarray]
    """By method: weeks ahead by (absolute error, what came, what was forecast)."""
    spread: dict[str, _Spread]


def _backtest(series: Series, ahead: int) -> _Tested:
    last, first = int(series.days[-1]), int(series.days[0])
    tested = _Tested([], {}, {})
    for back in range(1, ORIGINS + 1):
        origin = last + 1 - 7 * back
        if origin - first < LEAST_DAYS:
            break
        known = usual(series.until(origin))
        if not len(known.days) or known.totals.sum() <= 0:
            break
        rows = np.flatnonzero((series.days >= origin) & (series.days < origin + ahead))
        came, wanted = series.offered[rows], series.days[rows]
        rows_kept = _comparable(series, came, wanted, known)
        if not rows_kept.any():
            continue
        came, wanted = came[rows_kept], wanted[rows_kept]
        tested.origins.append(date.fromordinal(origin))
        week = (wanted - origin) // 7
        for name, values in all_forecasts(known, wanted).items():
            mean = _marked(values, wanted, series.marks, known.effects)
            sums = tested.errors.setdefault(name, np.zeros((len(_WEEKS), 3)))
            off = np.where(np.isnan(came), 0.0, np.abs(mean - came))
            for each in range(len(_WEEKS)):
                there = week == each
                sums[each] += (
                    off[there].sum(),
                    np.nansum(came[there]),
                    np.where(np.isnan(came), 0.0, mean)[there].sum(),
                )
            spread = tested.spread.setdefault(name, _Spread())
            spread.mean.append(mean)
            spread.came.append(came)
    return tested


def _comparable(series: Series, came: np.ndarray, wanted: np.ndarray, known: Usual) -> np.ndarray:
    """Days that can be held against a forecast: not a loss of data on a weekday that brings many."""
    totals = np.nansum(came, axis=1)
    usually = {}
    for weekday in range(7):
        like = known.totals[known.weekdays == weekday]
        usually[weekday] = float(np.median(like)) if len(like) else 0.0
    fine = np.ones(len(wanted), bool)
    for at, day in enumerate(wanted.tolist()):
        expected = usually[(day + 6) % 7]
        if expected >= MANY and totals[at] < 0.02 * expected:
            mark = series.marks.get(date.fromordinal(day))
            fine[at] = mark is not None and mark.kind is MarkKind.CLOSURE
    return fine


def _chosen(tested: _Tested) -> tuple[str, Backtest | None]:
    overall = {
        name: float(sums[:, 0].sum() / sums[:, 1].sum()) for name, sums in tested.errors.items() if sums[:, 1].sum() > 0
    }
    if len(tested.origins) < 2 or not overall:
        return "WEIGHTED_60", _told(tested, overall) if overall else None
    complete = {name for name, spread in tested.spread.items() if len(spread.mean) == len(tested.origins)}
    fair = [name for name in overall if name in complete and _fair(tested.errors[name])]
    best = min(fair or [MEAN], key=lambda name: overall[name])
    if len(tested.origins) < 4 or overall[best] >= CLEARLY * overall[MEAN]:
        best = MEAN
    return best, _told(tested, overall)


def _fair(sums: np.ndarray) -> bool:
    """Whether a method forecasts as much as comes, but for chance. Where few come the least error is that of a forecast
    of nobody, which no queue can be staffed by."""
    _, came, said = sums.sum(axis=0)
    return bool(abs(said - came) <= 0.1 * came + 2.0 * np.sqrt(came))


def _told(tested: _Tested, overall: Mapping[str, float]) -> Backtest:
    by_week = {
        name: tuple(float(off / came) if came > 0 else None for off, came, _ in sums)
        for name, sums in tested.errors.items()
    }
    return Backtest(tuple(reversed(tested.origins)), by_week, overall, None)


def _marked(volume: np.ndarray, wanted: np.ndarray, marks: Marks, effects: Mapping[str, float]) -> np.ndarray:
    found = volume.copy()
    for at, day in enumerate(wanted):
        mark = marks.get(date.fromordinal(int(day)))
        if mark is None:
            continue
        if mark.kind is MarkKind.CLOSURE:
            found[at] = 0.0
        elif mark.percent is not None:
            found[at] *= max(0.0, 1.0 + mark.percent / 100.0)
        elif mark.kind is MarkKind.SPECIAL_DAY:
            found[at] *= effects.get(mark.name, 1.0)
    return np.maximum(found, 0.0)


def _scaled(mean: np.ndarray, excess: float) -> np.ndarray:
    return np.sqrt(np.maximum(mean, 0.02) + excess * mean**2)


def _excess(mean: np.ndarray, came: np.ndarray) -> float:
    known = ~np.isnan(came)
    squares = float((mean[known] ** 2).sum())
    return max(0.0, float(((came[known] - mean[known]) ** 2 - mean[known]).sum()) / squares) if squares > 0 else 0.0


def _quantiles(mean: np.ndarray, spread: _Spread, known: Usual) -> Sequence[np.ndarray]:
    """Variance is mean + excess mean^2, as of counts whose rate isn't known; how many of its roots the quantiles lie
    off is taken from the backtest."""
    if sum(each.size for each in spread.mean) < 50:
        excess, offsets = _usual_noise(known), (-1.2816, 0.0, 1.2816)
    else:
        excess, offsets = _fitted(spread.mean, spread.came)
    deviation = _scaled(mean, excess) * (mean > 0)
    return [np.maximum(0.0, mean + offset * deviation) for offset in offsets]


def _fitted(means: Sequence[np.ndarray], cames: Sequence[np.ndarray]) -> tuple[float, tuple[float, ...]]:
    mean, came = np.concatenate([each.ravel() for each in means]), np.concatenate([each.ravel() for each in cames])
    known = ~np.isnan(came) & (mean > 0)
    mean, came = mean[known], came[known]
    if not len(mean):
        return 0.0, (-1.2816, 0.0, 1.2816)
    excess = _excess(mean, came)
    # Between two whole numbers lies no outcome: the halves make the share inside what it says for small numbers, too.
    off = (came - mean) / _scaled(mean, excess)
    return excess, tuple(float(np.quantile(off, each)) for each in QUANTILES)


def _coverage(spread: _Spread) -> float | None:
    if len(spread.mean) < 3:
        return None
    inside = known = 0
    for at in range(len(spread.mean)):
        others = [each for each in range(len(spread.mean)) if each != at]
        excess, offsets = _fitted([spread.mean[each] for each in others], [spread.came[each] for each in others])
        mean, came = spread.mean[at], spread.came[at]
        counted = ~np.isnan(came) & (mean > 0)
        deviation = _scaled(mean, excess)
        between = (came >= mean + offsets[0] * deviation) & (came <= mean + offsets[2] * deviation)
        inside += int((between & counted).sum())
        known += int(counted.sum())
    return inside / known if known else None


def _usual_noise(known: Usual) -> float:
    """Excess variance of intervals around the mean of their weekday, doubled: nobody has tested the forecast."""
    values = all_forecasts(known, known.days)["WEIGHTED_60"]
    return max(0.02, 2.0 * _excess(values, known.volume))


def _thin(known: Usual) -> list[Warned]:
    span = int(known.days[-1] - known.days[0]) + 1
    if span < LEAST_DAYS:
        return [Warned("TOO_SHORT", {"days": str(span)})]
    return [Warned("COLD_START", {"days": str(span)})] if span < COLD_DAYS else []
