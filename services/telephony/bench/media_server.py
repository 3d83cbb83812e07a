"""The side that is measured: a media plane and rooms alone in their process, told what to do by JSON lines on stdin."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from chassis.lifecycle import Tasks
from process import resident
from recorder import Recorder
from telephony.media.clips import Clip
from telephony.media.codecs import PCMU
from telephony.media.media_leg import MediaLeg
from telephony.media.plane import MediaPlane, MediaSettings, host_addresses
from telephony.media.room import Ear, Room
from telephony.media.sip_sdp import SdpPolicy
from telephony.media.voice_socket import allow_many_sockets


@dataclass
class Call:
    """Legs that hear each other."""

    room: Room
    legs: list[MediaLeg]


class Measured:
    """The plane, the legs it made in the order they were asked for, and the calls they are in."""

    def __init__(self, folder: Path) -> None:
        self._tasks = Tasks("bench")
        self._settings = MediaSettings(host_addresses("127.0.0.1"), waiting_setups=10_000, tenant_setups=10_000)
        allow_many_sockets()
        self._plane = MediaPlane(self._settings, lambda work: self._tasks.spawn(work, "media"))
        self._recorder = Recorder(folder, self._tasks)
        self._legs: list[MediaLeg] = []
        self._calls: list[Call] = []
        self._asked = 0

    async def do(self, wish: dict[str, Any]) -> dict[str, Any]:
        """Carry out one wish. ValueError for one that isn't known."""
        match wish:
            case {"do": "answer", "sdp": offer}:
                self._asked += 1
                leg, sdp = await self._plane.answer(offer, "", str(self._asked))
                self._legs.append(leg)
                return {"sdp": sdp}
            case {"do": "answer_rtp", "sdp": offer}:
                carrier = self._plane.rtp(SdpPolicy(codecs=(PCMU,)), toward="127.0.0.1")
                self._legs.append(carrier)
                return {"sdp": carrier.answer(offer)}
            case {"do": "join", "parties": parties}:
                self._join(parties)
                return {"connected": sum(leg.connected.done() and leg.connected.result() for leg in self._legs)}
            case {"do": "recorder", "address": address, "key": key}:
                self._recorder.open(address, key)
                return {}
            case {"do": "record", "on": on}:
                rooms = {number: call.room for number, call in enumerate(self._calls)}
                if on:
                    await self._recorder.begin(rooms)
                else:
                    self._recorder.end(rooms)
                return {}
            case {"do": "music"}:
                for leg in self._legs:
                    leg.play([Clip.silence(1)], loop=True)
                return {}
            case {"do": "drop", "after": count}:
                await self._drop(count)
                return {}
            case {"do": "heard"}:
                return {"packets": sum(leg.statistics().packets_received for leg in self._legs)}
            case {"do": "state"}:
                return self._state()
            case _:
                raise ValueError(f"no such wish: {wish}")

    def _join(self, parties: int) -> None:
        """So many legs in turn are a call in which all hear all; those that are in one stay."""
        begun = sum(len(call.legs) for call in self._calls)
        for first in range(begun, len(self._legs) - parties + 1, parties):
            legs = self._legs[first : first + parties]
            room = Room(self._plane.ticker)
            names = frozenset(map(str, range(parties)))
            for name, leg in zip(sorted(names), legs, strict=True):
                leg.stop_playing()
                room.attach(name, leg)
            room.arrange({name: Ear(names - {name}) for name in names})
            self._calls.append(Call(room, legs))

    async def _drop(self, count: int) -> None:
        """Close all but the first legs, and the calls of those that go."""
        kept = 0
        for number, call in enumerate(self._calls):
            kept += len(call.legs)
            if kept > count:
                for gone in self._calls[number:]:
                    gone.room.close()
                del self._calls[number:]
                break
        gone, self._legs = self._legs[count:], self._legs[:count]
        await asyncio.gather(*(self._plane.close_leg(leg) for leg in gone))

    def _state(self) -> dict[str, Any]:
        gc.collect()
        return {
            "rss": resident(os.getpid()),
            "files": len(os.listdir("/proc/self/fd")),
            "tasks": len(asyncio.all_tasks()),
            "objects": len(gc.get_objects()),
            "legs": len(self._plane.legs),
            "ticks": len(self._plane.ticker),
        }

    async def close(self) -> None:
        for call in self._calls:
            call.room.close()
        await self._plane.close()
        await self._recorder.close()
        await self._tasks.close()


async def serve(folder: Path) -> None:
    measured = Measured(folder)
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        print(json.dumps(await measured.do(json.loads(line))), flush=True)
    await measured.close()


if __name__ == "__main__":
    with contextlib.ExitStack() as stack:
        uvloop.run(serve(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="merkez-bench-")))))
