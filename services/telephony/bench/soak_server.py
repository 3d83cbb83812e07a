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
from chassis.sql import Database
from process import resident
from sqlalchemy.pool import QueuePool
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


def pooled(db: Database) -> int:
    """Connections to the database that are kept for whoever comes next: as many as were needed at once, up to the
    pool's size, whatever calls there were."""
    pools = [engine.pool for engine in (db.engine, db.system_engine) if engine is not None]
    return sum(pool.checkedin() + pool.checkedout() for pool in pools if isinstance(pool, QueuePool))


def state(plane: MediaPlane, switchboard: Switchboard, agent: SipAgent, db: Database) -> dict[str, Any]:
    """What is there now, and may be no more when the last call is long over."""
    gc.collect()
    return {
        "rss": resident(os.getpid()),
        "files": len(os.listdir("/proc/self/fd")) - pooled(db),
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
        held = the(MediaPlane), the(Switchboard), the(SipAgent), the(Database)
        while await reader.readline():
            print(json.dumps(state(*held)), flush=True)


if __name__ == "__main__":
    uvloop.run(serve())
