"""How many must be there for those who call when some give up: Erlang A (M/M/n+M), of many intervals at once.

Every argument is a number or an array, by numpy's rules; loads are offered erlangs, times are seconds. The density of
the virtual wait, v(x) = lambda p[n-1] exp(lambda H(x) - n mu x) with H(x) = (1 - exp(-theta x)) / theta (Baccelli and
Hebuterne 1981; Zeltyn and Mandelbaum 2005), integrates to incomplete gamma functions: in units of the mean patience,
with A = lambda / theta and c = n mu / theta, to A e^A A^-c gamma(c, A). Everything is in logarithms, so that no load
and no number of agents is too much for a float.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammainc, gammaincc, gammaln

from wfm.domain.erlang import MOST_SERVERS, Waiting

Floats = NDArray[np.float64]
_Fine = Callable[[NDArray[np.intp], Floats], NDArray[np.bool_]]
"""Whether these (indices), with so many agents each, are."""
_FADED = 1e-280
"""Below this an incomplete gamma function has lost its digits: a continued fraction has them."""
_TERMS = 60
_STIRLING = 30.0


@dataclass(frozen=True)
class _Shape:
    """What comes of n agents: logarithms of weights, to the same unknown factor."""

    free: Floats
    """That an agent is free."""
    waits: Floats
    served: Floats
    """That who waits is served in the end."""
    late: Floats
    """That they are served after the threshold."""
    top: Floats
    total: Floats
    """Of `free` and `waits`, times exp(-top)."""

    def share(self, weight: Floats) -> Floats:
        return np.exp(weight - self.top) / self.total

    def occupancy(self, loads: Floats, servers: Floats) -> Floats:
        return np.minimum(1.0, loads * (self.share(self.free) + self.share(self.served)) / servers)


def erlang_a(load: float, handle: float, servers: int, threshold: float, patience: float) -> Waiting:
    """What comes of so many agents: patience is exponential with this mean. Never unstable."""
    (found,) = outcomes_a([load], [handle], [servers], threshold, patience)
    return found


def outcomes_a(
    load: ArrayLike, handle: ArrayLike, servers: ArrayLike, threshold: float, patience: float
) -> list[Waiting]:
    """`erlang_a` of each."""
    loads, handles, numbers = _alike(load, handle, servers)
    found = [Waiting(0.0, 1.0, 0.0, 0.0) if at <= 0 else Waiting(1.0, 0.0, patience, 0.0, 1.0) for at in loads]
    there = np.flatnonzero((loads > 0) & (numbers > 0))
    loads, handles, numbers = loads[there], handles[there], numbers[there]
    shape = _shape(loads, handles, numbers, threshold, patience)
    waits, gone, level = _shares(shape)
    busy = shape.occupancy(loads, numbers)
    for at, *each in zip(there, waits, level, gone * patience, busy, gone, strict=True):
        found[at] = Waiting(*(float(value) for value in each))
    return found


def agents_a(
    load: ArrayLike, handle: ArrayLike, target: float, threshold: float, patience: float, max_occupancy: float = 1.0
) -> Floats:
    """As `erlang.agents_c`, for callers who give up, of each load."""
    loads, handles = _alike(load, handle)
    needed = np.zeros(len(loads))
    some = np.flatnonzero(loads > 0)
    loads, handles = loads[some], handles[some]

    def fine(which: NDArray[np.intp], servers: Floats) -> NDArray[np.bool_]:
        return _level(loads[which], handles[which], servers, threshold, patience) >= target

    high = np.maximum(1.0, np.ceil(loads))
    step = np.maximum(1.0, np.floor(np.sqrt(high)) // 2)
    low = np.maximum(0.0, high - step)
    # Who gives up leaves work undone, so the answer may lie on either side of the load: away from it in growing steps.
    at = np.flatnonzero(low > 0)
    while len(at := at[fine(at, low[at])]):
        high[at], low[at] = low[at], np.maximum(0.0, low[at] - 2 * step[at])
        step[at] *= 2
        at = at[low[at] > 0]
    at = np.arange(len(loads))
    while len(at := at[~fine(at, high[at])]):
        low[at], high[at] = high[at], high[at] + step[at]
        step[at] *= 2
        at = at[high[at] <= MOST_SERVERS]
    endless = high > MOST_SERVERS
    low, high = _narrowed(low, high, fine)
    below = _level(loads, handles, low, threshold, patience)
    above = _level(loads, handles, high, threshold, patience)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(above > below, (target - below) / (above - below), 1.0)
    found = np.where(endless, math.inf, low + part)
    if max_occupancy < 1.0:
        found = _within_occupancy(found, loads, handles, patience, max_occupancy)
    needed[some] = found
    return needed


def _within_occupancy(needed: Floats, loads: Floats, handles: Floats, patience: float, most: float) -> Floats:
    # Those who gave up are no work, so the occupancy is below load/n.
    def fine(which: NDArray[np.intp], servers: Floats) -> NDArray[np.bool_]:
        at = some[which]
        return _shape(loads[at], handles[at], servers, 0.0, patience).occupancy(loads[at], servers) <= most

    some = np.flatnonzero(np.isfinite(needed))
    low = np.ceil(needed[some])
    high = np.maximum(np.ceil(loads[some] / most), low)
    idle = fine(np.arange(len(some)), np.maximum(low, 1.0))
    _, high = _narrowed(np.where(idle, high, low), high, fine)
    found = needed.copy()
    found[some] = np.where(idle, needed[some], high)
    return found


def _narrowed(low: Floats, high: Floats, fine: _Fine) -> tuple[Floats, Floats]:
    """Neighbours of whom the higher is fine, between a lower that isn't and a higher that is."""
    low, high = low.copy(), high.copy()
    at = np.flatnonzero(high - low > 1)
    while len(at):
        middle = np.floor((low[at] + high[at]) / 2)
        enough = fine(at, middle)
        high[at], low[at] = np.where(enough, middle, high[at]), np.where(enough, low[at], middle)
        at = at[high[at] - low[at] > 1]
    return low, high


