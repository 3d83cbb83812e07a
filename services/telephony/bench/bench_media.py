"""What calls cost, and how much later their sound arrives because of us, beside rtpengine.

`python services/telephony/bench/bench_media.py [calls,calls,...] [seconds] [rounds] [kinds,...]` prints one JSON object
a line. `recorded` is a kind too: joined browsers, plain and recorded, without the storms of set-ups.

The measured process (media_server.py) does nothing but media, in rooms as telephony arranges them. This one makes the
load: real ICE and DTLS for every browser's leg, then 50 packets a second and direction, encrypted, sent, received,
decrypted and compared byte by byte in C (load.c, load.py), and an RTCP report of every stream each 2.5 s. Where packets
are decoded on the way they say real sounds, and some of the ends are listened to (sounds.py, listening.py). rtpengine
gets the same packets of the same cipher at the same number of calls, with keys from SDES; ICE it doesn't do. Its turns
alternate with ours, so that what else the machine does hits both.

Recorded calls are recorded as telephony does it: sealed, spooled on a disk, and sent to a sink over gRPC; rtpengine
writes pcap files.

Where one core doesn't hold as many calls as are wanted, fewer are measured: `calls` in each line says how many, and
`<kind>_calls_held` that more didn't fit. CPU is the kernel's account of all threads of a process while the load sends.
`load_late` is the share of packets the load itself sent over 1 ms late: above 5 % the machine hadn't two cores for
this, so delays, loss (what hasn't come 0.3 s after the last was sent) and CPU mean little and are held to no goal.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from holding import Held, hold
from load import CLoad, End, compile_load
from measuring import MANY, Goals, Load, Turn, compared, in_turns, recording_told, told, warmed
from python_load import PythonLoad
from recorder import RecordingSink
from rtpengine import Rtpengine
from server import Server, line, until_told_to_stop
from storms import stormed
from subjects import BROWSER, TRUNK, Kind, Merkez, Peer, Subject

_COUNTS = (100, 400, 700)
_PYTHON_COUNTS = (10,)
"""Where there is no C compiler."""
_SECONDS, _ROUNDS = 2.5, 3
_MEMORY_GOAL = 350
"""KB a call, among many: the first ones also take what the process takes once."""
_MIDDLE, _SOME = 400, 200
"""Live calls during a storm of set-ups: many, and so many that a core has room beside them."""


@dataclass(frozen=True)
class Scenario:
    """One kind of call and what it is held to. `recorded` and `stormed` also then."""

    kind: Kind
    goals: Goals
    recorded: bool = False
    stormed: bool = False
    middle_only: bool = False
    peer: bool = True
    """Whether rtpengine can do it too."""


SCENARIOS = (
    Scenario(Kind("webrtc", (BROWSER, BROWSER)), Goals(1.5, 600), recorded=True, stormed=True),
    Scenario(Kind("rtp", (TRUNK, TRUNK)), Goals(1.1), middle_only=True),
    Scenario(Kind("webrtc_g711", (BROWSER, TRUNK), decoded=True), Goals(cpu_ms=5.0)),
    Scenario(Kind("three_parties", (BROWSER, BROWSER, TRUNK), decoded=True), Goals(), peer=False),
)


@dataclass
class Bench:
    """What all scenarios share."""

    counts: Sequence[int]
    seconds: float
    rounds: int
    library: Path | None
    engine: Rtpengine | None
    sink: RecordingSink

    @property
    def middle(self) -> int:
        return min(self.counts, key=lambda count: abs(count - _MIDDLE))

    def make(self, ends: list[End]) -> Load:
        return PythonLoad(ends) if self.library is None else CLoad(self.library, ends)

    async def run(self, scenario: Scenario) -> None:
        """All of one scenario's lines, whatever happens in it."""
        server = await Server.start()
        ours, subjects = Merkez(server, scenario.kind), list[Subject]()
        subjects.append(ours)
        if self.engine is not None and scenario.peer:
            subjects.append(Peer(self.engine, scenario.kind))
        try:
            await server.ask(do="recorder", **self.sink.told)
            await self._counts(scenario, ours, subjects)
        except Exception as error:
            line(f"{scenario.kind.name}_bench", None, "", None, note=f"broken off: {error!r}")
        finally:
            for subject in subjects:
                await subject.close()

    async def _counts(self, scenario: Scenario, ours: Merkez, subjects: list[Subject]) -> None:
        kind, held, measured = scenario.kind, Held(), 0
        if not scenario.peer:
            line(f"{kind.name}_rtpengine", None, "", None, note="rtpengine mixes no parties")
        for wanted in (self.middle,) if scenario.middle_only else self.counts:
            if scenario.stormed and held.calls < _SOME < wanted:
                await self._storm(ours, kind, _SOME, held)
            await hold(ours, kind, self.make, wanted, held)
            if held.calls < wanted:
                line(f"{kind.name}_calls_held", held.calls, "calls", None, "higher", wanted=wanted,
                     note="one core holds no more: measured with so many")  # fmt: skip
            if held.calls > measured:
                measured = held.calls
                await self._compare(scenario, subjects, measured)
            if scenario.stormed and wanted == self.middle:
                await self._storm(ours, kind, measured, held)

    async def _storm(self, ours: Merkez, kind: Kind, calls: int, held: Held) -> None:
        await hold(ours, kind, self.make, calls, held)
        load = self.make(await ours.resize(held.calls))
        await load.measure(0.5)
        await stormed(ours.server, load, held.calls, self.seconds * 2)
        load.close()

    async def _compare(self, scenario: Scenario, subjects: list[Subject], calls: int) -> None:
        """Each subject's figures at this number of calls, plain and, where that is wanted, recorded."""
        kind = scenario.kind
        loads = [self.make(await subject.resize(calls)) for subject in subjects]
        plain = [Turn(kind.name, *each) for each in zip(subjects, loads, strict=True)]
        recorded = [Turn("recorded", *each, recorded=True) for each in zip(subjects, loads, strict=True)]
        turns = [*plain, *(recorded if scenario.recorded else ())]
        await warmed(plain)
        for turn in plain:
            turn.memory = await turn.subject.memory(calls)
        await in_turns(kind, turns, self.seconds, self.rounds, calls)
        for turn in plain:
            told(kind, turn, scenario.goals, calls)
            _memory_told(turn, calls)
        compared(kind.name, plain, scenario.goals, calls)
        if scenario.recorded:
            for before, turn in zip(plain, recorded, strict=True):
                told(kind, turn, Goals(), calls)
                _memory_told(turn, calls)
                recording_told(before, turn, calls)
            compared("recorded", recorded, Goals(), calls)
        for load in loads:
            load.close()


