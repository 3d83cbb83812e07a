"""Agents' desk phones that ring: real signalling and media, rows of a real registration."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.ops import devices as device_ops
from telephony.sip import Credentials, Destination, Failure, InviteWish, NameAddr, Registration
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier
from .conftest import MUSIC_HZ, Exchange, an_id
from .test_sip_calls import trunk
from .two_nodes import back

pytestmark = pytest.mark.media

CUSTOMER_HZ, PHONE_HZ = 440.0, 880.0


class DeskPhone(Carrier):
    """A phone, with what it signs in with."""

    credentials: Credentials


MakePhone = Callable[..., Awaitable[DeskPhone]]


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0", talking_grace_seconds=2.0)


@pytest_asyncio.fixture
async def phone(exchange: Exchange) -> AsyncIterator[MakePhone]:
    """`await phone(agent_id)`: one more phone of the agent, registered."""
    made: list[DeskPhone] = []

    async def make(agent_id: str, tone: float = PHONE_HZ) -> DeskPhone:
        db, now = exchange.house.db, exchange.house.now()
        device, secret = await db.run(
            exchange.tenant_id, lambda tx: device_ops.create_device(tx, agent_id, f"Desk {len(made)}", now)
        )
        each = DeskPhone(await RtpPeer.start(tone))
        each.credentials = Credentials(device.user_name, secret)
        await each.start()
        made.append(each)
        assert exchange.edge is not None
        here = Destination("UDP", "127.0.0.1", exchange.edge.agent.points[0].port)
        registered = asyncio.Event()
        wish = Registration(
            registrar="sip:merkez", address=f"sip:{device.user_name}@merkez", hop=here,
            credentials=each.credentials,
        )  # fmt: skip
        each.agent.register(wish, lambda done, _status: registered.set() if done else None)
        await asyncio.wait_for(registered.wait(), 5)
        return each

    yield make
    for each in made:
        await each.close()


async def rung(exchange: Exchange, agent_id: str) -> tuple[Any, str]:
    """A customer whose call the agent accepted."""
    customer = exchange.peer(CUSTOMER_HZ)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, agent_id)
    return customer, call.call_id


async def test_the_phone_that_answers_has_the_call_and_the_others_stop_ringing(exchange, phone) -> None:
    agent_id = an_id("usr")
    first, second = await phone(agent_id), await phone(agent_id, 1320.0)
    before = len(exchange.house.plane.legs)
    given_up: list[Any] = []

    async def ring(invitation: Any) -> None:
        invitation.on_cancelled = given_up.append
        await invitation.ring()

    second.behave = ring
    customer, call_id = await rung(exchange, agent_id)
    await customer.hears(PHONE_HZ)
    await first.peer.hears(CUSTOMER_HZ)
    await eventually(lambda: given_up)
    with exchange.as_agent(agent_id):
        await exchange.calls.HoldCall(call_service_pb2.HoldCallRequest(call_id=call_id))
        await customer.hears(MUSIC_HZ)
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=call_id))
    await eventually(lambda: first.ended)
    await eventually(lambda: len(exchange.house.plane.legs) == before)


async def test_two_phones_that_answer_at_once_leave_one_in_the_call_and_nothing_of_the_other(exchange, phone) -> None:
    agent_id = an_id("usr")
    both = [await phone(agent_id), await phone(agent_id)]
    before = len(exchange.house.plane.legs)
    _, call_id = await rung(exchange, agent_id)
    await eventually(
        lambda: sum(len(each.dialogs) for each in both) == 2 and sum(len(each.ended) for each in both) == 1
    )
    with exchange.as_agent(agent_id):
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=call_id))
    await eventually(lambda: all(each.ended for each in both))
    await eventually(lambda: len(exchange.house.plane.legs) == before)


async def test_a_phone_that_dials_while_its_node_drains_is_told_to_try_again(exchange, phone) -> None:
    only = await phone(an_id("usr"))
    exchange.switchboard.draining = True
    refused = await only.call(exchange.edge.agent.points[0].port, "+905321234567", credentials=only.credentials)
    assert isinstance(refused, Failure) and (refused.status, refused.retry_after) == (503, 2)


async def test_a_phone_that_gives_up_while_its_call_is_made_rings_nobody(make_exchange, exchange, phone) -> None:
    only, callee = await phone(an_id("usr")), Carrier(await RtpPeer.start(None), host="127.0.0.66")
    await callee.start()
    await trunk(exchange, callee)
    exchange.house.settings = dataclasses.replace(exchange.house.settings, talking_grace_seconds=60.0)
    asked, go_on = asyncio.Event(), asyncio.Event()
    numbers = exchange.house.tenancy.caller_numbers

    async def slowly(*given: Any) -> Any:
        asked.set()
        await go_on.wait()
        return await numbers(*given)

    exchange.house.tenancy.caller_numbers = slowly
    cancelled: list[Any] = []

    async def ring(invitation: Any) -> None:
        invitation.on_cancelled = cancelled.append
        await invitation.ring()

    callee.behave = ring
    here = Destination("UDP", "127.0.0.1", exchange.edge.agent.points[0].port)
    wish = InviteWish(
        target="sip:+905321234567@merkez", caller=NameAddr("sip:desk@merkez"), sdp=only.peer.describe(), hop=here,
        credentials=only.credentials,
    )  # fmt: skip
    attempt = await only.agent.invite(wish)
    await asyncio.wait_for(asked.wait(), 5)
    given_up = asyncio.Event()
    attempt.on_failed = lambda _failure: given_up.set()
    await attempt.cancel()
    await asyncio.wait_for(given_up.wait(), 5)
    go_on.set()

    async def over() -> bool:
        with exchange.as_owner():
            return len((await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest())).cdrs) == 1

    await eventually(over)
    await eventually(lambda: len(cancelled) == len(callee.invitations))
    await callee.close()


async def test_a_phone_that_answers_with_what_can_not_be_spoken_is_hung_up_on(exchange, phone) -> None:
    agent_id = an_id("usr")
    only = await phone(agent_id)
    before = len(exchange.house.plane.legs)

    async def answer_badly(invitation: Any) -> None:
        only._keep(await invitation.answer(only.peer.describe().replace(" 8", " 18").replace("PCMA", "G729")))

    only.behave = answer_badly
    _, call_id = await rung(exchange, agent_id)
    await eventually(lambda: only.ended)
    await eventually(lambda: exchange.switchboard.find(call_id) is None)
    await eventually(lambda: len(exchange.house.plane.legs) == before)
    with exchange.as_owner():
        (cdr,) = (await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest(call_id=call_id))).cdrs
    assert cdr.end_party == call_pb2.END_PARTY_AGENT


async def test_a_phone_holds_the_customer_by_its_own_key_and_hanging_it_up_is_hanging_up(exchange, phone) -> None:
    agent_id = an_id("usr")
    only = await phone(agent_id)
    customer, call_id = await rung(exchange, agent_id)
    await customer.hears(PHONE_HZ)
    held = only.peer.describe().replace("a=sendrecv", "a=sendonly")
    assert "a=sendonly" in held
    await only.dialogs[0].reinvite(held)
    await customer.hears(MUSIC_HZ)
    await only.dialogs[0].reinvite(only.peer.describe())
    await customer.hears(PHONE_HZ)
    await only.peer.hears(CUSTOMER_HZ)
    await only.dialogs[0].bye()
    await eventually(lambda: exchange.switchboard.find(call_id) is None)
    with exchange.as_owner():
        (cdr,) = (await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest(call_id=call_id))).cdrs
    assert (cdr.end_party, cdr.end_cause) == (call_pb2.END_PARTY_AGENT, "NORMAL")
    assert cdr.hold_duration.ToTimedelta().total_seconds() > 0


async def test_a_call_with_a_desk_phone_goes_on_at_another_node(make_exchange, exchange, phone) -> None:
    agent_id = an_id("usr")
    only = await phone(agent_id)
    customer = exchange.peer(CUSTOMER_HZ)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, agent_id)
    await customer.hears(PHONE_HZ)
    live = exchange.switchboard.find(call.call_id)
    assert live is not None
    leg = live.leg_of(agent_id)
    assert leg is not None
    await eventually(lambda: live.outside[leg.leg_id].kept() is not None)
    await live.journal.write(lambda tx: asyncio.sleep(0))

    async def re_invited(sdp: str | None) -> str:
        only.peer.accept(sdp or "")
        return only.peer.describe()

    only.dialogs[0].on_offer = re_invited
    assert exchange.edge is not None
    await exchange.edge.agent.close()
    second = await make_exchange(sip_listen="udp:127.0.0.1:0", beside=exchange)
    node = exchange.house.settings.node_id
    assert await second.nodes.adopt(exchange.tenant_id, call.call_id, node, second.house.now())
    peer, _ = await back(second, call, CUSTOMER_HZ)
    await peer.hears(PHONE_HZ)
    await only.peer.hears(CUSTOMER_HZ)
    await only.dialogs[0].bye()
    await eventually(lambda: second.switchboard.find(call.call_id) is None)
