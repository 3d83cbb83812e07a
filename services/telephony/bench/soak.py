"""Calls of every kind come and go for some minutes; afterwards the process must be as it was.

`python services/telephony/bench/soak.py [minutes]`, with the clone's root on PYTHONPATH, prints one JSON object a line.
The process is the whole telephony service (soak_server.py) on a real database and bus, and what it is in goes over real
sockets: browsers by ICE and DTLS, a carrier and a desk phone by SIP and RTP (soak_calls.py has the kinds of calls).
After a round or two to warm up the process is looked at, and again at the end, when the last call is over and its
transactions have timed out: calls, legs, dialogs, open files, tasks and timers must be as many as before, memory no
more than allocators keep. A call that wasn't what it should be is counted, and ends nothing.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from server import line, until_told_to_stop
from soak_calls import ALONE, TOGETHER, Kind
from soak_world import World, a_world

_WARM_ROUNDS = 2
_AT_ONCE = 2
_MEMORY_MB = 8.0
_MANY = 200
"""Calls from which on a thousand objects in caches that fill up are few a call."""
_GONE_SECONDS = 60.0
_LEFT = ("calls", "legs", "dialogs", "files", "tasks", "ticks")


class Tally:
    """What happened, by kind."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.why: dict[str, str] = {}

    async def one(self, world: World, kind: Kind) -> None:
        name = kind.__name__
        self.calls[name] += 1
        try:
            await kind(world)
        except Exception as error:
            self.failed[name] += 1
            self.why[name] = repr(error)[:200]


async def a_round(world: World, tally: Tally) -> None:
    await asyncio.gather(*(tally.one(world, kind) for kind in TOGETHER for _ in range(_AT_ONCE)))
    for kind in ALONE:
        await tally.one(world, kind)
    world.forget()


async def quiet(world: World) -> dict[str, Any]:
    """The process's state once the last call is gone, set-ups nobody completed and SIP's timers included."""
    deadline = time.monotonic() + _GONE_SECONDS
    while True:
        state = await world.telephony.state()
        await asyncio.sleep(1.0)
        over = not any(state[what] for what in ("calls", "legs", "dialogs"))
        if (over and time.monotonic() > deadline - 20) or time.monotonic() > deadline:
            return state


async def soak(minutes: float, folder: Path) -> None:
    async with a_world(folder) as world:
        if world.phone is None:
            line("soak_desk_phone", None, "", None, note="baresip is not installed (Debian: baresip-core)")
        tally = Tally()
        for _ in range(_WARM_ROUNDS):
            await a_round(world, tally)
        before, tally, ends = await quiet(world), Tally(), time.monotonic() + minutes * 60
        while time.monotonic() < ends:
            await a_round(world, tally)
        told(tally, before, await quiet(world), minutes)


def told(tally: Tally, before: dict[str, Any], after: dict[str, Any], minutes: float) -> None:
    calls = tally.calls.total()
    for name, count in tally.calls.items():
        line(f"soak_{name}", count, "calls", None, "higher", minutes=minutes)
        line(
            f"soak_{name}_failed",
            tally.failed[name],
            "calls",
            0,
            **({"why": why} if (why := tally.why.get(name)) else {}),
        )
    for what in _LEFT:
        line(f"soak_{what}_left", after[what] - before[what], what, 0, calls=calls)
    objects = (after["objects"] - before["objects"]) / max(1, calls)
    line("soak_objects_left_per_call", objects, "objects", 1 if calls >= _MANY else None, calls=calls)
    line("soak_memory_growth", (after["rss"] - before["rss"]) / 1e6, "MB", _MEMORY_MB, calls=calls)


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    with tempfile.TemporaryDirectory(prefix="merkez-soak-") as folder:
        asyncio.run(until_told_to_stop(soak(minutes, Path(folder))))


if __name__ == "__main__":
    main()
