"""What people know better than a forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
from kernel.errors import InvalidInput

LONGEST_OVERRIDE = timedelta(days=35)
LONGEST_REASON = 500


class OverrideInvalid(InvalidInput):
    """A field of an override is wrong."""

    reason = "OVERRIDE_INVALID"


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


def checked(value: Override) -> Override:
    """The same when it can be. Raises `OverrideInvalid` that names the field."""
    field = "forecast_override"
    if not timedelta(0) < value.end - value.start <= LONGEST_OVERRIDE:
        raise OverrideInvalid.of(
            f"{field}.end_time", f"must be after start_time and at most {LONGEST_OVERRIDE.days} days later"
        )
    if value.total is not None and not 0 <= value.total <= 10_000_000:
        raise OverrideInvalid.of(f"{field}.total", "must be 0 to 10,000,000")
    if value.percent is not None and not -100 <= value.percent <= 1000:
        raise OverrideInvalid.of(f"{field}.percent", "must be -100 to 1000")
    if value.aht_seconds and not 1 <= value.aht_seconds <= 86_400:
        raise OverrideInvalid.of(f"{field}.aht_seconds", "must be 1 to 86,400")
    if value.total is None and value.percent is None and not value.aht_seconds:
        raise OverrideInvalid.of(f"{field}.total", "must be given, or percent, or aht_seconds")
    if len(value.reason) > LONGEST_REASON:
        raise OverrideInvalid.of(f"{field}.reason", f"may have {LONGEST_REASON} characters")
    return value


def applied(curve: Curve, overrides: Sequence[Override]) -> Curve:
    """The forecast with what is known better, in the order it was said. A total keeps the forecast's proportions; where
    nothing was forecast it is spread evenly. The spread of the quantiles goes along.

    The curve is all a run says: of a total that reaches beyond it, it gets what its part of the time is worth."""
    if not overrides:
        return curve
    volume, low, high, aht = (each.copy() for each in (curve.volume, curve.low, curve.high, curve.aht))
    touched = np.zeros(len(volume), bool)
    starts = np.array([each.timestamp() for each in curve.starts])
    for each in sorted(overrides, key=lambda one: (one.create_time, one.override_id)):
        inside = (starts >= each.start.timestamp()) & (starts < each.end.timestamp())
        if not inside.any():
            continue
        touched |= inside
        if each.total is not None:
            _scale_to(each.total * _share(each, curve.starts), inside, volume, low, high)
        elif each.percent is not None:
            for values in (volume, low, high):
                values[inside] *= 1.0 + each.percent / 100.0
        if each.aht_seconds > 0:
            aht[inside] = each.aht_seconds
    return Curve(curve.starts, volume, low, high, aht, touched)


def _share(value: Override, starts: Sequence[datetime]) -> float:
    """Of an override's time, what lies within the curve."""
    if len(starts) < 2:
        return 1.0
    ends = starts[-1] + min(after - at for at, after in pairwise(starts))
    inside = min(value.end, ends) - max(value.start, starts[0])
    return inside / (value.end - value.start)


def _scale_to(total: float, inside: np.ndarray, volume: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    whole = float(volume[inside].sum())
    if whole > 0:
        for values in (volume, low, high):
            values[inside] *= total / whole
        return
    for values in (volume, low, high):
        values[inside] = total / int(inside.sum())
