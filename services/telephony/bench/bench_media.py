"""What joined calls cost, and how much later a packet arrives because of us, beside rtpengine.

`python services/telephony/bench/bench_media.py [calls,calls,...] [seconds]` prints one JSON object a line. The measured
process (media_server.py) does nothing but media. This one makes the load: real ICE and DTLS for every leg, then 50 SRTP
packets a second and direction, made, sent, received, decrypted and compared byte by byte in C (load.c, load.py), and an
RTCP report of every stream each 2.5 s. rtpengine gets the same packets of the same cipher at the same number of calls,
with keys from SDES; ICE it doesn't do. Its turns alternate with ours, so that what else the machine does hits both.

CPU is the kernel's account of all threads of a process. `load_late` is the share of packets the load itself sent over
1 ms late: above 5 % the machine hadn't two cores for this, so delays, and loss (what hasn't come 0.3 s after the last
was sent), mean nothing and are held to no goal.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from light_peer import LightPeer
from load import CLoad, End, Figures, compile_load
from python_load import PythonLoad
from rtpengine import Rtpengine, Side
from server import Server, cpu_seconds, line

_PAIRS = 3
_STORM_RATE = 20.0
_STORM_CALLS = 400
_PYTHON_CALLS = [40]
_TOO_LATE = 0.05
_MANY = 400
"""From here on rtpengine's CPU is a fair measure: with few calls each packet wakes a process, which costs more."""

Load = CLoad | PythonLoad
MakeLoad = Callable[[list[End]], Load]


@dataclass
class Run:
    """One measured interval of one process."""

    cpu_ms: float
    """Per call-second."""
    figures: Figures


async def measure(pid: int, load: Load, calls: int, seconds: float) -> Run:
    before = cpu_seconds(pid)
    figures = await load.measure(seconds)
    return Run((cpu_seconds(pid) - before) / seconds / calls * 1000, figures)


@dataclass
class Subject:
    """Something that joins calls, and can be made to have more of them."""

    name: str
    pid: int
    grow: Callable[[int], Awaitable[list[End]]]


@dataclass
class Scenario:
    """One kind of call, ours beside the peer's, and the goals it has with many calls."""

    name: str
    ours: Subject
    peer: Subject | None
    ratio: float
    per_core: float | None


class Merkez:
    """Our side: legs made in order, joined two by two."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.peers: list[LightPeer] = []
        self._sides: list[End] = []
        self._empty = 0

    async def grow(self, calls: int) -> list[End]:
        """Ends of `calls` calls; says what setting the new ones up took."""
        if not self.peers:
            self._empty = (await self.server.ask(do="state"))["rss"]
        count = calls * 2 - len(self.peers)
        began, cpu = time.monotonic(), self.server.cpu()
        self.peers += await self.server.connect(count)
        wall = time.monotonic() - began
        line("media_setup_cpu_per_leg", (self.server.cpu() - cpu) / count * 1000, "ms", 5.0, calls=calls)
        line("media_setup_wall_per_leg", wall / count * 1000, "ms", None, calls=calls, at_once=4)
        connected = (await self.server.ask(do="join"))["connected"]
        state = await self.server.ask(do="state")
        memory = (state["rss"] - self._empty) / calls / 1024
        line("memory_per_call", memory, "KB", 350, calls=calls, legs_connected=connected)
        return [peer.end() for peer in self.peers]

    async def grow_rtp(self, calls: int) -> list[End]:
        """Ends of `calls` calls between trunks: plain RTP, G.711."""
        while len(self._sides) < calls * 2:
            side = Side(encrypted=False)
            self._sides.append(side.end((await self.server.ask(do="answer_rtp", sdp=side.sdp()))["sdp"]))
        await self.server.ask(do="join")
        return self._sides

    async def storm(self, seconds: float) -> int:
        """Set up legs at a steady rate beside what runs; how many stood in the end."""
        loop = asyncio.get_running_loop()
        began, made = loop.time(), list[asyncio.Task[bool]]()
        for number in range(int(seconds * _STORM_RATE)):
            await asyncio.sleep(max(0.0, began + number / _STORM_RATE - loop.time()))
            made.append(loop.create_task(self._one()))
        return sum(await asyncio.gather(*made))

    async def _one(self) -> bool:
        peer = LightPeer()
        try:
            await peer.accept((await self.server.ask(do="answer", sdp=await peer.offer()))["sdp"])
        except (TimeoutError, ConnectionError):
            return False
        return True


def told(name: str, runs: list[Run], calls: int, *, per_core: float | None, ours: bool) -> None:
    """The lines of one subject's runs. `ours` are held to the goals, and `per_core` to that many calls."""
    cpu = statistics.median(run.cpu_ms for run in runs)
    late = max(run.figures.late_share for run in runs)
    held = ours and late < _TOO_LATE
    more = {"calls": calls, "load_late": round(late, 3)}
    line(f"{name}_cpu_per_call_second", cpu, "ms", None, **more)
    line(f"{name}_calls_per_core_at_80_percent", 800 / cpu, "calls", per_core, "higher", **more)
    for share, goal in ((0.5, None), (0.99, 0.5 if held else None)):
        delays = [delay for run in runs if (delay := run.figures.delay_ms(share)) is not None]
        middle = statistics.median(delays) if delays else None
        line(f"{name}_added_delay_p{share * 100:.0f}", middle, "ms", goal, **more)
    sent, received = (sum(getattr(run.figures, what) for run in runs) for what in ("sent", "received"))
    wrong = sum(run.figures.wrong + run.figures.twice for run in runs)
    line(f"{name}_packets_lost", sent - received, "packets", 0 if held else None, sent=sent, **more)
    line(f"{name}_packets_not_identical", wrong, "packets", 0 if ours else None, compared=received, **more)


