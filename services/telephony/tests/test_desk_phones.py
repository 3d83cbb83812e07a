"""Agents' desk phones, ringing and answering, with real signalling, real media and real rows."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from merkez.telephony.v1 import call_service_pb2
from telephony.domain.devices import Contact, Register
from telephony.domain.trunks import Gateway
from telephony.ops import devices as device_ops
from telephony.ops import trunks as trunk_ops
from telephony.sip import Ended, Failure, Invitation, SipDialog
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier, a_trunk
from .conftest import Exchange, an_id
from .desk_phones import PHONES, DeskPhone
from .seeking import mobiles
from .sip.peers import a_stranger
from .test_sip_calls import NUMBER, port, trunk

__all__ = ["mobiles"]
pytestmark = pytest.mark.media

CUSTOMER_HZ, PHONE_HZ, SECOND_HZ = 440.0, 880.0, 1400.0
UNUSABLE = "v=0\r\no=- 1 1 IN IP4 127.0.0.5\r\ns=-\r\nc=IN IP4 127.0.0.5\r\nt=0 0\r\nm=audio 4000 RTP/AVP 3\r\n"
"""GSM alone, which nobody asked for."""


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0")


async def test_a_phone_whose_answer_cannot_be_used_is_hung_up_and_the_others_stop_ringing(exchange: Exchange) -> None:
    agent_id = an_id("usr")
    broken = await DeskPhone.signed_in(exchange, agent_id)
    other = await DeskPhone.signed_in(exchange, agent_id)
    cancelled: list[Ended] = []

    async def ring(invitation: Invitation) -> None:
        invitation.on_cancelled = cancelled.append
        await invitation.ring()

    async def answer_wrongly(invitation: Invitation) -> None:
        await eventually(lambda: other.invitations)
        broken._keep(await invitation.answer(UNUSABLE))

    other.behave, broken.behave = ring, answer_wrongly
    customer = exchange.peer(CUSTOMER_HZ)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, agent_id)

    await eventually(lambda: broken.ended and cancelled)
    assert (broken.ended[0].why, broken.ended[0].q850) == ("bye", 31)
    assert await _why_not(exchange, call.call_id) == (31, 488)
    with exchange.as_owner():
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=call.call_id))
    edge = exchange.edge
    await eventually(lambda: edge is not None and not edge.agent.dialogs)
    await eventually(lambda: not exchange.house.plane.legs)
    await asyncio.gather(broken.close(), other.close())


async def _why_not(exchange: Exchange, call_id: str) -> tuple[int, int]:
    """(Q.850, SIP status) of the agent who didn't come, whose caller goes on."""
    await eventually(lambda: len(exchange.flows.started) == 2)
    with exchange.as_owner():
        call = await exchange.calls.GetCall(call_service_pb2.GetCallRequest(call_id=call_id))
    (leg,) = [leg for leg in call.legs if leg.party == "agent"]
    return leg.q850_cause, leg.sip_status


async def test_of_two_phones_answered_at_once_one_has_the_call_and_the_other_a_bye(exchange: Exchange) -> None:
    agent_id = an_id("usr")
    phones = [await DeskPhone.signed_in(exchange, agent_id, PHONE_HZ) for _ in range(2)]

    async def answer(phone: DeskPhone, invitation: Invitation) -> None:
        await eventually(lambda: all(each.invitations for each in phones))
        phone._keep(await invitation.answer(phone._described(invitation)))

    for phone in phones:
        phone.behave = lambda invitation, phone=phone: answer(phone, invitation)
    customer = exchange.peer(CUSTOMER_HZ)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, agent_id)
    await customer.hears(PHONE_HZ)

    await eventually(lambda: sum(not each.dialogs or bool(each.ended) for each in phones) == 1)
    (holder,) = [each for each in phones if each.dialogs and not each.ended]
    await holder.dialogs[0].bye()
    await eventually(lambda: not exchange.switchboard.calls)
    await asyncio.gather(*(each.close() for each in phones))


