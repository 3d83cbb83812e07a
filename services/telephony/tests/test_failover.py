"""Several gateways of one carrier: what one can't take, the next one does."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.domain.trunks import Gateway, Limits, Transport
from telephony.sip import Invitation
from telephony.store import lines as line_store
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier
from .conftest import MUSIC_HZ, Exchange
from .test_sip_calls import AGENT_HZ, CALLER_HZ, an_agent, cdr, dial, trunk, trunk_of

pytestmark = pytest.mark.media
BUSY_HZ = 1500.0


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0")


@pytest_asyncio.fixture
async def carriers() -> AsyncIterator[tuple[Carrier, Carrier]]:
    made = Carrier(await RtpPeer.start(None)), Carrier(await RtpPeer.start(CALLER_HZ))
    for each in made:
        await each.start()
    yield made
    for each in made:
        await each.close()


async def test_a_trunk_of_one_call_a_second_goes_on_by_its_next_gateway_all_the_same(exchange, carriers) -> None:
    full, free = carriers
    full.behave = lambda invitation: invitation.refuse(503)
    await trunk(exchange, full, free, limits=Limits(calls=5, calls_per_second=1))
    agent, agent_id = await an_agent(exchange)
    await dial(exchange, agent_id)
    await agent.hears(CALLER_HZ)
    assert len(full.invitations) == len(free.invitations) == 1


async def test_a_gateway_that_says_why_it_can_not_is_left_for_the_next_one_whose_answer_is_heard(
    exchange: Exchange, carriers: tuple[Carrier, Carrier]
) -> None:
    _, free = carriers
    full = Carrier(await RtpPeer.start(BUSY_HZ))
    await full.start()
    heard = asyncio.Event()

    async def all_circuits_are_busy(invitation: Invitation) -> None:
        await invitation.progress(full._described(invitation))
        await heard.wait()
        await invitation.refuse(503)

    full.behave = all_circuits_are_busy
    await trunk(exchange, full, free)
    agent, agent_id = await an_agent(exchange)
    await dial(exchange, agent_id)
    await agent.hears(BUSY_HZ)
    heard.set()
    await agent.hears(CALLER_HZ)
    await free.peer.hears(AGENT_HZ)
    assert len(full.invitations) == len(free.invitations) == 1
    await full.close()


async def test_the_next_gateway_may_ring_for_long_after_one_that_said_why_it_can_not(make_exchange: Any) -> None:
    """What the first one sent is over; it isn't a party that has fallen silent, and the ringing tone is heard again."""
    exchange = await make_exchange(sip_listen="udp:127.0.0.1:0", customer_grace_seconds=0.5)
    full, free, picked_up = (
        Carrier(await RtpPeer.start(BUSY_HZ)),
        Carrier(await RtpPeer.start(CALLER_HZ)),
        asyncio.Event(),
    )
    heard = asyncio.Event()

    async def all_circuits_are_busy(invitation: Invitation) -> None:
        await invitation.progress(full._described(invitation))
        await heard.wait()
        await invitation.refuse(503)

    async def rings(invitation: Invitation) -> None:
        await invitation.ring()
        await picked_up.wait()
        await free.answer(invitation)

    full.behave, free.behave = all_circuits_are_busy, rings
    for each in (full, free):
        await each.start()
    await trunk(exchange, full, free)
    agent, agent_id = await an_agent(exchange)
    call = await dial(exchange, agent_id)
    await agent.hears(BUSY_HZ)
    heard.set()
    await eventually(lambda: free.invitations)
    agent.forget()
    await agent.hears(MUSIC_HZ)  # which is this house's ringing tone too
    began = asyncio.get_running_loop().time()
    await eventually(lambda: not free.invitations[0].is_open or asyncio.get_running_loop().time() > began + 2.0)
    assert exchange.switchboard.find(call.call_id) is not None and free.invitations[0].is_open
    picked_up.set()
    await agent.hears(CALLER_HZ)
    for each in (full, free):
        await each.close()


