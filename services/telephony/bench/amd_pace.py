"""The search for the lines that odds are held against: when it is a person, when a machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np
from amd_heard import NEVER, NOW, Heard, Mask, Table
from numpy.typing import NDArray
from telephony.domain.legs import Answer
from telephony.media.answering_evidence import Pace
from telephony.media.answering_machine import Parameters

_LINES = tuple(map(float, np.arange(-34, 34, 3) / 10))
_CHOICES = {
    "soon": (0.0, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4), "late": (1.3, 1.4, 1.44, 1.5, 1.6, 1.8, 2.2),
    "person_soon": _LINES, "person": _LINES, "person_late": _LINES,
    "machine": tuple(map(float, np.arange(8, 46, 3) / 10)), "too_long": (2.4, 2.6, 2.8, 3.0, 3.2, 3.4, 3.8, 4.2, 4.6),
    "enough_quiet": (0.8, 1.2, 1.6), "enough_faded": (1.0, 1.2, 1.4, 1.6, 1.8),
}  # fmt: skip
"""What a pace is chosen from."""
_DRAWS, _CLIMBS, _ROUNDS = 10_000, 10, 3


@dataclass(frozen=True)
class Aim:
    """What has to hold in each fold."""

    kept: float
    """Share of people, at least."""
    median: float = inf
    """Of all calls, seconds from the answer, at most."""


@dataclass(frozen=True)
class Figures:
    """How some calls were told."""

    kept: float
    caught: float
    median: float
    median_of_people: float
    p95: float

    def shown(self) -> dict[str, Any]:
        return {
            "people_kept": round(self.kept, 3), "machines_caught": round(self.caught, 3),
            "median": round(self.median, 2), "median_of_people": round(self.median_of_people, 2),
            "p95": round(self.p95, 2),
        }  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What one pace does, fold by fold."""

    pace: Pace
    folds: tuple[Figures, ...]

    def worth(self, aim: Aim) -> tuple[float, float]:
        """First the aim, in the worst fold; then machines, and a little people and time."""
        kept, median = min(one.kept for one in self.folds), max(one.median for one in self.folds)
        missing = 5 * max(0.0, aim.kept - kept) + max(0.0, median - aim.median)
        gains = [one.caught + one.kept / 5 - one.median_of_people / 50 - one.p95 / 100 for one in self.folds]
        return (-round(missing, 6), sum(gains) / len(gains))


class Trial:
    """Calls with their odds, told by one pace or another as `AnsweringMachineDetector` would tell them."""

    def __init__(self, heard: Heard, talking: Table, quiet: Table, folds: NDArray[np.int64]) -> None:
        """Odds of each call and frame; `folds` says which calls are judged together."""
        still = Pace(0, 0, 0, 0, 0, 0, 0)
        self._heard = heard
        self._by_talk, self._by_quiet = talking.astype(np.float32), quiet.astype(np.float32)
        self._talks = heard.quiet < still.least_quiet
        self._waits = (heard.quiet >= still.least_quiet) & heard.free & (heard.contrast >= Parameters().contrast)
        self._waited = np.where(self._waits, heard.quiet, 0).astype(np.float32)
        self._free, self._faded = heard.free, heard.faded.astype(np.float32)
        self._talked = self._talks & (heard.seconds >= still.talked)
        self._nobody = _first(heard.silent & (Parameters().nobody <= NOW))
        self._folds = [folds == fold for fold in np.unique(folds)]

    def outcome(self, pace: Pace) -> Outcome:
        human, machine, at = self.told(pace)
        heard = self._heard
        return Outcome(
            pace,
            tuple(
                Figures(
                    float(human[fold & heard.human].mean()),
                    float(machine[fold & heard.machine].mean()),
                    float(np.median(at[fold])),
                    float(np.median(at[fold & heard.human])),
                    float(np.percentile(at[fold], 95)),
                )
                for fold in self._folds
            ),
        )

    def told(self, pace: Pace) -> tuple[Mask, Mask, NDArray[np.float64]]:
        """Which calls are told to be people, which machines, and when."""
        heard = self._heard
        line = np.array([pace.person_at(now) for now in NOW], np.float32)
        enough = (self._waited >= pace.enough_quiet - 1e-6) | self._free & (self._faded >= pace.enough_faded - 1e-6)
        by_wait = _first(self._waits & (self._by_quiet < line) | enough)
        goes_on = self._talked & (self._by_talk > pace.machine) | self._talks & (heard.seconds > pace.too_long)
        by_talk = _first(goes_on)
        patience = np.full(len(by_talk), Parameters().patience)
        at = np.minimum.reduce([by_wait, by_talk, self._nobody, heard.tone_at, patience])
        beeped = (at == heard.tone_at) & (heard.tone == Answer.MACHINE_BEEP)
        human = at == by_wait
        return human, ((at == by_talk) | beeped) & ~human, at


def _first(moments: Mask) -> NDArray[np.float64]:
    """When it is first so, call by call."""
    return np.where(moments.any(1), NOW[moments.argmax(1)], NEVER)


class Search:
    """Looks for the pace that catches most machines: the best few of many drawn by chance, then each number in turn."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        chance = np.random.default_rng(1)
        self._drawn = [
            trial.outcome(Pace(**{name: float(chance.choice(values)) for name, values in _CHOICES.items()}))
            for _ in range(_DRAWS)
        ]

    def best(self, aim: Aim) -> Outcome:
        def worth(one: Outcome) -> tuple[float, float]:
            return one.worth(aim)

        return max((self._climbed(begin, worth) for begin in sorted(self._drawn, key=worth)[-_CLIMBS:]), key=worth)

    def _climbed(self, found: Outcome, worth: Callable[[Outcome], tuple[float, float]]) -> Outcome:
        for _ in range(_ROUNDS):
            for name, values in _CHOICES.items():
                others = [self._trial.outcome(replace(found.pace, **{name: value})) for value in values]
                found = max(found, *others, key=worth)
        return found