async def _also_at(exchange: Exchange, phone: DeskPhone, port: int, ago: float) -> None:
    """The same phone signed in from another port so many seconds ago, for an hour."""
    house = exchange.house
    found = await house.db.system(lambda tx: device_ops.find_by_user_name(tx, phone.user), read_only=True)
    assert found is not None
    wish = Register(
        "elsewhere", 1, [Contact(f"sip:{phone.user}@{PHONES}:{port}", 3600)], source=f"{PHONES}:{port}", node_id="one"
    )
    when = house.now() - timedelta(seconds=ago)
    await house.db.run(found[0], lambda tx: device_ops.register(tx, found[1], wish, when))


@pytest.mark.parametrize("ago", [60.0, -1.0])
async def test_a_phone_rings_whatever_place_of_it_that_is_dead_was_heard_of_last(
    exchange: Exchange, ago: float
) -> None:
    agent_id = an_id("usr")
    phone = await DeskPhone.signed_in(exchange, agent_id, PHONE_HZ)
    async with a_stranger(host=PHONES) as dead:
        await _also_at(exchange, phone, dead.port, ago)
        customer = exchange.peer(CUSTOMER_HZ)
        call = await exchange.call(customer)
        await exchange.accept(call.call_id, agent_id)
        await customer.hears(PHONE_HZ)
        assert await dead.request("INVITE")
        await phone.dialogs[0].bye()
        await eventually(lambda: not exchange.switchboard.calls)
    await phone.close()


async def test_a_phone_that_is_busy_has_said_so_though_a_dead_place_of_it_says_nothing(exchange: Exchange) -> None:
    agent_id = an_id("usr")
    phone = await DeskPhone.signed_in(exchange, agent_id)

    async def busy(invitation: Invitation) -> None:
        await invitation.ring()
        await invitation.refuse(486)

    phone.behave = busy
    async with a_stranger(host=PHONES) as dead:
        await _also_at(exchange, phone, dead.port, 60.0)
        call = await exchange.call(exchange.peer(CUSTOMER_HZ))
        await exchange.accept(call.call_id, agent_id)
        assert await _why_not(exchange, call.call_id) == (17, 486)
    await phone.close()


async def test_an_agents_other_phone_takes_what_rings(exchange: Exchange) -> None:
    agent_id = an_id("usr")
    ringing = await DeskPhone.signed_in(exchange, agent_id, PHONE_HZ)
    cancelled: list[Ended] = []

    async def ring(invitation: Invitation) -> None:
        invitation.on_cancelled = cancelled.append
        await invitation.ring()

    ringing.behave = ring
    customer = exchange.peer(CUSTOMER_HZ)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, agent_id)
    await eventually(lambda: ringing.invitations)
    edge = exchange.edge
    await eventually(lambda: edge is not None and len(edge.agent.dialogs) == 1)
    other = await DeskPhone.signed_in(exchange, agent_id, SECOND_HZ)

    taken = await other.dial("pickup", replaces=ringing.invitations[0].dialog.replaces())
    assert isinstance(taken, SipDialog)
    await asyncio.gather(customer.hears(SECOND_HZ), other.peer.hears(CUSTOMER_HZ))
    await eventually(lambda: cancelled)
    await taken.bye()
    await eventually(lambda: not exchange.switchboard.calls and not exchange.house.plane.legs)
    await asyncio.gather(ringing.close(), other.close())


