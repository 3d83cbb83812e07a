"""How long a waiting contact may still wait: a published formula with a range (docs/mechanisms/expected-wait.md).

With n agents serving, each finishing a contact every AHT seconds on average, the next free agent comes after an
exponential time with rate n/AHT. A contact that needs k agents to come free waits for the k-th of them: a gamma
(Erlang) time with shape k, mean k*AHT/n. The range is its 10 % and 90 % quantiles. Of what still widens for it by
waiting, whatever lets it be answered soonest counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

PRIOR_HANDLE_SECONDS = 180.0
"""Handle time believed of a queue that has none of its own yet."""
SMOOTHING = 0.1
"""Weight of the newest contact in the smoothed handle time."""
MEMORY = 50
"""Contacts it looks back on: the prior's weight is 0.5 % by then."""
LOW, HIGH = 0.1, 0.9
_EXACT_UP_TO = 100
_HANDLE_BOUNDS = (1.0, 4 * 3600.0)


@dataclass(frozen=True)
class WaitEstimate:
    """`position` 1 is next; the three waits are None when no agent serves the queue now."""

    position: int
    depth: int
    expected: timedelta | None
    low: timedelta | None
    high: timedelta | None
    waited: timedelta


class Prospect(NamedTuple):
    """What a contact comes to in `begins` seconds: agents at work who can take it then, one shared by m queues with
    waiting contacts as 1/m, and how many of them are free now."""

    begins: float
    serving: float
    free: int


def smoothed_handle_time(handled: Iterable[timedelta]) -> float:
    """Handle time in seconds: exponentially weighted over the last contacts, the newest last."""
    smoothed = PRIOR_HANDLE_SECONDS
    for each in handled:
        seconds = min(max(each.total_seconds(), _HANDLE_BOUNDS[0]), _HANDLE_BOUNDS[1])
        smoothed += SMOOTHING * (seconds - smoothed)
    return smoothed


def estimate(
    *,
    position: int,
    depth: int,
    prospects: Iterable[Prospect],
    handle_seconds: float,
    waited: timedelta,
    ringing: int = 0,
) -> WaitEstimate:
    """The estimate for the contact at `position`, by the prospect it is answered soonest in.

    `prospects` are in order of time, the first is what holds now. `ringing` are contacts before it whose offer rings:
    they have their agent. Of the others as many as agents are free wait for nobody.
    """
    best: tuple[float, Prospect, int] | None = None
    for prospect in prospects:
        if best is not None and prospect.begins >= best[0]:
            break
        if prospect.serving <= 0:
            continue
        needed = max(0, position - ringing - prospect.free)
        expected = max(prospect.begins, needed * handle_seconds / prospect.serving)
        if best is None or expected < best[0]:
            best = expected, prospect, needed
    if best is None:
        return WaitEstimate(position, depth, None, None, None, waited)
    expected, prospect, needed = best
    if not needed:
        at_once = _seconds(prospect.begins)
        return WaitEstimate(position, depth, at_once, at_once, at_once, waited)
    low, high = (
        max(prospect.begins, erlang_quantile(needed, share) * handle_seconds / prospect.serving)
        for share in (LOW, HIGH)
    )
    return WaitEstimate(position, depth, _seconds(expected), _seconds(low), _seconds(high), waited)


@lru_cache(maxsize=4096)
def erlang_quantile(shape: int, probability: float) -> float:
    """The quantile of the Erlang distribution with unit rate: exact by its Poisson tail up to shape 100, then by
    Wilson and Hilferty (1931), whose error there is below 0.1 %."""
    if shape > _EXACT_UP_TO:
        z = _normal_quantile(probability)
        return shape * (1 - 1 / (9 * shape) + z / (3 * math.sqrt(shape))) ** 3
    low, high = 0.0, 4.0 * shape + 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _erlang_cdf(shape, middle) < probability else (low, middle)
    return (low + high) / 2


def _erlang_cdf(shape: int, value: float) -> float:
    # P(Erlang(k) <= x) = P(Poisson(x) >= k) = 1 - sum of the first k Poisson terms.
    term = total = math.exp(-value)
    for count in range(1, shape):
        term *= value / count
        total += term
    return 1.0 - total


def _normal_quantile(probability: float) -> float:
    low, high = -10.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 + math.erf(middle / math.sqrt(2))) / 2 < probability else (low, middle)
    return (low + high) / 2


def _seconds(value: float) -> timedelta:
    return timedelta(seconds=round(value, 3))
