"""One measured interval after the other, of ours and the peer's in turns, and the lines that say what was found."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from listening import Speaker, Verdict, at_share, listened
from load import CLoad, End, Figures
from process import cpu_seconds
from python_load import PythonLoad
from server import line
from subjects import Kind, Subject

Load = CLoad | PythonLoad
MakeLoad = Callable[[list[End]], Load]

TOO_LATE = 0.05
"""The share of packets the load itself sent late from which on nothing is held to a goal."""
MANY = 400
"""From here on CPU is a fair measure beside another's: with few calls each packet wakes a process, which costs more."""
_PACKETS_A_SECOND = 50
_WARM_SECONDS, _RECORDING_WARM_SECONDS = 0.5, 1.2
_DELAY_GOAL, _PURITY_GOAL, _RECORDED_GOAL = 0.5, 0.95, 5.0


@dataclass
class Run:
    """One measured interval of one process."""

    cpu_ms: float
    """Per call-second that arrived: what is lost costs nothing, and would make a process that can't keep up look cheap.
    """
    busy: float
    """The share of a core it took."""
    figures: Figures
    verdict: Verdict
    unheard: int = 0
    """Packets of the load that never reached it, where a decoder would make something up in their place."""

    @property
    def lost(self) -> int:
        """Packets that never came to it, or from it."""
        return self.figures.lost + self.unheard

    @property
    def fair(self) -> bool:
        """Whether the machine had two cores for this, so that figures may be held to goals."""
        return self.figures.late_share < TOO_LATE and not self.figures.gone


@dataclass
class Turn:
    """One thing that is measured in turns with others, and what was found."""

    name: str
    subject: Subject
    load: Load
    recorded: bool = False
    runs: list[Run] = field(default_factory=list)
    memory: float | None = None
    """KB a call."""

    @property
    def ours(self) -> bool:
        return self.subject.name == "merkez"

    @property
    def fair(self) -> bool:
        return all(run.fair for run in self.runs)


@dataclass(frozen=True)
class Goals:
    """What a kind of call is held to with many calls; None: nothing."""

    ratio: float | None = None
    """CPU to rtpengine's."""
    per_core: float | None = None
    cpu_ms: float | None = None


async def measure(subject: Subject, kind: Kind, load: Load, seconds: float) -> Run:
    """What the load's run costs the subject while it is sending, and what came of it."""
    heard = await subject.heard() if kind.decoded else None
    began, before = time.monotonic(), cpu_seconds(subject.pid)
    running = asyncio.get_running_loop().create_task(load.measure(seconds))
    await asyncio.sleep(seconds)
    spent, passed = cpu_seconds(subject.pid) - before, time.monotonic() - began
    figures = await running
    reached = await subject.heard() if heard is not None else None
    unheard = 0 if heard is None or reached is None else max(0, figures.sent - (reached - heard))
    packets = min(figures.sent, figures.received)
    call_seconds = max(1, packets) / (_PACKETS_A_SECOND * len(kind.parties)) * passed / seconds
    return Run(spent / call_seconds * 1000, spent / passed, figures, _judged(figures, kind, load.ends), unheard)


def _judged(figures: Figures, kind: Kind, ends: Sequence[End]) -> Verdict:
    """What those heard who listened."""
    parties, found = len(kind.parties), Verdict()
    for number, packets in figures.heard.items():
        first, own = number // parties * parties, ends[number].saying
        assert own is not None
        speakers = [
            Speaker(sound, figures.sent_at(other))
            for other in range(first, first + parties)
            if other != number and (sound := ends[other].saying) is not None
        ]
        found.add(listened(packets, speakers, own))
    return found


async def warmed(turns: Sequence[Turn]) -> None:
    """Let packets flow in each for a moment: jitter buffers fill, codecs and caches settle."""
    for turn in turns:
        await turn.load.measure(_WARM_SECONDS)