async def compare(scenario: Scenario, make: MakeLoad, calls: int, seconds: float) -> Load:
    """Ours and the peer's at this number of calls, in turns. Gives our load."""
    subjects = [subject for subject in (scenario.ours, scenario.peer) if subject is not None]
    loads = [make(await subject.grow(calls)) for subject in subjects]
    for load in loads:
        await load.measure(0.5)
    runs: list[list[Run]] = [[] for _ in subjects]
    for _ in range(_PAIRS):
        for number, (subject, load) in enumerate(zip(subjects, loads, strict=True)):
            runs[number].append(await measure(subject.pid, load, calls, seconds))
    many = calls >= _MANY
    for number, (subject, found) in enumerate(zip(subjects, runs, strict=True)):
        ours = number == 0
        per_core = scenario.per_core if ours and many else None
        told(f"{scenario.name}_{subject.name}", found, calls, per_core=per_core, ours=ours)
    if len(runs) > 1:
        ratio = statistics.median(a.cpu_ms / b.cpu_ms for a, b in zip(*runs, strict=True))
        line(f"{scenario.name}_cpu_to_rtpengine", ratio, "times", scenario.ratio if many else None, calls=calls)
    for load in loads[1:]:
        load.close()
    return loads[0]


async def recorded(merkez: Merkez, load: Load, calls: int, seconds: float) -> None:
    """What a tap on both legs adds, as the recorder's own takes them."""
    shares: list[float] = []
    for _ in range(_PAIRS):
        plain = await measure(merkez.server.pid, load, calls, seconds)
        await merkez.server.ask(do="tap", on=True)
        tapped = await measure(merkez.server.pid, load, calls, seconds)
        await merkez.server.ask(do="tap", on=False)
        shares.append((tapped.cpu_ms / plain.cpu_ms - 1) * 100)
    line("recording_tap_cpu_share", statistics.median(shares), "%", 5, calls=calls)


async def stormed(merkez: Merkez, load: Load, calls: int, seconds: float) -> None:
    """How live calls fare while others are set up."""
    task = asyncio.get_running_loop().create_task(load.measure(seconds))
    stood = await merkez.storm(seconds - 0.5)
    figures = await task
    more = {"calls": calls, "load_late": round(figures.late_share, 3), "set_up": stood, "per_second": _STORM_RATE}
    goal = 20 if figures.late_share < _TOO_LATE else None
    line("setup_storm_added_delay_p99", figures.delay_ms(0.99), "ms", goal, **more)
    line("setup_storm_added_delay_p999", figures.delay_ms(0.999), "ms", None, **more)
    line("setup_storm_packets_lost", figures.sent - figures.received, "packets", goal and 0, **more)
    await merkez.server.ask(do="drop", after=len(merkez.peers))


def scenarios(merkez: Merkez, engine: Rtpengine | None) -> list[Scenario]:
    """What is compared; the first one at every number of calls, the others at the middle one."""

    def ours(grow: Callable[[int], Awaitable[list[End]]]) -> Subject:
        return Subject("merkez", merkez.server.pid, grow)

    def peer(*, encrypted: bool) -> Subject | None:
        if engine is None:
            return None
        return Subject("rtpengine", engine.process.pid, partial(engine.grow, encrypted=encrypted))

    return [
        Scenario("webrtc", ours(merkez.grow), peer(encrypted=True), 1.5, 600),
        Scenario("rtp", ours(merkez.grow_rtp), peer(encrypted=False), 1.1, None),
    ]


async def bench(counts: list[int], seconds: float, folder: Path) -> None:
    library = compile_load(folder)
    if library is None:
        line("media_load", None, "", None, note="no C compiler: the load is Python's, at few calls")
        counts = _PYTHON_CALLS
    middle = min(counts, key=lambda count: abs(count - _STORM_CALLS))
    server = await Server.start()
    merkez = Merkez(server)
    engine = await Rtpengine.start()
    if engine is None:
        line("rtpengine", None, "", None, note="rtpengine is not installed (Debian: rtpengine-daemon)")
    first, *others = scenarios(merkez, engine)

    def make(ends: list[End]) -> Load:
        return PythonLoad(ends) if library is None else CLoad(library, ends)

    try:
        for calls in counts:
            load = await compare(first, make, calls, seconds)
            if calls == middle:
                await recorded(merkez, load, calls, seconds)
                await stormed(merkez, load, calls, seconds * 2)
            load.close()
        for scenario in others:
            (await compare(scenario, make, middle, seconds)).close()
    finally:
        await server.stop()
        if engine is not None:
            await engine.stop()


def main() -> None:
    arguments = sys.argv[1:]
    counts = [int(count) for count in arguments[0].split(",")] if arguments else [100, 400, 700]
    seconds = float(arguments[1]) if len(arguments) > 1 else 3.0
    with tempfile.TemporaryDirectory(prefix="merkez-bench-") as folder:
        try:
            asyncio.run(bench(counts, seconds, Path(folder)))
        except Exception as error:
            line("media_bench", None, "", None, note=f"broken off: {error!r}")


if __name__ == "__main__":
    main()
