"""Customers who are called back over a real SIP trunk before an agent is asked, who is kept for them meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from kernel.errors import DomainError, FailedPrecondition
from merkez.routing.v1 import callback_events_pb2, callback_rules_pb2, contact_pb2, routing_events_pb2
from telephony.consumers import handlers
from telephony.domain.calls import CallState, Contact
from telephony.domain.legs import Party
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier
from .conftest import MUSIC_HZ, Exchange, an_id
from .desk_phones import DeskPhone
from .media.voices import quiet, tone
from .neighbours import queue_instruction
from .test_answers import GREETING, MESSAGE_HZ, a_prompt, kept, moved, record, says
from .test_callbacks import HANG_UP, LEAVE_MESSAGE, dial
from .test_callbacks import wanted as plainly_wanted
from .test_consumers import publish
from .test_sip_calls import AGENT_HZ, CALLER_HZ, NUMBER, an_agent, trunk

pytestmark = pytest.mark.media
CUSTOMER_FIRST = callback_rules_pb2.CALLBACK_ORDER_CUSTOMER_FIRST


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0")


@pytest_asyncio.fixture
async def carrier() -> AsyncIterator[Carrier]:
    made = Carrier(await RtpPeer.start(CALLER_HZ))
    await made.start()
    yield made
    await made.close()


def wanted(exchange: Exchange, **changes: Any) -> str:
    """The contact of a callback whose customer is to be rung first; flows has them wait as it."""
    plain = {"order": CUSTOMER_FIRST, "ring_timeout": Duration(seconds=30), "version": 3}
    contact_id = plainly_wanted(exchange, **(plain | changes))
    waits = queue_instruction()
    waits.queue.contact_id = contact_id
    exchange.flows.steps = [waits]
    return contact_id


async def released(exchange: Exchange, make_bus: Any, contact_id: str, agent_id: str, times: int = 1) -> Any:
    """Routing keeps the agent for the customer, and tells so."""
    bus = await make_bus("telephony")
    await bus.consume(
        exchange.house.db, exchange.house.settings.node_id, handlers(exchange.house, exchange.switchboard)
    )
    fact = callback_events_pb2.CallbackReleased()
    fact.callback.callback_id, fact.callback.order = an_id("cbk"), CUSTOMER_FIRST
    fact.callback.contact_id, fact.callback.agent_id = contact_id, agent_id
    for _ in range(times):
        await publish(bus, exchange, fact, fact.callback.callback_id)
    return bus


async def waits(exchange: Exchange, contact_id: str) -> Any:
    """The call, once its customer waits on the line."""
    await eventually(lambda: bool(exchange.routing.answered_back))
    (live,) = exchange.switchboard.calls
    await eventually(lambda: live.call.state is CallState.QUEUED and live.call.contact_id == contact_id)
    return live


async def test_customer_who_answers_hears_music_and_then_the_agent_who_accepts(exchange, carrier, make_bus) -> None:
    await trunk(exchange, carrier)
    agent, agent_id = await an_agent(exchange)
    exchange.routing.waits.greeting_prompt_id = an_id("prm")
    contact_id = wanted(exchange)
    bus = await released(exchange, make_bus, contact_id, agent_id)
    live = await waits(exchange, contact_id)
    await carrier.peer.hears(MUSIC_HZ)
    assert carrier.invitations[0].called == NUMBER
    (begun,) = exchange.routing.called_back
    assert (begun.contact_id, begun.agent_id, begun.call_id) == (contact_id, agent_id, live.call_id)
    (asked,) = exchange.flows.started
    assert (asked.queue_id, asked.waiting_contact_id) == (exchange.routing.waits.queue_id, contact_id)
    assert asked.greeting_prompt_id == exchange.routing.waits.greeting_prompt_id
    assert not live.leg_of(agent_id) and not exchange.routing.started and not exchange.routing.enqueued
    fact = routing_events_pb2.OfferAccepted()
    fact.offer.agent_id, fact.offer.contact.contact_id = agent_id, contact_id
    fact.offer.contact.callback_id, fact.offer.contact.kind = an_id("cbk"), contact_pb2.CONTACT_KIND_CALLBACK
    fact.offer.contact.call_id = live.call_id
    await publish(bus, exchange, fact, "ofr_1")
    await carrier.peer.hears(AGENT_HZ)
    await agent.hears(CALLER_HZ)
    assert len(carrier.invitations) == 1
    await carrier.dialogs[0].bye()
    found = await record(exchange, live.call_id)
    assert (found.contact_id, found.end_cause, found.agent_id) == (contact_id, "NORMAL", agent_id)
    assert found.HasField("answer_time")
    waited = found.answer_time.ToMilliseconds() - found.connect_time.ToMilliseconds()
    assert waited > 0 and found.connect_time.ToMilliseconds() > found.start_time.ToMilliseconds()


async def test_customer_whose_agents_desk_phone_is_not_picked_up_waits_on_and_is_not_hung_up_on(
    exchange, carrier, make_bus
) -> None:
    await trunk(exchange, carrier)
    agent_id, queue_id = an_id("usr"), an_id("que")
    phone = await DeskPhone.signed_in(exchange, agent_id)
    phone.behave = lambda invitation: invitation.refuse(486)
    contact_id = wanted(exchange)
    bus = await released(exchange, make_bus, contact_id, agent_id)
    live = await waits(exchange, contact_id)
    fact = routing_events_pb2.OfferAccepted()
    fact.offer.agent_id, fact.offer.contact.contact_id = agent_id, contact_id
    fact.offer.contact.queue_id, fact.offer.contact.call_id = queue_id, live.call_id
    await publish(bus, exchange, fact, "ofr_1")
    await eventually(lambda: len(exchange.flows.started) == 2 or bool(live.ending))
    assert not live.ending and exchange.flows.started[1].queue_id == queue_id
    carrier.peer.forget()
    await carrier.peer.hears(MUSIC_HZ)
    assert not carrier.dialogs[0].ended
    (left,) = [fact for fact in await exchange.told() if fact.DESCRIPTOR.name == "AgentLeft"]
    assert (left.agent_id, left.contact_id) == (agent_id, contact_id)
    await carrier.dialogs[0].bye()
    found = await record(exchange, live.call_id)
    assert found.HasField("connect_time") and not found.HasField("answer_time")
    await phone.close()


async def test_release_that_is_told_twice_rings_once(exchange, carrier, make_bus) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    contact_id = wanted(exchange)
    await released(exchange, make_bus, contact_id, agent_id, times=2)
    await waits(exchange, contact_id)
    await dial(exchange, contact_id, agent_id)
    assert len(carrier.invitations) == 1


async def test_late_release_of_an_agent_who_is_gone_does_not_use_up_the_next_ones_ring(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    _, gone = await an_agent(exchange)
    contact_id = wanted(exchange)  # The second agent is kept by now, and the version is that of their release.
    exchange.routing.refusal = FailedPrecondition("the customer is being called already")
    with pytest.raises(DomainError):
        await dial(exchange, contact_id, gone)
    exchange.routing.refusal = None
    await dial(exchange, contact_id, an_id("usr"))
    await eventually(lambda: bool(carrier.invitations))


async def test_customer_whose_agent_misses_them_waits_on_and_is_answered_by_another(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    contact_id = wanted(exchange)
    await dial(exchange, contact_id, agent_id)
    live = await waits(exchange, contact_id)
    await carrier.peer.hears(MUSIC_HZ)
    # The first agent's offer is missed: nothing of that comes to the call, which waits as the contact it is.
    assert live.call.state is CallState.QUEUED
    other = exchange.peer(1320.0)
    other_id = an_id("usr")
    await exchange.attach(other, other_id)
    await exchange.accept(live.call_id, other_id, Contact(contact_id))
    await carrier.peer.hears(1320.0)
    await other.hears(CALLER_HZ)
    assert len(carrier.invitations) == 1


async def test_customer_who_hangs_up_while_they_wait_ends_the_call_unanswered(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    contact_id = wanted(exchange)
    call = await dial(exchange, contact_id, agent_id)
    await waits(exchange, contact_id)
    await carrier.dialogs[0].bye()
    found = await record(exchange, call.call_id)
    assert (found.end_cause, found.HasField("answer_time"), found.agent_id) == ("NORMAL", False, "")


async def test_customer_is_rung_no_longer_than_it_may(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)

    async def rings(invitation: Any) -> None:
        await invitation.ring()

    carrier.behave = rings
    contact_id = wanted(exchange, ring_timeout=Duration(seconds=1))
    call = await dial(exchange, contact_id, agent_id)
    found = await record(exchange, call.call_id)
    assert (found.end_cause, found.HasField("answer_time")) == ("NO_ANSWER", False)
    assert not exchange.routing.answered_back and not exchange.routing.not_called_back


async def test_busy_customer_ends_the_call_so_that_it_is_tried_again(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    carrier.behave = lambda invitation: invitation.refuse(486)
    call = await dial(exchange, wanted(exchange), agent_id)
    assert (await record(exchange, call.call_id)).end_cause == "BUSY"
    assert not exchange.routing.answered_back


async def test_person_is_told_from_a_machine_before_their_agent_is_asked(exchange, carrier, said) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    await says(carrier, await said("Hello?"), quiet(8))
    contact_id = wanted(exchange, on_machine=HANG_UP)
    await dial(exchange, contact_id, agent_id)
    assert not exchange.routing.answered_back
    await waits(exchange, contact_id)
    await carrier.peer.hears(MUSIC_HZ)


async def test_machine_is_hung_up_on_and_no_agent_is_asked(exchange, carrier, said) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    await says(carrier, await said(GREETING))
    call = await dial(exchange, wanted(exchange, on_machine=HANG_UP), agent_id)
    assert (await record(exchange, call.call_id)).end_cause == "ANSWERING_MACHINE"
    assert not exchange.routing.answered_back and not exchange.flows.started


async def test_machine_is_left_a_message_after_its_beep_and_no_agent_is_asked(exchange, carrier, said) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    await says(carrier, await said(GREETING), quiet(0.5), tone(1_000, seconds=0.4))
    contact_id = wanted(exchange, on_machine=LEAVE_MESSAGE, message_prompt_id=a_prompt(exchange))
    call = await dial(exchange, contact_id, agent_id)
    await carrier.peer.hears(MESSAGE_HZ)
    found = await record(exchange, call.call_id)
    assert (found.end_cause, found.contact_id) == ("MESSAGE_LEFT", contact_id)
    assert "AnswerDetected" in [name.rpartition(".")[2] for name in await exchange.facts()]
    assert not exchange.routing.answered_back


@pytest.mark.parametrize("lacks", ["trunk", "callback"])
async def test_routing_is_told_when_the_customer_can_not_be_called(exchange, carrier, lacks: str) -> None:
    _, agent_id = await an_agent(exchange)
    if lacks == "trunk":
        exchange.tenancy.caller_numbers.numbers[:] = ["+902125550100"]
    else:
        await trunk(exchange, carrier)
        exchange.routing.refusal = FailedPrecondition("nobody is to be called any more")
    contact_id = wanted(exchange)
    with pytest.raises(DomainError):
        await dial(exchange, contact_id, agent_id)
    (told,) = exchange.routing.not_called_back
    assert (told.contact_id, told.agent_id) == (contact_id, agent_id)
    await eventually(lambda: not exchange.switchboard.calls)
    assert not carrier.invitations


async def test_customer_whom_routing_does_not_know_any_more_hears_that_and_is_hung_up_on(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    contact_id = wanted(exchange)
    exchange.routing.waits_refused = FailedPrecondition("the attempt is over")
    call = await dial(exchange, contact_id, agent_id)
    assert (await record(exchange, call.call_id)).end_cause == "FLOW_FAILED"


async def test_nobody_is_on_the_call_before_an_agent_accepts(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    contact_id = wanted(exchange)
    await dial(exchange, contact_id, an_id("usr"))
    live = await waits(exchange, contact_id)
    assert [(leg.party, leg.agent_id) for leg in live.legs] == [(Party.CUSTOMER, "")]


async def test_customer_who_waits_when_their_node_dies_waits_on_at_the_next_one(make_exchange: Any) -> None:
    exchange = await make_exchange()
    _, agent_id = await an_agent(exchange)
    contact_id = wanted(exchange)
    call = await dial(exchange, contact_id, agent_id)
    party = exchange.outside.begun[-1]
    party.keeps = True
    await party.answer(exchange.peer(CALLER_HZ))
    party.on_changed()
    live = await waits(exchange, contact_id)
    await kept(exchange, live, live.customer_id)
    adopted = await moved(exchange, live)
    await eventually(lambda: len(exchange.routing.answered_back) == 2)
    assert {(each.contact_id, each.call_id) for each in exchange.routing.answered_back} == {(contact_id, call.call_id)}
    assert adopted.call.state is CallState.QUEUED and len(exchange.outside.begun) == 1
    other_id = an_id("usr")
    await exchange.attach(exchange.peer(AGENT_HZ), other_id)
    await exchange.accept(call.call_id, other_id, Contact(contact_id))
    await eventually(lambda: adopted.call.state is CallState.TALKING)


async def test_customer_who_was_listened_to_when_the_node_died_waits_for_their_agent(make_exchange: Any) -> None:
    exchange = await make_exchange()
    _, agent_id = await an_agent(exchange)
    contact_id = wanted(exchange, on_machine=HANG_UP)
    await dial(exchange, contact_id, agent_id)
    party = exchange.outside.begun[-1]
    party.keeps = True
    await party.answer(exchange.peer(None))  # says nothing: nobody knows yet who that is
    party.on_changed()
    (live,) = exchange.switchboard.calls
    await kept(exchange, live, live.customer_id)
    assert not exchange.routing.answered_back
    await moved(exchange, live)
    await waits(exchange, contact_id)


async def test_customer_who_rang_when_the_node_died_is_tried_again_by_another_attempt(make_exchange: Any) -> None:
    exchange = await make_exchange()
    _, agent_id = await an_agent(exchange)
    call = await dial(exchange, wanted(exchange), agent_id)
    (live,) = exchange.switchboard.calls
    await moved(exchange, live)
    found = await record(exchange, call.call_id)
    assert (found.end_cause, found.HasField("answer_time")) == ("UNREACHABLE", False)
    assert not exchange.routing.answered_back