async def in_turns(kind: Kind, turns: Sequence[Turn], seconds: float, rounds: int, calls: int) -> None:
    """Measure each, again and again, so that what else the machine does hits all."""
    for _ in range(rounds):
        for turn in turns:
            if turn.recorded:
                await turn.subject.record(True)
                await turn.load.measure(_RECORDING_WARM_SECONDS)
            turn.runs.append(await measure(turn.subject, kind, turn.load, seconds))
            if turn.recorded:
                turn.memory = max(turn.memory or 0.0, await turn.subject.memory(calls))
                await turn.subject.record(False)


def told(kind: Kind, turn: Turn, goals: Goals, calls: int, **more: Any) -> None:
    """The lines of one subject's runs. Ours are held to the goals, where the load was on time."""
    runs, name, many = turn.runs, f"{turn.name}_{turn.subject.name}", calls >= MANY
    cpu = statistics.median(run.cpu_ms for run in runs)
    late = max(run.figures.late_share for run in runs)
    on_time = turn.ours and turn.fair
    more = {"calls": calls, "load_late": round(late, 3), **more}
    if gone := max(run.figures.gone for run in runs):
        more["legs_gone"] = gone
    line(f"{name}_cpu_per_call_second", cpu, "ms", goals.cpu_ms if on_time else None, **more)
    per_core = goals.per_core if on_time and many else None
    line(f"{name}_calls_per_core_at_80_percent", 800 / cpu, "calls", per_core, "higher", **more)
    lost, sent = sum(run.lost for run in runs), sum(run.figures.sent for run in runs)
    if kind.decoded:
        _sound_told(name, turn, on_time, more)
    else:
        _packets_told(name, turn, on_time, more)
    line(f"{name}_packets_lost", lost, "packets", 0 if on_time else None, sent=sent, **more)


def _packets_told(name: str, turn: Turn, on_time: bool, more: dict[str, Any]) -> None:
    for share, goal in ((0.5, None), (0.99, _DELAY_GOAL if on_time else None)):
        delays = [delay for run in turn.runs if (delay := run.figures.delay_ms(share)) is not None]
        middle = statistics.median(delays) if delays else None
        line(f"{name}_added_delay_p{share * 100:.0f}", middle, "ms", goal, **more)
    wrong = sum(run.figures.wrong + run.figures.twice for run in turn.runs)
    compared = sum(run.figures.received for run in turn.runs)
    line(f"{name}_packets_not_identical", wrong, "packets", 0 if turn.ours else None, compared=compared, **more)


def _sound_told(name: str, turn: Turn, on_time: bool, more: dict[str, Any]) -> None:
    heard = Verdict()
    for run in turn.runs:
        heard.add(run.verdict)
    more = {**more, "judged": len(heard.purity)}
    for share in (0.5, 0.99):
        delay = at_share(heard.delays, share)
        line(f"{name}_added_delay_p{share * 100:.0f}", None if delay is None else delay * 1000, "ms", None, **more)
    goal = _PURITY_GOAL if on_time else None
    line(f"{name}_sound_purity_p5", at_share(heard.purity, 0.05), "share", goal, "higher", **more)
    line(f"{name}_sound_level_p5", at_share(heard.levels, 0.05), "dB", -3.0 if on_time else None, "higher", **more)


def compared(name: str, turns: Sequence[Turn], goals: Goals, calls: int) -> None:
    """Ours to the peer's CPU, of runs that followed each other."""
    if len(turns) == 2:
        ratio = statistics.median(a.cpu_ms / b.cpu_ms for a, b in zip(turns[0].runs, turns[1].runs, strict=True))
        line(
            f"{name}_cpu_to_rtpengine",
            ratio,
            "times",
            goals.ratio if calls >= MANY and all(turn.fair for turn in turns) else None,
            calls=calls,
        )


def recording_told(plain: Turn, recorded: Turn, calls: int) -> None:
    """What recording adds, of runs that followed each other."""
    pairs = zip(plain.runs, recorded.runs, strict=True)
    share = statistics.median((b.cpu_ms / a.cpu_ms - 1) * 100 for a, b in pairs)
    goal = _RECORDED_GOAL if recorded.ours and plain.fair and recorded.fair else None
    line(f"{recorded.name}_{recorded.subject.name}_cpu_added", share, "%", goal, calls=calls)
