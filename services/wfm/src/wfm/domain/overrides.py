"""What people know better than a forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np


@dataclass(frozen=True)
class Override:
    """Holds for intervals that begin in [start, end): their total, a change in percent, or neither; and the seconds one
    takes, 0 for as forecast."""

    override_id: str
    queue_id: str
    channel: str
    start: datetime
    end: datetime
    total: float | None
    percent: float | None
    aht_seconds: float
    reason: str
    user_id: str
    create_time: datetime


@dataclass(frozen=True)
class Curve:
    """A forecast by interval, oldest first. All of the same length."""

    starts: Sequence[datetime]
    volume: np.ndarray
    low: np.ndarray
    high: np.ndarray
    aht: np.ndarray
    overridden: np.ndarray


def applied(curve: Curve, overrides: Sequence[Override]) -> Curve:
    """The forecast with what is known better, in the order it was said. A total keeps the forecast's proportions; where
    nothing was forecast it is spread evenly. The spread of the quantiles goes along."""
    volume, low, high, aht = (each.copy() for each in (curve.volume, curve.low, curve.high, curve.aht))
    touched = np.zeros(len(volume), bool)
    starts = np.array([each.timestamp() for each in curve.starts])
    for each in sorted(overrides, key=lambda one: (one.create_time, one.override_id)):
        inside = (starts >= each.start.timestamp()) & (starts < each.end.timestamp())
        if not inside.any():
            continue
        touched |= inside
        if each.total is not None:
            _scale_to(each.total, inside, volume, low, high)
        elif each.percent is not None:
            for values in (volume, low, high):
                values[inside] *= 1.0 + each.percent / 100.0
        if each.aht_seconds > 0:
            aht[inside] = each.aht_seconds
    return Curve(curve.starts, volume, low, high, aht, touched)


def _scale_to(total: float, inside: np.ndarray, volume: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    whole = float(volume[inside].sum())
    if whole > 0:
        for values in (volume, low, high):
            values[inside] *= total / whole
        return
    for values in (volume, low, high):
        values[inside] = total / int(inside.sum())
