"""The side that is measured: a media plane alone in its process, told what to do by JSON lines on stdin."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from typing import Any

import uvloop
from chassis.lifecycle import Tasks
from telephony.media.leg import WebRtcLeg
from telephony.media.plane import MediaPlane, MediaSettings, host_addresses


async def serve() -> None:
    tasks = Tasks("bench")
    plane = MediaPlane(
        MediaSettings(host_addresses("127.0.0.1"), waiting_setups=10_000, tenant_setups=10_000),
        lambda work: tasks.spawn(work, "media"),
    )
    legs: list[WebRtcLeg] = []
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        answer = await _do(plane, legs, json.loads(line))
        print(json.dumps(answer), flush=True)
    await plane.close()
    await tasks.close()


async def _do(plane: MediaPlane, legs: list[WebRtcLeg], wish: dict[str, Any]) -> dict[str, Any]:
    match wish["do"]:
        case "answer":
            leg, sdp = await plane.answer(wish["sdp"], "", str(len(legs)))
            legs.append(leg)
            return {"sdp": sdp}
        case "join":
            for a, b in zip(legs[::2], legs[1::2], strict=True):
                a.forward_to, b.forward_to = b.outbound, a.outbound
            return {"connected": sum(leg.connected.done() and leg.connected.result() for leg in legs)}
        case "tap":
            packets = 0

            def tap(*_: object) -> None:
                nonlocal packets
                packets += 1

            for leg in legs:
                leg.tap = tap
            return {}
        case "cpu":
            return {"cpu": time.process_time(), "gc": gc.get_count()[0]}
        case "received":
            return {"packets": sum(leg.statistics().packets_received for leg in legs)}
    return {}


if __name__ == "__main__":
    uvloop.run(serve())
