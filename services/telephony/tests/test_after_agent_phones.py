"""After an agent whose telephone is hung up, of a caller whose telephone is at a carrier: signalling and RTP on both
sides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.domain.calls import Contact
from telephony.domain.legs import Q850
from telephony.sip import SipDialog
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier
from .conftest import SPOKEN_HZ, Exchange, an_id
from .desk_phones import DeskPhone
from .scene import BEN_HZ, CUSTOMER_HZ
from .test_after_agent import BYE, kept, waits
from .test_flow_driver import gather, play
from .test_sip_calls import NUMBER, OURS, cdr, port, trunk

pytestmark = pytest.mark.media

PHONE_HZ = 880.0


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0")


@pytest_asyncio.fixture
async def carrier() -> AsyncIterator[Carrier]:
    made = Carrier(await RtpPeer.start(CUSTOMER_HZ))
    await made.start()
    yield made
    await made.close()


async def talking(exchange: Exchange, carrier: Carrier, *steps: Any) -> tuple[DeskPhone, str, str, SipDialog]:
    """(phone, its agent, call, the caller's dialog), talking."""
    await trunk(exchange, carrier)
    step = waits()
    exchange.flows.steps = [step, *steps]
    agent_id = an_id("usr")
    phone = await DeskPhone.signed_in(exchange, agent_id, PHONE_HZ)
    dialog = await carrier.call(port(exchange), OURS, NUMBER)
    assert isinstance(dialog, SipDialog)
    (live,) = exchange.switchboard.calls
    await eventually(lambda: exchange.flows.started)
    await exchange.accept(live.call_id, agent_id, Contact(step.queue.contact_id, an_id("que")))
    await asyncio.gather(carrier.peer.hears(PHONE_HZ), phone.peer.hears(CUSTOMER_HZ))
    await eventually(lambda: kept(exchange, live.call_id))
    return phone, agent_id, live.call_id, dialog


async def test_a_phone_that_is_hung_up_leaves_the_caller_to_their_flow(exchange: Exchange, carrier: Carrier) -> None:
    phone, agent_id, call_id, dialog = await talking(exchange, carrier, gather("How was it", timeout=20), BYE)
    await phone.dialogs[0].bye()
    await eventually(lambda: exchange.flows.resumed)
    carrier.peer.forget()  # what it heard while the phone rang
    await carrier.peer.hears(SPOKEN_HZ)
    assert [each.agent_id for each in exchange.flows.resumed] == [agent_id]
    left = [each for each in await exchange.told() if each.DESCRIPTOR.name == "AgentLeft"]
    assert [(each.agent_id, each.reason) for each in left] == [(agent_id, "HUNG_UP")]
    await carrier.peer.press("4")
    await eventually(lambda: exchange.flows.events() == [("DIGITS", "4")])
    await eventually(lambda: dialog.ended and not exchange.switchboard.calls)
    found = await cdr(exchange, call_id)
    assert (found.end_party, found.agent_id) == (call_pb2.END_PARTY_FLOW, agent_id)
    await phone.close()


async def test_an_agent_who_ends_the_call_at_the_desk_has_their_phone_hung_up_and_the_caller_stays(
    exchange: Exchange, carrier: Carrier
) -> None:
    phone, agent_id, call_id, _ = await talking(exchange, carrier, play("How was it"), BYE)
    with exchange.as_agent(agent_id):
        call = await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=call_id))
    assert call.state == call_pb2.CALL_STATE_IN_FLOW
    await carrier.peer.hears(SPOKEN_HZ)
    await eventually(lambda: phone.dialogs[0].ended)
    await eventually(lambda: not exchange.switchboard.calls)
    assert (await cdr(exchange, call_id)).end_cause == "FLOW_ENDED"
    await phone.close()


async def test_a_phone_whose_network_fails_has_not_hung_up(exchange: Exchange, carrier: Carrier) -> None:
    phone, agent_id, call_id, _ = await talking(exchange, carrier, play("How was it"), BYE)
    live = exchange.switchboard.find(call_id)
    assert live is not None
    leg = live.leg_of(agent_id)
    assert leg is not None
    await exchange.switchboard.party_gone(live, leg.leg_id, Q850.TEMPORARY_FAILURE)
    await eventually(lambda: not exchange.switchboard.calls)
    assert exchange.flows.resumed == []
    assert (await cdr(exchange, call_id)).end_party == call_pb2.END_PARTY_AGENT
    await phone.close()


async def test_a_colleague_who_is_asked_has_the_caller_when_the_phone_is_hung_up_and_is_the_one_they_are_asked_about(
    exchange: Exchange, carrier: Carrier
) -> None:
    phone, agent_id, call_id, _ = await talking(exchange, carrier, play("How was it"), BYE)
    ben, ben_id = exchange.peer(BEN_HZ), an_id("usr")
    await exchange.attach(ben, ben_id)
    with exchange.as_agent(agent_id):
        call = await exchange.calls.ConsultCall(call_service_pb2.ConsultCallRequest(call_id=call_id, agent_id=ben_id))
    contact_id = next(leg.contact_id for leg in call.legs if leg.consulted)
    await exchange.accept(call_id, ben_id, Contact(contact_id, consult=True))
    await ben.hears(PHONE_HZ)
    await phone.dialogs[0].bye()
    await asyncio.gather(carrier.peer.hears(BEN_HZ), ben.hears(CUSTOMER_HZ))
    assert exchange.flows.resumed == []
    with exchange.as_agent(ben_id):
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=call_id))
    await carrier.peer.hears(SPOKEN_HZ)
    [resumed] = exchange.flows.resumed
    assert (resumed.agent_id, resumed.contact_id) == (ben_id, contact_id)
    await phone.close()
