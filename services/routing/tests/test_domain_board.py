"""The matcher's rules against a brute force reading of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from routing.domain import requirements
from routing.domain.courses import Line, course
from routing.domain.matches import TARGET, Waiting
from routing.domain.ranking import LAST, LOADED, Ranking, Ready, Tally
from routing.domain.rules import Change, ChangeKind, Level, Rules, Step, Strategy, Weights
from routing.domain.urgency import urgency_of

from .boards import START, after, agent, board_with, contact, pairs


def reference(
    lines: Iterable[Line], waiting: Iterable[Waiting], ready: Iterable[Ready], now: float
) -> list[tuple[str, str]]:
    """The same rules by brute force: (contact, agent) in the order they are matched."""
    rules = {line.queue_id: line for line in lines}
    free, found = list(ready), []

    def order(contact: Waiting) -> tuple[float, float, str]:
        came = urgency_of(rules[contact.queue_id].rules).came(contact.since, contact.points, now)
        return came, contact.since, contact.contact_id

    for each in sorted(waiting, key=order):
        fit = [(key, one) for one in free if (key := standing(rules[each.queue_id], each, one, now))]
        if fit:
            chosen = min(fit, key=lambda placed: placed[0])[1]
            free.remove(chosen)
            found.append((each.contact_id, chosen.agent_id))
    return found


def standing(line: Line, contact: Waiting, agent: Ready, now: float) -> tuple[Any, ...] | None:
    """Where an agent stands among those who may take the contact, smaller first; None when they may not."""
    alone = contact.preferred_wait and now < contact.since + contact.preferred_wait
    only = contact.target or (contact.preferred if alone else "")
    if only:
        return (agent.rank,) if agent.agent_id == only else None
    stages = course(line, contact.asked, contact.fired)
    stage = [each for each in stages if each is stages[0] or contact.since + each.after <= now][-1]
    points = requirements.score(agent.skills, stage.requirement)
    member = not stage.members or bool(agent.queue_ids & set(stage.members))
    ranking = Ranking(line.rules)
    if points is None or not member or agent.direct or not ranking.lists(agent.agent_id, stage.levels):
        return None
    # Whoever is idle at a desk, then who holds something, then who is away; and only then how well they do.
    tier, tally = (agent.idle_since == LAST, agent.loaded), agent.tally
    match line.rules.strategy:
        case Strategy.SKILLS:
            return (tier, -points, agent.rank)
        case Strategy.LONGEST_IDLE:
            return (tier, agent.rank)
        case Strategy.ROUND_ROBIN:
            return (tier, tally.offered_at, agent.rank)
        case Strategy.FEWEST_CONTACTS:
            return (tier, tally.handled, agent.rank)
        case Strategy.LEAST_TALK_TIME:
            return (tier, tally.talked, agent.rank)
        case Strategy.LIST:
            return (tier, [each for level in line.rules.levels for each in level.agent_ids].index(agent.agent_id))
        case Strategy.WEIGHTED:
            return (tier, -round(ranking.value(agent, points, now, contact.preferred), 6), agent.rank)


def test_longest_idle_agent_is_offered_first() -> None:
    board = board_with()
    for name, idle in (("b", 20), ("a", 10), ("c", 30)):
        board.put_agent(agent(name, idle))
    board.put_contact(contact("x"))
    match = board.decide()
    assert match is not None and match.agent.agent_id == "a" and match.rule == "longest_idle"
    assert [each.rejection for each in match.candidates] == ["", "shorter_idle", "shorter_idle"]


def test_longest_idle_skilled_agent_is_offered_first() -> None:
    board = board_with(Line("q", True, (("tr", 2),)))
    board.put_agent(agent("no_skill", 0))
    board.put_agent(agent("beginner", 1, {"tr": 1}))
    board.put_agent(agent("fair", 2, {"tr": 3}))
    board.put_agent(agent("best_but_fresh", 4, {"tr": 5}))
    board.put_agent(agent("best", 3, {"tr": 5}))
    board.put_contact(contact("x"))
    match = board.decide()
    assert match is not None and match.rule == "best_proficiency_then_idle"
    assert [(each.agent.agent_id, each.rejection) for each in match.candidates] == [
        ("best", ""), ("best_but_fresh", "shorter_idle"), ("fair", "lower_proficiency"),
        ("beginner", "proficiency_too_low:tr"), ("no_skill", "skill_missing:tr"),
    ]  # fmt: skip


@pytest.mark.parametrize("strategy", [each for each in Strategy if each is not Strategy.LIST])
def test_whoever_holds_nothing_at_a_desk_comes_before_who_holds_something_and_both_before_who_is_away(
    strategy: Strategy,
) -> None:
    rules = Rules(strategy, Weights(proficiency=5, idle_minute=0), requirement="tr >= 3")
    board, fresh, tired = board_with(Line("q", True, (), rules)), Tally(0, 0, 0, 0), Tally(9, 9, 9, 9)
    board.put_agent(agent("away", 0, {"tr": 5}, tally=fresh)._replace(idle_since=LAST))
    for name, percent, level in (("fuller", 66, 4), ("full", 33, 4)):
        held = {"idle_since": LOADED + timedelta(days=percent), "loaded": True}
        board.put_agent(agent(name, 0, {"tr": level}, tally=fresh)._replace(**held))
    board.put_agent(agent("desk", 50, {"tr": 3}, tally=tired))
    board.put_contact(contact("x"))
    match = board.decide(START)
    assert match is not None and [(each.agent.agent_id, each.rejection) for each in match.candidates] == [
        ("desk", ""), ("full", "holds_contacts"), ("fuller", "holds_contacts"), ("away", "away"),
    ]  # fmt: skip


def test_priority_goes_before_age_and_a_returned_contact_heads_its_priority() -> None:
    board = board_with()
    for each in (
        contact("old", since=1), contact("older", since=0), contact("vip", since=9, priority=3),
        contact("returned", since=5, returned=True),
    ):  # fmt: skip
        board.put_contact(each)
    for name in "abcd":
        board.put_agent(agent(name))
    assert [name for name, _ in pairs(board)] == ["vip", "returned", "older", "old"]


def test_queue_is_served_by_its_own_agents_only_unless_open_to_all() -> None:
    board = board_with(Line("q", False, ()), Line("open", True, ()))
    board.put_agent(agent("stranger", 0))
    board.put_contact(contact("x"))
    assert board.decide() is None
    board.put_agent(agent("member", 5, queues=["q"]))
    board.put_contact(contact("y", "open"))
    assert pairs(board) == [("x", "member"), ("y", "stranger")]


def test_opening_a_queue_to_all_serves_those_who_already_wait() -> None:
    board = board_with(Line("q", False, ()))
    board.put_agent(agent("a"))
    board.put_contact(contact("x"))
    assert not board.matchable
    board.put_line(Line("q", True, ()))
    assert pairs(board) == [("x", "a")]


def test_contact_for_one_agent_waits_for_them_and_holds_nobody_up() -> None:
    board = board_with(Line("q", True, (("tr", 1),)))
    board.put_contact(contact("direct", queue="", since=0, target="a"))
    board.put_contact(contact("x", since=1))
    board.put_agent(agent("b", 0, {"tr": 3}))
    assert pairs(board) == [("x", "b")]
    board.put_contact(contact("y", since=2))
    board.put_agent(agent("c", 5))
    assert board.decide() is None, "c hasn't the skill, and the other contact is not theirs"
    board.put_agent(agent("a", 9, {"tr": 3}))
    match = board.decide()
    assert match is not None and (match.contact.contact_id, match.rule) == ("direct", TARGET)
    assert [(each.agent.agent_id, each.rejection) for each in match.candidates] == [
        ("a", ""), ("c", "not_the_target"),
    ]  # fmt: skip


def test_agent_takes_what_only_they_may_take_before_what_others_may_take_too() -> None:
    board = board_with()
    for each in (
        contact("older", since=0), contact("vip", since=9, priority=3), contact("direct", since=5, target="a"),
    ):  # fmt: skip
        board.put_contact(each)
    for idle in range(3):
        board.put_agent(agent("a", idle))
        match = board.decide()
        assert match is not None and match.contact.contact_id == ("vip", "direct", "older")[idle]


@pytest.mark.parametrize("then", ["another caller", "other rules", "a step", "an agent again"])
def test_who_became_ready_while_others_wait_in_vain_stands_behind_who_is_idle_longer(then: str) -> None:
    rules = Rules(steps=(after(30, Change(ChangeKind.REMOVE, "fr")),))
    board = board_with(Line("q", True, (("fr", 1),), rules), Line("other", True, ()))
    board.put_contact(contact("waits"))
    board.put_agent(agent("idle", 0))
    board.put_agent(agent("came", 5))
    assert not board.matchable and board.decide(START) is None
    board.put_agent(agent("came", 5))
    match then:
        case "another caller":
            board.put_contact(contact("second", "other"))
        case "other rules":
            board.put_line(Line("q", True, ()))
        case "a step":
            board.advance(START + 30)
        case _:
            board.put_agent(agent("came", 6))
            board.put_contact(contact("second", "other"))
    assert pairs(board, 30)[0][1] == "idle"


def test_who_became_ready_may_be_matched_with_who_waits() -> None:
    board = board_with()
    board.put_contact(contact("x"))
    board.put_agent(agent("a"))
    assert board.matchable and pairs(board) == [("x", "a")]
    board.put_contact(contact("y"))
    board.put_agent(agent("b"))
    board.drop_agent("b")
    assert not board.matchable and pairs(board) == [] and not board.ready


def test_contact_that_left_is_not_matched() -> None:
    board = board_with()
    board.put_contact(contact("x"))
    board.drop_contact("x")
    board.put_contact(contact("y", since=1))
    board.put_agent(agent("a"))
    assert pairs(board) == [("y", "a")]


def test_at_most_twenty_candidates_are_kept() -> None:
    board = board_with()
    for index in range(50):
        board.put_agent(agent(f"a{index:02}", index))
    board.put_contact(contact("x"))
    match = board.decide()
    assert match is not None and [each.agent.agent_id for each in match.candidates] == [f"a{n:02}" for n in range(20)]


def test_who_may_not_take_it_is_named_however_many_may() -> None:
    board = board_with(Line("q", True, (("S", 3),)))
    for number in range(30):
        board.put_agent(agent(f"good{number:02}", number, {"S": 3}))
    board.put_agent(agent("bob", 0, {"S": 2}))
    board.put_agent(agent("ann"))
    board.put_contact(contact("c"))
    match = board.decide(START + 5)
    assert match is not None and len(match.candidates) == 22
    assert {each.agent.agent_id: each.rejection for each in match.candidates[20:]} == {
        "bob": "proficiency_too_low:S", "ann": "skill_missing:S"
    }  # fmt: skip


QUEUES = ("q1", "q2", "q3")
SKILLS = ("s1", "s2", "s3")
levels = st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5), max_size=2)
AGENTS = [f"a{n}" for n in range(8)]
a_skill, a_level = st.sampled_from(SKILLS), st.integers(1, 5)
changes = st.one_of(
    st.builds(lambda skill: Change(ChangeKind.REMOVE, skill), a_skill),
    st.builds(lambda skill, level: Change(ChangeKind.LOWER, skill, level=level), a_skill, a_level),
    st.builds(lambda skill, other, level: Change(ChangeKind.SWAP, skill, other, level), a_skill, a_skill, a_level),
    st.sampled_from([Change(ChangeKind.ALSO, expression=text) for text in ("s1 >= 4", "not s2", "s2 and s3 <= 3")]),
    st.builds(lambda queue: Change(ChangeKind.ALSO_QUEUE, queue_id=queue), st.sampled_from(QUEUES)),
)  # fmt: skip
relaxing = st.lists(
    st.one_of(
        st.builds(after, st.sampled_from([3, 6, 9, 12]), changes),
        st.builds(lambda change: Step((change,), expected_over=timedelta(seconds=1)), changes),
    ),
    max_size=3,
)
list_of_agents = st.lists(st.sampled_from(AGENTS), min_size=1, unique=True).flatmap(
    lambda names: st.builds(
        lambda cut, wait: tuple(
            Level(tuple(part), timedelta(seconds=wait)) for part in (names[:cut], names[cut:]) if part
        ),
        st.integers(0, len(names)), st.sampled_from([0, 4, 8]),
    )
)  # fmt: skip
rules = st.builds(
    lambda strategy, levels, requirement, steps, point, growth, most, weights: Rules(
        strategy, weights, levels if strategy is Strategy.LIST else (), requirement, tuple(steps),
        timedelta(seconds=point), growth, most,
    ),
    st.sampled_from(list(Strategy)), list_of_agents, st.sampled_from(["", "", "s1 or s2 >= 3", "not s3"]), relaxing,
    st.sampled_from([0, 3, 3600]), st.sampled_from([0.0, 0.0, 20.0]), st.sampled_from([1.0, 100.0]),
    st.builds(Weights, *[st.sampled_from([0.0, 1.0, 7.0])] * 4),
)  # fmt: skip
a_line = st.builds(
    lambda queue, everyone, needed, rules: Line(queue, everyone, tuple(sorted(needed.items())), rules),
    st.sampled_from(QUEUES), st.booleans(), levels, rules,
)  # fmt: skip
lines_of_tenant = st.tuples(*(
    st.builds(lambda queue, line: Line(queue, line.open_to_all, line.needed, line.rules), st.just(queue), a_line)
    for queue in QUEUES
))  # fmt: skip
tallies = st.builds(
    Tally, st.integers(0, 5).map(float), st.integers(0, 3), st.integers(0, 3).map(float), st.integers(0, 9)
)
agent_put = st.builds(
    lambda name, idle, skills, queues, tally, how: (
        "agent", agent(name, idle, skills, queues, tally)._replace(**how),
    ),
    st.sampled_from(AGENTS), st.integers(0, 9),
    st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5)), st.sets(st.sampled_from(QUEUES)), tallies,
    st.sampled_from([{}, {}, {}, {"idle_since": LAST}, *(
        {"idle_since": LOADED + timedelta(days=percent), "loaded": True} for percent in (33, 66)
    )]),
)  # fmt: skip
contact_put = st.builds(
    lambda name, queue, since, priority, returned, asked, target, preferred, wait, fired: (
        "contact", contact(name, queue, since, priority, returned, asked, target, preferred, wait, fired),
    ),
    st.sampled_from([f"c{n}" for n in range(12)]), st.sampled_from(QUEUES), st.integers(0, 9), st.integers(0, 2),
    st.booleans(), levels, st.sampled_from(["", "", "", *AGENTS]), st.sampled_from(["", *AGENTS]),
    st.sampled_from([0, 5]), st.integers(0, 7),
)  # fmt: skip
line_put = st.builds(lambda line: ("line", line), a_line)
drop = st.one_of(
    st.tuples(st.just("drop_agent"), st.sampled_from(AGENTS)),
    st.tuples(st.just("drop_contact"), st.sampled_from([f"c{n}" for n in range(12)])),
)
steps = st.lists(
    st.one_of(
        agent_put, agent_put, contact_put, contact_put, line_put, drop, st.just(("decide", None)),
        st.tuples(st.just("pass"), st.integers(1, 6)),
    ),
    max_size=60,
)  # fmt: skip


@given(lines_of_tenant, steps)
@settings(max_examples=300, deadline=None)
def test_matcher_equals_brute_force_whatever_happens_in_between(lines: tuple[Line, ...], happened: list) -> None:
    board = board_with(*lines)
    known = {line.queue_id: line for line in lines}
    agents: dict[str, Ready] = {}
    contacts: dict[str, Waiting] = {}
    now = START
    for kind, value in [*happened, ("decide", None)]:
        if kind == "agent":
            board.put_agent(value)
            agents[value.agent_id] = value
        elif kind == "contact":
            board.put_contact(value, now)
            contacts[value.contact_id] = value
        elif kind == "line":
            board.put_line(value, now)
            known[value.queue_id] = value
        elif kind == "drop_agent":
            board.drop_agent(value)
            agents.pop(value, None)
        elif kind == "drop_contact":
            board.drop_contact(value)
            contacts.pop(value, None)
        elif kind == "pass":
            now += value
            board.advance(now)
        else:
            expected = reference(known.values(), contacts.values(), agents.values(), now)
            assert pairs(board, now - START) == expected
            for contact_id, agent_id in expected:
                del contacts[contact_id], agents[agent_id]
            assert set(board.ready) == set(agents) and set(board.waiting) == set(contacts)
            assert not board.matchable
