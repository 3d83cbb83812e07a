"""How many calls one core sets up: sipp (Debian's sip-tester) calls an agent that answers with the caller's SDP.

`python services/telephony/bench/bench_sip.py [calls a second] [seconds]` prints one JSON object a line. A call is
INVITE, 100, 180, 200, ACK, BYE, 200. Set-ups a second and core are calls by CPU seconds of the measured process.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

_SCENARIO = Path(__file__).parents[1] / "tests/sip/scenarios/uac_call.xml"
_GOAL = 100.0


def line(metric: str, value: float | None, unit: str, goal: float | None, **more: Any) -> None:
    """One line in the house's format."""
    meets = None if goal is None or value is None else value >= goal
    shown = None if value is None else round(value, 3)
    told = {"metric": metric, "value": shown, "unit": unit, "goal": goal, "better": "higher", "meets": meets}
    print(json.dumps(told | more), flush=True)


async def ask(server: asyncio.subprocess.Process) -> dict[str, Any]:
    """The measured process's counters."""
    assert server.stdin is not None and server.stdout is not None
    server.stdin.write(b"\n")
    return json.loads(await server.stdout.readline())


async def measure(transport: str, sipp: str, rate: int, seconds: int) -> None:
    """One transport, one line."""
    script = Path(__file__).with_name("sip_server.py")
    server = await asyncio.create_subprocess_exec(
        sys.executable, str(script), transport, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None and server.stdin is not None
    port = json.loads(await server.stdout.readline())["port"]
    mode = {"UDP": "u1", "TCP": "t1"}[transport]
    wish = ["-sf", str(_SCENARIO), "-t", mode, "-r", str(rate), "-m", str(rate * seconds), "-d", "200"]
    before = await ask(server)
    caller = await asyncio.create_subprocess_exec(
        sipp, f"127.0.0.1:{port}", "-i", "127.0.0.1", "-s", "+4930100", *wish, "-nostdin",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    failed = await asyncio.wait_for(caller.wait(), seconds * 4 + 60)
    after = await ask(server)
    server.stdin.close()
    await asyncio.wait_for(server.wait(), 10)
    calls, used = after["answered"] - before["answered"], after["cpu"] - before["cpu"]
    value = calls / used if used else None
    whole = failed == 0 and calls >= rate * seconds
    line(f"sip_setups_per_core_{transport.lower()}", value, "calls/s", _GOAL, calls=calls, all_whole=whole)
    line(f"sip_cpu_per_call_{transport.lower()}", used / max(calls, 1) * 1000, "ms", None)


async def main(rate: int, seconds: int) -> None:
    """Every transport sipp was built for that needs no certificate."""
    sipp = shutil.which("sipp")
    if sipp is None:
        line("sip_setups_per_core_udp", None, "calls/s", _GOAL, missing="sipp (Debian: sip-tester)")
        return
    for transport in ("UDP", "TCP"):
        await measure(transport, sipp, rate, seconds)


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:3]]
    asyncio.run(main(*(given or [100]), *([] if len(given) > 1 else [10])))
