"""Ways to forecast volume from usual days: each takes them and the days wanted, and gives days by slots, never below 0.

Day totals and the profile within a day are apart where that pays (Gans, Koole, Mandelbaum 2003; Weinberg, Brown, Stroud
2007). The regression is ridge on logarithms of day totals, corrected to be right in the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

import numpy as np

from wfm.domain.cleaning import Usual

Method = Callable[[Usual, np.ndarray], np.ndarray]
YEAR = 365.25
LEVEL_HALF_LIFE, LEVEL_PULL = 14.0, 2.0


def last_week(known: Usual, wanted: np.ndarray) -> np.ndarray:
    """The last same weekday, copied: what everybody can do, and every method has to beat."""
    return _by_weekday(known, wanted, lambda rows: _filled(known)[rows[-1]])


def median_of_six(known: Usual, wanted: np.ndarray) -> np.ndarray:
    """Median of the last six same weekdays."""
    return _by_weekday(known, wanted, lambda rows: np.median(_filled(known)[rows[-6:]], axis=0))


def weighted_mean(half_life: float) -> Method:
    """Mean of same weekdays, weighing half after so many days."""

    def forecast(known: Usual, wanted: np.ndarray) -> np.ndarray:
        weight, volume = _weights(known, half_life), _filled(known)
        return _by_weekday(known, wanted, lambda rows: weight[rows] @ volume[rows] / weight[rows].sum())

    return forecast


def regression(known: Usual, wanted: np.ndarray) -> np.ndarray:
    """Log-linear ridge of day totals on weekday, place in the month, the day after one that was closed, trend and
    season, times a profile."""
    totals = _whole(known)
    busy = totals > 0
    if busy.sum() < 10:
        return weighted_mean(60.0)(known, wanted)
    days = known.days[busy]
    span = int(days[-1] - days[0])
    design, ahead = _features(known, days, days, span), _features(known, wanted, days, span)
    weight = 0.5 ** ((days[-1] - days) / 300.0)
    logs = np.log(totals[busy] + 0.5)
    mean = weight @ logs / weight.sum()
    penalty = np.full(design.shape[1], 1.2)
    penalty[-_SMOOTH:] = _SMOOTH_PENALTY
    solved = np.linalg.solve((design.T * weight) @ design + np.diag(penalty), (design.T * weight) @ (logs - mean))
    fitted = np.exp(mean + design @ solved)
    right = (weight @ totals[busy]) / (weight @ fitted)
    # What the level has come to lately, half of it forgotten in two weeks: queues drift, and the coefficients don't.
    rest, recent = logs - np.log(right * fitted), 0.5 ** ((days[-1] - days) / LEVEL_HALF_LIFE)
    lately = float(recent @ rest / (recent.sum() + LEVEL_PULL))
    level = right * np.exp(np.clip(mean + lately + ahead @ solved, None, logs.max() + 1.0))
    open_weekdays = np.isin((wanted + 6) % 7, np.unique((days + 6) % 7))
    return (level * open_weekdays)[:, None] * profile(known, wanted)


def last_year(known: Usual, wanted: np.ndarray) -> np.ndarray:
    """The same weekday 52 weeks earlier, at the level of the last four weeks against the same four a year before."""
    volume, rows = _filled(known), {int(day): row for row, day in enumerate(known.days)}
    recent = [row for day, row in rows.items() if day > known.days[-1] - 28 and day - 364 in rows]
    before = sum(known.totals[rows[int(known.days[row]) - 364]] for row in recent)
    growth = float(np.clip(sum(known.totals[row] for row in recent) / before, 0.5, 2.0)) if before else 1.0
    fallback = weighted_mean(60.0)(known, wanted)
    for at, day in enumerate(wanted):
        back = int(day) - 364
        while back > known.days[-1]:
            back -= 364
        if back in rows:
            fallback[at] = growth * volume[rows[back]]
    return fallback


MEMBERS: Mapping[str, tuple[Method, float]] = {
    "REGRESSION": (regression, 3.0),
    "WEIGHTED_21": (weighted_mean(21.0), 1.0),
    "WEIGHTED_60": (weighted_mean(60.0), 0.0),
}
"""Methods, and how much each weighs in the mean."""
BASELINES: Mapping[str, Method] = {"LAST_WEEK": last_week, "MEDIAN_OF_SIX": median_of_six}
MEAN = "MEAN"


def all_forecasts(known: Usual, wanted: np.ndarray) -> dict[str, np.ndarray]:
    """Days by slots by name of the method; the year's copy only where there is more than a year."""
    found = {name: method(known, wanted) for name, method in BASELINES.items()}
    found |= {name: method(known, wanted) for name, (method, _) in MEMBERS.items()}
    whole = sum(weight for _, weight in MEMBERS.values())
    found[MEAN] = np.sum([weight / whole * found[name] for name, (_, weight) in MEMBERS.items()], axis=0)
    if len(known.days) and known.days[-1] - known.days[0] >= 392:
        found["LAST_YEAR"] = last_year(known, wanted)
    return found