@pytest.mark.parametrize("whose", ["the company's own", "another company's"])
async def test_a_phone_calls_out_from_an_address_that_is_a_trunks_too(exchange: Exchange, mobiles: Any, whose) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    phone = await DeskPhone.signed_in(exchange, an_id("usr"), PHONE_HZ)
    house, owner = exchange.house, exchange.tenant_id if whose == "the company's own" else an_id("ten")
    beside = a_trunk(Gateway("", "127.0.0.77"), source_networks=(f"{PHONES}/32",))
    await house.db.run(owner, lambda tx: trunk_ops.create_trunk(tx, beside, house.now()))
    assert exchange.edge is not None
    await exchange.edge.roster.refresh()

    assert isinstance(await phone.dial(NUMBER), SipDialog)
    await mobile.peer.hears(PHONE_HZ)
    stranger = Carrier(await RtpPeer.start(host=PHONES), host=PHONES)
    await stranger.start()
    called = await stranger.call(port(exchange), NUMBER, phone.user[::-1])
    assert isinstance(called, Failure) and called.status == 404, "who only calls like a phone is the trunk's"
    await asyncio.gather(phone.close(), stranger.close())


async def test_a_phone_transfers_after_its_call_was_taken_over_by_another_node(make_exchange: Any) -> None:
    first = await make_exchange(sip_listen="udp:127.0.0.1:0")
    agent_id = an_id("usr")
    phone = await DeskPhone.signed_in(first, agent_id, PHONE_HZ)
    customer = first.peer(CUSTOMER_HZ)
    call = await first.call(customer)
    await first.accept(call.call_id, agent_id)
    await customer.hears(PHONE_HZ)
    (live,) = first.switchboard.calls
    await live.journal.write(lambda tx: asyncio.sleep(0))

    async def re_invited(sdp: str | None) -> str:
        phone.peer.accept(sdp or "")
        return phone.peer.describe()

    phone.dialogs[0].on_offer = re_invited
    assert first.edge is not None
    await first.edge.agent.close()
    second = await make_exchange(sip_listen="udp:127.0.0.1:0")
    assert await second.nodes.adopt(first.tenant_id, live.call_id, first.house.settings.node_id, second.house.now())
    await eventually(lambda: second.switchboard.calls[0].outside)
    assert len(phone.invitations) == 1, "a phone that talks isn't rung again"

    assert await phone.dialogs[0].refer(phone.uri("*68")) == 200
    await eventually(lambda: phone.ended)
    assert second.switchboard.calls[0].call.park_code
    await phone.close()


async def test_a_second_line_that_died_with_its_node_is_ended_at_the_phone_and_the_first_goes_on(
    make_exchange: Any, mobiles: Any
) -> None:
    first = await make_exchange(sip_listen="udp:127.0.0.1:0")
    mobile = await mobiles()
    await trunk(first, mobile)
    agent_id = an_id("usr")
    phone, line = await DeskPhone.signed_in(first, agent_id, PHONE_HZ), await RtpPeer.start(SECOND_HZ, host=PHONES)
    customer = first.peer(CUSTOMER_HZ)
    call = await first.call(customer)
    await first.accept(call.call_id, agent_id)
    await customer.hears(PHONE_HZ)
    phone.peer.accept(await phone.dialogs[0].reinvite(phone.peer.describe("sendonly")))
    asked = await phone.dial(NUMBER, line)
    assert isinstance(asked, SipDialog)
    await mobile.peer.hears(SECOND_HZ)
    (live,) = first.switchboard.calls
    await live.journal.write(lambda tx: asyncio.sleep(0))
    for dialog, peer in ((phone.dialogs[0], phone.peer), (mobile.dialogs[0], mobile.peer)):
        dialog.on_offer = lambda sdp, peer=peer: _again(peer, sdp)
    await first.edge.agent.close()
    second = await make_exchange(sip_listen="udp:127.0.0.1:0")
    await second.edge.roster.refresh()
    assert await second.nodes.adopt(first.tenant_id, live.call_id, first.house.settings.node_id, second.house.now())
    await eventually(lambda: phone.ended)
    assert asked.ended and not phone.dialogs[0].ended and not mobile.ended
    await phone.close()
    await line.close()


async def _again(peer: RtpPeer, sdp: str | None) -> str:
    peer.accept(sdp or "")
    return peer.describe()
