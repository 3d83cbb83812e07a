"""Agents who serve several queues: how fast they are simulated, how near to formulas, what a few of them are worth, and
how long a week of a plan takes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import numpy as np
from wfm.domain.erlang_a import agents_a, erlang_a
from wfm.domain.pooling import Outcomes, network, simulate
from wfm.domain.skill_plan import Problem, Promise, staffed
from wfm.domain.skills import alike

NEVER = math.inf
AHTS, LOADS = np.array([300.0, 240.0, 400.0, 300.0, 200.0]), np.array([12.0, 9.0, 7.0, 5.0, 3.0])
PATIENCE, ALL = 150.0, 6


def bench_multiskill(tell: Callable[..., None]) -> None:
    """All of it."""
    _speed(tell)
    _error(tell)
    _slice(tell)
    _week(tell)


def _own(queues: int, *more: Sequence[float]) -> np.ndarray:
    """A group of each queue, and some more."""
    reach = np.full((queues, queues), NEVER)
    np.fill_diagonal(reach, 0.0)
    return np.vstack([reach, *(np.array([each]) for each in more)])


def _speed(tell: Callable[..., None]) -> None:
    """Contacts a second of one process, by its own time on the core and by the clock."""
    five, steps = _own(5, [0.0] * 5), _own(5, [0.0] * 5)
    steps[0, 1] = steps[1, 0] = 30.0
    cases = {
        "one_queue": (np.zeros((1, 1)), [20 / 300], [300.0], [22]),
        "5_queues_6_groups": (five, LOADS / AHTS, AHTS, [11, 8, 7, 5, 3, 5]),
        "5_queues_6_groups_2_steps": (steps, LOADS / AHTS, AHTS, [11, 8, 7, 5, 3, 5]),
    }
    for name, (reach, rates, times, agents) in cases.items():
        net = network(reach, [20] * reach.shape[1], [PATIENCE] * reach.shape[1])
        began, used = time.perf_counter(), time.process_time()
        made = simulate(net, rates, times, [agents], steps=1000, warm_up=1000, runs=4096, seed=1)
        spent, used = time.perf_counter() - began, time.process_time() - used
        tell(
            f"wfm.multiskill.simulator.{name}",
            round(made.contacts / used / 1e6, 2),
            "M calls/s of a core",
            1.0,
            "higher",
        )
        tell(f"wfm.multiskill.simulator.{name}.by_the_clock", round(made.contacts / spent / 1e6, 2), "M calls/s")


def _error(tell: Callable[..., None]) -> None:
    """One queue against Erlang A: the largest difference of several cases, and in standard errors."""
    worst = far = 0.0
    for load, agents, patience in ((20, 22, 120), (8, 8, 120), (3, 4, 30), (60, 58, 200), (0.5, 1, 300)):
        net = network([[0]], [20], [patience])
        made = simulate(net, [load / 300], [300], [[agents]], steps=3000, warm_up=2000, runs=2048, seed=4)
        wanted = erlang_a(load, 300, agents, 20, patience)
        for found, error, exact in (
            (made.level, made.level_error, wanted.service_level),
            (made.abandoned, made.abandoned_error, wanted.p_abandon),
        ):
            off = abs(found[0, 0] - exact)
            worst, far = max(worst, float(off)), max(far, float(off / error[0, 0]))
    tell("wfm.multiskill.off_erlang_a", round(100 * worst, 3), "points", 0.5)
    tell("wfm.multiskill.off_erlang_a.standard_errors", round(far, 2), "standard errors", 4.0)


def _slice(tell: Callable[..., None]) -> None:
    """Of what full pooling saves in agents, what comes of one in ten who serves both of two queues: the load that so
    many agents do with the promise kept."""
    agents, share = 100, {}
    for name, reach, numbers in (
        ("apart", _own(2), [agents // 2] * 2),
        ("some", _own(2, [0.0, 0.0]), [agents * 45 // 100] * 2 + [agents // 10]),
        ("all", np.zeros((1, 2)), [agents]),
    ):
        net = network(reach, [20, 20], [PATIENCE] * 2)
        loads = np.linspace(0.38, 0.52, 29) * agents
        made = simulate(
            net, np.repeat(loads[:, np.newaxis], 2, axis=1) / 300, [300, 300], [numbers] * len(loads), steps=4000,
            warm_up=1500, runs=64, seed=2,
        )  # fmt: skip
        share[name] = float(np.interp(-0.8, -_smooth(made), loads))
    gain = (share["some"] - share["apart"]) / (share["all"] - share["apart"])
    tell("wfm.multiskill.tenth_of_agents_flexible", round(100 * gain, 1), "% of the pooling gain")


def _smooth(made: Outcomes) -> np.ndarray:
    """Levels by load, as a curve of the third degree: without the dice."""
    at = np.arange(len(made.level))
    return np.polyval(np.polyfit(at, made.level.mean(axis=1), 3), at)


def _week(tell: Callable[..., None]) -> None:
    """A week of half hours of five queues with a group of each and a few who serve all, of whom there are six."""
    hour = np.arange(48) / 2
    day = np.where((hour >= 7) & (hour < 21), 1 + 0.5 * np.sin((hour - 7) / 14 * np.pi * 2), 0.12)
    noise = np.random.default_rng(1).uniform(0.85, 1.15, (336, 5))
    loads = np.tile(day, 7)[:, np.newaxis] * LOADS * noise
    case_of, rates, times = alike(loads / AHTS * 1800, np.broadcast_to(AHTS, loads.shape), 1800.0)
    net = network(_own(5, [0.0] * 5), [20] * 5, [PATIENCE] * 5)
    promise = Promise(np.full(5, 0.8), np.full(5, 0.9), np.zeros(5))
    most = np.array([60] * 5 + [ALL])
    agents, kept, contacts = np.zeros((len(rates), 6)), np.zeros(len(rates), np.bool_), 0
    began, used = time.perf_counter(), time.process_time()
    order = np.argsort(-(rates * times).sum(axis=1))
    for at in range(0, len(order), 32):
        part = order[at : at + 32]
        problem = Problem(net, promise, np.array([1.0] * 5 + [1.15]), most, rates[part], times[part])
        made = staffed(problem, at)
        agents[part], kept[part] = made.agents, made.kept.all(axis=1)
        contacts += made.contacts
    spent, used = time.perf_counter() - began, time.process_time() - used
    hours = agents[case_of].sum() / 2
    apart = np.stack([agents_a(loads[:, at], AHTS[at], 0.8, 20, PATIENCE, 0.9) for at in range(5)], axis=1)
    pooled = sum(
        agents_a(each.sum(), float(each @ AHTS / each.sum()), 0.8, 20, PATIENCE, 0.9)[0] for each in loads
    )  # fmt: skip
    name = "wfm.multiskill.week_of_5_queues_6_groups"
    tell(f"{name}.seconds_of_a_core", round(used, 1), "s", 300.0)
    tell(f"{name}.seconds", round(spent, 1), "s")
    tell(f"{name}.calls_simulated", round(contacts / 1e6, 1), "M calls")
    tell(f"{name}.promises_kept", round(100 * float(kept[case_of].mean()), 2), "% of intervals", 100.0, "higher")
    tell(f"{name}.agent_hours", round(float(hours), 1), "h")
    tell(f"{name}.agent_hours_queue_by_queue", round(float(np.ceil(apart).sum()) / 2, 1), "h")
    tell(f"{name}.agent_hours_if_all_served_all", round(float(np.ceil(pooled)) / 2, 1), "h")
