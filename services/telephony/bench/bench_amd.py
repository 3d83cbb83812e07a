"""How well answering machines are told from people, and how fast: `python services/telephony/bench/bench_amd.py`.

Prints one JSON object a line, of the held-out half of the set in `amd_set`; `--half=tuned` shows the other one, which
says less. The set is made from its seed once and kept in the temporary folder.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import amd_set
import numpy as np
from telephony.media.answering_machine import (
    FRAME_SECONDS,
    PATIENT,
    QUICK,
    Answer,
    AnsweringMachineDetector,
    Parameters,
    Vad,
    Verdict,
)

_SEED = 20_261
_FRAME = 160
_GOAL_HUMANS = 0.95
_GOAL_SECONDS = 1.5


def line(metric: str, value: float | None, unit: str, goal: float | None, better: str = "lower", **more: Any) -> None:
    """One line in the house's format."""
    meets = None if goal is None or value is None else (value <= goal if better == "lower" else value >= goal)
    shown = None if value is None else round(value, 3)
    told = {"metric": metric, "value": shown, "unit": unit, "goal": goal, "better": better, "meets": meets, **more}
    print(json.dumps(told), flush=True)


def samples() -> list[amd_set.Sample]:
    """The whole set, made when the temporary folder has none of this recipe."""
    recipe = hashlib.sha256(str(_SEED).encode())
    for part in ("amd_set.py", "amd_texts.py", "../src/telephony/media/espeak.py"):
        recipe.update((Path(__file__).parent / part).read_bytes())
    kept = Path(tempfile.gettempdir()) / f"merkez-amd-{recipe.hexdigest()[:16]}.pickle"
    if not kept.exists():
        studio = amd_set.Studio(_SEED)
        made = [studio.render(plan) for plan in amd_set.plans()]
        unfinished = kept.with_suffix(".new")
        unfinished.write_bytes(pickle.dumps(made))
        unfinished.replace(kept)
    return pickle.loads(kept.read_bytes())


def listen(
    sample: amd_set.Sample, parameters: Parameters, vad: Vad | None = None
) -> tuple[Verdict | None, Verdict | None]:
    """The first verdict on a call and the last."""
    detector = AnsweringMachineDetector(parameters, wait_for_beep=True, vad=vad)
    verdicts: list[Verdict] = []
    for index, frame in enumerate(sample.pcm.reshape(-1, _FRAME)):
        verdict = detector.feed(frame, index * FRAME_SECONDS)
        verdicts += [verdict] if verdict is not None else []
        if detector.done:
            break
    return (verdicts[0], verdicts[-1]) if verdicts else (None, None)


def measure(
    name: str, chosen: Sequence[amd_set.Sample], parameters: Parameters, vads: Callable[[], Vad] | None
) -> None:
    """All lines about one way to listen."""
    told = [(sample, *listen(sample, parameters, vads() if vads else None)) for sample in chosen]
    matrix: dict[str, Counter[str]] = defaultdict(Counter)
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    times: dict[str, list[float]] = defaultdict(list)
    for sample, first, _ in told:
        answer = str(first.answer) if first is not None else "NONE"
        matrix[sample.plan.label][answer] += 1
        kinds[f"{sample.plan.label}, {sample.plan.kind}"][answer] += 1
        if first is not None:
            times["everybody"].append(first.seconds)
            times[sample.plan.label].append(first.seconds)
            times["after the first sound"].append(first.seconds - sample.first_sound)
    humans, machines = matrix["human"], matrix["machine"]
    line(f"amd_{name}_humans_kept", humans[Answer.HUMAN] / humans.total(), "share", _GOAL_HUMANS, "higher",
         calls=humans.total())  # fmt: skip
    caught = machines[Answer.MACHINE] + machines[Answer.MACHINE_BEEP]
    line(f"amd_{name}_machines_caught", caught / machines.total(), "share", None, "higher", calls=machines.total())
    for label in ("fax", "disconnected", "unknown"):
        right = matrix[label][label.upper()]
        line(f"amd_{name}_{label}_found", right / matrix[label].total(), "share", None, "higher",
             calls=matrix[label].total())  # fmt: skip
    for who, seconds in times.items():
        goal = _GOAL_SECONDS if who == "everybody" else None
        line(f"amd_{name}_seconds_p50", float(np.median(seconds)), "s", goal, who=who)
        line(f"amd_{name}_seconds_p95", float(np.percentile(seconds, 95)), "s", None, who=who)
    _beeps(name, told)
    line(f"amd_{name}_confusion", None, "calls", None, matrix={label: dict(row) for label, row in matrix.items()})
    line(f"amd_{name}_kinds", None, "calls", None, kinds={kind: dict(row) for kind, row in kinds.items()})


def _beeps(name: str, told: Sequence[tuple[amd_set.Sample, Verdict | None, Verdict | None]]) -> None:
    waited = [
        (sample, last) for sample, first, last in told
        if sample.beep_end is not None and first is not None and first.answer in (Answer.MACHINE, Answer.MACHINE_BEEP)
    ]  # fmt: skip
    delays = [
        last.seconds - (sample.beep_end or 0)
        for sample, last in waited
        if last is not None and last.answer is Answer.MACHINE_BEEP
    ]
    found = [delay for delay in delays if delay > -0.05]
    wrong = len(delays) - len(found) + sum(
        sample.beep_end is None and last is not None and last.answer is Answer.MACHINE_BEEP for sample, _, last in told
    )  # fmt: skip
    line(f"amd_{name}_beeps_found", len(found) / len(waited), "share", None, "higher", calls=len(waited))
    line(f"amd_{name}_beeps_where_none_was", float(wrong), "calls", None, calls=len(told))
    if found:
        line(f"amd_{name}_beep_delay_p50", float(np.median(found)), "s", None)
        line(f"amd_{name}_beep_delay_p95", float(np.percentile(found, 95)), "s", None)


def main() -> None:
    held_out = "--half=tuned" not in sys.argv
    chosen = [sample for sample in samples() if sample.plan.held_out is held_out]
    line("amd_calls", float(len(chosen)), "calls", None, "higher", half="held out" if held_out else "tuned on")
    measure("quick", chosen, QUICK, None)
    measure("patient", chosen, PATIENT, None)
    try:
        import webrtcvad  # pyright: ignore[reportMissingImports]
    except ImportError:
        line("amd_webrtcvad", None, "", None, note="webrtcvad-wheels is not installed")
        return

    def vad() -> Vad:
        judge = webrtcvad.Vad(2)
        return lambda frame: judge.is_speech(frame, 8_000)

    measure("quick_with_webrtcvad", chosen, QUICK, vad)


if __name__ == "__main__":
    main()
