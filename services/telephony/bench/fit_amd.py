"""Chooses the numbers by which people are told from machines: `python services/telephony/bench/fit_amd.py`.

Reads the calls of `amd_tuned` alone and writes `telephony/media/answering_weights.py`. Weights are those of a logistic
regression of each moment's evidence; the lines that odds are held against are the best of many drawn by chance, each
tried on odds by weights of the other half of the calls. Then it prints what more time would give.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

import numpy as np
from amd_set import Sample, recipe, samples
from amd_sounds import FRAME
from amd_tuned import FAMILY
from bench_amd import line
from numpy.typing import NDArray
from telephony.domain.legs import Answer
from telephony.media.answering_evidence import Evidence, Pace, Weights, evidence_of
from telephony.media.answering_machine import AnsweringMachineDetector, Parameters
from telephony.media.answering_speech import FRAME_SECONDS

_TARGET = Path(__file__).parents[1] / "src/telephony/media/answering_weights.py"
_FRAMES = 240
_NOW = np.arange(1, _FRAMES + 1) * FRAME_SECONDS
_NEVER = 99.0
_DEAF = Parameters(
    pace=Pace(0.0, 0.0, -inf, -inf, -inf, inf, inf, enough_quiet=inf), nobody=_NEVER, patience=_NEVER
)  # fmt: skip
"""Tells tones only."""
_LEAST_QUIET = 0.2
_LEARNED_UNTIL = 3.2
"""Seconds from the answer: what comes later is hardly ever decided by."""
_STRANGER = 0.1
"""Seconds that every call is taken to be later in when a median is aimed at."""
_AIMS = {"QUICK": (0.97, 1.5), "PATIENT": (0.97, 2.2)}
"""Share of people kept, and the median of `_STRANGER` calls, seconds. The goals are 0.95 and 1.5: before anything was
chosen, calls of the other family lost 3 people more of 100, and took 0.11 s longer, by the same rules."""
_CURVE = (1.5, 1.6, 1.8, 2.0, 2.3)
_LINES = tuple(map(float, np.arange(-24, 16, 2) / 10))
_CHOICES = {
    "soon": (0.0, 0.8, 1.0, 1.1, 1.2, 1.3, 1.4), "late": (1.4, 1.5, 1.6, 1.8, 2.0, 2.5),
    "person_soon": _LINES, "person": _LINES, "person_late": _LINES,
    "machine": tuple(map(float, np.arange(6, 40, 2) / 10)), "too_long": (1.8, 2.0, 2.2, 2.4, 2.6, 2.8, 3.0),
}  # fmt: skip
"""What a pace is chosen from."""
_DRAWS, _CLIMBS, _ROUNDS = 1000, 3, 2
_QUIET_USES = ("syllables", "seconds", "longest_pause", "quiet", "unrest", "last_syllable")
_TALKING_USES = ("syllables", "seconds", "paused", "pauses", "longest_pause")

Table = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Heard:
    """All calls, frame by frame: what could be weighed when, and what tones said."""

    evidence: Table
    """calls x frames x kinds of evidence; NaN where nothing was said yet, or no more is heard."""
    contrast: Table
    seconds: Table
    free: Mask
    """Where no tone is still to be made out."""
    silent: Mask
    """Where nothing was said so far, and no tone sounds."""
    tone_at: NDArray[np.float64]
    tone: NDArray[np.str_]
    human: Mask
    machine: Mask

    @property
    def quiet(self) -> Table:
        return self.evidence[..., Evidence._fields.index("quiet")]


def hear(calls: Sequence[Sample]) -> Heard:
    shape = (len(calls), _FRAMES)
    evidence, contrast, seconds = (np.full((*shape, *more), np.nan) for more in ((len(Evidence._fields),), (), ()))
    free, silent = np.zeros(shape, bool), np.zeros(shape, bool)
    tone_at, tone = np.full(len(calls), _NEVER), np.full(len(calls), "", "U16")
    for row, call in enumerate(calls):
        detector = AnsweringMachineDetector(_DEAF)
        for column, frame in enumerate(call.pcm.reshape(-1, FRAME)[:_FRAMES]):
            verdict = detector.feed(frame, column * FRAME_SECONDS)
            if verdict is not None:
                tone_at[row], tone[row] = verdict.seconds, str(verdict.answer)
                break
            speech = detector.speech
            free[row, column] = not detector.tone_pending(_NOW[column])
            silent[row, column] = speech is None and free[row, column]
            if speech is not None:
                evidence[row, column], contrast[row, column] = evidence_of(speech), speech.contrast
                seconds[row, column] = speech.seconds
    label = np.array([call.plan.label for call in calls])
    return Heard(evidence, contrast, seconds, free, silent, tone_at, tone, label == "human", label == "machine")


def learned(heard: Heard, calls: Mask) -> tuple[Weights, Weights]:
    """Weights while they talk, and while they are quiet."""
    known = ~np.isnan(heard.contrast) & (_NOW < _LEARNED_UNTIL) & (calls & (heard.human | heard.machine))[:, None]
    answer = np.broadcast_to(heard.machine[:, None], known.shape)
    quiet = known & (heard.quiet >= _LEAST_QUIET)
    talking = known & (heard.quiet < _LEAST_QUIET) & (heard.seconds > 0.5)
    return (
        _regressed(heard.evidence[talking], answer[talking], _TALKING_USES),
        _regressed(heard.evidence[quiet], answer[quiet], _QUIET_USES),
    )


def _regressed(evidence: Table, machine: Mask, uses: Sequence[str]) -> Weights:
    """Logistic regression by Newton's method, people and machines weighing the same altogether."""
    chosen = [Evidence._fields.index(name) for name in uses]
    given = np.c_[evidence[:, chosen], np.ones(len(evidence))]
    weigh = np.where(machine, 0.5 / machine.mean(), 0.5 / (1 - machine.mean()))
    found = np.zeros(given.shape[1])
    for _ in range(15):
        sure = 1 / (1 + np.exp(-given @ found))
        slope = given.T @ (weigh * (sure - machine)) / len(given) + 1e-4 * found
        bend = (given * (weigh * sure * (1 - sure))[:, None]).T @ given / len(given) + 1e-4 * np.eye(len(found))
        found -= np.linalg.solve(bend, slope)
    each = dict.fromkeys(Evidence._fields, 0.0) | dict(zip(uses, map(float, found[:-1].round(2)), strict=True))
    return Weights(Evidence(**each), float(found[-1].round(2)))


