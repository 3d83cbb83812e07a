"""Ringing several: who rings together, and that of all who might have the contact exactly one has it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel.errors import DomainError, InvalidInput
from routing.domain import agents as agent_rules
from routing.domain import contacts as contact_rules
from routing.domain import offers
from routing.domain.agents import Agent, AgentState
from routing.domain.contacts import Channel, Contact, ContactState
from routing.domain.courses import Line
from routing.domain.hall import Arrival, House, Shift
from routing.domain.matches import RINGS_TOO, Match, Waiting
from routing.domain.offers import Beside, Move, OfferState, OfferTaken, RescindReason
from routing.domain.queues import Queue
from routing.domain.ranking import LAST, Ready
from routing.domain.requirements import ANYBODY, score
from routing.domain.rule_checks import check_rules
from routing.domain.rules import Rules, Strategy
from routing.domain.simulating import Day, Played, simulated
from routing.store.rules import rules_from_json, rules_to_json

from .boards import EPOCH, START, agent, at, board_with, contact

RING = timedelta(seconds=20)
QUEUE = Queue("que_1", "Sales", (), RING, RING, False, RING, RING, (), True, EPOCH, EPOCH)


def ringing(most: int, strategy: Strategy = Strategy.SKILLS) -> Line:
    return Line("q", True, (), Rules(strategy, ring_agents=most))


def decided(line: Line, agents: list[Ready], waiting: Waiting) -> Match:
    board = board_with(line)
    for each in agents:
        board.put_agent(each)
    board.put_contact(waiting, START)
    match = board.decide(START)
    assert match is not None
    assert not set(board.ready) & {each.agent_id for each in match.agents}
    return match


def rung(match: Match) -> list[str]:
    return [each.agent_id for each in match.agents]


# -- who rings together


def test_contact_rings_at_the_longest_idle_of_those_who_fit_as_many_as_its_queue_says() -> None:
    people = [agent(name, idle) for name, idle in (("d", 40), ("b", 20), ("a", 10), ("c", 30))]
    assert rung(decided(ringing(3), people, contact("one"))) == ["a", "b", "c"]
    assert rung(decided(ringing(1), people, contact("one"))) == ["a"]
    assert rung(decided(ringing(20), people, contact("one"))) == ["a", "b", "c", "d"]


def test_nobody_rings_along_whom_another_who_waits_could_have() -> None:
    people = [agent(name, number) for number, name in enumerate("abcd")]
    board = board_with(ringing(3))
    for each in people:
        board.put_agent(each)
    for number in range(3):
        board.put_contact(contact(f"c{number}", since=number), START)
    found = []
    while (match := board.decide(START)) is not None:
        found.append(rung(match))
    assert found == [["a", "b"], ["c"], ["d"]]


def test_nobody_rings_along_whom_one_who_waits_for_other_skills_could_have() -> None:
    board = board_with(ringing(3))
    for number, name in enumerate("abc"):
        board.put_agent(agent(name, number, {"fr": 3} if name == "b" else {}))
    board.put_contact(contact("one"), START)
    board.put_contact(contact("two", since=1, asked={"fr": 1}), START)
    first, second = board.decide(START), board.decide(START)
    assert first is not None and rung(first) == ["a", "c"]
    assert second is not None and rung(second) == ["b"]


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=7),
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=5),
)
@settings(max_examples=300, deadline=None)
def test_whoever_waits_when_several_ring_could_have_been_offered_to_none_of_them(
    people: list[tuple[bool, bool]], callers: list[tuple[int, bool]]
) -> None:
    board = board_with(ringing(3))
    for number, (french, sales) in enumerate(people):
        held = ({"fr": 3} if french else {}) | ({"sales": 3} if sales else {})
        board.put_agent(agent(f"a{number}", number, held))
    for number, (asks, callback) in enumerate(callers):
        asked = ({}, {"fr": 1}, {"sales": 1})[asks]
        board.put_contact(contact(f"c{number}", since=number, asked=asked)._replace(callback=callback), START)
    alongside: list[Ready] = []
    while (match := board.decide(START)) is not None:
        alongside += match.companions
    for left in board.waiting.values():
        assert not [each for each in alongside if score(each.skills, left.asked) is not None]


def test_who_is_away_rings_alone_and_with_nobody_else() -> None:
    home = agent("home")._replace(idle_since=LAST)
    assert rung(decided(ringing(3), [home, agent("a"), agent("b", 1)], contact("one"))) == ["a", "b"]
    other = agent("other")._replace(idle_since=LAST)
    assert len(rung(decided(ringing(3), [home, other], contact("one")))) == 1


def test_preferred_agent_and_one_it_is_for_alone_ring_alone() -> None:
    people = [agent(name) for name in "abc"]
    preferred = contact("one", preferred="b", preferred_wait=15)
    assert rung(decided(ringing(3), people, preferred)) == ["b"]
    assert rung(decided(ringing(3), people, contact("one", target="c"))) == ["c"]


def test_trace_says_who_rang_along() -> None:
    people = [agent(name, number) for number, name in enumerate("abcd")]
    match = decided(ringing(3), people, contact("one"))
    assert [(each.agent.agent_id, each.rejection) for each in match.candidates] == [
        ("a", ""), ("b", RINGS_TOO), ("c", RINGS_TOO), ("d", "shorter_idle"),
    ]  # fmt: skip


@pytest.mark.parametrize("most", [0, 21, -3])
def test_queue_rings_at_one_to_twenty(most: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_rules(Rules(ring_agents=most), ANYBODY, "que_1", "queue.rules")
    assert [each.field for each in refused.value.fields] == ["queue.rules.ring_agents"]


def test_rules_of_before_ring_at_one_and_those_of_now_are_read_as_they_were_written() -> None:
    kept = rules_to_json(Rules(ring_agents=5))
    assert rules_from_json(kept).ring_agents == 5
    del kept["ring_agents"]
    assert rules_from_json(kept).ring_agents == 1


# -- what becomes of it


def free(name: str, *, away_next: bool = False) -> Agent:
    return Agent(
        name, name, AgentState.AVAILABLE, EPOCH, EPOCH, idle_since=EPOCH, station_id="stn_1",
        next_state=AgentState.NOT_READY if away_next else None,
    )  # fmt: skip


def rings_at(count: int) -> Move:
    waiting = Contact("con_1", Channel.VOICE, ContactState.QUEUED, "que_1", EPOCH, EPOCH, call_id="call_1")
    people = [free(f"usr_{number}") for number in range(count)]
    move = offers.made("ofr_0", waiting, people[0], QUEUE, at(5))
    beside = [(f"ofr_{number}", each) for number, each in enumerate(people[1:], 1)]
    return offers.rung_together(move, people[0], beside, QUEUE, at(5)) if beside else move


def facing(move: Move, offer_id: str) -> Move:
    """The same ring from where this offer stands."""
    ring = [Beside(move.offer, move.agent), *move.beside]
    (own,) = [each for each in ring if each.offer.offer_id == offer_id]
    beside = tuple(each for each in ring if each is not own and each.offer.state is OfferState.PENDING)
    return Move(own.offer, move.contact, own.agent, beside)


def test_first_who_accepts_has_it_and_it_costs_the_others_nothing() -> None:
    move = rings_at(3)
    assert (move.contact.ringing, move.contact.agent_id, move.contact.offer_count) == (3, "usr_0", 1)
    after = offers.accepted(facing(move, "ofr_1"), at(8))
    assert (after.contact.state, after.contact.agent_id, after.contact.ringing) == (
        ContactState.ON_CONTACT, "usr_1", 0,
    )  # fmt: skip
    for offer, loser in after.beside:
        assert (offer.state, offer.rescind_reason) == (OfferState.RESCINDED, RescindReason.TAKEN)
        assert (loser.state, loser.idle_since, loser.missed_offers) == (AgentState.AVAILABLE, EPOCH, 0)
        assert loser.last_offer_time is None  # their turn is still theirs
        with pytest.raises(OfferTaken) as refused:
            offers.require_pending(offer)
        assert refused.value.reason == "OFFER_TAKEN"
    assert after.agent.last_offer_time == at(5)


def test_who_wants_to_be_away_is_so_when_a_colleague_takes_it() -> None:
    move = rings_at(2)
    leaving = replace(move.beside[0].agent, next_state=AgentState.NOT_READY, next_reason="lunch")
    after = offers.accepted(replace(move, beside=(Beside(move.beside[0].offer, leaving),)), at(8))
    assert (after.beside[0].agent.state, after.beside[0].agent.reason) == (AgentState.NOT_READY, "lunch")


def test_declining_leaves_the_others_ringing_and_the_last_brings_it_back_to_its_place() -> None:
    first = offers.declined(rings_at(3), at(7))
    assert (first.contact.state, first.contact.ringing, first.contact.agent_id) == (ContactState.OFFERED, 2, "usr_1")
    assert first.agent.state is AgentState.NOT_READY and len(first.beside) == 2
    second = offers.withdrawn(
        Move(first.beside[0].offer, first.contact, first.beside[0].agent, first.beside[1:]), at(8)
    )
    assert (second.contact.ringing, second.contact.agent_id) == (1, "usr_2")
    assert second.agent.state is AgentState.AVAILABLE
    last = offers.missed(Move(second.beside[0].offer, second.contact, second.beside[0].agent), at(26))
    assert (last.contact.state, last.contact.ringing, last.contact.agent_id) == (ContactState.QUEUED, 0, "")
    assert last.contact.queue_time == EPOCH and last.agent.missed_offers == 1


def test_it_rings_at_each_for_as_long_as_it_would_by_itself() -> None:
    patient = replace(free("usr_1"), reach=agent_rules.Reach(desk=timedelta(seconds=45), queue_calls=True))
    waiting = Contact("con_1", Channel.VOICE, ContactState.QUEUED, "que_1", EPOCH, EPOCH, call_id="call_1")
    lead = free("usr_0")
    move = offers.rung_together(
        offers.made("ofr_0", waiting, lead, QUEUE, EPOCH), lead, [("ofr_1", patient)], QUEUE, EPOCH
    )  # fmt: skip
    assert [each.expire_time for each in (move.offer, move.beside[0].offer)] == [at(20), at(45)]


_VERBS = st.sampled_from(["accept", "accept", "decline", "miss", "withdraw", "leave", "dequeue"])


@given(st.integers(1, 20), st.lists(st.tuples(_VERBS, st.integers(0, 19)), max_size=40))
def test_exactly_one_wins_and_nobody_is_held_afterwards(count: int, happens: list[tuple[str, int]]) -> None:
    move = rings_at(count)
    contact = move.contact
    ring = {each.offer.offer_id: each for each in (Beside(move.offer, move.agent), *move.beside)}
    for verb, number in happens:
        own = ring.get(f"ofr_{number}")
        if own is None:
            continue
        beside = tuple(
            each for each in ring.values() if each is not own and each.offer.state is OfferState.PENDING
        ) if contact.ringing > 1 else ()  # fmt: skip
        before = Move(own.offer, contact, own.agent, beside)
        try:
            offers.require_pending(own.offer)
            match verb:
                case "accept":
                    after = offers.accepted(before, at(10))
                case "decline":
                    after = offers.declined(before, at(10))
                case "miss":
                    after = offers.missed(before, at(25))
                case "withdraw":
                    after = offers.withdrawn(before, at(10))
                case "leave":
                    after = offers.rescinded(before, contact_rules.abandoned(contact, at(10)), at(10))
                case _:
                    gone = contact_rules.moved(contact, contact_rules.ContactTrigger.DEQUEUE, agent_id="")
                    after = offers.rescinded(before, gone, at(10))
        except DomainError:
            continue
        contact = after.contact
        for each in (Beside(after.offer, after.agent), *after.beside):
            ring[each.offer.offer_id] = each
        pending = [each for each in ring.values() if each.offer.state is OfferState.PENDING]
        assert contact.ringing == len(pending)
        assert (contact.state is ContactState.OFFERED) == bool(pending)
        assert not pending or contact.agent_id in {each.agent.agent_id for each in pending}
    states = Counter(each.offer.state for each in ring.values())
    assert states[OfferState.ACCEPTED] == (contact.state is ContactState.ON_CONTACT) <= 1
    for offer, person in ring.values():
        if offer.state is OfferState.PENDING:
            assert (person.state, person.contact_id) == (AgentState.OFFERED, "con_1")
        elif offer.state is OfferState.ACCEPTED:
            assert (person.state, contact.agent_id) == (AgentState.ON_CONTACT, person.agent_id)
        else:
            assert (person.contact_id, person.channel, person.others) == ("", None, ())
            assert person.missed_offers == (offer.state is OfferState.MISSED)
            if offer.state is OfferState.RESCINDED:
                assert (person.state, person.idle_since) == (AgentState.AVAILABLE, EPOCH)


# -- played


def test_day_played_with_several_ringing_is_answered_alike_and_the_same_each_time() -> None:
    shifts = [Shift(f"usr_{number}", 0, 3600, {}, frozenset(), 0) for number in range(4)]
    arrivals = [Arrival(f"con_{number}", "q", number * 20.0, 600, 45) for number in range(60)]
    day = Day(arrivals, shifts)
    alone, together = (simulated(Played(day, House({"q": ringing(most)}), {})) for most in (1, 3))
    again = simulated(Played(day, House({"q": ringing(3)}), {}))
    assert (together.whole.answered, together.whole.waits) == (alone.whole.answered, alone.whole.waits)
    assert together.contacts_by_agent == again.contacts_by_agent
    assert together.contacts_by_agent != alone.contacts_by_agent
