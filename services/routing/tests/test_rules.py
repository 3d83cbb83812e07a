"""A queue's rules from the hands of who writes them to the offer that comes of them, with rows and rpcs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from chassis.auth import acting_for
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from kernel.errors import Conflict, FailedPrecondition, Forbidden, InvalidInput, NotFound
from kernel.ids import new_id
from merkez.routing.v1 import contact_pb2 as c
from merkez.routing.v1 import contact_service_pb2 as cs
from merkez.routing.v1 import queue_pb2 as q
from merkez.routing.v1 import queue_service_pb2 as qs
from merkez.routing.v1 import rules_pb2 as r
from routing.domain.agents import AgentState
from routing.domain.contacts import ContactMoved
from routing.domain.facts import ContactChanged, QueueChanged
from routing.domain.queues import QueueInUse, SkillInUse, SkillLevel
from routing.domain.rules import Change, ChangeKind, Rules, Step, Strategy
from routing.ops import agents as agent_ops
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops
from routing.ops import queues as queue_ops
from routing.ops import waits
from routing.store import offers as offer_store

from .boards import after, listed
from .callers import ask
from .conftest import Edge, Floor, as_, refused

SECONDS = timedelta(seconds=1)


async def skill(floor: Floor, name: str) -> str:
    return (await floor.run(queue_ops.create_skill, name)).skill_id


def whole(**rules: Any) -> r.RoutingRules:
    return r.RoutingRules(**rules)


async def test_rules_are_written_with_names_and_come_back_with_the_names_of_today(edge: Edge, floor: Floor) -> None:
    french, disputes = await skill(floor, "French"), await skill(floor, "Card disputes")
    other = (await floor.queue("Other", open_to_all=False)).queue_id
    agent_id = await floor.agent()
    rules = whole(
        strategy=r.STRATEGY_WEIGHTED, weights=r.Weights(proficiency=2, cost=0.5),
        requirement='french >= 3 and not "card DISPUTES" >= 4', point_wait=Duration(seconds=60), points_per_minute=0.5,
        most_points=9, preferred_wait=Duration(seconds=20),
        steps=[
            r.RelaxationStep(after_wait=Duration(seconds=60), changes=[
                r.RequirementChange(lower=r.SkillLowering(skill_id=french, proficiency=1)),
                r.RequirementChange(also='"Card disputes" = 5'), r.RequirementChange(also_queue_id=other),
            ]),
            r.RelaxationStep(expected_wait_over=Duration(seconds=300), changes=[
                r.RequirementChange(remove_skill_id=french),
            ]),
        ],
    )  # fmt: skip
    with as_("admin", floor):
        request = qs.CreateQueueRequest(request_id="r1", queue=q.Queue(display_name="Sales", rules=rules))
        made = await edge.queues.CreateQueue(request)
        assert made.rules.requirement == 'French >= 3 and not "Card disputes" >= 4'
        assert made.rules.steps[0].changes[1].also == '"Card disputes" = 5'
        change = q.Queue(queue_id=made.queue_id, rules=made.rules)
        asked = qs.UpdateQueueRequest(queue=change, update_mask=FieldMask(paths=["rules"]), version=made.version)
        again = await edge.queues.UpdateQueue(asked)
        assert again.rules == made.rules, "what comes back can be sent back"
        plain = q.Queue(
            queue_id=made.queue_id, rules=whole(strategy=r.STRATEGY_LIST, levels=[r.ListLevel(agent_ids=[agent_id])])
        )
        asked = qs.UpdateQueueRequest(queue=plain, update_mask=FieldMask(paths=["rules"]))
        listed = await edge.queues.UpdateQueue(asked)
        assert list(listed.rules.levels[0].agent_ids) == [agent_id] and not listed.rules.steps
        assert (await edge.queues.GetQueue(qs.GetQueueRequest(queue_id=made.queue_id))).rules == listed.rules
    await floor.run(queue_ops.update_queue, made.queue_id, {"rules": Rules(requirement=f"{disputes} >= 2")}, 0)
    assert floor.last(QueueChanged).queue.rules.requirement == f"{disputes} >= 2", "facts carry skills by id"


@pytest.mark.parametrize(
    ("rules", "kind", "said"),
    [
        (whole(requirement="Klingon >= 3"), InvalidInput, "queue.rules.requirement at character 1: no skill is"),
        (whole(requirement="   Klingon >= 3"), InvalidInput, "queue.rules.requirement at character 4: no skill is"),
        (whole(steps=[r.RelaxationStep(after_wait=Duration(seconds=9), changes=[r.RequirementChange(also="  x y")])]),
         InvalidInput, "queue.rules.steps[0].changes[0].also at character 5"),
        (whole(steps=[r.RelaxationStep(after_wait=Duration(seconds=9), changes=[r.RequirementChange(also="x y")])]),
         InvalidInput, "queue.rules.steps[0].changes[0].also at character 3"),
        (whole(steps=[r.RelaxationStep(after_wait=Duration(seconds=9), changes=[r.RequirementChange()])]),
         InvalidInput, "queue.rules.steps[0].changes[0] says nothing"),
        (whole(steps=[r.RelaxationStep(after_wait=Duration(seconds=9),
                                       changes=[r.RequirementChange(also_queue_id="que_01m8697mv2r48mmynbq2ew6xq0")])]),
         NotFound, "queue.rules.steps[0].changes[0].also_queue_id names a queue"),
        (whole(steps=[r.RelaxationStep(after_wait=Duration(seconds=9),
                                       changes=[r.RequirementChange(remove_skill_id="skl_01m8697mv2r48mmynbq2ew6xq0")])]),
         NotFound, "queue.rules.steps[0].changes[0] names a skill"),
        (whole(strategy=r.STRATEGY_LIST, levels=[r.ListLevel(agent_ids=["usr_01m8697mv2r48mmynbq2ew6xq0"])]),
         NotFound, "queue.rules.levels[0].agent_ids[0] names an agent"),
        (whole(strategy=99), InvalidInput, "queue.rules.strategy is not a value"),
    ],
)  # fmt: skip
async def test_rules_that_name_what_is_not_there_are_refused_with_the_place(
    edge: Edge, floor: Floor, rules: r.RoutingRules, kind: type[Exception], said: str
) -> None:
    await skill(floor, "x")
    request = qs.CreateQueueRequest(request_id="r1", queue=q.Queue(display_name="Sales", rules=rules))
    with as_("admin", floor), pytest.raises(kind) as caught:
        await edge.queues.CreateQueue(request)
    assert said in str(caught.value)


async def test_agent_with_both_skills_is_found_though_their_names_stand_close_to_the_words_between(
    edge: Edge,
    floor: Floor,
) -> None:
    new, french = await skill(floor, "New here"), await skill(floor, "French")
    with as_("admin", floor):
        made = await edge.queues.CreateQueue(
            qs.CreateQueueRequest(
                request_id="r1",
                queue=q.Queue(
                    display_name="Sales", open_to_all=True,
                    rules=whole(requirement='"New here"and"French"or not"French"'),
                ),
            )
        )  # fmt: skip
    assert made.rules.requirement == '"New here" and French or not French'
    agent_id = await floor.agent(skills=[SkillLevel(new, 1), SkillLevel(french, 1)])
    await floor.contact(made.queue_id)
    offer = await floor.match()
    assert offer is not None and offer.agent_id == agent_id


async def test_skill_and_queue_that_rules_name_can_not_be_taken_away(edge: Edge, floor: Floor) -> None:
    french, other = await skill(floor, "French"), await floor.queue("Other", open_to_all=False)
    rules = Rules(requirement="French", steps=(after(9, Change(ChangeKind.ALSO_QUEUE, queue_id=other.queue_id)),))
    queue = await floor.queue(rules=rules, open_to_all=False)
    with as_("admin", floor):
        await refused(
            edge.skills.DeleteSkill(qs.DeleteSkillRequest(skill_id=french)), FailedPrecondition, "SKILL_IN_USE"
        )
    with pytest.raises(QueueInUse, match="Sales"):
        await floor.run(queue_ops.delete_queue, other.queue_id)
    await floor.run(queue_ops.update_queue, queue.queue_id, {"rules": Rules()}, 0)
    await floor.run(queue_ops.delete_queue, other.queue_id)
    with as_("admin", floor):
        await edge.skills.DeleteSkill(qs.DeleteSkillRequest(skill_id=french))


async def test_plan_without_skills_takes_no_expression(floor: Floor) -> None:
    await skill(floor, "French")
    await floor.hold_plan("small")
    with pytest.raises(FailedPrecondition, match="plan"):
        await floor.queue(rules=Rules(requirement="French"))
    await floor.queue(rules=Rules(Strategy.LONGEST_IDLE))


async def test_agents_are_ranked_by_what_their_rows_say_of_the_shift(floor: Floor) -> None:
    queue = await floor.queue(rules=Rules(Strategy.FEWEST_CONTACTS), wrap_up_duration=timedelta(0))
    busy, quiet = await floor.agent("Busy"), await floor.agent("Quiet")
    await floor.run(agent_ops.set_state, quiet, AgentState.NOT_READY, "lunch")
    contact = await floor.contact(queue.queue_id)
    offer = await floor.match()
    assert offer is not None
    await floor.run(offer_ops.accept_offer, offer.offer_id, busy)
    floor.clock.advance(90)
    await floor.hang_up(contact)
    found = await floor.see(busy)
    assert (found.shift_contacts, found.shift_talk, found.last_offer_time) == (1, 90 * SECONDS, offer.create_time)
    await floor.run(agent_ops.set_state, quiet, AgentState.AVAILABLE, "")
    await floor.contact(queue.queue_id)
    offer = await floor.match()
    assert offer is not None and offer.agent_id == quiet
    await floor.run(agent_ops.set_state, busy, AgentState.OFFLINE, "")
    await floor.run(agent_ops.set_state, busy, AgentState.AVAILABLE, "")
    assert (await floor.see(busy)).shift_contacts == 0, "a new shift begins from OFFLINE"


async def test_who_closes_the_browser_in_the_evening_begins_a_new_shift_in_the_morning(floor: Floor) -> None:
    _, agent_id, contact = await floor.talking(wrap_up_duration=timedelta(0))
    floor.clock.advance(90)
    await floor.hang_up(contact)
    await floor.run(agent_ops.detach_station, agent_id, (await floor.see(agent_id)).station_time)
    floor.clock.advance(3600)
    await floor.run(agent_ops.attach_station, agent_id, new_id("stn", floor.clock.now()), floor.clock.now())
    await floor.run(agent_ops.set_state, agent_id, AgentState.AVAILABLE, "")
    assert (await floor.see(agent_id)).shift_contacts == 1, "an hour of no network is part of the shift"
    await floor.run(agent_ops.detach_station, agent_id, (await floor.see(agent_id)).station_time)
    floor.clock.advance(6 * 3600)
    await floor.run(agent_ops.attach_station, agent_id, new_id("stn", floor.clock.now()), floor.clock.now())
    await floor.run(agent_ops.set_state, agent_id, AgentState.AVAILABLE, "")
    found = await floor.see(agent_id)
    assert (found.shift_contacts, found.shift_talk) == (0, timedelta(0)), "or yesterday's work would count today"


async def test_supervisor_changes_what_a_waiting_contact_asks_for_and_the_next_assignment_heeds_it(
    edge: Edge, floor: Floor
) -> None:
    french = await skill(floor, "French")
    queue = await floor.queue()
    agent_id = await floor.agent()
    first = await floor.contact(queue.queue_id, required_skills=(SkillLevel(french, 5),))
    floor.clock.advance(1)
    second = await floor.contact(queue.queue_id)

    def change(version: int = 0, **fields: Any) -> cs.UpdateContactRequest:
        contact = c.Contact(contact_id=first.contact_id, **fields)
        return cs.UpdateContactRequest(
            contact=contact, update_mask=FieldMask(paths=list(fields) or ["priority"]), version=version
        )

    with as_("agent", floor):
        await refused(edge.contacts.UpdateContact(change(priority=9)), Forbidden)
    with as_("supervisor", floor):
        await refused(edge.contacts.UpdateContact(change(priority=10)), InvalidInput, field="contact.priority")
        await refused(edge.contacts.UpdateContact(change(version=9, priority=2)), Conflict, "VERSION_CONFLICT")
        changed = await edge.contacts.UpdateContact(change(priority=9))
        assert (changed.priority, changed.version) == (9, first.version + 1)
        unskilled = cs.UpdateContactRequest(
            contact=c.Contact(contact_id=first.contact_id), update_mask=FieldMask(paths=["required_skills"])
        )
        assert not (await edge.contacts.UpdateContact(unskilled)).required_skills
    offer = await floor.match()
    assert offer is not None and (offer.contact_id, offer.agent_id) == (first.contact_id, agent_id)
    await floor.hang_up(first)
    with as_("supervisor", floor):
        await refused(edge.contacts.UpdateContact(change(priority=1)), FailedPrecondition, "CONTACT_STATE_CHANGED")
    assert (await floor.look(second)).priority == 0


async def test_contact_of_another_tenant_is_neither_changed_nor_explained(
    edge: Edge, floor: Floor, other_floor: Floor
) -> None:
    theirs = await other_floor.contact((await other_floor.queue()).queue_id)
    with as_("supervisor", floor):
        change = cs.UpdateContactRequest(contact=c.Contact(contact_id=theirs.contact_id, priority=3))
        await refused(edge.contacts.UpdateContact(change), NotFound, "CONTACT_NOT_FOUND")
        asked = cs.ExplainContactRequest(contact_id=theirs.contact_id)
        await refused(edge.contacts.ExplainContact(asked), NotFound, "CONTACT_NOT_FOUND")


async def test_waiting_contact_is_explained_agent_by_agent(edge: Edge, floor: Floor) -> None:
    french = await skill(floor, "French")
    rules = Rules(requirement="French >= 4", steps=(after(60, Change(ChangeKind.LOWER, french, level=2)),))
    queue = await floor.queue(open_to_all=False, rules=rules)
    served = (queue.queue_id,)
    names = {
        "busy": await floor.agent("Busy", skills=(SkillLevel(french, 5),), queues=served),
        "beginner": await floor.agent("Beginner", skills=(SkillLevel(french, 2),), queues=served),
        "stranger": await floor.agent("Stranger", skills=(SkillLevel(french, 5),)),
    }
    await floor.run(agent_ops.set_state, names["busy"], AgentState.NOT_READY, "lunch")
    ahead = await floor.contact(queue.queue_id)
    floor.clock.advance(5)
    contact = await floor.contact(queue.queue_id, priority=0)
    with as_("supervisor", floor):
        asked = cs.ExplainContactRequest(contact_id=contact.contact_id)
        told = await edge.contacts.ExplainContact(asked)
        assert (told.requirement, list(told.steps), told.ahead, told.agent_count) == ("French >= 4", [], 1, 3)
        assert told.next_change_time.ToDatetime(contact.queue_time.tzinfo) == contact.queue_time + 60 * SECONDS
        why = {each.agent_id: each.rejection for each in told.agents}
        assert [why[names[name]] for name in ("busy", "beginner", "stranger")] == [
            "state:NOT_READY:lunch", f"proficiency_too_low:{french}", "not_in_queue",
        ]  # fmt: skip
        assert told.agents[0].agent_id == names["busy"], "the nearest first"
        floor.clock.advance(60)
        told = await edge.contacts.ExplainContact(asked)
        assert (told.requirement, list(told.steps), told.HasField("next_change_time")) == ("French >= 2", [1], False)
        assert told.counted_wait.seconds == 60 and told.agents[0].agent_id == names["beginner"]
        assert told.agents[0].rejection == ""
    offer = await floor.match()
    assert offer is not None and (offer.contact_id, offer.agent_id) == (ahead.contact_id, names["beginner"])
    with as_("supervisor", floor):
        listed = await edge.contacts.ListDecisions(cs.ListDecisionsRequest(contact_id=ahead.contact_id))
    assert (listed.decisions[0].requirement, list(listed.decisions[0].steps)) == ("French >= 2", [1])


async def test_step_comes_when_the_expected_wait_is_too_long(floor: Floor) -> None:
    french = await skill(floor, "French")
    step = Step((Change(ChangeKind.REMOVE, french),), expected_over=200 * SECONDS)
    queue = await floor.queue(rules=Rules(requirement="French", steps=(step,)))
    speaker = await floor.agent("Speaker", skills=(SkillLevel(french, 3),))
    await floor.run(agent_ops.set_state, speaker, AgentState.NOT_READY, "lunch")
    await floor.agent("Other")
    contact = await floor.contact(queue.queue_id)
    assert await floor.match() is None
    assert await floor.run(waits.fire_steps) == 1, "nobody at work speaks French: the wait has no end"
    assert floor.last(ContactChanged).contact.contact_id == contact.contact_id
    assert await floor.run(waits.fire_steps) == 0
    offer = await floor.match()
    assert offer is not None and offer.contact_id == contact.contact_id
    decision = (await floor.read(lambda tx: offer_store.decisions_of(tx, contact.contact_id, 1)))[0]
    assert (decision.requirement, decision.steps) == ("", (0,))


async def test_preferred_agent_is_waited_for_only_while_at_work(floor: Floor) -> None:
    queue = await floor.queue(rules=Rules(preferred_wait=20 * SECONDS))
    mine, other = await floor.agent("Mine"), await floor.agent("Other")
    floor.clock.advance(1)
    await floor.run(agent_ops.set_state, mine, AgentState.NOT_READY, "lunch")
    at_lunch = await floor.contact(queue.queue_id, preferred_agent_id=mine)
    assert at_lunch.preferred_wait == timedelta(0)
    offer = await floor.match()
    assert offer is not None and (offer.contact_id, offer.agent_id) == (at_lunch.contact_id, other)
    await floor.run(agent_ops.set_state, mine, AgentState.AVAILABLE, "")
    gone = await floor.contact(queue.queue_id, preferred_agent_id=new_id("usr", floor.clock.now()))
    assert gone.preferred_wait == timedelta(0), "whoever left the company is not waited for"
    await floor.run(contact_ops.dequeue_contact, gone.contact_id, "flow")
    back = await floor.contact(queue.queue_id, preferred_agent_id=mine)
    offer = await floor.match()
    assert offer is not None and (offer.contact_id, offer.agent_id) == (back.contact_id, mine)
    decision = (await floor.read(lambda tx: offer_store.decisions_of(tx, back.contact_id, 1)))[0]
    assert decision.rule == "preferred_agent"


@pytest.mark.parametrize("answer", ["declined", "missed"])
async def test_preferred_agent_who_does_not_take_it_is_waited_for_no_longer(floor: Floor, answer: str) -> None:
    queue = await floor.queue(rules=Rules(preferred_wait=1200 * SECONDS))
    mine, other = await floor.agent("Mine"), await floor.agent("Other")
    contact = await floor.contact(queue.queue_id, preferred_agent_id=mine)
    offer = await floor.match()
    assert offer is not None and offer.agent_id == mine
    if answer == "declined":
        await floor.run(offer_ops.decline_offer, offer.offer_id, mine)
    else:
        floor.clock.advance((offer.expire_time - floor.clock.now()).total_seconds())
        await floor.run(offer_ops.expire_offers)
    offer = await floor.match()
    assert offer is not None and (offer.contact_id, offer.agent_id) == (contact.contact_id, other)


async def test_contact_whose_own_skills_nobody_could_have_is_refused(floor: Floor) -> None:
    french = await skill(floor, "French")
    queue = await floor.queue(rules=Rules(requirement="not French"))
    with pytest.raises(InvalidInput, match="nobody could ever take it"):
        await floor.contact(queue.queue_id, required_skills=(SkillLevel(french, 1),))


async def test_contact_is_explained_with_the_steps_that_came_for_it_and_not_with_one_that_left_nobody(
    edge: Edge,
    floor: Floor,
) -> None:
    french = await skill(floor, "French")
    queue = await floor.queue(rules=Rules(steps=(after(30, Change(ChangeKind.REQUIRE, expression="not French")),)))
    contact = await floor.contact(queue.queue_id, required_skills=(SkillLevel(french, 3),))
    floor.clock.advance(31)
    with as_("supervisor", floor):
        found = await edge.contacts.ExplainContact(cs.ExplainContactRequest(contact_id=contact.contact_id))
    assert found.requirement == "French >= 3" and not found.steps
    agent_id = await floor.agent(skills=[SkillLevel(french, 5)])
    offer = await floor.match()
    assert offer is not None and offer.agent_id == agent_id


async def test_skill_with_quotation_marks_in_its_name_can_be_asked_for(edge: Edge, floor: Floor) -> None:
    gold = await skill(floor, 'Level "gold"')
    rules = whole(requirement='"level ""gold""">=2')
    with as_("admin", floor):
        made = await edge.queues.CreateQueue(
            qs.CreateQueueRequest(request_id="r1", queue=q.Queue(display_name="Gold", open_to_all=True, rules=rules))
        )
        assert made.rules.requirement == '"Level ""gold""">=2'
        again = q.Queue(queue_id=made.queue_id, rules=made.rules)
        asked = qs.UpdateQueueRequest(queue=again, update_mask=FieldMask(paths=["rules"]))
        assert (await edge.queues.UpdateQueue(asked)).rules == made.rules
    agent_id = await floor.agent(skills=[SkillLevel(gold, 2)])
    await floor.contact(made.queue_id)
    offer = await floor.match()
    assert offer is not None and offer.agent_id == agent_id


