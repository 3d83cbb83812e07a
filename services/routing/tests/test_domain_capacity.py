"""What an agent handles at once, and that no channel waits for ever while another one floods."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel.errors import InvalidInput
from routing.domain.capacity import (
    DEFAULT_RULES,
    USUAL_RULES,
    CapacityRules,
    ChannelRule,
    check_capacities,
    check_rules,
)
from routing.domain.contacts import Channel
from routing.domain.courses import Line
from routing.domain.fairness import MOST_PASSED, HeldBack
from routing.domain.matches import Match, Waiting
from routing.domain.ranking import Ready
from routing.domain.rules import Change, ChangeKind, Rules, Step, Strategy

from .boards import START, after, agent, at, board_with, contact, pairs

VOICE, CHAT, EMAIL, SMS = Channel.VOICE, Channel.CHAT, Channel.EMAIL, Channel.SMS


@pytest.mark.parametrize(
    ("held", "channel", "room"),
    [
        ((), VOICE, True), ((VOICE,), VOICE, False), ((VOICE,), CHAT, False), ((CHAT,), VOICE, True),
        ((CHAT, CHAT, CHAT), VOICE, True), ((CHAT, CHAT), CHAT, True), ((CHAT, CHAT, CHAT), CHAT, False),
        ((CHAT, VOICE), CHAT, False), ((EMAIL,), CHAT, True), ((CHAT, CHAT), EMAIL, False), ((CHAT,), EMAIL, True),
        ((EMAIL, EMAIL), EMAIL, False), ((VOICE,), Channel.VIDEO, False), ((CHAT, SMS), CHAT, True),
        ((CHAT, SMS, SMS), CHAT, False),
    ],
)  # fmt: skip
def test_call_interrupts_chats_and_no_chat_a_call(held: tuple[Channel, ...], channel: Channel, room: bool) -> None:
    assert USUAL_RULES.has_room(channel, held, {}) is room
    assert (channel in USUAL_RULES.room(held, {})) is room


def test_agents_own_capacity_goes_before_the_tenants() -> None:
    assert not USUAL_RULES.has_room(CHAT, (CHAT,), {CHAT: 1}) and not USUAL_RULES.has_room(CHAT, (), {CHAT: 0})
    light = replace(USUAL_RULES, channels={**DEFAULT_RULES, CHAT: ChannelRule(3, 10)})
    assert light.has_room(CHAT, (CHAT,) * 4, {CHAT: 5})
    assert USUAL_RULES.occupancy((CHAT, CHAT)) == 66 and USUAL_RULES.occupancy((VOICE, CHAT)) == 100


@pytest.mark.parametrize(
    ("channel", "rule", "field"),
    [
        (VOICE, ChannelRule(2, 100), "channels[VOICE]"), (CHAT, ChannelRule(21, 33), "channels[CHAT]"),
        (CHAT, ChannelRule(3, 0), "channels[CHAT].weight"), (CHAT, ChannelRule(3, 101), "channels[CHAT].weight"),
        (CHAT, ChannelRule(3, 33, frozenset({CHAT})), "channels[CHAT].interrupts"),
        (CHAT, ChannelRule(3, 33, frozenset({VOICE})), "channels[VOICE].interrupts"),
        (VOICE, ChannelRule(1, 100, frozenset({Channel.VIDEO})), "channels[VOICE].interrupts"),
    ],
)  # fmt: skip
def test_rules_that_can_not_work_are_refused_by_their_field(channel: Channel, rule: ChannelRule, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_rules(CapacityRules({**DEFAULT_RULES, channel: rule}))
    assert [each.field for each in refusal.value.fields] == [field]


def test_usual_rules_can_work() -> None:
    assert check_rules(USUAL_RULES) is USUAL_RULES
    with pytest.raises(InvalidInput):
        check_capacities({VOICE: 2}, "agent.capacities")


def of(channel: Channel, name: str, since: float = 0, priority: float = 0, queue: str = "q") -> Waiting:
    return contact(name, queue, since, priority)._replace(channel=channel)


def holding(name: str, *held: Channel, version: int = 1) -> Ready:
    """An agent as the board sees them, with what they hold."""
    return agent(name)._replace(
        open=USUAL_RULES.room(held, {}), loaded=bool(held), version=version, idle_since=at(1000 + len(held))
    )


def test_agent_with_chats_is_offered_a_call_and_no_email() -> None:
    board = board_with()
    board.put_agent(holding("a", CHAT, CHAT))
    board.put_contact(of(EMAIL, "letter"))
    board.put_contact(of(VOICE, "caller", 10))
    match = board.decide(START)
    assert match is not None and match.contact.contact_id == "caller"
    assert board.decide(START) is None


def test_agent_who_has_no_room_for_a_channel_is_not_counted_where_it_waits() -> None:
    board = board_with()
    board.put_contact(of(EMAIL, "letter"))
    board.put_agent(holding("a", CHAT, CHAT))
    assert not board.matchable
    board.put_agent(holding("a", CHAT, version=2))
    assert board.matchable
    board.drop_agent("a")
    assert not board.matchable


class Office:
    """Agents who take every channel, each in their own queues or in those open to all; contacts come and end at
    random."""

    def __init__(self, seed: int, agents: int | Sequence[Collection[str]], rules: Rules) -> None:
        self.random = Random(seed)
        queues = [()] * agents if isinstance(agents, int) else agents
        own = [Line(name, False, (), rules) for name in sorted({name for each in queues for name in each})]
        self.board = board_with(Line("q", True, (), rules), Line("vip", True, ()), *own)
        self.queues = {f"a{number}": each for number, each in enumerate(queues)}
        self.held: dict[str, list[Channel]] = {name: [] for name in self.queues}
        self.count = 0
        for name in self.held:
            self.board.put_agent(self.seen(name))

    def seen(self, name: str) -> Ready:
        held = self.held[name]
        self.count += 1
        room = USUAL_RULES.room(held, {})
        return agent(name, queues=self.queues[name])._replace(
            open=None if not held else room, loaded=bool(held), version=self.count, idle_since=at(self.count)
        )

    def put(self, name: str) -> None:
        if USUAL_RULES.room(self.held[name], {}):
            self.board.put_agent(self.seen(name))
        else:
            self.board.drop_agent(name)

    def decide(self) -> Match | None:
        match = self.board.decide(START + self.count)
        if match is not None:
            name = match.agent.agent_id
            assert USUAL_RULES.has_room(match.contact.channel, self.held[name], {})
            self.held[name].append(match.contact.channel)
            self.put(name)
        return match

    def end_one(self) -> None:
        busy = [name for name, held in self.held.items() if held]
        name = self.random.choice(busy)
        self.held[name].remove(self.random.choice(self.held[name]))
        self.put(name)


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    agents=st.integers(1, 5),
    flood=st.sampled_from([VOICE, CHAT, EMAIL, SMS]),
    others=st.lists(st.sampled_from([VOICE, CHAT, EMAIL, SMS]), min_size=1, max_size=3, unique=True),
    urgent=st.integers(0, 9),
    growth=st.sampled_from([0.0, 5.0]),
)
def test_channel_is_served_within_so_many_decisions_though_another_one_floods(
    seed: int, agents: int, flood: Channel, others: list[Channel], urgent: int, growth: float
) -> None:
    rules = Rules(Strategy.LONGEST_IDLE, acceleration=growth)
    office, number = Office(seed, agents, rules), 0
    starving = [channel for channel in others if channel is not flood]
    for _ in range(40):  # the flood is there first, and agents are full of it
        number += 1
        office.board.put_contact(of(flood, f"flood{number}", number, urgent))
        office.decide()
    waits = {channel: 0 for channel in starving}
    for channel in starving:
        office.board.put_contact(of(channel, f"lone-{channel}", number + 1, queue="vip"))
    bound = MOST_PASSED + len(Channel)
    for _ in range(3000):
        if not waits:
            break
        number += 1
        office.board.put_contact(of(flood, f"flood{number}", number, urgent))
        match = office.decide()
        if match is None:
            office.end_one()
            continue
        waits.pop(match.contact.channel, None)
        for channel in waits:
            waits[channel] += 1
            assert waits[channel] <= bound, f"{channel} waits while {flood} floods"
    assert not waits, "nobody ever took it"


_OWN = ("qa", "qb", "qc")


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    agents=st.lists(st.sets(st.sampled_from(_OWN), min_size=1), min_size=1, max_size=5),
    floods=st.lists(st.sampled_from([VOICE, CHAT, EMAIL, SMS]), min_size=1, max_size=2, unique=True),
    lone=st.sampled_from([VOICE, CHAT, EMAIL, SMS]),
    urgent=st.integers(0, 9),
    growth=st.sampled_from([0.0, 5.0]),
)
def test_contact_waits_for_its_turn_with_its_own_agents_whatever_those_of_other_queues_are_served(
    seed: int, agents: list[set[str]], floods: list[Channel], lone: Channel, urgent: int, growth: float
) -> None:
    floods = [each for each in floods if each is not lone] or [VOICE if lone is CHAT else CHAT]
    office, number = Office(seed, agents, Rules(Strategy.LONGEST_IDLE, acceleration=growth)), 0
    served = sorted({queue for each in agents for queue in each})
    theirs = office.random.choice(served)

    def come(channel: Channel, queue: str, priority: float = 0) -> None:
        nonlocal number
        number += 1
        office.board.put_contact(of(channel, f"c{number}", number, priority, queue))

    for _ in range(40):  # agents are full of the flood
        come(office.random.choice(floods), theirs, urgent)
        office.decide()
    office.board.put_contact(of(lone, "lone", queue=theirs))
    passed = 0
    for _ in range(3000):
        come(office.random.choice(floods), theirs, urgent)
        for queue in served:
            if office.random.random() < 0.3 and queue != theirs:
                come(lone, queue)
        match = office.decide()
        if match is None:
            office.end_one()
            continue
        if match.contact.contact_id == "lone":
            return
        passed += theirs in office.queues[match.agent.agent_id] and match.contact.channel is not lone
        assert passed <= MOST_PASSED + len(Channel) * len(_OWN), "its own agents do everything else first"
    raise AssertionError("nobody ever took it")


def test_one_letter_is_not_forgotten_while_letters_of_another_queue_are_answered() -> None:
    board = board_with(Line("qa", False, ()), Line("qb", False, ()))
    board.put_contact(of(EMAIL, "letter", queue="qb"))
    for number in range(MOST_PASSED + 1):
        board.put_contact(of(CHAT, f"chat{number}", number + 1, queue="qb"))
        board.put_contact(of(EMAIL, f"other{number}", number + 1, queue="qa"))
        board.put_agent(agent("ann", queues=["qa"])._replace(version=number))
        board.put_agent(holding("bob", CHAT, CHAT, version=number)._replace(queue_ids=frozenset({"qb"})))
        taken = pairs(board, number + 1)
        assert (f"other{number}", "ann") in taken
        assert ((f"chat{number}", "bob") in taken) is (number < MOST_PASSED)
    assert set(board.held_back) == {"bob"}
    board.put_contact(of(CHAT, "asked", 98, queue="qa"))
    board.put_agent(agent("ann", queues=["qa"])._replace(version=99))
    match = board.decide(START + 99)
    assert match is not None and {each.agent.agent_id: each.rejection for each in match.candidates} == {"ann": ""}
    board.put_contact(of(CHAT, "urgent", 98, 9, queue="qb"))
    board.put_agent(agent("eve", queues=["qb"])._replace(open=frozenset({CHAT})))
    match = board.decide(START + 99)
    assert match is not None and match.agent.agent_id == "eve"
    assert {each.agent.agent_id: each.rejection for each in match.candidates} == {"eve": "", "bob": "held_back"}
    board.put_agent(agent("bob", queues=["qb"])._replace(version=99))
    assert pairs(board, 99)[0] == ("letter", "bob")


def test_agents_held_back_for_a_channel_work_again_when_it_waits_no_more() -> None:
    board = board_with()
    board.put_contact(of(EMAIL, "letter"))
    for number in range(MOST_PASSED):
        board.put_contact(of(CHAT, f"chat{number}", number + 1))
        board.put_agent(holding("a", CHAT, CHAT, version=number + 1))
        assert board.decide(START) is not None
    board.put_contact(of(CHAT, "one more", 99))
    board.put_agent(holding("a", CHAT, CHAT, version=99))
    assert board.decide(START) is None and set(board.held_back) == {"a"}
    assert board.held_for(START) == [HeldBack("a", "letter", EMAIL, MOST_PASSED)]
    board.drop_contact("letter")
    assert not board.held_for(START)
    match = board.decide(START)
    assert match is not None and match.contact.contact_id == "one more"


@pytest.mark.parametrize("steps", [(), (after(60, Change(ChangeKind.REMOVE, "A")),)], ids=["changed", "moved on"])
def test_contact_that_waits_keeps_its_turn_when_it_changes(steps: tuple[Step, ...]) -> None:
    board = board_with(Line("q", True, (("A", 1),), Rules(steps=steps)), Line("chats", True, ()))
    letter = of(EMAIL, "letter")
    board.put_contact(letter, START)
    for number in range(MOST_PASSED):
        if number == MOST_PASSED - 1:
            board.put_contact(letter._replace(points=1.0, version=2), START)
            board.advance(START + 61)
        board.put_contact(of(CHAT, f"chat{number}", number + 1, 9, queue="chats"), START)
        board.put_agent(holding("a", CHAT, CHAT, version=number + 1)._replace(skills={"A": 1}))
        assert board.decide(START) is not None
    board.put_contact(of(CHAT, "one more", 99, 9, queue="chats"), START)
    board.put_agent(holding("a", CHAT, CHAT, version=99)._replace(skills={"A": 1}))
    assert board.decide(START) is None and set(board.held_back) == {"a"}
