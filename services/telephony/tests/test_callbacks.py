"""Customers who are called back over a real SIP trunk, for agents who accepted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from chassis.auth import acting_for
from kernel.errors import DomainError, FailedPrecondition, Forbidden
from merkez.routing.v1 import callback_pb2, callback_rules_pb2, contact_pb2, routing_events_pb2
from merkez.telephony.v1 import call_service_pb2
from telephony.consumers import handlers
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier
from .conftest import Exchange, an_id
from .media.voices import quiet, tone
from .test_answers import GREETING, a_prompt, record, says
from .test_consumers import publish
from .test_sip_calls import AGENT_HZ, CALLER_HZ, NUMBER, OURS, an_agent, trunk

pytestmark = pytest.mark.media
HANG_UP = callback_rules_pb2.CALLBACK_MACHINE_ACTION_HANG_UP
LEAVE_MESSAGE = callback_rules_pb2.CALLBACK_MACHINE_ACTION_LEAVE_MESSAGE
CONNECT = callback_rules_pb2.CALLBACK_MACHINE_ACTION_CONNECT


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
    """The contact of a callback that an agent accepted."""
    contact_id = an_id("con")
    plain = {"callback_id": an_id("cbk"), "number": NUMBER, "on_machine": CONNECT}
    exchange.routing.callbacks[contact_id] = callback_pb2.CallbackDial(**(plain | changes))
    return contact_id


async def dial(exchange: Exchange, contact_id: str, agent_id: str) -> Any:
    request = call_service_pb2.DialCallbackRequest(contact_id=contact_id, agent_id=agent_id)
    with acting_for(exchange.tenant_id):
        return await exchange.calls.DialCallback(request)


async def test_agent_accepts_and_hears_the_customer_who_is_shown_the_number_they_had_called(
    exchange, carrier, make_bus
) -> None:
    await trunk(exchange, carrier)
    other = "+902125550111"
    exchange.tenancy.caller_numbers.numbers.append(other)
    agent, agent_id = await an_agent(exchange)
    contact_id = wanted(exchange, dialed_number=other)
    bus = await make_bus("telephony")
    await bus.consume(
        exchange.house.db, exchange.house.settings.node_id, handlers(exchange.house, exchange.switchboard)
    )
    fact = routing_events_pb2.OfferAccepted()
    fact.offer.agent_id, fact.offer.contact.contact_id = agent_id, contact_id
    fact.offer.contact.callback_id, fact.offer.contact.kind = an_id("cbk"), contact_pb2.CONTACT_KIND_CALLBACK
    await publish(bus, exchange, fact, "ofr_1")
    await carrier.peer.hears(AGENT_HZ)
    await agent.hears(CALLER_HZ)
    (invitation,) = carrier.invitations
    assert invitation.called == NUMBER and invitation.asserted[0].sip.number == other
    (begun,) = exchange.routing.called_back
    (live,) = exchange.switchboard.calls
    assert (begun.contact_id, begun.agent_id, begun.call_id) == (contact_id, agent_id, live.call_id)
    assert live.call.contact_id == contact_id and not exchange.routing.started
    await carrier.dialogs[0].bye()
    found = await record(exchange, live.call_id)
    assert (found.contact_id, found.end_cause, found.HasField("answer_time")) == (contact_id, "NORMAL", True)


async def test_accepted_twice_rings_the_customer_once(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    contact_id = wanted(exchange)
    first = await dial(exchange, contact_id, agent_id)
    assert (await dial(exchange, contact_id, agent_id)).call_id == first.call_id
    await carrier.peer.hears(AGENT_HZ)
    assert len(carrier.invitations) == 1


async def test_machine_is_left_a_message_when_that_is_wished_for(exchange, carrier, said) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    await says(carrier, await said(GREETING), quiet(0.5), tone(1_000, seconds=0.4))
    contact_id = wanted(exchange, on_machine=LEAVE_MESSAGE, message_prompt_id=a_prompt(exchange))
    call = await dial(exchange, contact_id, agent_id)
    await eventually(lambda: carrier.ended)
    found = await record(exchange, call.call_id)
    assert (found.end_cause, found.contact_id) == ("MESSAGE_LEFT", contact_id)


async def test_machine_is_hung_up_on_before_the_last_attempt(exchange, carrier, said) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    await says(carrier, await said(GREETING))
    call = await dial(exchange, wanted(exchange, on_machine=HANG_UP), agent_id)
    assert (await record(exchange, call.call_id)).end_cause == "ANSWERING_MACHINE"


async def test_customer_is_called_also_when_the_message_is_gone(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    agent, agent_id = await an_agent(exchange)
    await dial(exchange, wanted(exchange, on_machine=LEAVE_MESSAGE, message_prompt_id=an_id("prm")), agent_id)
    await agent.hears(CALLER_HZ)
    assert not exchange.routing.not_called_back


async def test_busy_customer_ends_the_call_so_that_it_is_tried_again(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    carrier.behave = lambda invitation: invitation.refuse(486)
    call = await dial(exchange, wanted(exchange), agent_id)
    found = await record(exchange, call.call_id)
    assert (found.end_cause, found.HasField("answer_time")) == ("BUSY", False)
    assert not exchange.routing.not_called_back


@pytest.mark.parametrize("lacks", ["trunk", "microphone"])
async def test_routing_is_told_when_the_customer_can_not_be_called(exchange, carrier, lacks: str) -> None:
    agent_id = an_id("usr")
    if lacks != "trunk":
        await trunk(exchange, carrier)
    else:
        exchange.tenancy.caller_numbers.numbers[:] = [OURS]
        _, agent_id = await an_agent(exchange)
    contact_id = wanted(exchange)
    with pytest.raises(DomainError):
        await dial(exchange, contact_id, agent_id)
    (told,) = exchange.routing.not_called_back
    assert (told.contact_id, told.agent_id) == (contact_id, agent_id)
    await eventually(lambda: not exchange.switchboard.calls)


async def test_call_back_of_a_contact_that_is_taken_away_ends_at_once(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    exchange.routing.refusal = FailedPrecondition("the contact is over")
    with pytest.raises(DomainError):
        await dial(exchange, wanted(exchange), agent_id)
    await eventually(lambda: not exchange.switchboard.calls)
    assert not carrier.invitations and exchange.routing.not_called_back


async def test_only_services_have_customers_called_back(exchange) -> None:
    request = call_service_pb2.DialCallbackRequest(contact_id=an_id("con"), agent_id=an_id("usr"))
    with exchange.as_agent(request.agent_id), pytest.raises(Forbidden):
        await exchange.calls.DialCallback(request)