@pytest.mark.parametrize("name", ["French\x00", "Fre\nnch", "Fre\tnch", "Fre\x7fnch"])
async def test_name_with_a_control_character_is_refused_by_its_field(floor: Floor, name: str) -> None:
    with pytest.raises(InvalidInput, match="display_name has a control character"):
        await skill(floor, f"{name}!")
    with pytest.raises(InvalidInput, match=r"queue\.display_name has a control"):
        await floor.queue(f"{name}!")
    assert await skill(floor, "فارسی\u200cزبان"), "a joiner belongs to a word"


async def test_queue_that_is_open_to_everybody_has_no_agents_another_could_call_for(floor: Floor) -> None:
    everybody = await floor.queue("Everybody", open_to_all=True)
    crew = await floor.queue("Crew", open_to_all=False)
    steps = (after(30, Change(ChangeKind.ALSO_QUEUE, queue_id=everybody.queue_id)),)
    with pytest.raises(InvalidInput, match="also_queue_id names a queue that is open to everybody"):
        await floor.queue(open_to_all=False, rules=Rules(steps=steps))
    steps = (after(30, Change(ChangeKind.ALSO_QUEUE, queue_id=crew.queue_id)),)
    await floor.queue(open_to_all=False, rules=Rules(steps=steps))
    with pytest.raises(QueueInUse, match="a step of Sales"):
        await floor.run(queue_ops.update_queue, crew.queue_id, {"open_to_all": True}, 0)


