"""The verbs against real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import pytest
from chassis.sql import Database
from kernel.errors import InvalidInput
from kernel.ids import new_id
from routing.domain.agents import (
    AgentNotAvailable,
    AgentNotFound,
    AgentState,
    AgentTrigger,
    StationMissing,
    VersionConflict,
    moved,
)
from routing.domain.board import Board
from routing.domain.contacts import (
    CallOver,
    ContactNotFound,
    ContactNotHandled,
    ContactNotInWrapUp,
    ContactState,
    DispositionRequired,
)
from routing.domain.facts import AgentStateChanged, ContactAbandoned, ContactEnded, OfferMade, OfferMissed
from routing.domain.offers import DecisionStale, OfferNotFound, OfferNotPending, OfferState
from routing.domain.queues import (
    DispositionNotFound,
    QueueNotEmpty,
    QueueNotFound,
    SkillExists,
    SkillInUse,
    SkillLevel,
    SkillNotFound,
)
from routing.domain.views import line_of, ready_of, waiting_of
from routing.ops import agents as agent_ops
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops
from routing.ops import queues as queue_ops
from routing.ops import standing, waits
from routing.ops.contacts import WrapUp
from routing.store import offers as offer_store
from testkit.clock import ManualClock

from .conftest import Floor, draft_contact, draft_queue


async def test_offer_moves_contact_and_agent_together(floor: Floor) -> None:
    offer, agent_id, contact = await floor.ringing()
    agent, seen = await floor.see(agent_id), await floor.look(contact)
    assert (agent.state, agent.contact_id) == (AgentState.OFFERED, contact.contact_id)
    assert (seen.state, seen.agent_id, seen.offer_count) == (ContactState.OFFERED, agent_id, 1)
    assert offer.expire_time == floor.clock.now() + timedelta(seconds=20)
    assert floor.names_told()[-2:] == ["OfferMade", "AgentStateChanged"]
    assert floor.last(OfferMade).contact == seen


async def test_decision_on_an_older_version_is_stale_and_changes_nothing(floor: Floor) -> None:
    queue = await floor.queue()
    agent_id = await floor.agent()
    contact = await floor.contact(queue.queue_id)
    board = Board()
    board.put_line(line_of(queue))
    board.put_agent(ready_of(await floor.see(agent_id)))  # pyright: ignore[reportArgumentType]
    board.put_contact(waiting_of(contact))  # pyright: ignore[reportArgumentType]
    match = board.decide()
    assert match is not None
    await floor.run(agent_ops.set_state, agent_id, AgentState.NOT_READY, "lunch")
    with pytest.raises(DecisionStale):
        await floor.run(offer_ops.make_offer, match)
    assert (await floor.look(contact)).state is ContactState.QUEUED
    assert (await floor.see(agent_id)).reason == "lunch"


async def test_accepted_offer_makes_contact_and_agent_on_contact(floor: Floor) -> None:
    offer, agent_id, contact = await floor.ringing()
    floor.clock.advance(3)
    after, _ = await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)
    seen = await floor.look(contact)
    assert after.state is OfferState.ACCEPTED and seen.state is ContactState.ON_CONTACT
    assert seen.answer_time == floor.clock.now()
    assert (await floor.see(agent_id)).state is AgentState.ON_CONTACT
    with pytest.raises(OfferNotPending):
        await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)


async def test_offer_of_another_agent_is_not_found(floor: Floor) -> None:
    offer, _, _ = await floor.ringing()
    other = await floor.agent("Leyla")
    with pytest.raises(OfferNotFound):
        await floor.run(offer_ops.accept_offer, offer.offer_id, other)


async def test_missed_offer_returns_contact_to_head_of_queue(floor: Floor) -> None:
    offer, agent_id, contact = await floor.ringing()
    floor.clock.advance(1)
    later = await floor.contact(contact.queue_id)
    floor.clock.advance(18.9)
    assert await floor.run(offer_ops.expire_offers) == 0
    floor.clock.advance(0.1)
    assert await floor.run(offer_ops.expire_offers) == 1
    agent, seen = await floor.see(agent_id), await floor.look(contact)
    assert (agent.state, agent.reason, agent.contact_id) == (AgentState.NOT_READY, "missed_offer", "")
    assert (seen.state, seen.agent_id, seen.queue_time) == (ContactState.QUEUED, "", contact.queue_time)
    assert floor.last(OfferMissed).offer.state is OfferState.MISSED
    second = await floor.agent("Leyla")
    again = await floor.match()
    assert again is not None and (again.contact_id, again.agent_id) == (contact.contact_id, second)
    assert again.contact_id != later.contact_id
    with pytest.raises(OfferNotPending):
        await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)


async def test_offer_cannot_be_accepted_in_the_instant_it_expires(floor: Floor) -> None:
    offer, agent_id, _ = await floor.ringing()
    floor.clock.advance(20)
    with pytest.raises(OfferNotPending):
        await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)


async def test_declined_offer_makes_agent_not_ready_and_contact_wait_again(floor: Floor) -> None:
    offer, agent_id, contact = await floor.ringing()
    await floor.run(offer_ops.decline_offer, offer.offer_id, agent_id)
    agent = await floor.see(agent_id)
    assert (agent.state, agent.reason) == (AgentState.NOT_READY, "declined")
    assert (await floor.look(contact)).state is ContactState.QUEUED


async def test_caller_who_leaves_while_it_rings_is_abandoned_and_agent_stays_longest_idle(floor: Floor) -> None:
    offer, agent_id, contact = await floor.ringing()
    idle = (await floor.see(agent_id)).idle_since
    floor.clock.advance(4)
    await floor.hang_up(contact)
    agent, seen = await floor.see(agent_id), await floor.look(contact)
    assert (agent.state, agent.idle_since) == (AgentState.AVAILABLE, idle)
    assert seen.state is ContactState.ABANDONED and seen.end_time == floor.clock.now()
    assert floor.last(ContactAbandoned).short_abandon
    assert (await floor.read(lambda tx: offer_store.find_offer(tx, offer.offer_id))).state is OfferState.RESCINDED  # type: ignore[union-attr]


async def test_caller_who_waits_longer_than_the_threshold_is_no_short_abandon(floor: Floor) -> None:
    queue = await floor.queue()
    contact = await floor.contact(queue.queue_id)
    floor.clock.advance(5.001)
    await floor.hang_up(contact)
    assert not floor.last(ContactAbandoned).short_abandon


async def test_end_of_call_starts_wrap_up_and_its_timer_ends_the_contact(floor: Floor) -> None:
    _, agent_id, contact = await floor.talking()
    floor.clock.advance(60)
    await floor.hang_up(contact)
    seen = await floor.look(contact)
    assert seen.state is ContactState.WRAP_UP
    assert seen.wrap_up_expire_time == floor.clock.now() + timedelta(seconds=30)
    assert (await floor.see(agent_id)).state is AgentState.WRAP_UP
    floor.clock.advance(29)
    assert await floor.run(contact_ops.expire_wrap_ups) == 0
    floor.clock.advance(1)
    assert await floor.run(contact_ops.expire_wrap_ups) == 1
    assert floor.last(ContactEnded).by_timer
    agent = await floor.see(agent_id)
    assert (agent.state, agent.idle_since) == (AgentState.AVAILABLE, floor.clock.now())


async def test_call_that_ends_twice_changes_nothing_the_second_time(floor: Floor) -> None:
    _, _, contact = await floor.talking()
    await floor.hang_up(contact)
    told = len(floor.told)
    await floor.hang_up(contact)
    assert len(floor.told) == told


async def test_queue_without_wrap_up_ends_the_contact_with_the_call(floor: Floor) -> None:
    _, agent_id, contact = await floor.talking(wrap_up_duration=timedelta(0))
    await floor.hang_up(contact)
    assert (await floor.look(contact)).state is ContactState.ENDED
    assert (await floor.see(agent_id)).state is AgentState.AVAILABLE
    assert not floor.last(ContactEnded).by_timer and "WrapUpStarted" not in floor.names_told()


async def test_wrap_up_ends_with_outcome_and_note(floor: Floor) -> None:
    _, agent_id, contact = await floor.talking(disposition_required=True)
    outcome = await floor.run(queue_ops.create_disposition, "Sold")
    with pytest.raises(ContactNotInWrapUp):
        await floor.run(contact_ops.end_wrap_up, WrapUp(contact.contact_id, outcome.disposition_id, "", agent_id))
    await floor.hang_up(contact)
    with pytest.raises(DispositionRequired):
        await floor.run(contact_ops.end_wrap_up, WrapUp(contact.contact_id, "", "asked twice", agent_id))
    await floor.run(contact_ops.save_wrap_up, WrapUp(contact.contact_id, outcome.disposition_id, "called", agent_id))
    after = await floor.run(contact_ops.end_wrap_up, WrapUp(contact.contact_id, "", "", agent_id))
    assert (after.state, after.disposition_id, after.note) == (ContactState.ENDED, outcome.disposition_id, "called")
    assert floor.last(ContactEnded).contact.note == "called"


async def test_outcome_must_be_one_of_the_queue(floor: Floor) -> None:
    sold = await floor.run(queue_ops.create_disposition, "Sold")
    spam = await floor.run(queue_ops.create_disposition, "Spam")
    _, agent_id, contact = await floor.talking(disposition_ids=(sold.disposition_id,))
    with pytest.raises(DispositionNotFound):
        await floor.run(contact_ops.save_wrap_up, WrapUp(contact.contact_id, spam.disposition_id, "", agent_id))
    await floor.run(contact_ops.save_wrap_up, WrapUp(contact.contact_id, sold.disposition_id, "", agent_id))


async def test_contact_of_another_agent_cannot_be_wrapped_up_but_a_supervisor_may(floor: Floor) -> None:
    _, _, contact = await floor.talking()
    await floor.hang_up(contact)
    other = await floor.agent("Leyla")
    with pytest.raises(ContactNotFound):
        await floor.run(contact_ops.end_wrap_up, WrapUp(contact.contact_id, "", "", other))
    after = await floor.run(contact_ops.end_wrap_up, WrapUp(contact.contact_id, "", "by supervisor", ""))
    assert after.state is ContactState.ENDED
    with pytest.raises(ContactNotHandled):
        await floor.run(contact_ops.save_wrap_up, WrapUp(contact.contact_id, "", "too late", ""))


async def test_state_wanted_during_a_call_waits_for_its_end(floor: Floor) -> None:
    _, agent_id, contact = await floor.talking(wrap_up_duration=timedelta(0))
    agent = await floor.run(agent_ops.set_state, agent_id, AgentState.NOT_READY, "lunch")
    assert (agent.state, agent.next_state) == (AgentState.ON_CONTACT, AgentState.NOT_READY)
    await floor.hang_up(contact)
    agent = await floor.see(agent_id)
    assert (agent.state, agent.reason, agent.next_state) == (AgentState.NOT_READY, "lunch", None)


async def test_agent_without_station_cannot_be_available(floor: Floor) -> None:
    agent_id = new_id("usr", floor.clock.now())
    await floor.run(agent_ops.change_user, agent_id, "Aysel", True, 1)
    with pytest.raises(StationMissing):
        await floor.run(agent_ops.set_state, agent_id, AgentState.AVAILABLE, "")
    with pytest.raises(InvalidInput):
        await floor.run(agent_ops.set_state, agent_id, AgentState.ON_CONTACT, "")


async def test_lost_station_makes_available_agent_not_ready(floor: Floor) -> None:
    agent_id = await floor.agent()
    await floor.run(agent_ops.detach_station, agent_id, (await floor.see(agent_id)).station_time)
    agent = await floor.see(agent_id)
    assert (agent.state, agent.reason) == (AgentState.NOT_READY, "no_station")


async def test_lost_station_in_mid_call_makes_agent_not_ready_after_it_unless_it_comes_back(floor: Floor) -> None:
    _, agent_id, contact = await floor.talking(wrap_up_duration=timedelta(0))
    await floor.run(agent_ops.detach_station, agent_id, (await floor.see(agent_id)).station_time)
    assert (await floor.see(agent_id)).next_reason == "no_station"
    floor.clock.advance(1)
    await floor.run(agent_ops.attach_station, agent_id, new_id("stn", floor.clock.now()), floor.clock.now())
    assert (await floor.see(agent_id)).next_state is None
    await floor.run(agent_ops.detach_station, agent_id, (await floor.see(agent_id)).station_time)
    await floor.hang_up(contact)
    assert (await floor.see(agent_id)).reason == "no_station"


async def test_news_of_a_replaced_station_changes_nothing(floor: Floor) -> None:
    agent_id = await floor.agent()
    old = (await floor.see(agent_id)).station_time
    floor.clock.advance(1)
    await floor.run(agent_ops.attach_station, agent_id, new_id("stn", floor.clock.now()), floor.clock.now())
    await floor.run(agent_ops.detach_station, agent_id, old)
    assert (await floor.see(agent_id)).state is AgentState.AVAILABLE


async def test_station_lost_while_it_rings_gives_the_contact_back_at_once(floor: Floor) -> None:
    _offer, agent_id, contact = await floor.ringing()
    await floor.run(agent_ops.detach_station, agent_id, (await floor.see(agent_id)).station_time)
    assert (await floor.look(contact)).state is ContactState.QUEUED
    agent = await floor.see(agent_id)
    assert (agent.state, agent.reason, agent.contact_id) == (AgentState.NOT_READY, "no_station", "")


async def test_disabled_login_takes_the_agent_off_the_floor(floor: Floor) -> None:
    _offer, agent_id, contact = await floor.ringing()
    await floor.run(agent_ops.change_user, agent_id, "Aysel", False, 2)
    assert (await floor.look(contact)).state is ContactState.QUEUED
    assert floor.last(AgentStateChanged).agent.state is AgentState.OFFLINE
    with pytest.raises(AgentNotFound):
        await floor.see(agent_id)


async def test_busy_agent_is_not_offered_a_second_contact(floor: Floor) -> None:
    _, _agent_id, contact = await floor.ringing()
    await floor.contact(contact.queue_id)
    assert await floor.match() is None


async def test_contact_that_rings_is_not_taken_out_and_one_that_waits_is(floor: Floor) -> None:
    _, agent_id, contact = await floor.ringing()
    waiting = await floor.contact(contact.queue_id)
    rings = await floor.run(contact_ops.dequeue_contact, contact.contact_id, "max_wait")
    assert rings.state is ContactState.OFFERED and (await floor.see(agent_id)).state is AgentState.OFFERED
    after = await floor.run(contact_ops.dequeue_contact, waiting.contact_id, "max_wait")
    assert after.state is ContactState.ENDED and floor.names_told()[-1] == "ContactDequeued"
    assert await floor.run(contact_ops.dequeue_contact, waiting.contact_id, "max_wait") == after


async def test_contact_being_talked_to_is_not_taken_out(floor: Floor) -> None:
    _, _, contact = await floor.talking()
    after = await floor.run(contact_ops.dequeue_contact, contact.contact_id, "max_wait")
    assert after.state is ContactState.ON_CONTACT


async def test_call_that_ended_before_it_was_queued_does_not_wait_for_ever(floor: Floor) -> None:
    queue = await floor.queue()
    draft = draft_contact(queue.queue_id, floor.clock.now())
    await floor.run(contact_ops.end_call, draft.call_id, floor.clock.now())
    with pytest.raises(CallOver):
        await floor.run(contact_ops.enqueue_contact, draft)


async def test_contact_needs_a_queue_that_is_there(floor: Floor, other_floor: Floor) -> None:
    theirs = await other_floor.queue()
    with pytest.raises(QueueNotFound):
        await floor.contact(theirs.queue_id)
    with pytest.raises(SkillNotFound):
        skill = SkillLevel(new_id("skl", floor.clock.now()), 3)
        await floor.contact((await floor.queue()).queue_id, required_skills=(skill,))


async def test_every_decision_says_who_was_weighed(floor: Floor) -> None:
    skill = await floor.run(queue_ops.create_skill, "Turkish")
    queue = await floor.queue(required_skills=(SkillLevel(skill.skill_id, 2),))
    beginner = await floor.agent("Beginner", skills=[SkillLevel(skill.skill_id, 1)])
    floor.clock.advance(10)
    expert = await floor.agent("Expert", skills=[SkillLevel(skill.skill_id, 5)])
    floor.clock.advance(5)
    contact = await floor.contact(queue.queue_id)
    await floor.match()
    [decision] = await floor.read(lambda tx: contact_ops.list_decisions(tx, contact.contact_id))
    assert decision.rule == "best_proficiency_then_idle"
    assert [(each.agent_id, each.rejection, each.idle_seconds) for each in decision.candidates] == [
        (expert, "", 5.0), (beginner, f"proficiency_too_low:{skill.skill_id}", 15.0),
    ]  # fmt: skip


async def test_wait_estimate_follows_position_and_staffing(floor: Floor) -> None:
    queue = await floor.queue(wrap_up_duration=timedelta(0))
    first = await floor.contact(queue.queue_id)
    floor.clock.advance(7)
    second = await floor.contact(queue.queue_id)
    alone = await floor.run(waits.estimate_wait, second.contact_id)
    assert (alone.position, alone.depth, alone.expected) == (2, 2, None)
    agent_id = await floor.agent()
    offer = await floor.match()
    assert offer is not None and offer.contact_id == first.contact_id
    await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)
    told = await floor.run(waits.estimate_wait, second.contact_id)
    assert (told.position, told.depth, told.expected) == (1, 1, timedelta(seconds=180))
    assert told.low and told.high and told.low < timedelta(seconds=180) < told.high
    floor.clock.advance(80)
    await floor.hang_up(first)
    await floor.run(agent_ops.set_state, agent_id, AgentState.AVAILABLE, "")
    told = await floor.run(waits.estimate_wait, second.contact_id)
    assert told.expected == timedelta(0) and told.waited == timedelta(seconds=80)


async def test_a_queue_stands_by_who_waits_who_serves_it_and_what_the_next_would_wait(floor: Floor) -> None:
    queue = await floor.queue(wrap_up_duration=timedelta(0), open_to_all=False)
    stands = await floor.run(standing.queue_standing, queue.queue_id)
    assert (stands.waiting, stands.agents, stands.free, stands.expected) == (0, 0, 0, None)
    await floor.agent()
    agent_id = await floor.agent(queues=[queue.queue_id])
    stands = await floor.run(standing.queue_standing, queue.queue_id)
    assert (stands.waiting, stands.agents, stands.free, stands.expected) == (0, 1, 1, timedelta(0))
    await floor.contact(queue.queue_id)
    offer = await floor.match()
    assert offer is not None
    await floor.run(offer_ops.accept_offer, offer.offer_id, agent_id)
    await floor.contact(queue.queue_id)
    stands = await floor.run(standing.queue_standing, queue.queue_id)
    assert (stands.waiting, stands.agents, stands.free, stands.expected) == (1, 1, 0, timedelta(seconds=360))
    with pytest.raises(QueueNotFound):
        await floor.run(standing.queue_standing, "que_01m8697mv2r48mmynbq2ew6xq0")


async def test_queue_with_waiting_contacts_cannot_be_deleted(floor: Floor) -> None:
    queue = await floor.queue(open_to_all=False)
    agent_id = await floor.agent(queues=[queue.queue_id])
    contact = await floor.contact(queue.queue_id)
    with pytest.raises(QueueNotEmpty):
        await floor.run(queue_ops.delete_queue, queue.queue_id)
    await floor.hang_up(contact)
    await floor.run(queue_ops.delete_queue, queue.queue_id)
    assert (await floor.see(agent_id)).queue_ids == ()
    with pytest.raises(QueueNotFound):
        await floor.contact(queue.queue_id)


async def test_call_on_a_deleted_queue_still_ends_by_its_rules(floor: Floor) -> None:
    _, _, contact = await floor.talking()
    await floor.run(queue_ops.delete_queue, contact.queue_id)
    await floor.hang_up(contact)
    assert (await floor.look(contact)).state is ContactState.WRAP_UP


async def test_queue_change_on_an_older_version_is_refused(floor: Floor) -> None:
    queue = await floor.queue()
    await floor.run(queue_ops.update_queue, queue.queue_id, {"display_name": "Support"}, 1)
    with pytest.raises(VersionConflict):
        await floor.run(queue_ops.update_queue, queue.queue_id, {"display_name": "Late"}, 1)


async def test_queue_rules_out_of_bounds_are_refused_by_name(floor: Floor) -> None:
    with pytest.raises(InvalidInput) as refused:
        await floor.run(
            queue_ops.create_queue,
            draft_queue(offer_timeout=timedelta(seconds=4), wrap_up_duration=timedelta(seconds=901)),
        )
    assert [each.field for each in refused.value.fields] == ["queue.offer_timeout", "queue.wrap_up_duration"]


async def test_skill_names_are_unique_and_used_skills_stay(floor: Floor) -> None:
    skill = await floor.run(queue_ops.create_skill, "Turkish")
    with pytest.raises(SkillExists):
        await floor.run(queue_ops.create_skill, " turkish ")
    agent_id = await floor.agent(skills=[SkillLevel(skill.skill_id, 3)])
    with pytest.raises(SkillInUse):
        await floor.desk.run(floor.tenant_id, lambda tx: queue_ops.delete_skill(tx, skill.skill_id))
    await floor.run(agent_ops.update_agent, agent_id, {"skills": ()}, 0)
    await floor.desk.run(floor.tenant_id, lambda tx: queue_ops.delete_skill(tx, skill.skill_id))


async def test_missed_offer_sends_agent_who_wanted_to_leave_offline(floor: Floor) -> None:
    _, agent_id, _ = await floor.ringing()
    await floor.run(agent_ops.set_state, agent_id, AgentState.OFFLINE, "")
    floor.clock.advance(20)
    await floor.run(offer_ops.expire_offers)
    assert (await floor.see(agent_id)).state is AgentState.OFFLINE


async def test_not_ready_agent_cannot_be_offered_anything(floor: Floor, db: Database, clock: ManualClock) -> None:
    agent = await floor.see(await floor.agent())
    with pytest.raises(AgentNotAvailable):
        moved(agent, AgentTrigger.ACCEPT, clock.now())
