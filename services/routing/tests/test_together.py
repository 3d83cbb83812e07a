"""What comes of contacts and offers written in one transaction: to each its own, and who came first is first."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from kernel.errors import AlreadyExists, DomainError, InvalidInput
from kernel.ids import new_id
from merkez.routing.v1 import contact_pb2 as c
from merkez.routing.v1 import contact_service_pb2 as cs
from routing.domain.agents import AgentNotFound, AgentState
from routing.domain.board import ready_of, waiting_of
from routing.domain.contacts import CallOver, Contact, ContactState
from routing.domain.facts import AgentStateChanged, ContactQueued, OfferMade
from routing.domain.matches import Match
from routing.domain.offers import DecisionStale
from routing.domain.overflow import Overflow
from routing.domain.queues import QueueNotFound, SkillLevel, SkillNotFound
from routing.domain.rules import Rules
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops
from routing.ops import overflow
from routing.ops import queues as queue_ops
from routing.ops.newcomers import Newcomer
from routing.ops.offers import Proposal

from .conftest import Edge, Floor, as_, draft_contact, refused


async def test_of_contacts_that_come_together_each_gets_its_own_answer(floor: Floor) -> None:
    queue, now = await floor.queue(), floor.clock.now()
    over = draft_contact(queue.queue_id, now)
    await floor.run(contact_ops.end_call, over.call_id, now)
    drafts = [
        draft_contact(queue.queue_id, now), draft_contact(new_id("que", now), now), over,
        draft_contact(queue.queue_id, now, target_agent_id=new_id("usr", now)), draft_contact(queue.queue_id, now),
    ]  # fmt: skip
    outcomes = await floor.run(overflow.enqueue_contacts, [Newcomer(each, now) for each in drafts])
    assert [type(each) for each in outcomes] == [Contact, QueueNotFound, CallOver, AgentNotFound, Contact]
    waiting = [each for each in outcomes if isinstance(each, Contact)]
    assert [fact.contact for fact in floor.told if isinstance(fact, ContactQueued)] == waiting
    assert [(await floor.look(each)).state for each in waiting] == [ContactState.QUEUED] * 2


async def test_of_contacts_that_come_together_each_asks_for_skills_in_its_own_words(floor: Floor) -> None:
    french, sales = [(await floor.run(queue_ops.create_skill, name)).skill_id for name in ("French", "Sales")]
    queue, now = await floor.queue(rules=Rules(requirement="not Sales")), floor.clock.now()
    french_only, nobody = SkillLevel(french, 1), SkillLevel(new_id("skl", now), 1)
    asked = (
        {"requirement": "french >= 3 or Sales"}, {"requirement": "French and Klingon"}, {"requirement": "  "},
        {"requirement": "Sales"}, {"required_skills": (nobody,)}, {"required_skills": (french_only,)},
    )  # fmt: skip
    drafts = [draft_contact(queue.queue_id, now, **each) for each in asked]
    outcomes = await floor.run(overflow.enqueue_contacts, [Newcomer(each, now) for each in drafts])
    assert [type(each) for each in outcomes] == [Contact, InvalidInput, Contact, InvalidInput, SkillNotFound, Contact]
    kept = [await floor.look(each) for each in outcomes if isinstance(each, Contact)]
    assert [each.requirement for each in kept] == [f"{french} >= 3 or {sales}", "", ""]
    unknown, contradicts, missing = (each for each in outcomes if isinstance(each, DomainError))
    assert "contact.requirement at character 12: no skill is named Klingon" in str(unknown)
    assert "contact.requirement contradict what the queue asks for" in str(contradicts)
    assert missing.metadata == {"fault": "SKILL_UNKNOWN"}


async def test_who_came_first_waits_first_also_of_those_written_together(floor: Floor) -> None:
    queue, now = await floor.queue(), floor.clock.now()
    coming = [Newcomer(draft_contact(queue.queue_id, now), now + timedelta(milliseconds=n)) for n in range(8)]
    outcomes = await floor.run(overflow.enqueue_contacts, list(reversed(coming)))
    for contact in reversed(outcomes):
        await floor.agent()
        offer = await floor.match()
        assert isinstance(contact, Contact) and offer is not None and offer.contact_id == contact.contact_id


async def test_a_queue_that_takes_two_takes_two_of_those_who_come_together(floor: Floor) -> None:
    queue = await floor.queue(overflow=Overflow(max_waiting=2))
    other, now = await floor.queue("Other"), floor.clock.now()
    drafts = [draft_contact(each.queue_id, now) for each in (queue, other, queue, queue, other, queue)]
    outcomes = await floor.run(overflow.enqueue_contacts, [Newcomer(each, now) for each in drafts])
    states = [each.state for each in outcomes if isinstance(each, Contact)]
    queued, ended = ContactState.QUEUED, ContactState.ENDED
    assert states == [queued, queued, queued, ended, queued, ended]
    assert [each.queue_id for each in outcomes if isinstance(each, Contact)] == [each.queue_id for each in drafts]


async def _proposals(floor: Floor, many: int) -> list[Match]:
    queue, made = await floor.queue(), list[Match]()
    for number in range(many):
        ready = ready_of(await floor.see(await floor.agent(f"Agent {number}")))
        waiting = waiting_of(await floor.contact(queue.queue_id))
        assert ready is not None and waiting is not None
        made.append(Match(waiting, ready, "longest_idle"))
    return made


async def test_of_offers_made_together_the_stale_ones_are_refused_and_change_nothing(floor: Floor) -> None:
    matches = await _proposals(floor, 4)
    await floor.run(contact_ops.dequeue_contact, matches[1].contact.contact_id, "left")
    floor.told.clear()
    # The last two are for the agent and for the contact of the first.
    twice = [*matches, matches[0]._replace(contact=matches[1].contact), matches[2]._replace(contact=matches[0].contact)]
    outcomes = await floor.run(offer_ops.make_offers, [Proposal(each) for each in twice])
    stale = [isinstance(each, DecisionStale) for each in outcomes]
    assert stale == [False, True, False, False, True, True]
    made = [fact.offer for fact in floor.told if isinstance(fact, OfferMade)]
    assert made == [each for each in outcomes if not isinstance(each, DecisionStale)]
    moved = {fact.agent.agent_id for fact in floor.told if isinstance(fact, AgentStateChanged)}
    assert moved == {each.agent_id for each in made}
    for place, match in enumerate(matches):
        agent, contact = await floor.see(match.agent.agent_id), match.contact.contact_id
        assert agent.state is (AgentState.AVAILABLE if place == 1 else AgentState.OFFERED)
        decisions = await floor.read(lambda tx, contact=contact: contact_ops.list_decisions(tx, contact))
        assert len(decisions) == (0 if place == 1 else 1)


async def test_offers_made_together_by_two_at_once_make_one_ring_each(floor: Floor) -> None:
    matches = await _proposals(floor, 6)

    async def offer(some: list[Match]) -> list[bool]:
        outcomes = await floor.run(offer_ops.make_offers, [Proposal(each) for each in some])
        return [not isinstance(each, DomainError) for each in outcomes]

    both = await asyncio.gather(offer(matches), offer(list(reversed(matches))))
    assert sum(map(sum, both)) == len(matches)
    assert len({fact.offer.contact_id for fact in floor.told if isinstance(fact, OfferMade)}) == len(matches)


async def test_requests_of_one_round_are_answered_once_for_each_id(edge: Edge, floor: Floor) -> None:
    queue = await floor.queue()

    def request(request_id: str, priority: int = 0) -> cs.EnqueueContactRequest:
        contact = c.Contact(
            channel=c.CHANNEL_VOICE, queue_id=queue.queue_id, call_id=_calls[request_id], priority=priority
        )  # fmt: skip
        return cs.EnqueueContactRequest(request_id=request_id, contact=contact)

    _calls = {f"run:{n}": new_id("call", floor.clock.now()) for n in range(12)}
    with as_("service", floor):
        answers = await asyncio.gather(*(edge.contacts.EnqueueContact(request(f"run:{n % 12}")) for n in range(36)))
        other = [edge.contacts.EnqueueContact(request(f"run:{n}", 3)) for n in range(12)]
        await asyncio.gather(*(refused(each, AlreadyExists, "REQUEST_ID_REUSED") for each in other))
    ids = [each.contact_id for each in answers]
    assert ids[:12] == ids[12:24] == ids[24:] and len(set(ids)) == 12


@pytest.mark.parametrize("bad", ["queue", "channel"])
async def test_a_bad_request_among_good_ones_is_refused_alone(edge: Edge, floor: Floor, bad: str) -> None:
    queue, now = await floor.queue(), floor.clock.now()

    def request(number: int) -> cs.EnqueueContactRequest:
        good = c.Contact(channel=c.CHANNEL_VOICE, queue_id=queue.queue_id, call_id=new_id("call", now))
        if number == 5:
            good = c.Contact(queue_id=queue.queue_id) if bad == "channel" else c.Contact(
                channel=c.CHANNEL_VOICE, queue_id=new_id("que", now))  # fmt: skip
        return cs.EnqueueContactRequest(request_id=f"run:{number}", contact=good)

    with as_("service", floor):
        calls = [edge.contacts.EnqueueContact(request(n)) for n in range(10)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(each, DomainError) for each in outcomes] == [n == 5 for n in range(10)]


async def test_one_offer_is_as_several_are(floor: Floor) -> None:
    (match,) = await _proposals(floor, 1)
    stale = match.contact._replace(version=match.contact.version + 1)
    with pytest.raises(DecisionStale):
        await floor.run(offer_ops.make_offer, match._replace(contact=stale))
    assert (await floor.run(offer_ops.make_offer, match)).agent_id == match.agent.agent_id
