"""The side that is measured: a media plane alone in its process, told what to do by JSON lines on stdin."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

import uvloop
from chassis.lifecycle import Tasks
from telephony.media.clips import Clip
from telephony.media.codecs import PCMU
from telephony.media.media_leg import MediaLeg
from telephony.media.plane import MediaPlane, MediaSettings, host_addresses
from telephony.media.sip_sdp import SdpPolicy


class Measured:
    """The plane, and the legs it made in the order they were asked for."""

    def __init__(self) -> None:
        self._tasks = Tasks("bench")
        self._settings = MediaSettings(host_addresses("127.0.0.1"), waiting_setups=10_000, tenant_setups=10_000)
        self._plane = MediaPlane(self._settings, lambda work: self._tasks.spawn(work, "media"))
        self._legs: list[MediaLeg] = []
        self._carriers: list[MediaLeg] = []
        self._asked = 0
        self._tapped = 0

    async def do(self, wish: dict[str, Any]) -> dict[str, Any]:
        match wish["do"]:
            case "answer":
                self._asked += 1
                leg, sdp = await self._plane.answer(wish["sdp"], "", str(self._asked))
                self._legs.append(leg)
                return {"sdp": sdp}
            case "answer_rtp":
                carrier = self._plane.rtp(SdpPolicy(codecs=(PCMU,)), toward="127.0.0.1")
                self._carriers.append(carrier)
                return {"sdp": carrier.answer(wish["sdp"])}
            case "join":
                # Once more for those that are joined already: it changes nothing.
                pairs = [*zip(self._legs[::2], self._legs[1::2], strict=False)]
                pairs += zip(self._carriers[::2], self._carriers[1::2], strict=False)
                for a, b in pairs:
                    a.stop_playing()
                    b.stop_playing()
                    a.forward_to, b.forward_to = b.outbound, a.outbound
                return {"connected": sum(leg.connected.done() and leg.connected.result() for leg in self._legs)}
            case "tap":
                for leg in self._legs:
                    leg.tap = self._tap if wish["on"] else None
                return {}
            case "music":
                for leg in self._legs:
                    leg.play([Clip.silence(1)], loop=True)
                return {}
            case "drop":
                gone, self._legs = self._legs[wish["after"] :], self._legs[: wish["after"]]
                await asyncio.gather(*(self._plane.close_leg(leg) for leg in gone))
                return {}
            case "state":
                gc.collect()
                return {
                    "rss": _resident(),
                    "files": len(os.listdir("/proc/self/fd")),
                    "tasks": len(asyncio.all_tasks()),
                    "objects": len(gc.get_objects()),
                    "legs": len(self._plane.legs),
                    "ticks": len(self._plane.ticker),
                }
            case other:
                raise ValueError(other)

    async def close(self) -> None:
        await self._plane.close()
        await self._tasks.close()

    def _tap(self, *_: object) -> None:
        self._tapped += 1


def _resident() -> int:
    """Bytes of memory in use by this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def serve() -> None:
    measured = Measured()
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        print(json.dumps(await measured.do(json.loads(line))), flush=True)
    await measured.close()


if __name__ == "__main__":
    uvloop.run(serve())
