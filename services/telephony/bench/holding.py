"""How many calls of a kind one core holds, up to as many as are wanted."""

from __future__ import annotations

from dataclasses import dataclass

from measuring import MakeLoad, measure
from subjects import Kind, Subject

_FIRST = 40
_MOST_BUSY, _ROOM = 0.95, 0.85
"""Shares of a core: above the first a number isn't held, and by the second the next one is chosen."""
_NO_STEP = 1.1
_SECONDS = 1.0


@dataclass
class Held:
    """The newest answer."""

    calls: int = 0
    cpu_ms: float | None = None
    full: bool = False
    """No more would fit."""


async def hold(subject: Subject, kind: Kind, make: MakeLoad, wanted: int, held: Held) -> None:
    """Have as many calls as are wanted, or else as one core holds. Each step is chosen by the cost of the last one,
    which is too high rather than too low: a call among many costs less.
    """
    while held.calls < wanted and not held.full:
        await _step(subject, kind, make, min(wanted, _next(kind, held)), held)


def _next(kind: Kind, held: Held) -> int:
    if held.cpu_ms is None:
        return _FIRST
    # Where nothing is decoded, most of the cost is waking up, which more calls share.
    hope = 1.0 if kind.decoded else 1.5
    return max(held.calls + 1, int(held.calls and _ROOM * hope * 1000 / held.cpu_ms))


async def _step(subject: Subject, kind: Kind, make: MakeLoad, calls: int, held: Held) -> None:
    before = held.calls
    while (busy := await _tried(subject, kind, make, calls, held)) > _MOST_BUSY and calls > 1:
        held.full = True
        calls = max(1, before, int(calls * _ROOM / busy))
        before = 0
    held.full = held.full or calls < before * _NO_STEP


async def _tried(subject: Subject, kind: Kind, make: MakeLoad, calls: int, held: Held) -> float:
    """The share of a core that so many calls take."""
    load = make(await subject.resize(calls))
    await load.measure(_SECONDS / 2)
    run = await measure(subject, kind, load, _SECONDS)
    load.close()
    held.calls, held.cpu_ms = calls, run.cpu_ms
    return run.busy
