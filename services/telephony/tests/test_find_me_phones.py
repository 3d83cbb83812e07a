"""Agents found at desk phones that we didn't write."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from telephony.domain.find_me import Step
from telephony.domain.legs import Q850, Party
from testkit import eventually
from testkit.voice_peers import VoicePeers

from .conftest import MUSIC_HZ, SPOKEN_HZ, Exchange
from .seeking import CUSTOMER_HZ, HOME, SECONDS, mobiles, rings_from_now_on, setting, waiting
from .test_sip_calls import trunk
from .test_voice_peers import PHONE_HZ, desk_phone

__all__ = ["mobiles"]
pytestmark = pytest.mark.media


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    # Debian's baresip stops at a challenge it doesn't know, so it is given none.
    return await make_exchange(sip_listen="udp:127.0.0.1:0", sip_digests="MD5")


async def test_answering_a_desk_phone_takes_the_call_without_a_key_and_the_mobile_stops(
    exchange: Exchange, voice_peers: VoicePeers, mobiles: Any
) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    await rings_from_now_on(mobile)
    search = await waiting(exchange)
    phone = await desk_phone(exchange, voice_peers, search.agent_id)
    await setting(exchange, search.agent_id, Step(30 * SECONDS, desk_phones=True, numbers=(HOME,)))
    exchange.routing.on_take = search.accepted
    await search.begin()
    await asyncio.gather(phone.rings(), eventually(lambda: mobile.invitations))
    await search.customer.hears(MUSIC_HZ)
    await phone.answer()
    await asyncio.gather(phone.hears(int(CUSTOMER_HZ)), search.customer.hears(PHONE_HZ))
    assert search.sought() == [(HOME, Q850.ANSWERED_ELSEWHERE)]
    assert [leg.agent_id for leg in search.legs if leg.party == Party.AGENT] == [search.agent_id]
    await phone.hang_up()
    await eventually(lambda: not exchange.switchboard.calls)


async def test_a_desk_phone_that_isnt_registered_costs_no_time(exchange: Exchange, mobiles: Any) -> None:
    mobile = await mobiles()
    await trunk(exchange, mobile)
    search = await waiting(exchange, Step(60 * SECONDS, desk_phones=True), Step(60 * SECONDS, numbers=(HOME,)))
    await search.begin()
    await mobile.peer.hears(SPOKEN_HZ)
    assert search.sought() == [("", Q850.UNREACHABLE), (HOME, 0)]
    await search.over()
    await eventually(lambda: mobile.ended)
