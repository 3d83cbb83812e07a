"""How many must be there for those who call when everybody waits: Erlang C. When some give up: `erlang_a`.

Loads are offered erlangs (contacts a second times handle seconds), times are seconds. Erlang B by its inverse recursion
1/B(n) = 1 + n/a 1/B(n-1), which neither overflows nor cancels (Jagerman 1974).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MOST_SERVERS = 300_000


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


def _level(load: float, handle: float, servers: int, threshold: float, inverse: float) -> float:
    spare = servers - load
    return 1.0 - servers / (servers + (inverse - 1.0) * spare) * math.exp(-spare * threshold / handle)


def _c(load: float, handle: float, servers: int, threshold: float, inverse: float) -> Waiting:
    spare = servers - load
    # C = 1 / (1/B - a/n (1/B - 1)), in the form without a difference of large numbers.
    p_wait = servers / (servers + (inverse - 1.0) * spare) if math.isfinite(inverse) else 0.0
    late = p_wait * math.exp(-spare * threshold / handle)
    return Waiting(p_wait, 1.0 - late, p_wait * handle / spare, load / servers)
