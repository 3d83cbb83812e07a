"""How well answering machines are told from people, and how fast: `python services/telephony/bench/bench_amd.py`.

Prints one JSON object a line, of the calls of the held-out family, by which nothing was chosen; `--tuned` shows those
that numbers were chosen by, which say less. `--vad` listens as with MERKEZ_ANSWERING_VAD. Shares and medians come with
their interval of 95 %. Calls are made from their family's seed once and kept under .cache.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from amd_families import HELD_OUT, family, tuned
from amd_lines import line, seconds, share
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
from telephony.media.answering_speech import Vad
from telephony.media.answering_vad import SileroVad

_GOAL_HUMANS = 0.95
_GOAL_SECONDS = 1.5
"""Of `QUICK`: who listens with `PATIENT` has the time."""
_MACHINES = (Answer.MACHINE, Answer.MACHINE_BEEP)
_RIGHT = {
    "human": (Answer.HUMAN,), "machine": _MACHINES, "fax": (Answer.FAX,), "disconnected": (Answer.DISCONNECTED,),
    "unknown": (Answer.UNKNOWN,),
}  # fmt: skip
"""What may be said first of a call with that label."""


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

    @property
    def right(self) -> bool:
        return self.first is not None and self.first.answer in _RIGHT[self.sample.plan.label]

    @property
    def who(self) -> str:
        """The label; of machines, whether they beep within the call."""
        label = self.sample.plan.label
        if label != "machine":
            return label
        return "machine with beep" if self.sample.beep_end is not None else "machine without beep"


def listen(sample: Sample, parameters: Parameters, ear: Callable[[], Vad | None]) -> Told:
    """Until the beep, or until there is nothing to wait for."""
    detector = AnsweringMachineDetector(parameters, wait_for_beep=True, vad=ear())
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


def measure(
    name: str,
    chosen: Sequence[Sample],
    parameters: Parameters,
    ear: Callable[[], Vad | None],
    goal_seconds: float | None = None,
) -> None:
    """All lines about one way to listen."""
    told = [listen(sample, parameters, ear) for sample in chosen]
    people = [one for one in told if one.sample.plan.label == "human"]
    machines = [one for one in told if one.sample.plan.label == "machine"]
    share(f"amd_{name}_humans_kept", _right(people), len(people), _GOAL_HUMANS)
    share(f"amd_{name}_machines_caught", _right(machines), len(machines))
    seconds(f"amd_{name}_seconds", _seconds(told), goal_seconds, who="everybody")
    by_who: dict[str, list[Told]] = defaultdict(list)
    for one in told:
        by_who[one.who].append(one)
    for who, group in by_who.items():
        share(f"amd_{name}_told_right", _right(group), len(group), who=who)
        seconds(f"amd_{name}_seconds", _seconds(group), who=who)
    late = [one.first.seconds - one.sample.first_sound for one in told if one.first is not None]
    seconds(f"amd_{name}_seconds_after_the_first_sound", late, who="everybody")
    _beeps(name, told)
    cpu = 1000 * sum(one.cpu for one in told) / sum(one.listened for one in told)
    line(f"amd_{name}_cpu", cpu, "ms per call-second", None)
    _answers(name, told)


def _right(told: Sequence[Told]) -> int:
    return sum(one.right for one in told)


def _seconds(told: Sequence[Told]) -> list[float]:
    """From the answer to the first verdict."""
    return [one.first.seconds for one in told if one.first is not None]


def _answers(name: str, told: Sequence[Told]) -> None:
    """What was said of whom, by label and by kind of scene."""
    matrix: dict[str, Counter[str]] = defaultdict(Counter)
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for one in told:
        plan = one.sample.plan
        matrix[plan.label][one.answer] += 1
        kinds[f"{plan.label}, {plan.kind}"][one.answer] += 1
    line(f"amd_{name}_confusion", None, "calls", None, matrix={label: dict(row) for label, row in matrix.items()})
    line(f"amd_{name}_kinds", None, "calls", None, kinds={kind: dict(row) for kind, row in kinds.items()})


def _beeps(name: str, told: Sequence[Told]) -> None:
    heard = [one for one in told if one.last is not None and one.last.answer is Answer.MACHINE_BEEP]
    waited = [one for one in told if one.sample.beep_end is not None and one.answer in _MACHINES]
    late = [one.last.seconds - one.sample.beep_end for one in heard if one.last and one.sample.beep_end is not None]
    found = [delay for delay in late if delay > -0.05]
    share(f"amd_{name}_beeps_found", len(found), len(waited), who="machines known as such")
    line(f"amd_{name}_beeps_where_none_was", float(len(heard) - len(found)), "calls", None, calls=len(told))
    seconds(f"amd_{name}_beep_delay", found, who="after its end")


def main() -> None:
    ear, kind = (SileroVad, "_vad") if "--vad" in sys.argv else (lambda: None, "")
    for one in tuned() if "--tuned" in sys.argv else (family(HELD_OUT),):
        chosen = samples(one)
        line("amd_calls", float(len(chosen)), "calls", None, "higher", family=one.name)
        measure(f"quick{kind}", chosen, QUICK, ear, _GOAL_SECONDS)
        measure(f"patient{kind}", chosen, PATIENT, ear)


if __name__ == "__main__":
    main()