async def test_list_of_a_queue_is_offered_in_its_order(floor: Floor) -> None:
    first, second = await floor.agent("First"), await floor.agent("Second")
    queue = await floor.queue(rules=listed((30, second), (0, first)))
    await floor.contact(queue.queue_id)
    offer = await floor.match()
    assert offer is not None and offer.agent_id == second
    await floor.contact(queue.queue_id)
    assert await floor.match() is None
    floor.clock.advance(30)
    offer = await floor.match()
    assert offer is not None and offer.agent_id == first


async def test_contact_that_waits_no_more_can_not_be_explained(floor: Floor) -> None:
    _, _, contact = await floor.talking()
    with pytest.raises(ContactMoved):
        await floor.run(waits.explain_contact, contact.contact_id)


async def test_contact_asks_for_skills_by_an_expression_of_its_own_and_its_callback_goes_on_asking(
    edge: Edge, floor: Floor
) -> None:
    french, sales = await skill(floor, "French"), await skill(floor, "Sales")
    queue = await floor.queue()
    low = await floor.agent(skills=[SkillLevel(french, 2)])
    with acting_for(floor.tenant_id):
        call_id = new_id("call", floor.clock.now())
        asked = c.Contact(
            channel=c.CHANNEL_VOICE, queue_id=queue.queue_id, call_id=call_id, caller_number="+994501234567",
            requirement="(French >= 4 or Sales) and not French = 5",
        )  # fmt: skip
        made = await edge.contacts.EnqueueContact(cs.EnqueueContactRequest(request_id="r1", contact=asked))
        assert made.requirement == f"({french} >= 4 or {sales}) and not {french} = 5"
        asked.requirement = "French >= 3 and Klingon"
        wrong = cs.EnqueueContactRequest(request_id="r2", contact=asked)
        with pytest.raises(InvalidInput, match=r"contact\.requirement at character 17: no skill is named Klingon"):
            await edge.contacts.EnqueueContact(wrong)
    assert await floor.match() is None, "French at level 2 doesn't do"
    await floor.run(agent_ops.set_state, low, AgentState.OFFLINE, "")
    with pytest.raises(SkillInUse):
        await floor.read(lambda tx: queue_ops.delete_skill(tx, sales))
    callback = await ask(floor, queue.queue_id, previous_contact_id=made.contact_id)
    assert callback.requirement == made.requirement
    line = await floor.read(lambda tx: contact_ops.get_contact(tx, callback.contact_id))
    assert line.requirement == made.requirement