def odds(weights: Weights, heard: Heard) -> Table:
    return heard.evidence @ np.array(weights.evidence) + weights.bias


@dataclass(frozen=True)
class Outcome:
    pace: Pace
    kept: float
    caught: float
    median: float
    median_of_strangers: float
    median_of_people: float
    p95: float


def tried(heard: Heard, talking: Table, quiet: Table, pace: Pace) -> Outcome:
    """What `AnsweringMachineDetector` would say by these odds; `bench_amd --tuned` tells what it does say."""
    said, at = _told(heard, talking, quiet, pace, 0.0)
    strangers = _told(heard, talking, quiet, pace, _STRANGER)[1]
    return Outcome(
        pace,
        float((said[heard.human] == "human").mean()),
        float((said[heard.machine] == "machine").mean()),
        float(np.median(at)),
        float(np.median(strangers)),
        float(np.median(at[heard.human])),
        float(np.percentile(at, 95)),
    )


def _told(
    heard: Heard, talking: Table, quiet: Table, pace: Pace, later: float
) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    """What is said of each call, and when, were all its sound `later`."""
    now = _NOW + later
    line = np.array([pace.person_at(one) for one in now])
    human = (heard.quiet >= pace.least_quiet) & heard.free & (heard.contrast >= Parameters().contrast)
    human &= (quiet < line) | (heard.quiet >= pace.enough_quiet - 1e-9)
    machine = (talking > pace.machine) & (heard.seconds >= pace.talked) | (heard.seconds > pace.too_long)
    machine &= heard.quiet < pace.least_quiet
    nobody = heard.silent & (Parameters().nobody <= now)
    by_human, by_machine, by_nobody = (
        np.where(which.any(1), now[which.argmax(1)], _NEVER) for which in (human, machine, nobody)
    )
    by_tone = heard.tone_at + later
    at = np.minimum.reduce([by_human, by_machine, by_nobody, by_tone, np.full(len(by_tone), Parameters().patience)])
    beeped = (at == by_tone) & (heard.tone == Answer.MACHINE_BEEP)
    return np.where(at == by_human, "human", np.where((at == by_machine) | beeped, "machine", "other")), at


