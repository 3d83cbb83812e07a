"""Simulated call centers against formulas, against each other, and against counting one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from wfm.domain.erlang import erlang_c
from wfm.domain.erlang_a import erlang_a
from wfm.domain.pooling import Outcomes, network, simulate

NEVER = np.inf
PART = ((0.0, NEVER), (NEVER, 0.0))
"""Two groups, each with a queue of its own."""


def near(found: float, error: float, wanted: float) -> bool:
    """Within three standard errors."""
    return abs(found - wanted) <= 3 * error + 1e-9


def two(reach: Sequence[Sequence[float]], agents: Sequence[int], *, load: float = 10.0, seed: int = 3) -> Outcomes:
    """Two queues alike, of which a contact takes 300 s and gives up after 120."""
    net = network(reach, [20, 20], [120, 120])
    return simulate(net, [load / 300] * 2, [300] * 2, [agents], steps=1500, warm_up=1500, runs=1024, seed=seed)


@pytest.mark.parametrize(
    ("load", "agents", "patience"), [(20, 22, 120), (8, 8, 120), (3, 4, 30), (0.5, 1, 300), (60, 58, 200), (12, 8, 60)]
)
def test_one_queue_with_one_group_is_erlang_a(load: float, agents: int, patience: float) -> None:
    net = network([[0]], [20], [patience])
    found = simulate(net, [load / 300], [300], [[agents]], steps=1500, warm_up=2000, runs=1024, seed=5)
    wanted = erlang_a(load, 300, agents, 20, patience)
    assert 0 < found.level_error[0, 0] < 0.01
    assert near(found.level[0, 0], found.level_error[0, 0], wanted.service_level)
    assert near(found.abandoned[0, 0], found.abandoned_error[0, 0], wanted.p_abandon)
    assert near(found.occupancy[0, 0], found.occupancy_error[0, 0], wanted.occupancy)
    assert wanted.asa is not None and near(found.wait[0, 0], found.wait_error[0, 0], wanted.asa)


@pytest.mark.parametrize(("load", "agents", "handle"), [(8, 11, 300), (20, 25, 200)])
def test_where_nobody_gives_up_it_is_erlang_c(load: float, agents: int, handle: float) -> None:
    net = network([[0]], [20])
    found = simulate(net, [load / handle], [handle], [[agents]], steps=3000, warm_up=3000, runs=1024, seed=5)
    wanted = erlang_c(load, handle, agents, 20)
    assert near(found.level[0, 0], found.level_error[0, 0], wanted.service_level)
    assert wanted.asa is not None and near(found.wait[0, 0], found.wait_error[0, 0], wanted.asa)
    assert not found.abandoned.any()


def test_work_that_is_more_than_its_agents_do_is_served_late_and_the_rest_not_at_all() -> None:
    found = simulate(
        network([[0]], [20]), [20 / 300], [300], [[10]], steps=8000, warm_up=8000, runs=32, seed=5
    )  # fmt: skip
    assert found.level[0, 0] < 0.02 and found.occupancy[0, 0] > 0.999 and found.wait[0, 0] > 300


def test_groups_that_share_nothing_are_each_their_own_erlang_a() -> None:
    found = two(PART, [11, 9])
    for queue, agents in enumerate((11, 9)):
        wanted = erlang_a(10, 300, agents, 20, 120)
        assert near(found.level[0, queue], found.level_error[0, queue], wanted.service_level)
        assert near(found.occupancy[0, queue], found.occupancy_error[0, queue], wanted.occupancy)


@pytest.mark.parametrize(
    ("reach", "agents"),
    [([[0, 0]], [22]), ([[0, 0], [0, 0]], [11, 11]), ([[0, 1e-9], [1e-9, 0]], [11, 11])],
    ids=["one group", "two groups alike", "steps that come at once"],
)
def test_agents_who_all_serve_everything_are_erlang_a_of_the_sum(reach: list[list[float]], agents: list[int]) -> None:
    found, wanted = two(reach, agents), erlang_a(20, 300, 22, 20, 120)
    for queue in (0, 1):
        assert near(found.level[0, queue], found.level_error[0, queue], wanted.service_level)
        assert near(found.abandoned[0, queue], found.abandoned_error[0, queue], wanted.p_abandon)
    together = float(found.occupancy[0] @ agents) / 22
    assert together == pytest.approx(wanted.occupancy, abs=0.004)


def test_steps_that_come_when_everybody_has_given_up_change_nothing() -> None:
    assert two([[0, 1e7], [1e7, 0]], [11, 11]).level == pytest.approx(two(PART, [11, 11]).level, abs=0.01)


def test_help_after_a_while_shortens_long_waits_and_less_the_later_it_comes() -> None:
    waits = [two([[0, after], [after, 0]], [11, 11]).wait.mean() for after in (1e-9, 20, 60, 180, 1e7)]
    assert waits == sorted(waits) and waits[-1] > 1.2 * waits[1]


def test_tenth_of_agents_who_serve_both_queues_has_a_fifth_to_two_thirds_of_what_all_of_them_would() -> None:
    apart, all_ = two(PART, [53, 53], load=50).level.mean(), two([[0, 0]], [106], load=50).level.mean()
    some = two([*PART, (0.0, 0.0)], [48, 48, 10], load=50).level.mean()
    assert 0.2 < (some - apart) / (all_ - apart) < 0.67


def test_contact_that_counts_as_having_waited_is_served_before_others() -> None:
    net = network([[0, 0]], [20, 20], [120, 120], [60, 0])
    found = simulate(net, [10 / 300] * 2, [300] * 2, [[20]], steps=1500, warm_up=1500, runs=512, seed=1)
    equal = simulate(
        network([[0, 0]], [20, 20], [120, 120]), [10 / 300] * 2, [300] * 2, [[20]], steps=1500, warm_up=1500,
        runs=512, seed=1,
    )  # fmt: skip
    assert found.wait[0, 0] < 0.8 * equal.wait[0, 0] < equal.wait[0, 1] < 0.8 * found.wait[0, 1]


def test_quick_and_slow_work_of_the_same_agents_is_done_in_proportion() -> None:
    net = network([[0, 0]], [20, 20], [100, 100])
    found = simulate(net, [0.02, 0.01], [100, 600], [[14]], steps=4000, warm_up=4000, runs=512, seed=2)
    done = 0.02 * 100 * (1 - found.abandoned[0, 0]) + 0.01 * 600 * (1 - found.abandoned[0, 1])
    assert found.occupancy[0, 0] * 14 == pytest.approx(done, rel=0.01)


def test_scenarios_beside_each_other_are_what_each_is_alone_and_one_seed_gives_one_answer() -> None:
    net = network([*PART, (0.0, 0.0)], [20, 20], [120, 120])
    rates, agents = np.array([[8, 5], [20, 3], [0.2, 0.0]]) / 300, [[8, 5, 2], [21, 3, 1], [1, 0, 1]]
    together = simulate(net, rates, [300] * 2, agents, steps=2000, warm_up=1500, runs=256, seed=9)
    again = simulate(net, rates, [300] * 2, agents, steps=2000, warm_up=1500, runs=256, seed=9)
    assert (together.level == again.level).all() and together.contacts == again.contacts
    for at in range(3):
        alone = simulate(net, rates[at], [300] * 2, [agents[at]], steps=2000, warm_up=1500, runs=256, seed=10 + at)
        spread = np.hypot(together.level_error[at], alone.level_error[0])
        assert (np.abs(together.level[at] - alone.level[0]) <= 4 * spread + 1e-9).all()
    assert together.offered[2, 1] == 0 and together.level[2, 1] == 0


def test_one_agent_more_on_the_same_contacts_helps_in_nearly_every_run_of_the_dice() -> None:
    net = network(PART, [20, 20], [120, 120])
    for seed in range(5):
        agents, room = [[10, 10], [11, 10]], [[11, 10]] * 2
        found = simulate(
            net, [10 / 300] * 2, [300] * 2, agents, steps=600, warm_up=300, runs=16, seed=seed, room=room,
            streams=[0, 0],
        )  # fmt: skip
        assert found.level[1, 0] > found.level[0, 0]
        assert found.offered[1] == pytest.approx(found.offered[0])
        # Who has nothing to do with it has the same contacts, served as before.
        assert found.level[1, 1] == found.level[0, 1]


def test_agent_who_serves_more_is_busier_and_nobody_is_idle_beside_somebody_who_waits() -> None:
    found = two([*PART, (0.0, 0.0)], [9, 9, 2])
    assert found.occupancy[0, 2] > found.occupancy[0, :2].max()
    busy = float(found.occupancy[0] @ [9, 9, 2])
    served = 20 * (1 - float(found.abandoned[0].mean()))
    assert busy == pytest.approx(served, rel=0.01)
