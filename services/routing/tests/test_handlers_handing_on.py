"""Handing calls on, calling out, picking up, the colleagues' list over a real socket: who may, what repeats say."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from chassis.auth import acting_for
from kernel.errors import AlreadyExists, FailedPrecondition, Forbidden, InvalidInput, NotFound
from kernel.ids import new_id
from merkez.routing.v1 import contact_pb2 as c
from merkez.routing.v1 import contact_service_pb2 as cs
from routing.domain.agents import AgentState, Reach
from routing.ops import agents as agent_ops

from .conftest import Edge, Floor, as_, refused

CALL = "call_01m8697mv2r48mmynbq2ew6xq0"


def outbound(agent_id: str, request_id: str = "dial:1", **changes: Any) -> cs.StartOutboundContactRequest:
    plain: dict[str, Any] = {"channel": c.CHANNEL_VOICE, "call_id": CALL, "dialed_number": "+994501234567"}
    contact = c.Contact(**(plain | changes))
    return cs.StartOutboundContactRequest(request_id=request_id, agent_id=agent_id, contact=contact)


def pick(contact_id: str) -> cs.PickUpContactRequest:
    return cs.PickUpContactRequest(contact_id=contact_id)


async def test_service_hands_a_call_to_one_agent_and_takes_it_back_while_it_rings(edge: Edge, floor: Floor) -> None:
    target, asking = await floor.agent(), new_id("usr", floor.clock.now())
    contact = c.Contact(
        channel=c.CHANNEL_VOICE, call_id=CALL, kind=c.CONTACT_KIND_CONSULT, target_agent_id=target,
        consulting_agent_id=asking, previous_contact_id=new_id("con", floor.clock.now()),
    )  # fmt: skip
    with acting_for(floor.tenant_id):
        made = await edge.contacts.EnqueueContact(cs.EnqueueContactRequest(request_id="1", contact=contact))
        assert (made.kind, made.target_agent_id, made.consulting_agent_id, made.previous_contact_id) == (
            c.CONTACT_KIND_CONSULT, target, asking, contact.previous_contact_id,
        )  # fmt: skip
        assert await floor.match() is not None
        plain = cs.DequeueContactRequest(contact_id=made.contact_id, reason="cancelled")
        assert (await edge.contacts.DequeueContact(plain)).state == c.CONTACT_STATE_OFFERED
        plain.rescind_offer = True
        assert (await edge.contacts.DequeueContact(plain)).state == c.CONTACT_STATE_ENDED
    assert (await floor.see(target)).state is AgentState.AVAILABLE


async def test_contact_without_a_kind_came_in(edge: Edge, floor: Floor) -> None:
    contact = c.Contact(channel=c.CHANNEL_VOICE, call_id=CALL, queue_id=(await floor.queue()).queue_id)
    with acting_for(floor.tenant_id):
        made = await edge.contacts.EnqueueContact(cs.EnqueueContactRequest(request_id="1", contact=contact))
        assert made.kind == c.CONTACT_KIND_INBOUND
        contact.kind = 77  # pyright: ignore[reportAttributeAccessIssue]
        unknown = cs.EnqueueContactRequest(request_id="2", contact=contact)
        await refused(edge.contacts.EnqueueContact(unknown), InvalidInput, "", "contact.kind")


async def test_call_out_begins_once_for_one_request_id_also_by_two_at_once(edge: Edge, floor: Floor) -> None:
    agent_id = await floor.agent()
    with acting_for(floor.tenant_id):
        made = await asyncio.gather(*(edge.contacts.StartOutboundContact(outbound(agent_id)) for _ in range(3)))
        assert len({each.contact_id for each in made}) == 1
        assert (made[0].state, made[0].kind) == (c.CONTACT_STATE_ON_CONTACT, c.CONTACT_KIND_OUTBOUND)
        other = outbound(agent_id, brand_id=new_id("brd", floor.clock.now()))
        await refused(edge.contacts.StartOutboundContact(other), AlreadyExists, "REQUEST_ID_REUSED")
        await refused(
            edge.contacts.StartOutboundContact(outbound(agent_id, "dial:2")), FailedPrecondition, "AGENT_NOT_AVAILABLE"
        )
    with as_("agent", floor, agent_id):
        await refused(edge.contacts.StartOutboundContact(outbound(agent_id, "dial:3")), Forbidden)
        desktop = await edge.agents.GetMyDesktop(cs.GetMyDesktopRequest())
    assert desktop.contact.contact_id == made[0].contact_id


async def test_call_out_of_another_tenants_agent_does_not_begin(edge: Edge, floor: Floor, other_floor: Floor) -> None:
    agent_id = await other_floor.agent()
    with acting_for(floor.tenant_id):
        await refused(edge.contacts.StartOutboundContact(outbound(agent_id)), NotFound, "AGENT_NOT_FOUND")
        queue_id = (await other_floor.queue()).queue_id
        mine = await floor.agent()
        await refused(
            edge.contacts.StartOutboundContact(outbound(mine, queue_id=queue_id)), NotFound, "QUEUE_NOT_FOUND"
        )


async def test_agent_picks_up_from_the_desktop_and_others_are_refused(
    edge: Edge, floor: Floor, other_floor: Floor
) -> None:
    offer, ringing_at, contact = await floor.ringing()
    agent_id = await floor.agent("Leyla")
    with as_("agent", other_floor, agent_id):
        await refused(edge.contacts.PickUpContact(pick(contact.contact_id)), NotFound)
    with as_("customer", floor):
        await refused(edge.contacts.PickUpContact(pick(contact.contact_id)), Forbidden)
    with as_("agent", floor, agent_id):
        taken = await edge.contacts.PickUpContact(pick(contact.contact_id))
        assert (taken.state, taken.agent_id) == (c.OFFER_STATE_ACCEPTED, agent_id)
        assert taken.contact.state == c.CONTACT_STATE_ON_CONTACT
        await refused(
            edge.contacts.PickUpContact(pick(contact.contact_id)), FailedPrecondition, "CONTACT_STATE_CHANGED"
        )
    with as_("agent", floor, ringing_at):
        await refused(
            edge.offers.AcceptOffer(cs.AcceptOfferRequest(offer_id=offer.offer_id)), FailedPrecondition,
            "OFFER_TAKEN",
        )  # fmt: skip


@pytest.mark.parametrize("role", ["agent", "supervisor"])
async def test_colleagues_are_listed_by_name_with_nothing_but_their_state_and_whether_they_can_be_called(
    edge: Edge, floor: Floor, other_floor: Floor, role: str
) -> None:
    me, rena, aysel, zaur, yusif = [await floor.agent(name) for name in ("Me", "Rena", "Aysel", "Zaur", "Yusif")]
    for gone in (zaur, yusif):
        await floor.run(agent_ops.set_state, gone, AgentState.OFFLINE, "")
    await floor.run(agent_ops.set_reach, yusif, Reach(away=timedelta(seconds=40), version=1))
    await other_floor.agent("Stranger")
    await floor.run(agent_ops.set_state, rena, AgentState.NOT_READY, "lunch")
    await floor.run(agent_ops.change_user, await floor.agent("Gone"), "Gone", False, 2)
    seen, token = [], ""
    with as_(role, floor, me):
        while True:
            page = await edge.agents.ListColleagues(cs.ListColleaguesRequest(page_size=1, page_token=token))
            seen += page.colleagues
            token = page.next_page_token
            if not token:
                break
    assert seen == [
        c.Colleague(agent_id=aysel, display_name="Aysel", state=c.AGENT_STATE_AVAILABLE, reachable=True),
        c.Colleague(agent_id=rena, display_name="Rena", state=c.AGENT_STATE_NOT_READY, reachable=True),
        c.Colleague(agent_id=yusif, display_name="Yusif", state=c.AGENT_STATE_OFFLINE, reachable=True),
        c.Colleague(agent_id=zaur, display_name="Zaur", state=c.AGENT_STATE_OFFLINE),
    ]
    with as_("customer", floor):
        await refused(edge.agents.ListColleagues(cs.ListColleaguesRequest()), Forbidden)
