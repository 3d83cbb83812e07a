"""Carriers and phones that insist on SRTP by a description that says so, and those that take none of our audio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from telephony.domain.legs import Q850
from telephony.domain.trunk_tests import Kind, Result
from telephony.domain.trunks import Srtp
from telephony.ops import lines as line_ops
from telephony.sip import Invitation
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier
from .conftest import Exchange, an_id
from .desk_phones import PHONES, DeskPhone
from .test_sip_calls import AGENT_HZ, CALLER_HZ, NUMBER, OURS, an_agent, cdr, dial, trunk
from .test_trunk_tests import a_kept_trunk, findings

pytestmark = pytest.mark.media
SUITE = "AES_CM_128_HMAC_SHA1_80"


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0")


def insists(peer: Carrier, status: int = 488) -> None:
    """It refuses whatever isn't RTP/SAVP alone."""

    async def behave(invitation: Invitation) -> None:
        if "RTP/SAVP " in (invitation.sdp_offer or ""):
            await peer.answer(invitation)
        else:
            await invitation.refuse(status)

    peer.behave = behave


@pytest_asyncio.fixture
async def carrier() -> AsyncIterator[Carrier]:
    made = Carrier(await RtpPeer.start(CALLER_HZ, suite=SUITE))
    await made.start()
    yield made
    await made.close()


@pytest.mark.parametrize("status", [488, 606])
async def test_a_carrier_that_insists_on_srtp_is_asked_once_more_with_srtp_alone_on_the_same_line(
    exchange: Exchange, carrier: Carrier, status: int
) -> None:
    await trunk(exchange, carrier, srtp=Srtp.PREFER)
    insists(carrier, status)
    agent, agent_id = await an_agent(exchange)
    call = await dial(exchange, agent_id)
    await agent.hears(CALLER_HZ)
    await carrier.peer.hears(AGENT_HZ)
    assert len(carrier.invitations) == 2
    node = exchange.house.settings.node_id
    lines = await exchange.house.db.system(lambda tx: line_ops.store.lines_of(tx, node), read_only=True)
    assert [line.call_id for line, _ in lines] == [call.call_id], "one call, one line"
    await carrier.dialogs[0].bye()
    await eventually(lambda: not exchange.switchboard.calls)


@pytest.mark.parametrize(("policy", "asked"), [(Srtp.NEVER, 1), (Srtp.PREFER, 2), (Srtp.REQUIRE, 1)])
async def test_a_carrier_that_takes_none_of_our_audio_ends_the_call_with_a_cause_that_says_so(
    exchange: Exchange, carrier: Carrier, policy: Srtp, asked: int
) -> None:
    await trunk(exchange, carrier, srtp=policy)
    carrier.behave = lambda invitation: invitation.refuse(488)
    _, agent_id = await an_agent(exchange)
    call = await dial(exchange, agent_id)
    await eventually(lambda: not exchange.switchboard.calls)
    found = await cdr(exchange, call.call_id)
    assert (found.end_cause, found.q850_cause, found.sip_status) == ("MEDIA_FAILED", Q850.BEARER, 488)
    assert len(carrier.invitations) == asked


async def test_a_desk_phone_that_says_606_to_an_offer_that_leaves_srtp_open_is_rung_with_srtp_alone(
    exchange: Exchange,
) -> None:
    agent_id = an_id("usr")
    phone = await DeskPhone.signed_in(exchange, agent_id)
    await phone.peer.close()
    phone.peer = await RtpPeer.start(AGENT_HZ, suite=SUITE, host=PHONES)
    insists(phone, 606)
    customer = exchange.peer(CALLER_HZ)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, agent_id)
    await customer.hears(AGENT_HZ)
    await phone.peer.hears(CALLER_HZ)
    assert len(phone.invitations) == 2
    await phone.close()


async def test_a_trunks_test_rings_with_srtp_alone_where_a_call_would(exchange: Exchange, carrier: Carrier) -> None:
    assert exchange.edge is not None
    kept = await a_kept_trunk(exchange, carrier.gateway(), srtp=Srtp.PREFER)
    insists(carrier)
    steps = await exchange.edge.trial.test(kept, NUMBER, OURS)
    assert findings(steps)[Kind.CALL] == (Result.PASSED, "CALL_RINGS")
