"""Two telephony nodes as tests look at them: what each owns, drains and holds open, and the books' times."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from datetime import datetime
from pathlib import Path

import asyncpg
from merkez_local.system import System
from testkit.company import Api, Company, Problem
from testkit.people import CallerOnWidget
from testkit.waiting import eventually

FIRST, SECOND = "telephony", "telephony-1"


async def drain(system: System, operator: Api, process: str) -> None:
    """Have a node drained, and wait until it has noticed: a call that still began there would be moved away."""
    await _wish(system, operator, process, "drain", "node drains")


async def undrain(system: System, operator: Api, process: str) -> None:
    await _wish(system, operator, process, "undrain", "node takes calls again")


async def _wish(system: System, operator: Api, process: str, verb: str, event: str) -> None:
    log = system.data_dir / "logs" / f"{process}.log"
    before = log.read_text().count(event)
    await operator.post(f"/v1/operator/nodes/{node(process)}:{verb}")
    await eventually(lambda: log.read_text().count(event) > before)


def node(process: str) -> str:
    """The name of a process's node."""
    return f"{process}-0" if process == FIRST else process


async def live_calls(operator: Api) -> dict[str, int]:
    """Process -> how many calls its node has."""
    nodes = (await operator.get("/v1/operator/nodes"))["nodes"]
    return {each["nodeId"].removesuffix("-0"): each.get("liveCalls", 0) for each in nodes}


async def node_of(system: System, call_id: str) -> str:
    """The process whose node owns the call."""
    connection = await asyncpg.connect(system.admin_database_url.replace("+asyncpg", ""))
    try:
        node = await connection.fetchval("SELECT node_id FROM telephony.live_calls WHERE call_id = $1", call_id)
    finally:
        await connection.close()
    return node.removesuffix("-0")


async def draining(operator: Api, process: str) -> bool:
    nodes = (await operator.get("/v1/operator/nodes"))["nodes"]
    return any(each["nodeId"] == node(process) and each.get("draining") for each in nodes)


async def adopted_at(system: System, call_ids: list[str]) -> dict[str, float]:
    """Call -> when the second node owned it, as a label of time."""
    owned: dict[str, float] = {}
    connection = await asyncpg.connect(system.admin_database_url.replace("+asyncpg", ""))
    query = "SELECT call_id FROM telephony.live_calls WHERE node_id = $1 AND call_id = ANY($2)"
    try:
        while len(owned) < len(call_ids):
            for row in await connection.fetch(query, node(SECOND), call_ids):
                owned.setdefault(row["call_id"], time.time())
            await asyncio.sleep(0.02)
    finally:
        await connection.close()
    return owned


def media_sockets(system: System, process: str) -> int:
    """How many UDP sockets a process has, but for the one of its signalling."""
    folder = Path("/proc") / str(system.children[process].pid)
    own: set[str] = set()
    for each in (folder / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            own.add(os.readlink(each))
    rows = (line.split() for line in (folder / "net/udp").read_text().splitlines()[1:])
    return sum(f"socket:[{row[9]}]" in own for row in rows) - 1


async def elsewhere(system: System, call_id: str, home: str) -> bool:
    return await node_of(system, call_id) != home


def instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def seconds_of(text: str) -> float:
    return float(text.removesuffix("s"))


def report(metric: str, value: float, unit: str, goal: float, better: str, meets: bool, **more: object) -> None:
    line = {"metric": metric, "value": value, "unit": unit, "goal": goal, "better": better, "meets": meets, **more}
    print(json.dumps(line))


async def a_new_call(company: Company, since: float) -> float:
    """Seconds from `since` until a customer who keeps trying is connected and hears us."""
    while True:
        caller = CallerOnWidget(company)
        try:
            async with asyncio.timeout(10):
                await caller.dial()
                await caller.peer.hears_sound()
                seconds = time.monotonic() - since
                await caller.hang_up()
            return seconds
        except (Problem, AssertionError, TimeoutError):
            continue
        finally:
            await caller.leave()
