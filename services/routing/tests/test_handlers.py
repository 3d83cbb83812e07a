"""Contacts, offers and agents over a real socket with real tokens: who may, what is refused, what a repeat answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from chassis.auth import acting_as, acting_for
from google.protobuf.field_mask_pb2 import FieldMask
from kernel.errors import AlreadyExists, FailedPrecondition, Forbidden, InvalidInput, NotFound
from kernel.ids import new_id
from kernel.tenant import Principal
from merkez.routing.v1 import contact_pb2 as c
from merkez.routing.v1 import contact_service_pb2 as cs
from merkez.routing.v1 import queue_pb2 as q
from merkez.routing.v1 import queue_service_pb2 as qs
from routing.ops import agents as agent_ops
from routing.ops import contacts as contact_ops
from testkit.clock import ManualClock
from testkit.waiting import eventually

from .conftest import Edge, Floor, as_, refused

AVAILABLE, NOT_READY = c.AGENT_STATE_AVAILABLE, c.AGENT_STATE_NOT_READY


def enqueue(queue_id: str, request_id: str = "run:1", **changes: Any) -> cs.EnqueueContactRequest:
    plain: dict[str, Any] = {
        "channel": c.CHANNEL_VOICE, "queue_id": queue_id, "call_id": "call_01m8697mv2r48mmynbq2ew6xq0",
    }  # fmt: skip
    return cs.EnqueueContactRequest(request_id=request_id, contact=c.Contact(**(plain | changes)))


@pytest.mark.parametrize("role", ["owner", "agent", "customer"])
async def test_only_services_queue_contacts(edge: Edge, floor: Floor, role: str) -> None:
    queue = await floor.queue()
    with as_(role, floor):
        await refused(edge.contacts.EnqueueContact(enqueue(queue.queue_id)), Forbidden)


async def test_contact_is_queued_once_for_one_request_id_also_by_two_at_once(edge: Edge, floor: Floor) -> None:
    queue = await floor.queue()
    with acting_for(floor.tenant_id):
        made = await asyncio.gather(*(edge.contacts.EnqueueContact(enqueue(queue.queue_id)) for _ in range(4)))
        assert len({each.contact_id for each in made}) == 1 and made[0].state == c.CONTACT_STATE_QUEUED
        await refused(
            edge.contacts.EnqueueContact(enqueue(queue.queue_id, priority=3)), AlreadyExists, "REQUEST_ID_REUSED"
        )
        told = await edge.contacts.GetWaitEstimate(cs.GetWaitEstimateRequest(contact_id=made[0].contact_id))
        assert (told.position, told.depth, told.HasField("expected_wait")) == (1, 1, False)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"channel": 0}, "contact.channel"),
        ({"channel": 99}, "contact.channel"),
        ({"call_id": ""}, "contact.call_id"),
        ({"brand_id": "que_01m8697mv2r48mmynbq2ew6xq0"}, "contact.brand_id"),
        ({"priority": 10}, "contact.priority"),
        ({"priority": -1}, "contact.priority"),
        ({"caller_number": "anonymous"}, "contact.caller_number"),
        ({"caller_name": "x" * 201}, "contact.caller_name"),
        ({"attributes": {"": "x"}}, "contact.attributes"),
        ({"attributes": {"menu": "x" * 1025}}, "contact.attributes"),
        ({"required_skills": [q.SkillLevel(skill_id="skl_01m8697mv2r48mmynbq2ew6xq0", proficiency=9)]},
         "contact.required_skills[0].proficiency"),
    ],
)  # fmt: skip
async def test_contact_that_makes_no_sense_is_refused_by_field(
    edge: Edge, floor: Floor, changes: dict[str, Any], field: str
) -> None:
    queue = await floor.queue()
    with acting_for(floor.tenant_id):
        await refused(edge.contacts.EnqueueContact(enqueue(queue.queue_id, **changes)), InvalidInput, "", field)
        await refused(edge.contacts.EnqueueContact(enqueue("nonsense")), InvalidInput, "", "contact.queue_id")
        await refused(edge.contacts.EnqueueContact(enqueue(queue.queue_id, "")), InvalidInput, "", "request_id")
        await refused(edge.contacts.EnqueueContact(enqueue(queue.queue_id, "x" * 129)), InvalidInput, "", "request_id")


async def test_agent_answers_and_wraps_up_from_the_desktop(edge: Edge, floor: Floor) -> None:
    offer, agent_id, contact = await floor.ringing()
    with as_("agent", floor, agent_id):
        desktop = await edge.agents.GetMyDesktop(cs.GetMyDesktopRequest())
        assert desktop.offer.offer_id == offer.offer_id and desktop.contact.contact_id == contact.contact_id
        taken = await edge.offers.AcceptOffer(cs.AcceptOfferRequest(offer_id=offer.offer_id))
        assert taken.contact.state == c.CONTACT_STATE_ON_CONTACT and taken.state == c.OFFER_STATE_ACCEPTED
        await refused(
            edge.offers.AcceptOffer(cs.AcceptOfferRequest(offer_id=offer.offer_id)),
            FailedPrecondition,
            "OFFER_NOT_PENDING",
        )
        await refused(
            edge.contacts.EndWrapUp(cs.EndWrapUpRequest(contact_id=contact.contact_id)), FailedPrecondition,
            "CONTACT_NOT_IN_WRAP_UP",
        )  # fmt: skip
        await floor.hang_up(contact)
        await edge.contacts.SaveWrapUp(cs.SaveWrapUpRequest(contact_id=contact.contact_id, note="Wants a callback"))
        ended = await edge.contacts.EndWrapUp(cs.EndWrapUpRequest(contact_id=contact.contact_id))
        assert (ended.state, ended.note) == (c.CONTACT_STATE_ENDED, "Wants a callback")
        desktop = await edge.agents.GetMyDesktop(cs.GetMyDesktopRequest())
        assert desktop.agent.state == AVAILABLE and not desktop.HasField("offer") and not desktop.HasField("contact")
        found = await edge.contacts.ListDecisions(cs.ListDecisionsRequest(contact_id=contact.contact_id))
        assert [each.offer_id for each in found.decisions] == [offer.offer_id]


async def test_offer_of_other_tenant_or_other_agent_is_not_found(edge: Edge, floor: Floor, other_floor: Floor) -> None:
    offer, agent_id, contact = await floor.ringing()
    for who in (as_("agent", other_floor, agent_id), as_("agent", floor), as_("owner", floor)):
        with who:
            for verb, request in (
                (edge.offers.AcceptOffer, cs.AcceptOfferRequest(offer_id=offer.offer_id)),
                (edge.offers.DeclineOffer, cs.DeclineOfferRequest(offer_id=offer.offer_id)),
            ):
                await refused(verb(request), NotFound, "OFFER_NOT_FOUND")
    with as_("agent", floor):
        await refused(edge.contacts.SaveWrapUp(cs.SaveWrapUpRequest(contact_id=contact.contact_id, note="x")), NotFound)
    with as_("supervisor", other_floor):
        await refused(edge.contacts.GetContact(cs.GetContactRequest(contact_id=contact.contact_id)), NotFound)
        await refused(edge.contacts.ListDecisions(cs.ListDecisionsRequest(contact_id=contact.contact_id)), NotFound)


async def test_agent_may_say_ready_before_the_news_of_the_microphone_is_here(edge: Edge, floor: Floor) -> None:
    agent_id, at = new_id("usr", floor.clock.now()), floor.clock.now()
    with as_("agent", floor, agent_id, "Aysel"):
        asking = asyncio.ensure_future(  # noqa: TID251
            edge.agents.SetMyState(cs.SetMyStateRequest(state=AVAILABLE))
        )
        await eventually(lambda: (floor.tenant_id, agent_id) in edge.desk.arrivals._waiting)
        await edge.desk.run(floor.tenant_id, lambda tx: agent_ops.ensure_agent(tx, agent_id, "Aysel", at))
        await edge.desk.run(floor.tenant_id, lambda tx: agent_ops.attach_station(tx, agent_id, "stn_1", at, at))
        agent = await asking
    assert (agent.state, agent.display_name) == (AVAILABLE, "Aysel")


async def test_agent_without_a_microphone_is_told_so(edge: Edge, floor: Floor) -> None:
    with as_("agent", floor):
        await refused(
            edge.agents.SetMyState(cs.SetMyStateRequest(state=AVAILABLE)), FailedPrecondition, "STATION_MISSING"
        )


async def test_state_that_only_work_leads_to_cannot_be_set(edge: Edge, floor: Floor) -> None:
    with as_("agent", floor):
        states: list[Any] = [0, c.AGENT_STATE_ON_CONTACT, 77]
        for state in states:
            await refused(edge.agents.SetMyState(cs.SetMyStateRequest(state=state)), InvalidInput, "", "state")
        long = cs.SetMyStateRequest(state=NOT_READY, reason="x" * 65)
        await refused(edge.agents.SetMyState(long), InvalidInput, "", "reason")


async def test_api_key_is_not_an_agent(edge: Edge, floor: Floor) -> None:
    key = Principal(floor.tenant_id, new_id("key", floor.clock.now()), "api_client", frozenset({"contacts.handle"}))
    with acting_as(key):
        await refused(edge.agents.GetMyDesktop(cs.GetMyDesktopRequest()), NotFound, "AGENT_NOT_FOUND")


async def test_supervisor_sets_states_and_skills_and_agents_do_not(edge: Edge, floor: Floor) -> None:
    agent_id = await floor.agent()
    with as_("admin", floor):
        skill = await edge.skills.CreateSkill(
            qs.CreateSkillRequest(request_id="s", skill=q.Skill(display_name="Turkish"))
        )
        clash = qs.CreateSkillRequest(request_id="s2", skill=q.Skill(display_name="TURKISH"))
        await refused(edge.skills.CreateSkill(clash), AlreadyExists, "SKILL_EXISTS")
    held = [q.SkillLevel(skill_id=skill.skill_id, proficiency=4)]
    with as_("supervisor", floor):
        away = await edge.agents.SetAgentState(
            cs.SetAgentStateRequest(agent_id=agent_id, state=NOT_READY, reason="meeting")
        )
        assert away.reason == "meeting"
        changed = await edge.agents.UpdateAgent(
            cs.UpdateAgentRequest(agent=c.Agent(agent_id=agent_id, skills=held), version=away.version)
        )
        assert list(changed.skills) == held
        assert changed.voice_capacity == 1
        for capacity in (1, 2):
            double = cs.UpdateAgentRequest(
                agent=c.Agent(agent_id=agent_id, voice_capacity=capacity),
                update_mask=FieldMask(paths=["voice_capacity"]),
            )
            await refused(edge.agents.UpdateAgent(double), InvalidInput, "", "update_mask")
        lost = cs.UpdateAgentRequest(agent=c.Agent(agent_id=agent_id, queue_ids=["que_01m8697mv2r48mmynbq2ew6xq0"]))
        await refused(edge.agents.UpdateAgent(lost), NotFound, "QUEUE_NOT_FOUND")
    with as_("agent", floor, agent_id):
        await refused(edge.agents.UpdateAgent(double), Forbidden)
        await refused(edge.agents.ListAgents(cs.ListAgentsRequest()), Forbidden)
    with as_("admin", floor):
        await refused(edge.skills.DeleteSkill(qs.DeleteSkillRequest(skill_id=skill.skill_id)), FailedPrecondition)
        listed = await edge.skills.ListSkills(qs.ListSkillsRequest())
        assert [each.display_name for each in listed.skills] == ["Turkish"]


async def test_agents_are_listed_by_name_page_by_page(edge: Edge, floor: Floor) -> None:
    for name in ("Leyla", "Aysel", "Rena", "Aysel"):
        await floor.agent(name)
    seen, token = [], ""
    with as_("supervisor", floor):
        while True:
            page = await edge.agents.ListAgents(cs.ListAgentsRequest(page_size=1, page_token=token))
            seen += [each.display_name for each in page.agents]
            token = page.next_page_token
            if not token:
                break
        for forged in ("W10", "WyJhXHUwMDAwIiwiYSJd", "WyJhIiwiXHVkODAwIl0"):  # [], ["a\\u0000","a"], ["a","\\ud800"]
            asked = edge.agents.ListAgents(cs.ListAgentsRequest(page_token=forged))
            await refused(asked, InvalidInput, "PAGE_TOKEN_INVALID")
    assert seen == ["Aysel", "Aysel", "Leyla", "Rena"]


async def test_contacts_are_listed_by_queue_state_and_customer(edge: Edge, floor: Floor) -> None:
    sales, support = await floor.queue("Sales"), await floor.queue("Support")
    known = new_id("cus", floor.clock.now())
    first = await floor.contact(sales.queue_id, customer_id=known)
    floor.clock.advance(1)
    second = await floor.contact(support.queue_id)
    await floor.hang_up(second)
    with as_("supervisor", floor):

        async def found(**wanted: Any) -> list[str]:
            return [
                each.contact_id
                for each in (await edge.contacts.ListContacts(cs.ListContactsRequest(**wanted))).contacts
            ]

        assert await found() == [second.contact_id, first.contact_id]
        assert await found(queue_id=sales.queue_id) == [first.contact_id]
        assert await found(states=[c.CONTACT_STATE_ABANDONED]) == [second.contact_id]
        assert await found(customer_id=known) == [first.contact_id]
        await refused(found(states=[55]), InvalidInput, "", "states")
        await refused(found(page_size=-1), InvalidInput, "", "page_size")


async def test_flow_takes_a_contact_out_and_asks_in_vain_for_its_wait(edge: Edge, floor: Floor) -> None:
    contact = await floor.contact((await floor.queue()).queue_id)
    with acting_for(floor.tenant_id):
        request = cs.DequeueContactRequest(contact_id=contact.contact_id, reason="max_wait")
        assert (await edge.contacts.DequeueContact(request)).state == c.CONTACT_STATE_ENDED
        assert (await edge.contacts.DequeueContact(request)).state == c.CONTACT_STATE_ENDED
        asked = cs.GetWaitEstimateRequest(contact_id=contact.contact_id)
        await refused(edge.contacts.GetWaitEstimate(asked), FailedPrecondition)


async def test_supervisor_may_end_an_agents_wrap_up(edge: Edge, floor: Floor, clock: ManualClock) -> None:
    _, _, contact = await floor.talking()
    await floor.run(contact_ops.end_call, contact.call_id, clock.now())
    with as_("supervisor", floor):
        ended = await edge.contacts.EndWrapUp(cs.EndWrapUpRequest(contact_id=contact.contact_id, note="closed for her"))
    assert ended.state == c.CONTACT_STATE_ENDED
