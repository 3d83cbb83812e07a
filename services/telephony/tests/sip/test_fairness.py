"""However many companies flood us with calls, one that is quiet loses none, and the others share what is left alike."""

from __future__ import annotations

import heapq
import random
import time
from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telephony.sip.fairness import FairRate

from .peers import HandTimers

A_SECOND = 200.0
SECONDS = 10.0


def served(demands: Mapping[str, float], seed: int, *, a_second: float = A_SECOND) -> tuple[Counter[str], int]:
    """How many calls of each name were let in within ten seconds, of so many a second that came, and the most that were
    in any second of them all."""
    timers, chance = HandTimers(), random.Random(seed)
    rate, let_in, when = FairRate(timers, a_second), Counter[str](), list[float]()
    due = [(chance.random() / demand, name) for name, demand in demands.items()]
    heapq.heapify(due)
    while due[0][0] < SECONDS:
        at, name = due[0]
        timers.pass_now(at - timers.now())
        if rate.admits(name):
            let_in[name] += 1
            when.append(at)
        heapq.heapreplace(due, (at + 1 / demands[name], name))
    most = max(sum(start <= each < start + 1 for each in when) for start in when[:: len(when) // 40 + 1])
    return let_in, most


def level(demands: Mapping[str, float], a_second: float = A_SECOND) -> float:
    """The most that anybody has when it is shared max-min fairly: who wants less has that, the rest share alike."""
    left, wishes = a_second, sorted(demands.values())
    for number, wish in enumerate(wishes):
        share = left / (len(wishes) - number)
        if wish > share:
            return share
        left -= wish
    return float("inf")


@settings(max_examples=40, deadline=None)
@given(
    floods=st.lists(st.floats(60, 2000), min_size=1, max_size=90), part=st.floats(0.05, 0.9),
    seed=st.integers(0, 2**16),
)  # fmt: skip
def test_however_many_companies_flood_us_a_quiet_one_loses_no_call(floods, part, seed) -> None:
    demands = {f"loud {number}": demand for number, demand in enumerate(floods)}
    demands["quiet"] = max(0.3, part * A_SECOND / (1 + len(floods)))
    let_in, most = served(demands, seed)
    came = SECONDS * demands["quiet"]
    assert let_in["quiet"] >= int(came), "every one of its calls"
    assert most <= 2 * A_SECOND, "a second's worth, and what was in store"
    assert sum(let_in.values()) <= (SECONDS + 1) * A_SECOND


@settings(max_examples=30, deadline=None)
@given(wishes=st.lists(st.floats(0.5, 1500), min_size=2, max_size=30), seed=st.integers(0, 2**16))
def test_what_there_is_is_shared_max_min_fairly_and_nothing_is_left_that_somebody_wants(wishes, seed) -> None:
    demands = {f"company {number}": wish for number, wish in enumerate(wishes)}
    let_in, _ = served(demands, seed)
    most = level(demands)
    for name, wish in demands.items():
        assert let_in[name] >= 0.9 * SECONDS * min(wish, most) - 2, name
    wanted = min(A_SECOND, sum(demands.values()))
    assert sum(let_in.values()) >= 0.95 * SECONDS * wanted - len(demands)


@pytest.mark.parametrize("loud", [5, 20, 100])
def test_a_company_that_is_heard_of_for_the_first_time_in_a_flood_is_let_in_at_once(loud: int) -> None:
    timers = HandTimers()
    rate = FairRate(timers, A_SECOND)
    for _ in range(400):
        timers.pass_now(0.01)
        for number in range(loud):
            while rate.admits(f"loud {number}"):
                pass
    at_once = max(1, int(A_SECOND / (loud + 1) / 2))
    assert [rate.admits("new") for _ in range(at_once)] == [True] * at_once, "half of what it has in a second"


def test_a_lone_company_has_all_there_is() -> None:
    let_in, _ = served({"only": 1000.0}, 1)
    assert let_in["only"] >= SECONDS * A_SECOND


def test_who_has_been_quiet_for_a_second_is_forgotten() -> None:
    timers = HandTimers()
    rate = FairRate(timers, A_SECOND)
    for number in range(100):
        assert rate.admits(f"company {number}")
    assert len(rate) == 100
    timers.pass_now(1)
    assert rate.admits("one more") and len(rate) == 1


def test_a_decision_costs_little_however_many_companies_call() -> None:
    """Counted against one company's, on whatever machine: no more than a few times as much."""

    def seconds(companies: int) -> float:
        timers = HandTimers()
        rate = FairRate(timers, 10_000.0)
        names = [f"company {number}" for number in range(companies)]
        began = time.perf_counter()
        for number in range(20_000):
            timers.pass_now(0.00005)
            rate.admits(names[number % companies])
        return time.perf_counter() - began

    alone = min(seconds(1) for _ in range(3))
    assert min(seconds(2000) for _ in range(3)) < 10 * alone
