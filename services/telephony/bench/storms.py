"""How live calls fare while others are set up."""

from __future__ import annotations

import asyncio

from light_peer import LightPeer
from measuring import TOO_LATE, Load
from server import Server, line

_RATE = 20.0
"""Legs a second."""
_DELAY_GOAL = 20.0


async def stormed(server: Server, load: Load, calls: int, seconds: float) -> None:
    """Measure `calls` live calls, whose load this is, while legs are set up; those are gone afterwards."""
    task = asyncio.get_running_loop().create_task(load.measure(seconds))
    peers, stood = await _storm(server, seconds - 0.5)
    figures = await task
    late = figures.late_share
    more = {"calls": calls, "load_late": round(late, 3), "legs_set_up": stood, "legs_per_second": _RATE}
    line("setup_storm_added_delay_p50", figures.delay_ms(0.5), "ms", None, **more)
    line("setup_storm_added_delay_p99", figures.delay_ms(0.99), "ms", _DELAY_GOAL if late < TOO_LATE else None, **more)
    line("setup_storm_added_delay_p999", figures.delay_ms(0.999), "ms", None, **more)
    line("setup_storm_packets_lost", figures.lost, "packets", 0 if late < TOO_LATE else None, sent=figures.sent, **more)
    await server.ask(do="drop", after=len(load.ends))
    for peer in peers:
        await peer.close()


async def _storm(server: Server, seconds: float) -> tuple[list[LightPeer], int]:
    """Set up legs at a steady rate beside what runs; how many stood in the end."""
    loop = asyncio.get_running_loop()
    began, peers, made = loop.time(), list[LightPeer](), list[asyncio.Task[bool]]()
    for number in range(int(seconds * _RATE)):
        await asyncio.sleep(max(0.0, began + number / _RATE - loop.time()))
        peers.append(LightPeer())
        made.append(loop.create_task(_one(server, peers[-1])))
    return peers, sum(await asyncio.gather(*made))


async def _one(server: Server, peer: LightPeer) -> bool:
    try:
        await peer.accept((await server.ask(do="answer", sdp=await peer.offer()))["sdp"])
    except (TimeoutError, ConnectionError):
        return False
    return True
