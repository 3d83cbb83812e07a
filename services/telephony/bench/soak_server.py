"""The telephony of `soak`: the whole service, as `python -m telephony` builds it, that also tells what it holds.

Its settings are the first line of stdin, as JSON; every further line asks for the state.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from typing import Any, TypeVar

import uvloop
from chassis.lifecycle import Process
from process import resident
from telephony.live.switchboard import Switchboard
from telephony.main import start
from telephony.media.plane import MediaPlane
from telephony.settings import TelephonySettings
from telephony.sip import SipAgent

T = TypeVar("T")


def the(kind: type[T]) -> T:
    """The one of its kind that the service has made."""
    (found,) = [each for each in gc.get_objects() if type(each) is kind]
    return found


def state(plane: MediaPlane, switchboard: Switchboard, agent: SipAgent) -> dict[str, Any]:
    """What is there now, and may be no more when the last call is long over."""
    gc.collect()
    return {
        "rss": resident(os.getpid()),
        "files": len(os.listdir("/proc/self/fd")),
        "tasks": len(asyncio.all_tasks()),
        "objects": len(gc.get_objects()),
        "legs": len(plane.legs),
        "ticks": len(plane.ticker),
        "calls": len(switchboard.calls),
        "dialogs": len(agent.dialogs),
        "transactions": agent.load,
    }


async def serve() -> None:
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    settings = TelephonySettings(**json.loads(await reader.readline()))
    process = Process(1.0)
    async with process.stack:
        await start(process, settings)
        held = the(MediaPlane), the(Switchboard), the(SipAgent)
        while await reader.readline():
            print(json.dumps(state(*held)), flush=True)


if __name__ == "__main__":
    uvloop.run(serve())