async def test_who_hangs_up_while_the_next_gateway_is_waited_for_rings_nobody(exchange, carriers) -> None:
    full, free = carriers
    full.behave = lambda invitation: invitation.refuse(503)
    await trunk(exchange, full, free, limits=Limits(calls=5, calls_per_second=1))
    _, agent_id = await an_agent(exchange)
    call = await dial(exchange, agent_id)
    await eventually(lambda: full.invitations)
    with exchange.as_agent(agent_id):
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=call.call_id))
    await asyncio.sleep(1.5)
    assert not free.invitations and not exchange.switchboard.calls
    assert exchange.edge is not None
    found = await exchange.house.db.system(lambda tx: line_store.lines_of(tx, exchange.house.settings.node_id))
    assert not found
    assert (await cdr(exchange, call.call_id)).end_party == call_pb2.END_PARTY_AGENT


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port whose host answers no connection, as one that is switched off."""
    with socket.socket() as listener, contextlib.ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def test_a_gateway_that_takes_no_connection_is_left_for_the_next_one(make_exchange, carriers, deaf) -> None:
    exchange = await make_exchange(sip_listen="udp:127.0.0.1:0,tcp:127.0.0.1:0")
    _, free = carriers
    gateways = Gateway("", "127.0.0.1", deaf, transport=Transport.TCP), free.gateway(priority=1)
    await trunk_of(exchange, *gateways)
    agent, agent_id = await an_agent(exchange)
    await dial(exchange, agent_id)
    await agent.hears(CALLER_HZ)


def sends_elsewhere(carrier: Carrier, to: Carrier, status: int, *, rings: bool = False) -> None:
    """The carrier redirects every call to another one."""

    async def redirect(invitation: Invitation) -> None:
        if rings:
            await invitation.ring()
        response = invitation.request.response(status, tag=invitation._tag)
        response.headers.set("contact", f"<sip:+23999123456@{to.host}:{to.port}>")
        invitation._close(response)

    carrier.behave = redirect


@pytest.mark.parametrize("status", [300, 301, 302, 305, 380])
async def test_a_gateway_that_sends_the_call_elsewhere_is_left_for_the_next_one(exchange, carriers, status) -> None:
    sends, free = carriers
    unknown = Carrier(await RtpPeer.start(None))
    await unknown.start()
    sends_elsewhere(sends, unknown, status)
    await trunk(exchange, sends, free)
    agent, agent_id = await an_agent(exchange)
    await dial(exchange, agent_id)
    await agent.hears(CALLER_HZ)
    assert (len(sends.invitations), len(free.invitations), unknown.invitations) == (1, 1, [])
    await unknown.close()


@pytest.mark.parametrize(("status", "q850"), [(301, 22), (302, 23)])
async def test_a_call_that_every_gateway_sends_elsewhere_ends_and_says_so(exchange, carriers, status, q850) -> None:
    first, second = carriers
    unknown = Carrier(await RtpPeer.start(None))
    await unknown.start()
    for each in carriers:
        sends_elsewhere(each, unknown, status)
    await trunk(exchange, first, second)
    _, agent_id = await an_agent(exchange)
    call = await dial(exchange, agent_id)
    await eventually(lambda: not exchange.switchboard.calls)
    record = await cdr(exchange, call.call_id)
    assert (record.end_cause, record.sip_status, record.q850_cause) == ("UNREACHABLE", status, q850)
    assert (len(first.invitations), len(second.invitations), unknown.invitations) == (1, 1, [])
    await unknown.close()


async def test_a_number_that_rang_and_is_diverted_then_does_not_ring_anew_by_the_next_gateway(
    exchange, carriers
) -> None:
    sends, free = carriers
    sends_elsewhere(sends, free, 302, rings=True)
    await trunk(exchange, sends, free)
    _, agent_id = await an_agent(exchange)
    call = await dial(exchange, agent_id)
    await eventually(lambda: not exchange.switchboard.calls)
    assert (await cdr(exchange, call.call_id)).sip_status == 302
    assert free.invitations == []
