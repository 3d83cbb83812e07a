"""The bench's best rosters of one employee against those of a mixed integer program, and its score of what is wrong."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))

from columns import Weeks  # pyright: ignore[reportMissingImports]
from rostering import FREE, Employee, Instance, Model, score  # pyright: ignore[reportMissingImports]


def instance(seed: int, most: int = 14) -> Instance:
    chance = np.random.default_rng(seed)
    told = Employee("A", {"E": 14, "L": most}, 4800, 2880, int(chance.integers(3, 6)), int(chance.integers(1, 4)),
                    int(chance.integers(1, 4)), int(chance.integers(1, 3)))  # fmt: skip
    wishes = tuple((0, day, shift, int(chance.integers(1, 9))) for day in range(14) for shift in range(2))
    keep = chance.random(28) < 0.5
    on, off = (tuple(each for each, kept in zip(wishes, keep, strict=True) if kept == way) for way in (True, False))
    return Instance(
        14, ("E", "L"), (480, 600), (frozenset(), frozenset({0})), (told,), frozenset({(0, 4)}), on, off, {}
    )


@pytest.mark.parametrize("seed", range(8))
def test_best_roster_of_one_employee_is_that_of_a_mixed_integer_program(seed: int) -> None:
    given = instance(seed)
    gains = np.zeros((1, 14, 2))
    for _, day, shift, weight in given.on_requests:
        gains[0, day, shift] += weight
    for _, day, shift, weight in given.off_requests:
        gains[0, day, shift] -= weight
    (roster,) = Weeks(given).best([0], gains)
    cost, broken = score(given, roster[None])
    assert broken == 0
    model = Model(replace(given, cover={(0, 0): (0, 0, 0)}))
    made = model.part(np.zeros(model.columns), model.free(np.array([0])), 20.0)
    assert made is not None and score(given, model.roster(made)) == (cost, 0)


def test_roster_within_the_limit_of_a_shift_that_everybody_would_rather_have() -> None:
    given = instance(3, most=2)
    (roster,) = Weeks(given).best([0], np.stack([np.tile([0.0, 5.0], (14, 1))]))
    assert score(given, roster[None])[1] == 0


def test_score_counts_every_rule_that_a_roster_breaks() -> None:
    given = instance(1)
    assert score(given, np.full((1, 14), 0))[1] >= 3  # too much, too long in a row, on a day off
    assert score(given, np.full((1, 14), FREE))[1] == 1  # too little