def _level(loads: Floats, handles: Floats, servers: Floats, threshold: float, patience: float) -> Floats:
    """Share of everybody that is served within the threshold; 0 where nobody is there."""
    found = np.zeros(len(loads))
    some = servers > 0
    shape = _shape(loads[some], handles[some], servers[some], threshold, patience)
    found[some] = _shares(shape)[2]
    return found


def _shares(shape: _Shape) -> tuple[Floats, Floats, Floats]:
    """Of everybody: who waits, who gives up, who is served within the threshold."""
    waits, served = shape.share(shape.waits), shape.share(shape.served)
    level = shape.share(shape.free) + np.maximum(0.0, served - shape.share(shape.late))
    return waits, np.maximum(0.0, waits - served), np.minimum(1.0, level)


def _shape(loads: Floats, handles: Floats, servers: Floats, threshold: float, patience: float) -> _Shape:
    ratio, passed = patience / handles, threshold / patience
    coming, going = loads * ratio, servers * ratio
    left = coming * math.exp(-passed)
    own = np.log(coming)
    free = np.log(loads) + _log_upper(loads, servers)
    waits = own + _log_lower(coming, going, coming - going)
    served = own + _log_lower(coming, going + 1.0, coming - going - 1.0)
    late = own - passed - coming * math.expm1(-passed) - going * passed
    late += _log_lower(left, going + 1.0, left - going - 1.0)
    top = np.maximum(free, waits)
    return _Shape(free, waits, served, late, top, np.exp(free - top) + np.exp(waits - top))


def _log_lower(a: Floats, c: Floats, excess: Floats) -> Floats:
    """ln of e^a a^-c gamma(c, a), the lower incomplete gamma function; `excess` is a - c."""
    part = gammainc(c, a)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = _log_scale(a, c, excess) + np.log(part)
    faded = np.flatnonzero(part < _FADED)
    if len(faded):
        found[faded] = -np.log(_lower_fraction(a[faded], c[faded]))
    return found


def _log_upper(a: Floats, n: Floats) -> Floats:
    """ln of e^a a^-n Gamma(n, a), the upper one: a times it is 1/B(n-1, a) of Erlang B."""
    part = gammaincc(n, a)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = _log_scale(a, n, a - n) + np.log(part)
    faded = np.flatnonzero(part < _FADED)
    if len(faded):
        found[faded] = -np.log(_upper_fraction(a[faded], n[faded]))
    return found


def _log_scale(a: Floats, c: Floats, excess: Floats) -> Floats:
    """a - c ln a + ln Gamma(c), without the difference of large numbers that it is; `excess` is a - c."""
    ratio = excess / c
    with np.errstate(invalid="ignore", divide="ignore"):
        exact = gammaln(c) + c - c * np.log(c)
        rest = 0.5 * np.log(2 * math.pi / c) + (1 / 12 - (1 / 360 - 1 / 1260 / c**2) / c**2) / c
        above = np.where(ratio > -0.5, np.log1p(ratio), np.log(a / c))
    return c * (ratio - above) + np.where(c < _STIRLING, exact, rest)


def _lower_fraction(a: Floats, c: Floats) -> Floats:
    """1 / (e^a a^-c gamma(c, a)) where c is far above a (DLMF 8.9.1)."""
    found = c + _TERMS
    for term in range(_TERMS - 1, -1, -1):
        half = (term + 2) // 2
        found = c + term + (half * a if term % 2 else -(c + half - 1) * a) / found
    return found


def _upper_fraction(a: Floats, n: Floats) -> Floats:
    """1 / (e^a a^-n Gamma(n, a)) where a is far above n (DLMF 8.9.2)."""
    found = a + 2 * _TERMS + 1 - n
    for term in range(_TERMS, 0, -1):
        found = a + 2 * term - 1 - n - term * (term - n) / found
    return found


def _alike(*values: ArrayLike) -> list[Floats]:
    return [np.array(each, dtype=np.float64) for each in np.broadcast_arrays(*map(np.atleast_1d, values))]
