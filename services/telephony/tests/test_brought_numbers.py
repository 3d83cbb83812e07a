"""Numbers a company brought from its own carrier, in calls: shown by that carrier, reached over it, let go while a
call is up.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from kernel.errors import FailedPrecondition
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.ops import trunks as trunk_ops
from telephony.sip import Failure, SipDialog
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier, a_trunk
from .conftest import MUSIC_HZ, Exchange, an_id

pytestmark = pytest.mark.media

CALLER_HZ, AGENT_HZ = 440.0, 880.0
NUMBER, BROUGHT = "+905321234567", "+902129001000"


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0")


@pytest_asyncio.fixture
async def carriers() -> AsyncIterator[list[Carrier]]:
    made = [Carrier(await RtpPeer.start(CALLER_HZ)) for _ in range(2)]
    for each in made:
        await each.start()
    yield made
    for each in made:
        await each.close()


async def trunk(exchange: Exchange, carrier: Carrier, **fields: Any) -> str:
    house, draft = exchange.house, a_trunk(carrier.gateway(), **fields)
    made = await house.db.run(exchange.tenant_id, lambda tx: trunk_ops.create_trunk(tx, draft, house.now()))
    assert exchange.edge is not None
    await exchange.edge.roster.refresh()
    return made.trunk_id


def bring(exchange: Exchange, trunk_id: str) -> None:
    """What tenancy says of a number that was brought and bound to the trunk."""
    exchange.tenancy.number(exchange.tenant_id, BROUGHT)
    exchange.tenancy.routes[BROUGHT].number.trunk_id = trunk_id
    shown = exchange.tenancy.caller_numbers
    shown.numbers[:] = [BROUGHT]
    shown.default_number = BROUGHT
    shown.trunk_ids[BROUGHT] = trunk_id


def unbind(exchange: Exchange) -> None:
    """What tenancy says once it was let go."""
    del exchange.tenancy.routes[BROUGHT]
    exchange.tenancy.caller_numbers.numbers[:] = []
    exchange.tenancy.caller_numbers.trunk_ids.clear()
    exchange.house.tenancy.forget(exchange.tenant_id)


def port(exchange: Exchange) -> int:
    assert exchange.edge is not None
    return exchange.edge.agent.points[0].port


async def dial(exchange: Exchange, agent_id: str) -> call_pb2.Call:
    with exchange.as_agent(agent_id):
        return await exchange.calls.DialCall(call_service_pb2.DialCallRequest(request_id=an_id("req"), number=NUMBER))


async def test_a_call_out_shows_the_brought_number_over_its_carrier_though_another_comes_first(
    exchange: Exchange, carriers: list[Carrier]
) -> None:
    first, second = carriers
    await trunk(exchange, first, priority=0)
    bring(exchange, await trunk(exchange, second, priority=50))
    agent, agent_id = exchange.peer(AGENT_HZ), an_id("usr")
    await exchange.attach(agent, agent_id)

    await dial(exchange, agent_id)
    await agent.hears(CALLER_HZ)

    (invitation,) = second.invitations
    assert invitation.asserted[0].sip.number == BROUGHT and first.invitations == []


async def test_a_call_in_counts_on_the_trunk_its_number_came_with_where_a_carrier_has_several(
    exchange: Exchange, carriers: list[Carrier]
) -> None:
    trunks = [await trunk(exchange, carriers[0]) for _ in range(3)]
    for trunk_id in trunks:
        bring(exchange, trunk_id)
        exchange.house.tenancy.forget(exchange.tenant_id)
        dialog = await carriers[0].call(port(exchange), BROUGHT)
        assert isinstance(dialog, SipDialog)
        (live,) = exchange.switchboard.calls
        assert live.call.trunk_id == trunk_id
        await dialog.bye()
        await eventually(lambda: not exchange.switchboard.calls)


async def test_calls_that_are_up_go_on_when_their_number_is_let_go_and_new_ones_are_refused(
    exchange: Exchange, carriers: list[Carrier]
) -> None:
    carrier, agent, agent_id = carriers[0], exchange.peer(AGENT_HZ), an_id("usr")
    bring(exchange, await trunk(exchange, carrier))
    await exchange.attach(agent, agent_id)
    dialog = await carrier.call(port(exchange), BROUGHT)
    assert isinstance(dialog, SipDialog)
    await carrier.peer.hears(MUSIC_HZ)
    (live,) = exchange.switchboard.calls

    unbind(exchange)

    await exchange.accept(live.call_id, agent_id)
    await carrier.peer.hears(AGENT_HZ)
    await agent.hears(CALLER_HZ)
    refused = await carrier.call(port(exchange), BROUGHT)
    assert isinstance(refused, Failure) and refused.status == 404
    await dialog.bye()
    await eventually(lambda: not exchange.switchboard.calls)
    with exchange.as_owner():
        request = call_service_pb2.ListCdrsRequest(call_id=live.call_id)
        (found,) = (await exchange.calls.ListCdrs(request)).cdrs
    assert (found.dialed_number, found.end_cause) == (BROUGHT, "NORMAL")
    with pytest.raises(FailedPrecondition) as nobody:
        await dial(exchange, agent_id)
    assert nobody.value.reason == "CALLER_NUMBER_NOT_OWNED"
