"""Ringing several over a real socket with real tokens: what a queue may say, and what each agent hears."""

from __future__ import annotations

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from kernel.errors import Conflict, FailedPrecondition, InvalidInput, NotFound
from merkez.routing.v1 import contact_pb2 as c
from merkez.routing.v1 import contact_service_pb2 as cs
from merkez.routing.v1 import queue_pb2 as q
from merkez.routing.v1 import queue_service_pb2 as qs
from merkez.routing.v1 import rules_pb2 as r
from routing.domain.rules import Rules
from routing.store import offers as offer_store

from .conftest import Edge, Floor, as_, refused


def change(queue_id: str, ring_agents: int, version: int = 0) -> qs.UpdateQueueRequest:
    queue = q.Queue(queue_id=queue_id, rules=r.RoutingRules(ring_agents=ring_agents))
    return qs.UpdateQueueRequest(queue=queue, update_mask=FieldMask(paths=["rules"]), version=version)


def accept(offer_id: str) -> cs.AcceptOfferRequest:
    return cs.AcceptOfferRequest(offer_id=offer_id)


async def test_queue_says_at_how_many_it_rings(edge: Edge, floor: Floor, other_floor: Floor) -> None:
    queue = await floor.queue()
    with as_("admin", floor):
        before = await edge.queues.GetQueue(qs.GetQueueRequest(queue_id=queue.queue_id))
        assert before.rules.ring_agents == 1
        after = await edge.queues.UpdateQueue(change(queue.queue_id, 5, before.version))
        assert after.rules.ring_agents == 5
        await refused(edge.queues.UpdateQueue(change(queue.queue_id, 6, before.version)), Conflict, "VERSION_CONFLICT")
        assert (await edge.queues.UpdateQueue(change(queue.queue_id, 0))).rules.ring_agents == 1
    with as_("admin", other_floor):
        await refused(edge.queues.UpdateQueue(change(queue.queue_id, 5)), NotFound, "QUEUE_NOT_FOUND")


@pytest.mark.parametrize("count", [-1, 21, 1000])
async def test_number_that_makes_no_sense_is_refused_by_its_field(edge: Edge, floor: Floor, count: int) -> None:
    queue = await floor.queue()
    with as_("admin", floor):
        changing = edge.queues.UpdateQueue(change(queue.queue_id, count))
        await refused(changing, InvalidInput, "", "queue.rules.ring_agents")


async def test_each_hears_their_own_offer_and_the_slower_one_that_it_is_taken(
    edge: Edge, floor: Floor, other_floor: Floor
) -> None:
    queue = await floor.queue(rules=Rules(ring_agents=2))
    people = [await floor.agent(name) for name in ("Aysel", "Leyla")]
    contact = await floor.contact(queue.queue_id)
    await floor.match()
    ring = await floor.read(lambda tx: offer_store.pending_offers(tx, contact.contact_id))
    assert {each.agent_id for each in ring} == set(people)
    for offer in ring:
        with as_("agent", floor, offer.agent_id):
            shown = (await edge.agents.GetMyDesktop(cs.GetMyDesktopRequest())).offer
            assert (shown.offer_id, shown.contact.ringing_count) == (offer.offer_id, 2)
    first, second = ring
    with as_("agent", floor, second.agent_id):
        await refused(edge.offers.AcceptOffer(accept(first.offer_id)), NotFound, "OFFER_NOT_FOUND")
    with as_("agent", other_floor, second.agent_id):
        await refused(edge.offers.AcceptOffer(accept(second.offer_id)), NotFound, "OFFER_NOT_FOUND")
    with as_("agent", floor, second.agent_id):
        taken = await edge.offers.AcceptOffer(accept(second.offer_id))
        assert (taken.contact.agent_id, taken.contact.ringing_count) == (second.agent_id, 0)
        assert taken.rescind_reason == c.RESCIND_REASON_UNSPECIFIED
    with as_("agent", floor, first.agent_id):
        await refused(edge.offers.AcceptOffer(accept(first.offer_id)), FailedPrecondition, "OFFER_TAKEN")
        declining = cs.DeclineOfferRequest(offer_id=first.offer_id)
        await refused(edge.offers.DeclineOffer(declining), FailedPrecondition, "OFFER_TAKEN")
        assert not (await edge.agents.GetMyDesktop(cs.GetMyDesktopRequest())).offer.offer_id
    with as_("supervisor", floor):
        found = await edge.contacts.ListDecisions(cs.ListDecisionsRequest(contact_id=contact.contact_id))
        assert [each.rejection for each in found.decisions[0].candidates] == ["", "rings_too"]
