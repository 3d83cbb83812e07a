"""Calls come and go for some minutes; afterwards the process must be as it was.

`python services/telephony/bench/soak.py [minutes]` prints one JSON object a line. Each round sets up calls by real ICE
and DTLS, plays music to them, joins them, sends a second of voice both ways, and ends them in one of three ways: the
browsers leave politely, we close them, or the set-up was never completed and is given up. After some rounds to warm up
the process is looked at, and again at the end, when the last leg is gone: open files, tasks, timers and legs must be as
many as before, memory no more than allocators keep.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from light_peer import LightPeer
from python_load import PythonLoad
from server import Server, line

_CALLS = 8
_WARM_ROUNDS = 4
_MEMORY_MB = 8.0
_GONE_SECONDS = 40.0


async def round_of_calls(server: Server, number: int) -> tuple[int, int]:
    """One round; packets sent and lost."""
    peers = await server.connect(_CALLS * 2, at_once=8)
    await server.ask(do="music")
    await server.ask(do="join")
    load = PythonLoad([peer.end() for peer in peers])
    await load.measure(0.2)
    figures = await load.measure(0.8)
    if number % 3 == 2:
        silent = LightPeer()
        await server.ask(do="answer", sdp=await silent.offer())
        await silent.close()
    if number % 2:
        await asyncio.gather(*(peer.close() for peer in peers))
        await server.ask(do="drop", after=0)
    else:
        await server.ask(do="drop", after=0)
        await asyncio.gather(*(peer.close() for peer in peers))
    return figures.sent, figures.sent - figures.received


async def quiet(server: Server) -> dict[str, Any]:
    """The process's state once its last leg is gone, set-ups nobody completed included."""
    deadline = time.monotonic() + _GONE_SECONDS
    while True:
        state = await server.ask(do="state")
        await asyncio.sleep(0.5)
        # The last legs' tasks end a little after them.
        if (not state["legs"] and state == await server.ask(do="state")) or time.monotonic() > deadline:
            return state


async def soak(minutes: float) -> None:
    server = await Server.start()
    try:
        for number in range(_WARM_ROUNDS):
            await round_of_calls(server, number)
        before = await quiet(server)
        ends, rounds, sent, lost = time.monotonic() + minutes * 60, 0, 0, 0
        while time.monotonic() < ends:
            of_round = await round_of_calls(server, rounds)
            rounds, sent, lost = rounds + 1, sent + of_round[0], lost + of_round[1]
        after = await quiet(server)
    finally:
        await server.stop()
    calls = rounds * _CALLS
    line("soak_calls", calls, "calls", None, "higher", minutes=minutes)
    line("soak_packets_lost", lost, "packets", 0, sent=sent)
    for what in ("legs", "files", "tasks", "ticks"):
        line(f"soak_{what}_left", after[what] - before[what], what, 0, calls=calls)
    line(
        "soak_objects_left_per_call", (after["objects"] - before["objects"]) / max(1, calls), "objects", 1, calls=calls
    )
    line("soak_memory_growth", (after["rss"] - before["rss"]) / 1e6, "MB", _MEMORY_MB, calls=calls)


if __name__ == "__main__":
    asyncio.run(soak(float(sys.argv[1]) if len(sys.argv) > 1 else 2.0))
