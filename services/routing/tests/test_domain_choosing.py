"""Who is offered a contact by each strategy, what waiting changes, and who comes first."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from routing.domain.courses import Line, course
from routing.domain.matches import PREFERRED
from routing.domain.ranking import Ready, Tally
from routing.domain.requirements import ANYBODY, of_levels
from routing.domain.rules import Change, ChangeKind, Rules, Step, Strategy, Weights

from .boards import START, after, agent, board_with, contact, listed, pairs


def first_for(strategy: Strategy, *agents: Ready) -> tuple[str, list[str]]:
    board = board_with(Line("q", True, (), Rules(strategy)))
    for each in agents:
        board.put_agent(each)
    board.put_contact(contact("x"))
    match = board.decide(START)
    assert match is not None and match.rule == strategy.lower()
    return match.agent.agent_id, [each.rejection for each in match.candidates]


def test_round_robin_offers_to_whose_last_offer_is_longest_ago() -> None:
    idle_but_offered = agent("a", 0, tally=Tally(offered_at=90))
    assert first_for(Strategy.ROUND_ROBIN, idle_but_offered, agent("b", 50, tally=Tally(offered_at=20))) == (
        "b", ["", "offered_more_recently"],
    )  # fmt: skip


def test_fewest_contacts_and_least_talk_time_go_by_the_shift() -> None:
    busy, quiet = agent("a", 0, tally=Tally(handled=9, talked=60)), agent("b", 50, tally=Tally(handled=2, talked=900))
    assert first_for(Strategy.FEWEST_CONTACTS, busy, quiet) == ("b", ["", "handled_more"])
    assert first_for(Strategy.LEAST_TALK_TIME, busy, quiet) == ("a", ["", "talked_more"])


def test_list_is_offered_in_its_order_and_widens_when_a_level_had_its_time() -> None:
    board = board_with(Line("q", True, (), listed((10, "a b"), (0, "c"))))
    for idle, name in enumerate(("c", "d", "b")):
        board.put_agent(agent(name, idle))
    for each in (contact("x", since=0), contact("y", since=1)):
        board.put_contact(each, START + 1)
    match = board.decide(START + 1)
    assert match is not None and (match.contact.contact_id, match.agent.agent_id) == ("x", "b")
    assert {each.agent.agent_id: each.rejection for each in match.candidates} == {
        "b": "", "c": "later_level", "d": "not_on_list",
    }  # fmt: skip
    assert board.next_due == START + 11 and board.advance(START + 10.9) == 0 and board.decide(START + 10.9) is None
    assert board.advance(START + 11) == 1 and pairs(board, 11) == [("y", "c")] and board.next_due is None


def test_weighted_choice_weighs_skill_idle_time_preference_and_cost() -> None:
    rules = Rules(Strategy.WEIGHTED, Weights(proficiency=2, idle_minute=1, preferred=3, cost=0.1))
    board = board_with(Line("q", True, (("tr", 1),), rules))
    board.put_agent(agent("expert", 240, {"tr": 5}, tally=Tally(cost=60)))  # 10 + 1 - 6
    board.put_agent(agent("idle", 0, {"tr": 1}))  # 2 + 5
    board.put_agent(agent("known", 180, {"tr": 1}))  # 2 + 2 (+ 3)
    board.put_contact(contact("x", preferred="known"))
    match = board.decide(START + 300)
    assert match is not None and match.rule == "weighted"
    assert [(each.agent.agent_id, each.value) for each in match.candidates] == [
        ("idle", 7), ("known", 7), ("expert", 5),
    ]  # fmt: skip
    board.put_agent(agent("idle", 60, {"tr": 1}))
    board.put_contact(contact("y", preferred="known"))
    match = board.decide(START + 300)
    assert match is not None and match.agent.agent_id == "known"


def test_contact_asks_for_less_as_it_waits_and_for_something_else_too() -> None:
    steps = (
        after(30, Change(ChangeKind.LOWER, "fr", level=3)),
        after(60, Change(ChangeKind.ALSO, expression="en >= 4 and translator")),
        after(90, Change(ChangeKind.REMOVE, "fr")),
    )
    board = board_with(Line("q", True, (("fr", 5),), Rules(steps=steps)))
    board.put_agent(agent("anybody", 0))
    board.put_agent(agent("translates", 1, {"en": 4, "translator": 1}))
    board.put_agent(agent("speaks", 2, {"fr": 3}))
    for number, since in enumerate((0, 0.1, 0.2)):
        board.put_contact(contact(f"x{number}", since=since))
    found = []
    for second in range(0, 100, 5):
        board.advance(START + second + 1)
        found += [(second, *pair) for pair in pairs(board, second + 1)]
    assert found == [(30, "x0", "speaks"), (60, "x1", "translates"), (90, "x2", "anybody")]


def test_contacts_that_left_long_before_they_were_due_are_not_kept_in_mind() -> None:
    rules = Rules(steps=(after(30 * 86_400, Change(ChangeKind.REMOVE, "fr")),))
    board = board_with(Line("q", True, (("fr", 1),), rules))
    board.put_agent(agent("a", 0, {"fr": 1}))
    tracemalloc.start()
    begun = 0
    for number in range(2_000):
        board.put_contact(contact(f"c{number}"), START)
        match = board.decide(START)
        assert match is not None
        board.put_agent(match.agent)
        if number == 200:
            begun = tracemalloc.get_traced_memory()[0]
    grown = tracemalloc.get_traced_memory()[0] - begun
    tracemalloc.stop()
    assert grown < 100_000


@given(st.floats(0, 2e9), st.floats(0.001, 1e6), st.integers(1, 100))
@settings(max_examples=300, deadline=None)
def test_contact_has_come_to_its_next_stage_in_the_moment_it_is_due(since: float, wait: float, fraction: int) -> None:
    board = board_with(Line("q", True, (("fr", 5),), Rules(steps=(after(wait, Change(ChangeKind.REMOVE, "fr")),))))
    board.put_contact(contact("x")._replace(since=since + fraction / 97), since)
    due = board.next_due
    assert due is not None and board.advance(due) == 1 and board.next_due is None
    board.put_contact(contact("y", preferred="mine")._replace(since=since + fraction / 97, preferred_wait=wait), since)
    assert board.next_due is not None and board.advance(board.next_due) == 1


def test_contact_keeps_its_place_when_agents_of_another_queue_may_take_it_too() -> None:
    rules = Rules(steps=(after(20, Change(ChangeKind.ALSO_QUEUE, queue_id="other")),))
    board = board_with(Line("q", False, (), rules), Line("other", False, ()))
    board.put_agent(agent("helper", 0, queues=["other"]))
    board.put_contact(contact("x", "q", since=0))
    assert board.decide(START + 1) is None
    board.put_contact(contact("y", "other", since=19), START + 19)
    board.drop_agent("helper")
    board.advance(START + 20)
    board.put_agent(agent("helper", 20, queues=["other"]))
    match = board.decide(START + 20)
    assert match is not None and match.contact.contact_id == "x" and match.stage.steps == (0,)


def test_list_says_itself_whose_agents_they_are() -> None:
    board = board_with(Line("q", False, (), listed((30, "guest"), (0, "member"))))
    board.put_agent(agent("guest", 5))
    board.put_agent(agent("member", 0, queues=["q"]))
    board.put_agent(agent("nobody", 0, queues=["q"]))
    board.put_contact(contact("x"))
    match = board.decide(START)
    assert match is not None and match.agent.agent_id == "guest"
    assert {each.agent.agent_id: each.rejection for each in match.candidates} == {
        "guest": "", "member": "later_level", "nobody": "not_on_list",
    }  # fmt: skip


def test_step_that_would_leave_nobody_for_a_contact_does_not_come_for_it() -> None:
    rules = Rules(
        steps=(
            after(30, Change(ChangeKind.REQUIRE, expression="not fr")),
            after(60, Change(ChangeKind.ALSO, expression="en")),
        )
    )
    board = board_with(Line("q", True, (), rules))
    board.put_contact(contact("x", asked={"fr": 3}))
    board.advance(START + 30)
    board.put_agent(agent("french", 0, {"fr": 5}))
    match = board.decide(START + 31)
    assert match is not None and match.agent.agent_id == "french" and match.stage.steps == ()
    assert [each.steps for each in course(Line("q", True, (), rules), of_levels([("fr", 3)]), 0)] == [(), (), (1,)]


@pytest.mark.parametrize("fired", range(4))
def test_somebody_may_always_take_a_contact_whichever_steps_came_by_expected_wait(fired: int) -> None:
    def hour(*changes: Change) -> Step:
        return Step(changes, expected_over=timedelta(hours=1))

    remove, weak = Change(ChangeKind.REMOVE, "fr"), Change(ChangeKind.REQUIRE, expression="fr <= 2")
    rules = Rules(requirement="fr >= 3", steps=(hour(remove), after(60, weak), hour(Change(ChangeKind.ALSO_QUEUE))))
    stages = course(Line("q", True, (), rules), ANYBODY, fired)
    assert all(each.requirement for each in stages) and (1 in stages[-1].steps) == bool(fired & 1)


def test_contact_is_not_lost_when_new_rules_of_its_queue_rule_out_what_it_brought() -> None:
    board = board_with(Line("q", True, ()))
    board.put_contact(contact("x", asked={"fr": 3}))
    board.put_line(Line("q", True, (), Rules(requirement="not fr")))
    board.put_agent(agent("a"))
    assert pairs(board) == [("x", "a")]


def test_step_that_came_by_expected_wait_holds_whatever_was_waited() -> None:
    rules = Rules(steps=(Step((Change(ChangeKind.REMOVE, "fr"),), expected_over=timedelta(seconds=60)),))
    board = board_with(Line("q", True, (("fr", 1),), rules))
    board.put_agent(agent("a"))
    board.put_contact(contact("x"))
    assert board.decide(START) is None
    board.put_contact(contact("x", fired=1))
    assert pairs(board) == [("x", "a")]


def test_preferred_agent_has_the_contact_alone_for_a_while_and_then_anybody_may_take_it() -> None:
    board = board_with(Line("q", True, (("fr", 1),)))
    board.put_agent(agent("other", 0, {"fr": 5}))
    board.put_contact(contact("x", preferred="mine", preferred_wait=15))
    assert board.decide(START + 1) is None and board.next_due == START + 15
    board.put_agent(agent("mine", 9))
    match = board.decide(START + 10)
    assert match is not None and (match.agent.agent_id, match.rule) == ("mine", PREFERRED)
    assert {each.agent.agent_id: each.rejection for each in match.candidates}["other"] == "not_the_preferred"
    board.put_contact(contact("y", preferred="mine", preferred_wait=15))
    board.advance(START + 15)
    assert pairs(board, 15) == [("y", "other")]


def test_point_of_priority_is_worth_some_waiting_and_no_more() -> None:
    board = board_with(Line("q", True, (), Rules(point=timedelta(seconds=60))))
    for each in (contact("vip", since=100, priority=1), contact("patient", since=30), contact("recent", since=50)):
        board.put_contact(each, START + 100)
    for name in "abc":
        board.put_agent(agent(name))
    assert [name for name, _ in pairs(board, 100)] == ["patient", "vip", "recent"]


def test_contact_that_gains_points_overtakes_others_up_to_the_most_that_count() -> None:
    growing = Rules(point=timedelta(seconds=60), acceleration=1.0, most_points=2)
    lines = Line("grows", True, (), growing), Line("q", True, ())
    for now, first in ((30, "x"), (90, "grows"), (600, "grows")):
        board = board_with(*lines)
        board.put_contact(contact("grows", "grows", since=0), START + now)
        board.put_contact(contact("x", "q", since=-45), START + now)
        board.put_agent(agent("a"))
        assert [name for name, _ in pairs(board, now)] == [first], now
