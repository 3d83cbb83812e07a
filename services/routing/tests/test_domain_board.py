"""The matcher's rules against a brute force reading of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from routing.domain.board import BEST_PROFICIENCY, LONGEST_IDLE, TARGET, Board, Line, Ready, Waiting, merged
from routing.domain.queues import score

EPOCH = datetime(2026, 3, 2, 9, tzinfo=UTC)


def reference(lines: Iterable[Line], waiting: Iterable[Waiting], ready: Iterable[Ready]) -> list[tuple[str, str]]:
    """The same rules by brute force: (contact, agent) in the order they are matched."""
    rules = {line.queue_id: line for line in lines}
    free, pairs = list(ready), []
    for contact in sorted(waiting, key=lambda each: each.order):
        line = rules[contact.queue_id]
        needed = () if contact.target else merged(line.needed, contact.asked)
        fit = []
        for agent in free:
            points = score(agent.skills, needed)
            member = line.open_to_all or line.queue_id in agent.queue_ids
            if points is not None and (contact.target == agent.agent_id if contact.target else member):
                fit.append((-points, agent.rank, agent))
        if fit:
            chosen = min(fit, key=lambda each: each[:2])[2]
            free.remove(chosen)
            pairs.append((contact.contact_id, chosen.agent_id))
    return pairs


def at(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def agent(name: str, idle: float = 0, skills: dict[str, int] | None = None, queues: Iterable[str] = ()) -> Ready:
    return Ready(name, at(idle), skills or {}, frozenset(queues), 1)


def contact(
    name: str, queue: str = "q", since: float = 0, priority: int = 0, returned: bool = False,
    asked: dict[str, int] | None = None, target: str = "",
) -> Waiting:  # fmt: skip
    order = (-priority, not (returned or target), at(since), name)
    return Waiting(name, queue, order, tuple(sorted((asked or {}).items())), 1, target=target)


def board_with(*lines: Line) -> Board:
    board = Board()
    for line in lines or (Line("q", True, ()),):
        board.put_line(line)
    return board


def pairs(board: Board) -> list[tuple[str, str]]:
    found = []
    while (match := board.decide()) is not None:
        found.append((match.contact.contact_id, match.agent.agent_id))
    return found


def test_longest_idle_agent_is_offered_first() -> None:
    board = board_with()
    for name, idle in (("b", 20), ("a", 10), ("c", 30)):
        board.put_agent(agent(name, idle))
    board.put_contact(contact("x"))
    match = board.decide()
    assert match is not None and match.agent.agent_id == "a" and match.rule == LONGEST_IDLE
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
    assert match is not None and match.rule == BEST_PROFICIENCY
    assert [(each.agent.agent_id, each.rejection) for each in match.candidates] == [
        ("best", ""), ("best_but_fresh", "shorter_idle"), ("fair", "lower_proficiency"),
        ("beginner", "proficiency_too_low:tr"), ("no_skill", "skill_missing:tr"),
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


QUEUES = ("q1", "q2", "q3")
SKILLS = ("s1", "s2", "s3")
levels = st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5), max_size=2)
lines_of_tenant = st.tuples(*(
    st.builds(lambda queue, everyone, needed: Line(queue, everyone, tuple(sorted(needed.items()))),
              st.just(queue), st.booleans(), levels)
    for queue in QUEUES
))  # fmt: skip
agent_put = st.builds(
    lambda name, idle, skills, queues: ("agent", agent(name, idle, skills, queues)),
    st.sampled_from([f"a{n}" for n in range(8)]), st.integers(0, 9),
    st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5)), st.sets(st.sampled_from(QUEUES)),
)  # fmt: skip
contact_put = st.builds(
    lambda name, queue, since, priority, returned, asked, target: (
        "contact", contact(name, queue, since, priority, returned, asked, target),
    ),
    st.sampled_from([f"c{n}" for n in range(12)]), st.sampled_from(QUEUES), st.integers(0, 9), st.integers(0, 2),
    st.booleans(), levels, st.sampled_from(["", "", *(f"a{n}" for n in range(8))]),
)  # fmt: skip
line_put = st.builds(
    lambda queue, everyone, needed: ("line", Line(queue, everyone, tuple(sorted(needed.items())))),
    st.sampled_from(QUEUES), st.booleans(), levels,
)  # fmt: skip
drop = st.one_of(
    st.tuples(st.just("drop_agent"), st.sampled_from([f"a{n}" for n in range(8)])),
    st.tuples(st.just("drop_contact"), st.sampled_from([f"c{n}" for n in range(12)])),
)
steps = st.lists(st.one_of(agent_put, contact_put, line_put, drop, st.just(("decide", None))), max_size=60)


@given(lines_of_tenant, steps)
@settings(max_examples=300, deadline=None)
def test_matcher_equals_brute_force_whatever_happens_in_between(lines: tuple[Line, ...], happened: list) -> None:
    board = board_with(*lines)
    rules = {line.queue_id: line for line in lines}
    agents: dict[str, Ready] = {}
    contacts: dict[str, Waiting] = {}
    for kind, value in [*happened, ("decide", None)]:
        if kind == "agent":
            board.put_agent(value)
            agents[value.agent_id] = value
        elif kind == "contact":
            board.put_contact(value)
            contacts[value.contact_id] = value
        elif kind == "line":
            board.put_line(value)
            rules[value.queue_id] = value
        elif kind == "drop_agent":
            board.drop_agent(value)
            agents.pop(value, None)
        elif kind == "drop_contact":
            board.drop_contact(value)
            contacts.pop(value, None)
        else:
            expected = reference(rules.values(), contacts.values(), agents.values())
            assert pairs(board) == expected
            for contact_id, agent_id in expected:
                del contacts[contact_id], agents[agent_id]
            assert set(board.ready) == set(agents) and set(board.waiting) == set(contacts)
            assert not board.matchable
