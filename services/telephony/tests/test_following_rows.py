"""What is heard follows the rows, also those another node wrote or whose commit was never answered."""

from __future__ import annotations

from typing import Any

import pytest
from kernel.errors import Forbidden
from merkez.telephony.v1 import call_service_pb2 as pb
from telephony.domain import parties
from telephony.domain.calls import Actor, recorded_as
from telephony.live.switchboard import Switchboard
from telephony.ops import calls as ops
from telephony.ops import parties as party_ops
from telephony.ops.parties import Verb
from testkit import eventually

pytestmark = pytest.mark.media

AGENT, OTHER_AGENT = "usr_01jd3v9k8r5x7m2p4q6s8t0w1y", "usr_01jd3v9k8r5x7m2p4q6s8t0w2y"
OWNER = Actor("owner")


async def talking(exchange: Any) -> tuple[Any, Any, str]:
    """(customer, agent, call id), joined."""
    customer, agent = exchange.peer(440), exchange.peer(880)
    await exchange.attach(agent, AGENT)
    response = await exchange.call(customer)
    await exchange.accept(response.call_id, AGENT)
    await customer.hears(880)
    return customer, agent, response.call_id


async def change(exchange: Any, call_id: str, verb: Verb) -> None:
    """Rows change and nobody here is told."""
    await exchange.house.db.run(
        exchange.tenant_id, lambda tx: party_ops.change(tx, call_id, OWNER, verb, exchange.house.now())
    )


async def test_hold_resume_and_mute_are_heard_though_nobody_here_learned_that_they_held(exchange) -> None:
    customer, agent, call_id = await talking(exchange)
    await change(exchange, call_id, lambda talk: parties.hold(talk, "", exchange.house.now()))
    await customer.hears(300)
    await change(exchange, call_id, lambda talk: parties.resume(talk, "", exchange.house.now()))
    await customer.hears(880)
    await change(exchange, call_id, lambda talk: parties.mute(talk, "", OWNER, True))
    await customer.hears_nothing()
    agent.forget()
    await agent.hears(440)
    await change(exchange, call_id, lambda talk: parties.mute(talk, "", OWNER, False))
    await customer.hears(880)


async def test_a_call_hung_up_at_another_node_ends_here_with_one_cdr(exchange) -> None:
    _, agent, call_id = await talking(exchange)
    other = Switchboard(exchange.house)
    told: list[str] = []
    other.elsewhere = lambda _tenant_id, call: told.append(call)
    await other.hang_up(exchange.tenant_id, call_id, OWNER)
    await eventually(lambda: not exchange.switchboard.calls)
    await agent.hears_nothing()
    assert told == [call_id]
    assert (await exchange.facts()).count("CallEnded") == 1
    await eventually(lambda: exchange.recording.finished)


async def test_a_microphone_stays_muted_though_the_rows_never_learned_of_it(exchange) -> None:
    customer, _, call_id = await talking(exchange)
    live = exchange.switchboard.find(call_id)
    live.wish_mute(live.leg_of(AGENT).leg_id, True)
    await exchange.house.db.run(
        exchange.tenant_id, lambda tx: ops.change_call(tx, call_id, recorded_as("rec_1"), exchange.house.now())
    )
    await eventually(lambda: exchange.recording.by_call)
    await customer.hears_nothing()


async def test_a_customer_whose_muting_the_rows_never_learned_of_is_heard_by_the_next_agent(exchange) -> None:
    _, _, call_id = await talking(exchange)
    colleague, live = exchange.peer(660), exchange.switchboard.find(call_id)
    await exchange.attach(colleague, OTHER_AGENT)
    live.wish_mute(live.customer_id, True)
    with exchange.as_agent(AGENT):
        await exchange.calls.TransferCall(pb.TransferCallRequest(call_id=call_id, agent_id=OTHER_AGENT))
    await exchange.accept(call_id, OTHER_AGENT)
    await colleague.hears(440)


async def test_an_agent_can_not_mute_another_agents_microphone(exchange) -> None:
    customer, _, call_id = await talking(exchange)
    with exchange.as_agent(OTHER_AGENT), pytest.raises(Forbidden):
        await exchange.calls.SetMute(pb.SetMuteRequest(call_id=call_id, muted=True))
    customer.forget()
    await customer.hears(880)
