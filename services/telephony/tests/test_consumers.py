"""An accepted offer joins the agent, through a real bus, once however often it comes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from chassis.auth import acting_for
from kernel.clock import SystemClock
from kernel.ids import new_id
from merkez.routing.v1 import contact_pb2, routing_events_pb2
from merkez.telephony.v1 import call_pb2
from merkez.telephony.v1 import call_service_pb2 as pb
from merkez.tenancy.v1 import session_pb2, tenancy_events_pb2
from telephony.consumers import handlers, share_calls
from telephony.domain.devices import Contact, Register
from telephony.live.accepting import accept, is_warm
from telephony.live.switchboard import Switchboard
from telephony.live.watch import Watch
from telephony.ops import calls as ops
from telephony.ops import devices as device_ops
from testkit import eventually

from .lost_answers import over_a_wire
from .scene import BEN_HZ, scene

__all__ = ["scene"]
pytestmark = pytest.mark.media

AGENT = "usr_01jd3v9k8r5x7m2p4q6s8t0w1y"


async def publish(bus, exchange, fact, key: str) -> None:
    now = SystemClock().now()
    await bus.publish_fact(
        full_name=fact.DESCRIPTOR.full_name,
        tenant_id=exchange.tenant_id,
        key=key,
        event_id=new_id("evt", now),
        payload=fact.SerializeToString(),
        time=now,
    )


def accepted(call_id: str) -> routing_events_pb2.OfferAccepted:
    fact = routing_events_pb2.OfferAccepted()
    fact.offer.agent_id = AGENT
    fact.offer.contact.call_id = call_id
    fact.offer.contact.contact_id = "con_01jd3v9k8r5x7m2p4q6s8t0w1y"
    fact.offer.contact.queue_id, fact.offer.contact.customer_id = "que_1", "cus_1"
    return fact


def dequeued(call_id: str, contact_id: str) -> routing_events_pb2.ContactDequeued:
    fact = routing_events_pb2.ContactDequeued(reason="offer_declined")
    fact.contact.call_id, fact.contact.contact_id = call_id, contact_id
    return fact


async def test_an_accepted_offer_joins_customer_and_agent_once(exchange, make_bus) -> None:
    bus = await make_bus("telephony")
    await bus.consume(
        exchange.house.db, exchange.house.settings.node_id, handlers(exchange.house, exchange.switchboard)
    )
    customer, agent = exchange.peer(440), exchange.peer(880)
    await exchange.attach(agent, AGENT)
    response = await exchange.call(customer)
    await publish(bus, exchange, accepted(response.call_id), "ofr_1")
    await publish(bus, exchange, accepted(response.call_id), "ofr_1")
    await customer.hears(880)
    await agent.hears(440)
    with exchange.as_agent(AGENT):
        call = await exchange.calls.GetCall(pb.GetCallRequest(call_id=response.call_id))
    assert call.state == call_pb2.CALL_STATE_TALKING
    assert call.contact_id == "con_01jd3v9k8r5x7m2p4q6s8t0w1y"
    assert len(call.legs) == 2
    recording = await eventually(lambda: next(iter(exchange.recording.begun.values()), None))
    assert (recording.contact_id, recording.queue_id, recording.customer_id) == (call.contact_id, "que_1", "cus_1")


async def test_an_accepted_offer_whose_commit_is_never_answered_joins_all_the_same(
    exchange, make_bus, databases
) -> None:
    bus = await make_bus("telephony")
    customer, agent = exchange.peer(440), exchange.peer(880)
    await exchange.attach(agent, AGENT)
    response = await exchange.call(customer)
    async with over_a_wire(await databases.settings("telephony")) as (db, wire):
        await bus.consume(db, exchange.house.settings.node_id, handlers(exchange.house, exchange.switchboard))
        wire.losing = True
        await publish(bus, exchange, accepted(response.call_id), "ofr_1")
        await customer.hears(880)
        await agent.hears(440)
        assert wire.lost == 1
    assert (await exchange.facts()).count("CallAnswered") == 1


async def test_an_accepted_offer_that_reaches_another_node_joins_on_the_one_that_has_the_call(
    exchange, make_bus
) -> None:
    bus, other_bus = await make_bus("telephony"), await make_bus("telephony")
    other = Switchboard(exchange.house)
    await share_calls(bus, exchange.house, exchange.switchboard, exchange.watch)
    await share_calls(other_bus, exchange.house, other, Watch(exchange.house, other, exchange.nodes))
    await bus.nats.flush()
    await other_bus.consume(exchange.house.db, exchange.house.settings.node_id, handlers(exchange.house, other))
    customer, agent = exchange.peer(440), exchange.peer(880)
    await exchange.attach(agent, AGENT)
    response = await exchange.call(customer)
    exchange.catching_up.cancel()
    await publish(bus, exchange, accepted(response.call_id), "ofr_1")
    await customer.hears(880)
    await agent.hears(440)


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_when_nobody_is_waited_for_any_more_flows_hears_so_at_once_and_once(
    exchange, make_bus, elsewhere: bool
) -> None:
    bus = await make_bus("telephony")
    taking = Switchboard(exchange.house) if elsewhere else exchange.switchboard
    await share_calls(bus, exchange.house, exchange.switchboard, exchange.watch)
    if elsewhere:
        other_bus = await make_bus("telephony")
        await share_calls(other_bus, exchange.house, taking, Watch(exchange.house, taking, exchange.nodes))
    await bus.nats.flush()
    await bus.consume(exchange.house.db, exchange.house.settings.node_id, handlers(exchange.house, taking))
    response = await exchange.call(exchange.peer(440))
    contact_id = exchange.flows.steps[0].queue.contact_id
    live = exchange.switchboard.find(response.call_id)
    await eventually(lambda: live.call.contact_id == contact_id)
    exchange.catching_up.cancel()
    await publish(bus, exchange, dequeued(response.call_id, "con_01jd3v9k8r5x7m2p4q6s8t0w1y"), "con_0")
    await publish(bus, exchange, dequeued(response.call_id, contact_id), "con_1")
    # The flow goes on waiting as the same contact: that is not reported again before the tick, half a minute later.
    await eventually(lambda: exchange.flows.events() == [("QUEUE_TICK", "")])
    await publish(bus, exchange, dequeued(response.call_id, contact_id), "con_2")
    await exchange.house.db.run(exchange.tenant_id, lambda tx: ops.get_call(tx, response.call_id))
    assert exchange.flows.events() == [("QUEUE_TICK", "")]


@pytest.mark.parametrize(("reason", "q850"), [("offer_declined", 21), ("offer_missed", 19)])
async def test_why_a_colleague_wasnt_to_be_asked_is_told_of_their_leg(scene, make_bus, reason: str, q850: int) -> None:
    exchange, bus = scene.exchange, await make_bus("telephony")
    await bus.consume(
        exchange.house.db, exchange.house.settings.node_id, handlers(exchange.house, exchange.switchboard)
    )
    _, ben_id = await scene.agent(BEN_HZ)
    await scene.do("ConsultCall", agent_id=ben_id)
    fact = dequeued(scene.call_id, scene.consult_contact().contact_id)
    fact.contact.kind, fact.reason = contact_pb2.CONTACT_KIND_CONSULT, reason
    await publish(bus, exchange, fact, "con_1")
    live = exchange.switchboard.find(scene.call_id)
    await eventually(lambda: [leg.q850_cause for leg in live.legs if leg.agent_id == ben_id] == [q850])


async def test_an_accepted_offer_of_a_call_that_is_over_changes_nothing(exchange, make_bus) -> None:
    bus = await make_bus("telephony")
    await bus.consume(
        exchange.house.db, exchange.house.settings.node_id, handlers(exchange.house, exchange.switchboard)
    )
    response = await exchange.call(exchange.peer())
    with acting_for(exchange.tenant_id):
        ended = await exchange.calls.HangUp(pb.HangUpRequest(call_id=response.call_id))
    await publish(bus, exchange, accepted(response.call_id), "ofr_1")
    other = await exchange.call(exchange.peer())
    await publish(bus, exchange, accepted(other.call_id), "ofr_2")
    await eventually(lambda: exchange.switchboard.calls[0].talking)
    with exchange.as_owner():
        call = await exchange.calls.GetCall(pb.GetCallRequest(call_id=response.call_id))
    assert call == ended
    assert (await exchange.facts()).count("CallAnswered") == 1


async def test_an_agent_who_accepts_before_their_media_is_up_is_joined_when_it_is(exchange, make_bus) -> None:
    bus = await make_bus("telephony")
    await bus.consume(
        exchange.house.db, exchange.house.settings.node_id, handlers(exchange.house, exchange.switchboard)
    )
    customer, agent = exchange.peer(440), exchange.peer(880)
    response = await exchange.call(customer)
    await publish(bus, exchange, accepted(response.call_id), "ofr_1")
    await customer.hears(1200)
    await exchange.attach(agent, AGENT)
    await customer.hears(880)


@pytest.mark.parametrize("fact", ["NumberChanged", "TenantSuspended", "TenantResumed"])
async def test_a_number_is_looked_up_again_when_it_or_its_company_has_changed(exchange, make_bus, fact: str) -> None:
    bus = await make_bus("telephony")
    await bus.consume(
        exchange.house.db, exchange.house.settings.node_id, handlers(exchange.house, exchange.switchboard)
    )
    key = exchange.tenancy.widget(exchange.tenant_id)
    await exchange.call(exchange.peer(), widget=key)
    assert key in exchange.house.tenancy._routes
    await publish(bus, exchange, getattr(tenancy_events_pb2, fact)(), "num_1")
    await eventually(lambda: key not in exchange.house.tenancy._routes)


async def test_who_may_sign_in_no_more_has_no_desk_phone_either(exchange, make_bus) -> None:
    bus, now = await make_bus("telephony"), SystemClock().now()
    db, tenant = exchange.house.db, exchange.tenant_id
    await bus.consume(db, exchange.house.settings.node_id, handlers(exchange.house, exchange.switchboard))
    phone, _ = await db.run(tenant, lambda tx: device_ops.create_device(tx, AGENT, "Desk 7", now))
    other, _ = await db.run(tenant, lambda tx: device_ops.create_device(tx, new_id("usr", now), "Desk 8", now))
    where = Register("call", 1, [Contact("sip:x@192.0.2.7")])
    for each in (phone, other):
        await db.run(tenant, lambda tx, each=each: device_ops.register(tx, each.device_id, where, now))
    fact = tenancy_events_pb2.UserChanged()
    fact.user.user_id, fact.user.state = AGENT, session_pb2.USER_STATE_DISABLED
    await publish(bus, exchange, fact, AGENT)

    async def left() -> list[str]:
        found = await db.run(tenant, lambda tx: device_ops.list_devices(tx, "", "", 10, now), read_only=True)
        return [device.device_id for device, places in found if device.enabled and places]

    async with asyncio.timeout(30):
        while await left() != [other.device_id]:
            await asyncio.sleep(0.02)


def by_itself(call_id: str, offer_id: str = "ofr_1") -> routing_events_pb2.OfferMade:
    fact = routing_events_pb2.OfferMade()
    fact.offer.offer_id, fact.offer.agent_id, fact.offer.auto_accept = offer_id, AGENT, True
    fact.offer.contact.call_id = call_id
    fact.offer.expire_time.FromDatetime(SystemClock().now() + timedelta(seconds=20))
    return fact


async def test_an_offer_is_accepted_by_itself_after_a_tone_where_the_agents_softphone_is_warm(
    exchange, make_bus
) -> None:
    bus = await make_bus("telephony")
    await share_calls(bus, exchange.house, exchange.switchboard, exchange.watch)
    await bus.nats.flush()
    await bus.consume(
        exchange.house.db, exchange.house.settings.node_id, handlers(exchange.house, exchange.switchboard)
    )
    customer, agent = exchange.peer(440), exchange.peer(880)
    response = await exchange.call(customer)
    await publish(bus, exchange, by_itself(response.call_id, "ofr_0"), "ofr_0")
    await exchange.attach(agent, AGENT)
    station = exchange.switchboard.stations.find(exchange.tenant_id, AGENT)
    await eventually(lambda: is_warm(station))
    assert not exchange.routing.taken, "whose softphone isn't connected is rung"
    await publish(bus, exchange, by_itself(response.call_id), "ofr_1")
    await eventually(lambda: agent.packets_heard > 5)
    (taken,) = await eventually(lambda: exchange.routing.taken)
    assert (taken.offer_id, taken.agent_id) == ("ofr_1", AGENT)
    station.lost = True
    await accept(exchange.house, exchange.switchboard.stations, exchange.tenant_id, "ofr_2", AGENT)
    assert len(exchange.routing.taken) == 1, "nobody hears it whose softphone is gone"
