"""The fewest agents of each group: against formulas where there are any, and what limits do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from wfm.domain.erlang_a import agents_a
from wfm.domain.pooling import network
from wfm.domain.skill_plan import Problem, Promise, Staffed, staffed, tried
from wfm.domain.skills import Group, Line, alike, groups_of, problem_of, shrinkage_of, times_of
from wfm.domain.staffing import Rule

NEVER = np.inf
AHT, PATIENCE = 300.0, 120.0


def problem(
    reach: Sequence[Sequence[float]], loads: Sequence[Sequence[float]], costs: Sequence[float], most: Sequence[int],
    **promised: Any,
) -> Problem:  # fmt: skip
    said = {"levels": 0.8, "occupancy": 1.0, "fewest": 0.0} | promised
    rates = np.array(loads) / AHT
    queues = rates.shape[1]
    promise = Promise(**{name: np.full(queues, value) for name, value in said.items()})
    net = network(reach, [20] * queues, [PATIENCE] * queues)
    return Problem(net, promise, np.array(costs), np.array(most), rates, np.full_like(rates, AHT))


def test_one_group_of_one_queue_is_what_erlang_a_says_rounded_up() -> None:
    loads = [1.0, 2.5, 6.0, 11.0, 25.0]
    wanted = np.ceil(agents_a(loads, AHT, 0.8, 20, PATIENCE))
    found = staffed(problem([[0.0]], [[each] for each in loads], [1.0], [100]), 1)
    # Half a point of service level is less than an agent.
    assert (np.abs(found.agents[:, 0] - wanted) <= (np.array(loads) > 5)).all() and found.kept.all()


def test_a_few_who_serve_both_queues_take_the_place_of_more_and_are_not_more_than_there_are() -> None:
    reach = [[0.0, NEVER], [NEVER, 0.0], [0.0, 0.0]]
    totals = []
    for most in (0, 2, 20):
        found = staffed(problem(reach, [[8.0, 8.0]], [1.0, 1.0, 1.15], [40, 40, most]), 1)
        assert found.kept.all() and found.agents[0, 2] <= most
        totals.append(int(found.agents.sum()))
    together = float(np.ceil(agents_a([16.0], AHT, 0.8, 20, PATIENCE))[0])
    assert totals[0] > totals[2] >= together and totals[0] >= totals[1] >= totals[2]


def test_occupancy_and_the_fewest_are_kept_even_where_the_service_level_asks_for_less() -> None:
    rested = staffed(problem([[0.0]], [[10.0]], [1.0], [100], occupancy=0.6), 1)
    assert rested.occupancy[0, 0] <= 0.605 and rested.agents[0, 0] >= 16
    few = staffed(problem([[0.0]], [[0.1], [0.0]], [1.0], [100], fewest=3.0), 1)
    assert few.agents[:, 0].tolist() == [3, 0] and few.kept.all()


def test_numbers_tried_out_are_measured_as_they_are_and_nobody_means_nothing_is_kept() -> None:
    asked = problem([[0.0]], [[5.0], [5.0]], [1.0], [0])
    found: Staffed = tried(asked, np.array([[7], [0]]), 1)
    assert found.agents.tolist() == [[7], [0]] and found.level[0, 0] > 0.8 and found.level[1, 0] == 0
    assert found.kept.tolist() == [[True], [False]] and found.abandoned[1, 0] > 0.98


def test_same_seed_makes_the_same_plan() -> None:
    asked = problem([[0.0, 0.0]], [[3.0, 4.0]], [1.0], [40])
    one, two = staffed(asked, 5), staffed(asked, 5)
    assert (one.agents == two.agents).all() and (one.level == two.level).all()


def test_agents_who_only_help_a_queue_after_a_while_are_a_group_of_what_they_serve() -> None:
    found = groups_of([("c",), ("c",), ("z",)], ["a", "b"], {"a": [("c", 60), ("c", 30)]})
    assert found == [Group("", ("c",), (("a", 30),), 2)]


def test_intervals_alike_are_one_case_and_others_are_not() -> None:
    times = np.full((5, 2), 300.0)
    volumes = np.array([[60, 30], [60.2, 30], [66, 30], [60, 0], [0, 0]], float)
    case_of, rates, lengths = alike(volumes, times, 1800.0)
    assert case_of[0] == case_of[1] and len(set(case_of)) == 4
    assert rates[case_of[0], 0] == pytest.approx(60.1 / 1800) and lengths[case_of[0], 0] == pytest.approx(300)


def test_chats_at_once_take_a_part_of_an_agents_time_and_shrinkage_is_of_the_work_a_group_does() -> None:
    lines = [Line("a", "VOICE", Rule(shrinkage=0.3)), Line("b", "CHAT", Rule(concurrency=3, shrinkage=0.1))]
    assert times_of(np.array([[300.0, 300.0], [0.0, 0.0]]), lines).tolist() == [[300.0, 100.0], [300.0, 100.0]]
    groups = [Group("", ("a",), count=10), Group("", ("a", "b"))]
    shares = shrinkage_of(groups, lines, np.array([3.0, 1.0]))
    assert shares.tolist() == pytest.approx([0.3, 0.25])
    made = problem_of(groups, lines, np.full((1, 2), 0.01), np.full((1, 2), 300.0), 0.2, shares)
    assert made.most[0] == 7 and made.most[1] >= 20_000 and made.costs.tolist() == [1.0, 1.2]
