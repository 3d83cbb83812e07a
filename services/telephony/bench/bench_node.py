"""What a whole node holds: calls come in on a trunk at a rate, wait in a queue with music for a second, and go.

`python services/telephony/bench/bench_node.py [calls] [rate]`, with the clone's root on PYTHONPATH, prints one JSON
object a line, and at the end, on stderr, which of them missed its goal; then it exits with 1. The process is the whole
telephony service on a real database and bus, as in the soak. sipp offers `rate` calls a second whatever has become of
those before: a node that is too slow has more and more of them waiting, and the rate it answers at is its own.

CPU is the kernel's account of the node's threads, to the end of the last call. Delays are fair only where the machine
has a core for the node and one for what is around it; `load_average` in each line says what it was.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from process import cpu_seconds
from server import line, until_told_to_stop
from soak_world import OURS, World, a_world
from testkit.voice_peers import UAC, Outcome, PeerMissing, Sipp, VoicePeers

_CALLS, _RATE = 1000, 50
_LASTS_SECONDS, _PATIENCE_SECONDS = 1.0, 60.0
_KEPT_UP = 0.98
"""Share of the rate: the last call's answer comes a moment after the last call."""
_T1_MS = 500.0
"""A caller sends its INVITE again after this time without any answer (RFC 3261 17.1.1.1)."""
_GONE_SECONDS = 60.0
_SILENT = {"customer_grace_seconds": 60.0, "media_silent_seconds": 60.0}
"""sipp signals and is silent: nobody hangs up for that."""


@dataclass(frozen=True)
class Run:
    """What came of the calls."""

    rate: float
    outcome: Outcome
    delays_ms: Sequence[float]
    """From INVITE to 200 of each answered call, sorted."""
    seconds: float
    """From the first INVITE to the last 200."""
    cpu_seconds: float


async def offered(world: World, folder: Path, calls: int, rate: float) -> Run:
    """Offer the calls and wait until nothing of them is left."""
    peers, before = VoicePeers(folder / "callers"), cpu_seconds(world.telephony.pid)
    caller = peers.make(
        Sipp, "caller", UAC, target=f"127.0.0.1:{world.sip_port}", service=OURS, calls=calls, rate=rate,
        lasts=_LASTS_SECONDS, at_once=calls, patience=_PATIENCE_SECONDS, more=("-trace_rtt", "-rtt_freq", "1"),
    )  # fmt: skip
    try:
        await caller.start()
        outcome = await caller.outcome(calls / rate + 2 * _PATIENCE_SECONDS)
        deadline = time.monotonic() + _GONE_SECONDS
        while (await world.telephony.state())["calls"] and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        cpu = cpu_seconds(world.telephony.pid) - before
    finally:
        await peers.close()
    answers = caller.answers()
    first = min((at - delay for at, delay in answers), default=0.0)
    last = max((at for at, _ in answers), default=0.0)
    return Run(rate, outcome, sorted(delay for _, delay in answers), (last - first) / 1000, cpu)


def told(run: Run) -> list[str]:
    """Print what came of it; what missed its goal, in words."""
    calls = run.outcome.successful + run.outcome.failed
    more = {"calls": calls, "rate": run.rate, "load_average": round(os.getloadavg()[0], 1)}
    answered = len(run.delays_ms)
    speed = answered / (run.seconds + 1 / run.rate)
    p50, p95 = (run.delays_ms[answered * share // 100] if answered else None for share in (50, 95))
    cpu = run.cpu_seconds / max(1, answered) * 1000
    kept = line("node_calls_answered_and_ended", run.outcome.successful, "calls", calls, "higher", **more)
    fast = line("node_calls_per_second", speed, "calls/s", _KEPT_UP * run.rate, "higher", **more)
    line("node_invite_to_200_p50", p50, "ms", None, **more)
    soon = line("node_invite_to_200_p95", p95, "ms", _T1_MS, **more)
    cheap = line("node_cpu_per_call", cpu, "ms", 1000 / run.rate, **more)
    found = (
        (kept, f"{run.outcome.failed} of {calls} calls weren't answered and ended as they should be"),
        (fast, f"{speed:.1f} calls a second were answered of {run.rate:g} offered"),
        (soon, f"one call in twenty waited for its answer for {p95:g} ms or longer, {_T1_MS:g} are allowed"),
        (cheap, f"a call took {cpu:.1f} ms of CPU: one core holds no {run.rate:g} a second"),
    )
    return [words for met, words in found if not met]


async def bench(calls: int, rate: float, folder: Path) -> list[str]:
    """What missed its goal, in words."""
    async with a_world(folder, phone=False, lines=calls, **_SILENT) as world:
        return told(await offered(world, folder, calls, rate))


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else _CALLS
    rate = float(sys.argv[2]) if len(sys.argv) > 2 else float(_RATE)
    missed: list[str] = []

    async def run(folder: Path) -> None:
        missed.extend(await bench(calls, rate, folder))

    try:
        with tempfile.TemporaryDirectory(prefix="merkez-bench-") as folder:
            asyncio.run(until_told_to_stop(run(Path(folder))))
    except PeerMissing as missing:
        sys.exit(str(missing))
    if missed:
        sys.exit("the node missed its goal: " + "; ".join(missed))


if __name__ == "__main__":
    main()
