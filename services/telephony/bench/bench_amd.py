"""How well answering machines are told from people, and how fast: `python services/telephony/bench/bench_amd.py`.

Prints one JSON object a line, of the calls of the held-out family, by which nothing was chosen; `--tuned` shows those
that numbers were chosen by, which say less. Calls are made from their family's seed once and kept under .cache.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from amd_families import HELD_OUT, family, tuned
from amd_set import Sample, samples
from amd_sounds import FRAME
from telephony.media.answering_machine import (
    FRAME_SECONDS,
    PATIENT,
    QUICK,
    Answer,
    AnsweringMachineDetector,
    Parameters,
    Verdict,
)

_GOAL_HUMANS = 0.95
_GOAL_SECONDS = 1.5
"""Of `QUICK`: who listens with `PATIENT` has the time."""
_MACHINES = (Answer.MACHINE, Answer.MACHINE_BEEP)


@dataclass(frozen=True)
class Told:
    """What a detector said of one call."""

    sample: Sample
    first: Verdict | None
    last: Verdict | None
    cpu: float
    """Seconds of CPU."""
    listened: float
    """Seconds of sound."""

    @property
    def answer(self) -> str:
        return str(self.first.answer) if self.first is not None else "NONE"


def line(metric: str, value: float | None, unit: str, goal: float | None, better: str = "lower", **more: Any) -> None:
    """One line in the house's format."""
    meets = None if goal is None or value is None else (value <= goal if better == "lower" else value >= goal)
    shown = None if value is None else round(value, 3)
    told = {"metric": metric, "value": shown, "unit": unit, "goal": goal, "better": better, "meets": meets, **more}
    print(json.dumps(told), flush=True)


def listen(sample: Sample, parameters: Parameters) -> Told:
    """Until the beep, or until there is nothing to wait for."""
    detector = AnsweringMachineDetector(parameters, wait_for_beep=True)
    verdicts: list[Verdict] = []
    frames, listened = sample.pcm.reshape(-1, FRAME), 0.0
    began = time.process_time()
    for index, frame in enumerate(frames):
        listened = index * FRAME_SECONDS
        verdict = detector.feed(frame, listened)
        verdicts += [verdict] if verdict is not None else []
        if detector.done:
            break
    cpu = time.process_time() - began
    return Told(sample, verdicts[0] if verdicts else None, verdicts[-1] if verdicts else None, cpu, listened)


def measure(name: str, chosen: Sequence[Sample], parameters: Parameters, goal_seconds: float | None = None) -> None:
    """All lines about one way to listen."""
    told = [listen(sample, parameters) for sample in chosen]
    matrix: dict[str, Counter[str]] = defaultdict(Counter)
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for one in told:
        matrix[one.sample.plan.label][one.answer] += 1
        kinds[f"{one.sample.plan.label}, {one.sample.plan.kind}"][one.answer] += 1
    humans, machines = matrix["human"], matrix["machine"]
    line(f"amd_{name}_humans_kept", humans[Answer.HUMAN] / humans.total(), "share", _GOAL_HUMANS, "higher",
         calls=humans.total())  # fmt: skip
    caught = sum(machines[answer] for answer in _MACHINES)
    line(f"amd_{name}_machines_caught", caught / machines.total(), "share", None, "higher", calls=machines.total())
    for label in ("fax", "disconnected", "unknown"):
        right = matrix[label][label.upper()]
        line(f"amd_{name}_{label}_found", right / matrix[label].total(), "share", None, "higher",
             calls=matrix[label].total())  # fmt: skip
    _seconds(name, told, goal_seconds)
    _beeps(name, told)
    cpu = 1000 * sum(one.cpu for one in told) / sum(one.listened for one in told)
    line(f"amd_{name}_cpu", cpu, "ms per call-second", None)
    line(f"amd_{name}_confusion", None, "calls", None, matrix={label: dict(row) for label, row in matrix.items()})
    line(f"amd_{name}_kinds", None, "calls", None, kinds={kind: dict(row) for kind, row in kinds.items()})


def _seconds(name: str, told: Sequence[Told], goal_seconds: float | None) -> None:
    times: dict[str, list[float]] = defaultdict(list)
    for one in told:
        if one.first is not None:
            times["everybody"].append(one.first.seconds)
            times[one.sample.plan.label].append(one.first.seconds)
            times["after the first sound"].append(one.first.seconds - one.sample.first_sound)
    for who, seconds in times.items():
        goal = goal_seconds if who == "everybody" else None
        line(f"amd_{name}_seconds_p50", float(np.median(seconds)), "s", goal, who=who)
        line(f"amd_{name}_seconds_p95", float(np.percentile(seconds, 95)), "s", None, who=who)


def _beeps(name: str, told: Sequence[Told]) -> None:
    heard = [one for one in told if one.last is not None and one.last.answer is Answer.MACHINE_BEEP]
    waited = [one for one in told if one.sample.beep_end is not None and one.answer in _MACHINES]
    late = [one.last.seconds - one.sample.beep_end for one in heard if one.last and one.sample.beep_end is not None]
    found = [delay for delay in late if delay > -0.05]
    line(f"amd_{name}_beeps_found", len(found) / len(waited), "share", None, "higher", calls=len(waited))
    line(f"amd_{name}_beeps_where_none_was", float(len(heard) - len(found)), "calls", None, calls=len(told))
    if found:
        for part in (50, 95):
            line(f"amd_{name}_beep_delay_p{part}", float(np.percentile(found, part)), "s", None, who="after its end")


def main() -> None:
    for one in tuned() if "--tuned" in sys.argv else (family(HELD_OUT),):
        chosen = samples(one)
        line("amd_calls", float(len(chosen)), "calls", None, "higher", family=one.name)
        measure("quick", chosen, QUICK, _GOAL_SECONDS)
        measure("patient", chosen, PATIENT)


if __name__ == "__main__":
    main()
