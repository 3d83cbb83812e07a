"""A call whose agent is at a desk phone: its hold key, its node's end, its node that drains."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.sip import Failure, Invitation, SipDialog
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .conftest import MUSIC_HZ, Exchange, an_id
from .desk_phones import PHONES, DeskPhone
from .seeking import mobiles
from .test_sip_calls import NUMBER, OURS, trunk
from .two_nodes import back

__all__ = ["mobiles"]
pytestmark = pytest.mark.media

CUSTOMER_HZ, PHONE_HZ = 440.0, 880.0
UNUSABLE = "v=0\r\no=- 1 1 IN IP4 127.0.0.5\r\ns=-\r\nc=IN IP4 127.0.0.5\r\nt=0 0\r\nm=audio 4000 RTP/AVP 3\r\n"


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0")


async def talking(exchange: Exchange) -> tuple[DeskPhone, str, Any, call_service_pb2.StartWebCallResponse]:
    """(phone, its agent, customer, call), talking."""
    agent_id = an_id("usr")
    phone = await DeskPhone.signed_in(exchange, agent_id, PHONE_HZ)
    customer = exchange.peer(CUSTOMER_HZ)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, agent_id)
    await customer.hears(PHONE_HZ)
    return phone, agent_id, customer, call


async def test_a_phone_holds_the_customer_by_its_own_key_and_hanging_it_up_is_hanging_up(exchange: Exchange) -> None:
    phone, _, customer, call = await talking(exchange)
    held = phone.peer.describe().replace("a=sendrecv", "a=sendonly")
    assert "a=sendonly" in held
    await phone.dialogs[0].reinvite(held)
    await customer.hears(MUSIC_HZ)
    await phone.dialogs[0].reinvite(phone.peer.describe())
    await customer.hears(PHONE_HZ)
    await phone.peer.hears(CUSTOMER_HZ)
    await phone.dialogs[0].bye()
    await eventually(lambda: not exchange.switchboard.calls)
    with exchange.as_owner():
        (cdr,) = (await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest(call_id=call.call_id))).cdrs
    assert (cdr.end_party, cdr.end_cause) == (call_pb2.END_PARTY_AGENT, "NORMAL")
    assert cdr.hold_duration.ToTimedelta().total_seconds() > 0
    await phone.close()


async def test_a_phone_rings_for_a_caller_whose_name_holds_control_characters(exchange: Exchange) -> None:
    agent_id = an_id("usr")
    phone = await DeskPhone.signed_in(exchange, agent_id, PHONE_HZ)
    customer = exchange.peer(CUSTOMER_HZ)
    call = await exchange.call(customer, caller_name="A\x01da")
    await exchange.accept(call.call_id, agent_id)
    await customer.hears(PHONE_HZ)
    assert [invitation.caller.display for invitation in phone.invitations] == ["A da"]
    await phone.close()


async def test_a_phone_that_describes_itself_anew_while_it_rings_is_heard_by_that(exchange: Exchange) -> None:
    agent_id = an_id("usr")
    phone = await DeskPhone.signed_in(exchange, agent_id, PHONE_HZ)
    other = await RtpPeer.start(PHONE_HZ, host=PHONES)

    async def moves(invitation: Invitation) -> None:
        first = phone._described(invitation)
        await invitation.progress(first)
        other.accept(await invitation.dialog.update(other.describe()))
        phone._keep(await invitation.answer(first))

    phone.behave = moves
    customer = exchange.peer(CUSTOMER_HZ)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, agent_id)
    await asyncio.gather(customer.hears(PHONE_HZ), other.hears(CUSTOMER_HZ))
    assert not phone.ended
    await other.close()
    await phone.close()


async def test_a_call_with_a_desk_phone_goes_on_at_another_node(make_exchange: Any, exchange: Exchange) -> None:
    phone, agent_id, _, call = await talking(exchange)
    live = exchange.switchboard.find(call.call_id)
    assert live is not None
    leg = live.leg_of(agent_id)
    assert leg is not None
    await eventually(lambda: live.outside[leg.leg_id].kept() is not None)
    await live.journal.write(lambda tx: asyncio.sleep(0))

    async def re_invited(sdp: str | None) -> str:
        phone.peer.accept(sdp or "")
        return phone.peer.describe()

    phone.dialogs[0].on_offer = re_invited
    assert exchange.edge is not None
    await exchange.edge.agent.close()
    second = await make_exchange(sip_listen="udp:127.0.0.1:0", beside=exchange)
    node = exchange.house.settings.node_id
    assert await second.nodes.adopt(exchange.tenant_id, call.call_id, node, second.house.now())
    peer, _ = await back(second, call, CUSTOMER_HZ)
    await peer.hears(PHONE_HZ)
    await phone.peer.hears(CUSTOMER_HZ)
    await phone.dialogs[0].bye()
    await eventually(lambda: second.switchboard.find(call.call_id) is None)
    await phone.close()


async def test_a_phone_calls_out_in_the_name_of_the_only_brand_there_is(exchange: Exchange, mobiles: Any) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    phone = await DeskPhone.signed_in(exchange, an_id("usr"), PHONE_HZ)
    await phone.dial(NUMBER)
    await mobile.peer.hears(PHONE_HZ)
    (live,) = exchange.switchboard.calls
    assert live.call.brand_id == exchange.tenancy.caller_numbers.brand_id != ""
    await phone.close()


async def test_a_phone_that_asks_for_our_offer_calls_out_as_any_other(exchange: Exchange, mobiles: Any) -> None:
    mobile = await mobiles(660.0)
    await trunk(exchange, mobile)
    phone = await DeskPhone.signed_in(exchange, an_id("usr"), PHONE_HZ)
    assert isinstance(await phone.dial(NUMBER, offers=False), SipDialog)
    await mobile.peer.hears(PHONE_HZ)
    await phone.peer.hears(660.0)
    await phone.dialogs[-1].bye()
    await eventually(lambda: not exchange.switchboard.calls)
    await phone.close()


@pytest.mark.parametrize("answer", ["", UNUSABLE])
async def test_a_phone_that_takes_none_of_our_offer_is_hung_up(exchange: Exchange, mobiles: Any, answer: str) -> None:
    await trunk(exchange, await mobiles())
    phone = await DeskPhone.signed_in(exchange, an_id("usr"), PHONE_HZ)
    assert isinstance(await phone.dial(NUMBER, offers=False, acknowledges=answer), SipDialog)
    await eventually(lambda: phone.ended)
    assert (phone.ended[0].why, phone.ended[0].q850) == ("bye", 31)
    await eventually(lambda: not exchange.switchboard.calls)
    await phone.close()


async def test_in_a_company_of_several_brands_a_phone_calls_in_the_name_of_its_own_and_without_one_says_why_not(
    exchange: Exchange, mobiles: Any
) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    phone = await DeskPhone.signed_in(exchange, an_id("usr"), PHONE_HZ)
    exchange.tenancy.caller_numbers.brand_id = exchange.tenancy.caller_numbers.default_number = ""
    refused = await phone.dial(NUMBER)
    assert isinstance(refused, Failure)
    assert (refused.status, "no brand is set for this phone" in refused.reason) == (403, True)
    assert exchange.switchboard.calls == [] and mobile.invitations == []

    ours = an_id("brd")
    exchange.tenancy.brands, exchange.tenancy.caller_numbers.default_number = {ours}, OURS
    await phone.belongs_to(ours)
    await phone.dial(NUMBER)
    (live,) = exchange.switchboard.calls
    assert live.call.brand_id == ours
    await phone.dialogs[-1].bye()
    await eventually(lambda: not exchange.switchboard.calls)
    exchange.tenancy.brands.clear()
    gone = await phone.dial(NUMBER)
    assert isinstance(gone, Failure) and gone.status == 403, "its brand is no more"
    await phone.close()


async def test_a_phone_that_dials_while_its_node_drains_is_told_to_try_again(exchange: Exchange) -> None:
    phone = await DeskPhone.signed_in(exchange, an_id("usr"))
    exchange.switchboard.draining = True
    refused = await phone.dial("+905321234567")
    assert isinstance(refused, Failure) and (refused.status, refused.retry_after) == (503, 2)
    await phone.close()


async def test_a_phone_presses_for_the_menu_of_a_number_that_speaks_before_it_answers(
    exchange: Exchange, mobiles: Any
) -> None:
    mobile = await mobiles(660.0)
    await trunk(exchange, mobile)
    phone = await DeskPhone.signed_in(exchange, an_id("usr"), PHONE_HZ)
    answer_now = asyncio.Event()

    async def early(invitation: Invitation) -> None:
        sdp = mobile._described(invitation)
        await invitation.progress(sdp)
        await answer_now.wait()
        mobile._keep(await invitation.answer(sdp))

    mobile.behave = early
    dialled = await phone.begins(NUMBER)
    await phone.peer.hears(660.0)
    await phone.peer.press("31#")
    await eventually(lambda: mobile.peer.ended == "31#")
    assert dialled.progressed and not dialled.outcome.done()
    answer_now.set()
    assert isinstance(await dialled.outcome, SipDialog)
    await mobile.peer.hears(PHONE_HZ)
    await phone.close()
