"""How many must be there for those who call: Erlang C (everybody waits) and Erlang A (some give up).

Loads are offered erlangs (contacts a second times handle seconds), times are seconds. Erlang B by its inverse recursion
1/B(n) = 1 + n/a 1/B(n-1), which neither overflows nor cancels (Jagerman 1974); Erlang A by the density of the virtual
wait of M/M/n+M, v(x) = lambda p[n-1] exp(lambda H(x) - n mu x) with H(x) = (1 - exp(-theta x)) / theta (Baccelli and
Hebuterne 1981; Zeltyn and Mandelbaum 2005), by Gauss-Legendre quadrature.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MOST_SERVERS = 300_000
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_NEGLIGIBLE = 45.0
"""exp(-45) is below what a float adds to 1."""


@dataclass(frozen=True)
class Waiting:
    """What comes of n agents. `asa` is None where waits grow without end; of Erlang A it counts everybody who came."""

    p_wait: float
    service_level: float
    """Share of those who came that is served within the threshold."""
    asa: float | None
    occupancy: float
    p_abandon: float = 0.0


def inverse_b(load: float, servers: int) -> float:
    """1/B(servers, load): at least 1; infinite where B is 0 for a float."""
    inverse = 1.0
    for n in range(1, servers + 1):
        inverse = 1.0 + n / load * inverse
    return inverse


def erlang_c(load: float, handle: float, servers: int, threshold: float) -> Waiting:
    """M/M/n: nobody gives up. With as many agents as erlangs or fewer everybody waits, longer and longer."""
    if load <= 0:
        return Waiting(0.0, 1.0, 0.0, 0.0)
    if servers <= load:
        return Waiting(1.0, 0.0, None, 1.0)
    return _c(load, handle, servers, threshold, inverse_b(load, servers))


def agents_c(load: float, handle: float, target: float, threshold: float, max_occupancy: float = 1.0) -> float:
    """Fewest agents that hold the service level and the occupancy, with the part of the last agent that is needed: the
    service level is taken as linear between whole agents. Round up once, after everything is added."""
    if load <= 0:
        return 0.0
    floor = load / max_occupancy
    servers, before = math.floor(load), 0.0
    inverse = inverse_b(load, servers)
    while servers < MOST_SERVERS:
        servers += 1
        inverse = 1.0 + servers / load * inverse
        level = _level(load, handle, servers, threshold, inverse)
        if level >= target:
            part = (target - before) / (level - before) if level > before else 1.0
            return max(servers - 1 + part, floor)
        before = level
    return math.inf


def erlang_a(load: float, handle: float, servers: int, threshold: float, patience: float) -> Waiting:
    """M/M/n+M: patience is exponential with this mean. Never unstable."""
    if load <= 0:
        return Waiting(0.0, 1.0, 0.0, 0.0)
    arrivals, service, leaving = load / handle, 1.0 / handle, 1.0 / patience
    if servers <= 0:
        return Waiting(1.0, 0.0, patience, 0.0, 1.0)
    return _a(arrivals, service, leaving, servers, threshold, inverse_b(load, servers - 1))


def agents_a(
    load: float, handle: float, target: float, threshold: float, patience: float, max_occupancy: float = 1.0
) -> float:
    """Like `agents_c`, for callers who give up."""
    if load <= 0:
        return 0.0
    high = max(1, math.ceil(load))
    step = max(1, math.isqrt(high) // 2)
    low = max(0, high - step)

    def level(servers: int) -> float:
        return erlang_a(load, handle, servers, threshold, patience).service_level

    # Who gives up leaves work undone, so the answer may lie on either side of the load: away from it in growing steps.
    while low > 0 and level(low) >= target:
        low, high, step = max(0, low - 2 * step), low, 2 * step
    while level(high) < target:
        low, high, step = high, high + step, 2 * step
        if high > MOST_SERVERS:
            return math.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if level(middle) >= target else (middle, high)
    below, above = level(low) if low else 0.0, level(high)
    needed = low + ((target - below) / (above - below) if above > below else 1.0)
    return max(needed, _within_occupancy(load, handle, threshold, patience, max_occupancy, needed))


def _within_occupancy(
    load: float, handle: float, threshold: float, patience: float, most: float, needed: float
) -> float:
    # Those who gave up are no work, so the occupancy is below load/n.
    if most >= 1.0:
        return needed
    low, high = math.ceil(needed), max(math.ceil(load / most), math.ceil(needed))
    if high == low:
        return needed
    while high - low > 1:
        middle = (low + high) // 2
        fine = erlang_a(load, handle, middle, threshold, patience).occupancy <= most
        low, high = (low, middle) if fine else (middle, high)
    return needed if erlang_a(load, handle, low, threshold, patience).occupancy <= most else float(high)


def _level(load: float, handle: float, servers: int, threshold: float, inverse: float) -> float:
    spare = servers - load
    return 1.0 - servers / (servers + (inverse - 1.0) * spare) * math.exp(-spare * threshold / handle)


def _c(load: float, handle: float, servers: int, threshold: float, inverse: float) -> Waiting:
    spare = servers - load
    # C = 1 / (1/B - a/n (1/B - 1)), in the form without a difference of large numbers.
    p_wait = servers / (servers + (inverse - 1.0) * spare) if math.isfinite(inverse) else 0.0
    late = p_wait * math.exp(-spare * threshold / handle)
    return Waiting(p_wait, 1.0 - late, p_wait * handle / spare, load / servers)


def _a(arrivals: float, service: float, leaving: float, servers: int, threshold: float, inverse: float) -> Waiting:
    capacity = servers * service
    peak = math.log(arrivals / capacity) / leaving if arrivals > capacity else 0.0
    top = _exponent(arrivals, capacity, leaving, peak)
    edges = _edges(arrivals, capacity, leaving, peak, top)
    if threshold < edges[-1]:
        edges = np.unique(np.append(edges, threshold))
    left, width = edges[:-1, None], np.diff(edges)[:, None]
    x = left + (_NODES[None, :] + 1.0) / 2.0 * width
    weight = _WEIGHTS[None, :] / 2.0 * width * np.exp(arrivals * -np.expm1(-leaving * x) / leaving - capacity * x - top)
    stays = np.exp(-leaving * x)
    whole, served = float(weight.sum()), float((weight * stays).sum())
    in_time = float((weight * stays * (x <= threshold)).sum())
    # p[n-1] = 1 / (1/B(n-1) + lambda J): both scaled by exp(-top).
    free = inverse * math.exp(-top) if top < 700 else 0.0
    if not math.isfinite(free):
        return Waiting(0.0, 1.0, 0.0, arrivals / capacity)
    total = free + arrivals * whole
    p_wait = arrivals * whole / total
    p_abandon = arrivals * float((weight * -np.expm1(-leaving * x)).sum()) / total
    level = (free + arrivals * in_time) / total
    busy = arrivals * (free + arrivals * served) / total / capacity
    return Waiting(p_wait, level, p_abandon / leaving, min(1.0, busy), p_abandon)


def _exponent(arrivals: float, capacity: float, leaving: float, x: float) -> float:
    return arrivals * -math.expm1(-leaving * x) / leaving - capacity * x


def _edges(arrivals: float, capacity: float, leaving: float, peak: float, top: float) -> np.ndarray:
    """Panels from 0 to where the density is negligible, each a step of its scale, growing away from the peak."""

    def step_at(x: float) -> float:
        slope = abs(arrivals * math.exp(-leaving * x) - capacity)
        curve = math.sqrt(arrivals * leaving * math.exp(-leaving * x))
        return 2.5 / max(slope, curve, 1e-300)

    def depth(x: float) -> float:
        return top - _exponent(arrivals, capacity, leaving, x)

    right = [peak]
    while depth(right[-1]) < _NEGLIGIBLE:
        right.append(right[-1] + step_at(right[-1]))
    left = [peak]
    while left[-1] > 0 and depth(left[-1]) < _NEGLIGIBLE:
        left.append(max(0.0, left[-1] - step_at(left[-1])))
    return np.array(left[::-1] + right[1:])
