"""Carriers that want to know who ends a call, or goes on with it, also where they began it."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from merkez.telephony.v1 import call_service_pb2
from telephony.ops import trunks as trunk_ops
from testkit import eventually

from .conftest import Exchange
from .sip.peers import a_stranger
from .test_sip_calls import OURS, an_agent, carrier, port, trunk

__all__ = ["carrier"]
pytestmark = pytest.mark.media
CHALLENGE = 'Proxy-Authenticate: Digest realm="carrier.example", nonce="n1", algorithm=MD5, qop="auth"'


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0", fresh=True)


async def test_a_carrier_that_challenges_our_bye_of_a_call_it_began_gets_the_trunks_credentials(
    exchange, carrier
) -> None:
    trunk_id = await trunk(exchange, carrier, registers=True, user_name="merkez")
    edge, house = exchange.edge, exchange.house
    sealed = edge.roster._seal.close(b"secret", trunk_id)
    await house.db.run(exchange.tenant_id, lambda tx: trunk_ops.set_password(tx, trunk_id, sealed, house.now()))
    await edge.roster.refresh()
    assert edge.roster.credentials(edge.roster.trunk(trunk_id)) is not None
    _, agent_id = await an_agent(exchange)
    async with a_stranger() as caller:
        caller.to = port(exchange)
        uri = f"sip:{OURS}@127.0.0.1:{caller.to}"
        caller.say(caller.message("INVITE", "z9hG4bKone", uri=uri, body=carrier.peer.describe()))
        await caller.response(180)
        answered = await caller.response(200)
        caller.say(caller.message("ACK", "z9hG4bKack", uri=uri, to_tag=answered.to.tag))
        (live,) = exchange.switchboard.calls
        await exchange.accept(live.call_id, agent_id)
        await eventually(lambda: live.talking)
        with exchange.as_agent(agent_id):
            await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=live.call_id))
        caller.answer(await caller.request("BYE"), 407, "", CHALLENGE)
        signed = await caller.request("BYE")
        assert 'username="merkez"' in (signed.headers.get("proxy-authorization") or "")
        caller.answer(signed, 200)