def _memory_told(turn: Turn, calls: int) -> None:
    goal = _MEMORY_GOAL if turn.ours and calls >= MANY else None
    line(f"{turn.name}_{turn.subject.name}_memory_per_call", turn.memory, "KB", goal, calls=calls)


def wanted(kinds: Sequence[str]) -> list[Scenario]:
    """The scenarios of these kinds, all when there are none. ValueError for a kind that isn't known."""
    known = {scenario.kind.name: scenario for scenario in SCENARIOS}
    known["recorded"] = replace(SCENARIOS[0], stormed=False)
    if unknown := sorted(set(kinds) - set(known)):
        raise ValueError(f"no such kind: {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[kind] for kind in kinds] if kinds else list(SCENARIOS)


async def bench(
    counts: Sequence[int], seconds: float, rounds: int, scenarios: Sequence[Scenario], folder: Path
) -> None:
    """Each scenario's lines."""
    library = compile_load(folder)
    if library is None:
        line("media_load", None, "", None, note="no C compiler: the load is Python's, at few calls")
        counts = _PYTHON_COUNTS
    async with contextlib.AsyncExitStack() as stack:
        engine = await Rtpengine.start()
        if engine is None:
            line("rtpengine", None, "", None, note="rtpengine is not installed (Debian: rtpengine-daemon)")
        else:
            stack.push_async_callback(engine.stop)
        sink = await RecordingSink.start(folder)
        stack.push_async_callback(sink.stop)
        for scenario in scenarios:
            await Bench(counts, seconds, rounds, library, engine, sink).run(scenario)


def main() -> None:
    arguments = sys.argv[1:]
    counts = sorted(int(count) for count in arguments[0].split(",")) if arguments else _COUNTS
    seconds = float(arguments[1]) if len(arguments) > 1 else _SECONDS
    rounds = int(arguments[2]) if len(arguments) > 2 else _ROUNDS
    scenarios = wanted(arguments[3].split(",") if len(arguments) > 3 else ())
    with tempfile.TemporaryDirectory(prefix="merkez-bench-") as folder:
        try:
            asyncio.run(until_told_to_stop(bench(counts, seconds, rounds, scenarios, Path(folder))))
        except Exception as error:
            line("media_bench", None, "", None, note=f"broken off: {error!r}")


if __name__ == "__main__":
    main()
