"""The simulator against what theory says of the same days, and of rules that make a difference."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from routing.domain import simulating
from routing.domain.capacity import USUAL_RULES
from routing.domain.contacts import Channel
from routing.domain.courses import Line
from routing.domain.hall import Arrival, Hall, House, Shift
from routing.domain.rules import Change, ChangeKind, Rules, Strategy
from routing.domain.simulating import Day, Outcome, Played, simulated

from .boards import after

FOREVER = 1e9


def played(day: Day, lines: Mapping[str, Line], thresholds: Mapping[str, float]) -> Outcome:
    return simulated(Played(day, House(lines), thresholds))


def poisson_day(rate: float, aht: float, agents: int, seconds: float, patience: float | None, seed: int = 7) -> Day:
    """Contacts at random at `rate` a second, handled for an exponential time, by agents who are always there."""
    chance = random.Random(seed)
    arrivals, now = [], 0.0
    for number in itertools.count():
        now += chance.expovariate(rate)
        if now > seconds:
            break
        limit = chance.expovariate(1 / patience) if patience else FOREVER
        arrivals.append(Arrival(f"c{number}", "q", now, limit, chance.expovariate(1 / aht)))
    shifts = [Shift(f"a{number}", 0.0, seconds, {}, frozenset({"q"})) for number in range(agents)]
    return Day(arrivals, shifts)


def first_come_first_served(day: Day, agents: int) -> list[float | None]:
    """The waits of one line before equal agents, None for who left: the same day without any matcher."""
    free, found = [0.0] * agents, []
    for arrival in day.arrivals:
        start = max(free[0], arrival.at)
        if start - arrival.at > arrival.patience:
            found.append(None)
        else:
            found.append(start - arrival.at)
            heapq.heapreplace(free, start + arrival.handle)
    return found


@pytest.mark.parametrize("patience", [None, 90.0])
def test_one_line_before_equal_agents_is_served_as_it_came(patience: float | None) -> None:
    day = poisson_day(100 / 1800, 180, 11, 60_000, patience)
    whole = played(day, {"q": Line("q", False, ())}, {}).whole
    expected = first_come_first_served(day, 11)
    waited = [wait for wait in expected if wait is not None]
    assert whole.waits == pytest.approx(waited[: len(whole.waits)], abs=1e-6)
    left = len(waited) - len(whole.waits)  # who still waits when the last shift is over is answered by nobody
    assert whole.abandoned == expected.count(None) + left and left < 20


@pytest.mark.parametrize(
    ("a_minute", "aht", "patience", "agents", "leave"), [(48, 60, 120, 50, 0.030912), (10 / 3, 180, 180, 12, 0.053092)]
)
def test_impatient_callers_leave_as_erlang_a_says(
    a_minute: float, aht: float, patience: float, agents: int, leave: float
) -> None:
    # Garnett, Mandelbaum and Reiman (2002): M/M/n+M; the shares were computed from its formulas.
    day = poisson_day(a_minute / 60, aht, agents, 15_000 * 60 / a_minute, patience)
    whole = played(day, {"q": Line("q", False, ())}, {"q": 20}).whole
    assert whole.abandoned / whole.offered == pytest.approx(leave, abs=0.012)
    assert whole.offered == whole.answered + whole.abandoned


def test_same_day_under_other_rules_differs_by_the_rules_alone() -> None:
    chance = random.Random(3)
    skilled = {f"a{n}": {"fr": 5 if n < 2 else 1} for n in range(6)}
    shifts = [Shift(name, 0, 8 * 3600, held, frozenset({"q"})) for name, held in skilled.items()]
    arrivals = [Arrival(f"c{n}", "q", n * 40.0, 600, chance.expovariate(1 / 200)) for n in range(700)]
    day = Day(arrivals, shifts, ring=2)
    strict = Line("q", False, (("fr", 5),))
    relaxed = replace(strict, rules=Rules(steps=(after(30, Change(ChangeKind.LOWER, "fr", level=1)),)))
    before, relaxing = (played(day, {"q": line}, {"q": 60}) for line in (strict, relaxed))
    assert before.whole.abandoned > 300 and relaxing.whole.abandoned == 0
    assert set(before.contacts_by_agent) == {"a0", "a1"} and len(relaxing.contacts_by_agent) == 6
    assert played(day, {"q": relaxed}, {"q": 60}) == relaxing, "nothing in it is by chance"


def test_fewest_contacts_shares_them_out_evenly() -> None:
    day = poisson_day(1 / 30, 100, 8, 20_000, None)
    shares = played(day, {"q": Line("q", False, (), Rules(Strategy.FEWEST_CONTACTS))}, {}).contacts_by_agent
    assert max(shares.values()) - min(shares.values()) <= 2
    assert sum(shares.values()) == len(day.arrivals)


def test_agent_whose_shift_ends_finishes_the_contact_and_takes_no_other() -> None:
    arrivals = [
        Arrival("c0", "q", 90, FOREVER, 60),
        Arrival("c1", "q", 95, FOREVER, 60),
        Arrival("c2", "q", 400, 10, 60),
    ]
    shifts = [Shift("a", 0, 100, {}, frozenset({"q"})), Shift("b", 200, 300, {}, frozenset({"q"}))]
    found = played(Day(arrivals, shifts), {"q": Line("q", False, ())}, {"q": 20})
    assert dict(found.contacts_by_agent) == {"a": 1, "b": 1}
    assert found.whole.waits == [0, 105] and found.whole.abandoned == 1 and found.whole.in_time == 1


def test_expected_waits_that_callers_are_told_are_held_against_the_true_ones() -> None:
    day = poisson_day(100 / 1800, 180, 11, 60_000, 400)
    whole = played(day, {"q": Line("q", False, ())}, {}).whole
    assert len(whole.errors) > 500
    assert whole.mean_error is not None and whole.asa is not None and whole.mean_error < whole.asa
    assert whole.in_range / len(whole.errors) > 0.5


def test_contact_of_a_queue_without_rules_is_refused() -> None:
    with pytest.raises(ValueError, match="queues without rules: q"):
        played(poisson_day(1, 1, 1, 5, None), {}, {})


def text(number: int, at: float, handle: float, channel: Channel, patience: float = FOREVER) -> Arrival:
    return Arrival(f"t{number}", "q", at, patience, handle, channel=channel)


def day_of(*arrivals: Arrival, agents: int = 1, **more: Any) -> Outcome:
    shifts = [Shift(f"a{n}", 0, 10_000, {}, frozenset(), **more) for n in range(agents)]
    return simulated(Played(Day(arrivals, shifts), House({"q": Line("q", True, ())}), {}))


def test_agent_writes_three_chats_at_once_and_the_fourth_waits_for_one_to_end() -> None:
    found = day_of(*(text(n, 10.0 + n, 300, Channel.CHAT) for n in range(4)))
    assert sorted(found.whole.waits) == [0, 0, 0, 297.0]
    assert found.busy == 310.0 + 300 - 10, "who writes three chats is busy once"
    assert found.whole.handled == 1200


def test_call_comes_through_to_who_writes_and_nothing_comes_to_who_talks() -> None:
    chats = [text(n, 0.0, 500, Channel.CHAT) for n in range(3)]
    found = day_of(*chats, text(8, 10.0, 100, Channel.VOICE), text(9, 20.0, 50, Channel.CHAT))
    assert sorted(found.whole.waits) == [0, 0, 0, 0, 480.0]
    letters = day_of(text(1, 0.0, 60, Channel.VOICE), text(2, 5.0, 60, Channel.EMAIL))
    assert sorted(letters.whole.waits) == [0, 55.0]


def test_weights_and_own_capacities_say_how_much_is_handled_at_once() -> None:
    letters = [text(n, float(n), 100, Channel.EMAIL) for n in range(3)]
    assert sorted(day_of(*letters).whole.waits) == [0, 0, 98.0], "two letters are a whole agent"
    assert sorted(day_of(*letters, capacities={Channel.EMAIL: 1}).whole.waits) == [0, 99.0, 198.0]
    nobody = day_of(text(1, 0.0, 60, Channel.CHAT, patience=30), capacities={Channel.CHAT: 0})
    assert (nobody.whole.answered, nobody.whole.abandoned) == (0, 1)


def test_idle_agents_come_before_those_who_write_already() -> None:
    found = day_of(*(text(n, 10.0 * n, 100, Channel.CHAT) for n in range(2)), agents=2)
    assert sorted(found.contacts_by_agent.values()) == [1, 1]


def test_agent_is_kept_for_a_customer_who_is_called_first_and_has_them_once_they_answer() -> None:
    answers = Arrival("c1", "q", 0, FOREVER, 100, callback=True, kept=20)
    in_vain = Arrival("c2", "q", 1, FOREVER, 60, callback=True, kept=30, in_vain=True)
    caller = Arrival("c3", "q", 2, FOREVER, 50)
    found = day_of(answers, in_vain, caller)
    assert sorted(found.whole.waits) == [20.0, 148.0] and (found.whole.answered, found.whole.left) == (2, 1)
    assert (found.busy, found.whole.handled) == (200.0, 150.0)


@given(st.lists(st.tuples(st.sampled_from(list(Channel)), st.integers(0, 300), st.integers(1, 200)), max_size=25))
@settings(max_examples=60, deadline=None)
def test_nobody_ever_holds_what_does_not_fit_and_everything_is_answered(given_: list[tuple[Channel, int, int]]) -> None:
    class Watched(Hall):
        """Sees what everybody is given."""

        def takes(self, agent_id: str, channel: Channel) -> None:
            assert USUAL_RULES.has_room(channel, self.held(agent_id), {})
            super().takes(agent_id, channel)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulating, "Hall", Watched)
        found = day_of(*(text(n, at, handle, channel) for n, (channel, at, handle) in enumerate(given_)), agents=2)
    assert found.whole.answered == len(given_)
