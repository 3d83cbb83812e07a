"""Calls of every kind come and go for some minutes; afterwards the process must be as it was.

`python services/telephony/bench/soak.py [minutes] [kinds,...]`, with the clone's root on PYTHONPATH, prints one JSON
object a line, and at the end, on stderr, which of them missed its goal; then it exits with 1. The process is the whole
telephony service (soak_server.py) on a real database and bus, and what it is in goes over real sockets: browsers by ICE
and DTLS, a carrier and a desk phone by SIP and RTP (soak_calls.py has the kinds of calls; all of them come unless some
are named). After a round or two to warm up the process is looked at, and again at the end, when the last call is over
and its transactions have timed out: calls, legs, dialogs, open files (the pool of database connections left out, which
is as large as it was ever needed), tasks and timers must be as many as before, memory no more than allocators keep. A
call that wasn't what it should be is counted, and ends nothing.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from traceback import extract_tb
from typing import Any

from server import line, until_told_to_stop
from soak_calls import ALONE, BY_NAME, TOGETHER, Kind, desk_phone
from soak_world import World, a_world

_WARM_ROUNDS = 2
_AT_ONCE = 2
_MEMORY_MB = 8.0
_CACHED_OBJECTS = 2000
"""In caches that fill up (prepared statements, routes, verified tokens): of few calls they are many a call."""
_GONE_SECONDS = 60.0
"""At the latest by then a SIP transaction has timed out, and a set-up that nobody completed."""
_STILL = 3
"""Looks, a second apart, that find as much as the one before."""
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
            self.why[name] = f"{error!r:.200} at {_step(error)}"


def _step(error: Exception) -> str:
    """Which step of its kind failed."""
    steps = [frame for frame in extract_tb(error.__traceback__) if Path(frame.filename).stem == "soak_calls"]
    return steps[-1].line or "" if steps else ""


async def a_round(world: World, kinds: Sequence[Kind], tally: Tally) -> None:
    await asyncio.gather(*(tally.one(world, kind) for kind in TOGETHER if kind in kinds for _ in range(_AT_ONCE)))
    for kind in ALONE:
        if kind in kinds:
            await tally.one(world, kind)
    world.forget()


async def quiet(world: World) -> dict[str, Any]:
    """The process's state once the last call and its transactions are gone and nothing changes any more, or after a
    while."""
    deadline, still, before = time.monotonic() + _GONE_SECONDS, 0, {}
    while True:
        state = await world.telephony.state()
        gone = not any(state[what] for what in ("calls", "legs", "dialogs", "transactions"))
        still = still + 1 if gone and all(state[what] == before.get(what) for what in _LEFT) else 0
        if still >= _STILL or time.monotonic() > deadline:
            return state
        before = state
        await asyncio.sleep(1.0)


async def soak(minutes: float, kinds: Sequence[Kind], folder: Path) -> list[str]:
    """What missed its goal, in words."""
    async with a_world(folder, phone=desk_phone in kinds) as world:
        if world.phone is None and desk_phone in kinds:
            line("soak_desk_phone", None, "", None, note="baresip is not installed (Debian: baresip-core)")
        tally = Tally()
        for _ in range(_WARM_ROUNDS):
            await a_round(world, kinds, tally)
        before, tally, ends = await quiet(world), Tally(), time.monotonic() + minutes * 60
        while True:
            await a_round(world, kinds, tally)
            if time.monotonic() > ends:
                break
        return told(tally, before, await quiet(world), minutes)


def told(tally: Tally, before: dict[str, Any], after: dict[str, Any], minutes: float) -> list[str]:
    """Print what came of it; what missed its goal, in words."""
    calls, missed = tally.calls.total(), []
    for name, count in tally.calls.items():
        line(f"soak_{name}", count, "calls", None, "higher", minutes=minutes)
        why = {"why": tally.why[name]} if name in tally.why else {}
        if not line(f"soak_{name}_failed", tally.failed[name], "calls", 0, **why):
            missed.append(f"{tally.failed[name]} of {count} {name} failed ({tally.why[name]})")
    for what in _LEFT:
        if not line(f"soak_{what}_left", after[what] - before[what], what, 0, calls=calls):
            missed.append(f"{what}: {before[what]} before, {after[what]} after")
    objects = (after["objects"] - before["objects"]) / max(1, calls)
    allowed = 1 + _CACHED_OBJECTS / max(1, calls)
    if not line("soak_objects_left_per_call", objects, "objects", round(allowed, 2), calls=calls):
        missed.append(f"objects: {objects:.2f} more a call, {allowed:.2f} are allowed")
    growth = (after["rss"] - before["rss"]) / 1e6
    if not line("soak_memory_growth", growth, "MB", _MEMORY_MB, calls=calls):
        missed.append(f"memory: {growth:.1f} MB more than before, {_MEMORY_MB:g} are allowed")
    return missed


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    names = sys.argv[2].split(",") if len(sys.argv) > 2 else list(BY_NAME)
    if unknown := sorted(set(names) - set(BY_NAME)):
        sys.exit(f"no such kind of call: {', '.join(unknown)}; there are {', '.join(BY_NAME)}")
    kinds = [BY_NAME[name] for name in names]
    missed: list[str] = []

    async def run(folder: Path) -> None:
        missed.extend(await soak(minutes, kinds, folder))

    with tempfile.TemporaryDirectory(prefix="merkez-soak-") as folder:
        asyncio.run(until_told_to_stop(run(Path(folder))))
    if missed:
        sys.exit("the soak missed its goal: " + "; ".join(missed))


if __name__ == "__main__":
    main()
