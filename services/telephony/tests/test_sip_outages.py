"""SIP calls while something around them fails: the database, a gateway, their node, or whoever hangs up midway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from chassis.sql import Database, DatabaseUnavailable
from kernel.money import Money
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.ops import lines as line_ops
from telephony.ops import outbound as outbound_ops
from telephony.sip import Destination, Failure, SipDialog
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier
from .conftest import Exchange
from .test_sip_calls import AGENT_HZ, CALLER_HZ, OURS, an_agent, cdr, dial, port, trunk

pytestmark = pytest.mark.media


class FarDatabase:
    """The way of lines to the database. While it is `away` nothing gets there; while it is `slow`, not yet."""

    def __init__(self, db: Database) -> None:
        self.away = False
        self.slow = asyncio.Event()
        self.slow.set()
        self.asked = 0
        self._db = db
        self.clock = db.clock

    async def run(self, tenant_id: str, fn: Any, *, read_only: bool = False) -> Any:
        if self.away:
            raise DatabaseUnavailable("away")
        return await self._db.run(tenant_id, fn, read_only=read_only)

    async def system(self, fn: Any, *, read_only: bool = False) -> Any:
        self.asked += 1
        if self.away:
            raise DatabaseUnavailable("away")
        await self.slow.wait()
        return await self._db.system(fn, read_only=read_only)


def far(exchange: Exchange) -> FarDatabase:
    assert exchange.edge is not None
    made = FarDatabase(exchange.house.db)
    exchange.edge._lines._db = made  # type: ignore[assignment]
    return made


async def lines_of(exchange: Exchange) -> list[Any]:
    """Live lines of the node."""
    node = exchange.house.settings.node_id
    found = await exchange.house.db.system(lambda tx: line_ops.store.lines_of(tx, node), read_only=True)
    return [line for line, _ in found]


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0", fresh=True)


@pytest_asyncio.fixture
async def carrier() -> AsyncIterator[Carrier]:
    made = Carrier(await RtpPeer.start(CALLER_HZ))
    await made.start()
    yield made
    await made.close()


async def test_a_hang_up_reaches_the_carrier_while_its_line_can_not_be_let_go_and_the_line_is_let_go_later(
    exchange, carrier
) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    call = await dial(exchange, agent_id)
    await eventually(lambda: carrier.dialogs)
    database = far(exchange)
    database.away = True
    with exchange.as_agent(agent_id):
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=call.call_id))
    await eventually(lambda: carrier.ended)
    assert len(await lines_of(exchange)) == 1
    database.away = False
    await eventually(lambda: _none(exchange))


async def _none(exchange: Exchange) -> bool:
    return not await lines_of(exchange)


async def test_a_call_out_is_led_while_its_answer_can_not_be_noted(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    database = far(exchange)
    taken = exchange.edge._lines.take

    async def then_away(line: Any) -> Any:
        found = await taken(line)
        database.away = True
        return found

    exchange.edge._lines.take = then_away
    agent, agent_id = await an_agent(exchange)
    await dial(exchange, agent_id)
    await eventually(lambda: carrier.dialogs)
    await asyncio.gather(carrier.peer.hears(AGENT_HZ), agent.hears(CALLER_HZ))
    assert not carrier.ended and not await _answered(exchange)
    database.away = False
    await eventually(lambda: _answered(exchange))
    await carrier.dialogs[0].bye()
    await eventually(lambda: not exchange.switchboard.calls)


async def _answered(exchange: Exchange) -> bool:
    return all(line.answer_time is not None for line in await lines_of(exchange))


async def test_a_call_in_is_put_off_politely_while_the_database_is_away(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    real = exchange.house.db
    exchange.house.db = FarDatabase(real)
    exchange.house.db.away = True
    refused = await carrier.call(port(exchange), OURS)
    exchange.house.db = real
    assert isinstance(refused, Failure) and (refused.status, refused.retry_after) == (503, 2)
    await eventually(lambda: _none(exchange))
    assert isinstance(await carrier.call(port(exchange), OURS), SipDialog)


async def test_a_node_that_drains_tells_carriers_so_until_it_takes_calls_again(exchange, carrier) -> None:
    await trunk(exchange, carrier)
    target, here = f"sip:127.0.0.1:{port(exchange)}", Destination("UDP", "127.0.0.1", port(exchange))
    for draining, status in ((True, 503), (False, 200)):
        exchange.switchboard.draining = draining
        assert (await carrier.agent.options(target, here)).status == status


async def test_a_number_is_given_up_when_the_first_gateway_refuses_and_no_line_can_be_had_for_the_next(
    exchange, carrier
) -> None:
    database = far(exchange)
    full = Carrier(await RtpPeer.start(None))
    await full.start()

    async def refuse(invitation: Any) -> None:
        database.away = True
        await invitation.refuse(503)

    full.behave = refuse
    await trunk(exchange, full, carrier)
    _, agent_id = await an_agent(exchange)
    call = await dial(exchange, agent_id)
    await eventually(lambda: not exchange.switchboard.calls)
    assert (await cdr(exchange, call.call_id)).sip_status == 503
    database.away = False
    await eventually(lambda: _none(exchange))
    await full.close()


async def test_hanging_up_between_two_gateways_rings_nobody_more_and_keeps_no_line(exchange, carrier) -> None:
    database = far(exchange)
    full = Carrier(await RtpPeer.start(None))
    await full.start()

    async def refuse(invitation: Any) -> None:
        database.slow.clear()
        database.asked = 0
        await invitation.refuse(503)

    full.behave = refuse
    await trunk(exchange, full, carrier)
    _, agent_id = await an_agent(exchange)
    call = await dial(exchange, agent_id)
    await eventually(lambda: database.asked)
    # The first gateway's line is let go, and the next one's is to be had.
    database.slow.set()
    taking = exchange.edge._lines.take
    at_it, go_on, taken = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slowly(line: Any) -> Any:
        at_it.set()
        await go_on.wait()
        found = await taking(line)
        taken.set()
        return found

    exchange.edge._lines.take = slowly
    await asyncio.wait_for(at_it.wait(), 30)
    with exchange.as_agent(agent_id):
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=call.call_id))
    go_on.set()
    await asyncio.wait_for(taken.wait(), 30)
    await eventually(lambda: _none(exchange))
    assert carrier.invitations == []
    await full.close()


async def test_a_number_is_reached_over_a_gateway_that_is_given_by_name(exchange, carrier) -> None:
    carrier.host = "localhost"
    await trunk(exchange, carrier)
    agent, agent_id = await an_agent(exchange)
    await dial(exchange, agent_id)
    await agent.hears(CALLER_HZ)
    await carrier.peer.hears(AGENT_HZ)


async def test_a_carrier_that_answers_with_what_can_not_be_spoken_is_hung_up_on_and_nothing_is_left(
    exchange, carrier
) -> None:
    await trunk(exchange, carrier)
    _, agent_id = await an_agent(exchange)
    before = len(exchange.house.plane.legs)

    async def answer_badly(invitation: Any) -> None:
        described = carrier.peer.describe().replace(" 8", " 18").replace("PCMA", "G729")
        carrier._keep(await invitation.answer(described))

    carrier.behave = answer_badly
    call = await dial(exchange, agent_id)
    await eventually(lambda: carrier.ended)
    await eventually(lambda: not exchange.switchboard.calls)
    assert (await cdr(exchange, call.call_id)).sip_status == 488
    await eventually(lambda: len(exchange.house.plane.legs) == before)
    await eventually(lambda: _none(exchange))


async def test_a_call_that_went_to_another_node_is_cut_there_when_its_limit_of_spending_is_reached(
    exchange, make_exchange, carrier
) -> None:
    await trunk(exchange, carrier, rates={"": Decimal("0.60")})
    now = exchange.house.now()
    spend = {"spend": Money(Decimal(1), "EUR")}
    await exchange.house.db.run(exchange.tenant_id, lambda tx: outbound_ops.update_settings(tx, spend, 0, now))
    _, agent_id = await an_agent(exchange)
    call = await dial(exchange, agent_id)
    await eventually(lambda: carrier.dialogs)
    live = exchange.switchboard.find(call.call_id)
    assert live is not None
    await eventually(lambda: live.outside[live.customer_id].kept() is not None)
    await live.journal.write(lambda tx: asyncio.sleep(0))
    moved: list[str] = []

    async def re_invited(sdp: str | None) -> str:
        moved.append(sdp or "")
        carrier.peer.accept(sdp or "")
        return carrier.peer.describe()

    carrier.dialogs[0].on_offer = re_invited
    await exchange.edge.agent.close()
    second = await make_exchange(sip_listen="udp:127.0.0.1:0", beside=exchange)
    await second.edge.roster.refresh()
    node = exchange.house.settings.node_id
    assert await second.nodes.adopt(exchange.tenant_id, call.call_id, node, second.house.now())
    await eventually(lambda: moved)
    await eventually(lambda: _one(second))
    await second.edge.outside.cut_overspent()
    assert not carrier.ended
    spend["spend"] = Money(Decimal(0), "EUR")
    version = 1
    await exchange.house.db.run(exchange.tenant_id, lambda tx: outbound_ops.update_settings(tx, spend, version, now))
    await second.edge.outside.cut_overspent()
    await eventually(lambda: carrier.ended)
    await eventually(lambda: _none(second))
    await eventually(lambda: second.switchboard.find(call.call_id) is None)
    found = await cdr(second, call.call_id)
    assert (found.end_party, found.end_cause, found.q850_cause) == (
        call_pb2.END_PARTY_SYSTEM,
        "SPEND_LIMIT_REACHED",
        21,
    ), "nobody is told that the customer hung up"


async def _one(exchange: Exchange) -> bool:
    return len(await lines_of(exchange)) == 1