def profile(known: Usual, wanted: np.ndarray, half_life: float = 30.0, pull: float = 0.7) -> np.ndarray:
    """Shares of the slots of each wanted day, sums of 1: of its weekday, pulled a little to that of all days."""
    totals, volume = known.totals, _filled(known)
    busy = totals > 0
    shares = np.zeros_like(volume)
    shares[busy] = volume[busy] / np.maximum(volume[busy].sum(axis=1, keepdims=True), 1e-12)
    # A day of few contacts says little about when they come.
    weight = _weights(known, half_life) * totals / (totals + 20.0)
    every = weight @ shares / weight.sum() if weight.sum() > 0 else np.full(known.slots, 1.0 / known.slots)
    found, weekdays = np.empty((len(wanted), known.slots)), known.weekdays
    for weekday in np.unique((wanted + 6) % 7):
        mine = weight * (weekdays == weekday)
        mixed = (mine @ shares + pull * every) / (mine.sum() + pull)
        found[(wanted + 6) % 7 == weekday] = mixed / max(mixed.sum(), 1e-12)
    return found


_SMOOTH = 5
_SMOOTH_PENALTY = np.array([60.0, 4.0, 4.0, 4.0, 4.0])
"""Of trend and season, the last columns of the features."""


def _features(known: Usual, days: np.ndarray, learnt: np.ndarray, span: int) -> np.ndarray:
    """Days by features; trend is damped ahead and needs half a year, season needs thirteen months."""
    weekday = np.eye(7)[(days + 6) % 7]
    month_day = np.array([_month_day(day) for day in days.tolist()])
    dom = np.stack(
        [
            month_day <= 3, (month_day >= 15) & (month_day <= 17), month_day >= 28, month_day <= 7,
            (month_day - 15) / 15.0, ((month_day - 15) / 15.0) ** 2,
        ],
        axis=1,
    ).astype(float)  # fmt: skip
    distance = (days - learnt[-1]) / 100.0
    trend = np.where(distance > 0, 0.3 * (1 - np.exp(-distance / 0.3)), distance) * (span >= 182)
    angle = 2 * np.pi * days / YEAR
    season = np.stack([np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)], axis=1) * (span >= 392)
    return np.concatenate([weekday, dom, _after_closed(known, days)[:, None], trend[:, None], season], axis=1)


def _after_closed(known: Usual, days: np.ndarray) -> np.ndarray:
    """1 for each day whose nearest earlier day that usually brings somebody was closed, otherwise 0."""
    if not known.closed:
        return np.zeros(len(days))
    open_weekdays = set(np.unique(known.weekdays[known.totals > 0]).tolist())

    def after(day: int) -> float:
        for back in range(day - 1, day - 8, -1):
            if back in known.closed:
                return 1.0
            if (back + 6) % 7 in open_weekdays:
                return 0.0
        return 0.0

    return np.array([after(day) for day in days.tolist()])


def _month_day(ordinal: int) -> int:
    return date.fromordinal(ordinal).day


def _weights(known: Usual, half_life: float) -> np.ndarray:
    return 0.5 ** ((known.days[-1] - known.days) / half_life) if len(known.days) else np.zeros(0)


def _filled(known: Usual) -> np.ndarray:
    """Slots that are unknown, such as the hour the clock skipped, by the mean of the slot."""
    if not np.isnan(known.volume).any():
        return known.volume
    mean = np.nan_to_num(np.nanmean(known.volume, axis=0))
    return np.where(np.isnan(known.volume), mean, known.volume)


def _whole(known: Usual) -> np.ndarray:
    return _filled(known).sum(axis=1)


def _by_weekday(known: Usual, wanted: np.ndarray, of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    found = np.zeros((len(wanted), known.slots))
    weekdays = known.weekdays
    for weekday in np.unique((wanted + 6) % 7):
        rows = np.flatnonzero(weekdays == weekday)
        if len(rows):
            found[(wanted + 6) % 7 == weekday] = of(rows)
    return found