class Search:
    """Looks for the best pace, each call told by weights that it had no part in."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        chance = np.random.default_rng(1)
        half = chance.random(len(heard.human)) < 0.5
        self._talking, self._quiet = np.full(heard.contrast.shape, np.nan), np.full(heard.contrast.shape, np.nan)
        for mine in (half, ~half):
            by_talk, by_quiet = learned(heard, ~mine)
            self._talking[mine], self._quiet[mine] = odds(by_talk, heard)[mine], odds(by_quiet, heard)[mine]
        self._drawn = [
            self.at({name: chance.choice(values) for name, values in _CHOICES.items()}) for _ in range(_DRAWS)
        ]

    def at(self, chosen: dict[str, float]) -> Outcome:
        return tried(self._heard, self._talking, self._quiet, Pace(**{name: float(chosen[name]) for name in _CHOICES}))

    def best(self, kept: float, median: float) -> Outcome:
        """The most machines caught with that share of people kept, by that median of strangers.

        It begins with the best few of those drawn, and takes each number in turn.
        """

        def worth(one: Outcome) -> tuple[float, float]:
            missing = 5 * max(0.0, kept - one.kept) + max(0.0, one.median_of_strangers - median)
            return (-round(missing, 6), one.caught + one.kept / 10 - one.median_of_people / 100)

        return max((self._climbed(begin, worth) for begin in sorted(self._drawn, key=worth)[-_CLIMBS:]), key=worth)

    def _climbed(self, found: Outcome, worth: Callable[[Outcome], tuple[float, float]]) -> Outcome:
        for _ in range(_ROUNDS):
            for name, values in _CHOICES.items():
                at = {other: getattr(found.pace, other) for other in _CHOICES}
                found = max(found, *(self.at(at | {name: value}) for value in values), key=worth)
        return found


def written(talking: Weights, quiet: Weights, paces: dict[str, Pace]) -> str:
    lines = [
        '"""Made by `make fit-amd` from the calls of bench/amd_tuned.py. Never edited.',
        "",
        f"{len(samples(FAMILY))} calls of the recipe {recipe(FAMILY)}.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from telephony.media.answering_evidence import Evidence, Pace, Weights",
        "",
        f"TALKING = {talking}",
        '"""While they talk."""',
        f"QUIET = {quiet}",
        '"""While they are quiet."""',
    ]
    for name, pace in paces.items():
        lines.append(f"{name}_PACE = {pace}")
    return "\n".join(lines) + "\n"


def main() -> None:
    heard = hear(samples(FAMILY))
    search = Search(heard)
    for median in _CURVE:
        one = search.best(_AIMS["QUICK"][0], median)
        line("amd_curve_machines_caught", one.caught, "share", None, "higher", median_at_most=median,
             people_kept=round(one.kept, 3), median=one.median, median_of_people=one.median_of_people,
             p95=round(one.p95, 2))  # fmt: skip
    talking, quiet = learned(heard, np.ones(len(heard.human), bool))
    paces = {name: search.best(*aim).pace for name, aim in _AIMS.items()}
    if "amd_held_out" in sys.modules:
        raise RuntimeError("the held-out calls were loaded: what was chosen is worth nothing")
    _TARGET.write_text(written(talking, quiet, paces))
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(_TARGET)], check=True)


if __name__ == "__main__":
    main()
