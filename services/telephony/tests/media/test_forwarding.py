"""Joined legs hear each other, by frequency, over real connections."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest
from telephony.media.clips import Clip
from telephony.media.forwarding import Bridge
from telephony.media.plane import TooManySetups
from testkit import eventually

pytestmark = pytest.mark.media


async def _bridge(studio, **more):
    customer, customer_leg = await studio.connect(440, **more)
    agent, agent_leg = await studio.connect(880)
    bridge = Bridge(music=[Clip.silence(1)], comfort=[Clip.silence(1)])
    bridge.attach(bridge.customer, customer_leg)
    bridge.attach(bridge.agent, agent_leg)
    return bridge, customer, agent


async def test_joined_legs_hear_each_other_and_unjoined_ones_do_not(studio) -> None:
    bridge, customer, agent = await _bridge(studio)
    bridge.join()
    await customer.hears(880)
    await agent.hears(440)
    bridge.unjoin()
    await customer.hears_nothing()
    await agent.hears_nothing()


async def test_packets_are_passed_on_whole_and_in_one_sequence(studio) -> None:
    bridge, _, agent = await _bridge(studio)
    headers: list[tuple[int, int, int]] = []
    agent.on_packet = lambda p: headers.append((p.ssrc, p.sequence_number, p.timestamp))
    bridge.join()
    await agent.hears(440)
    leg = bridge.customer.leg
    assert leg is not None
    for _ in range(3):
        bridge.hold()
        unheard = leg.statistics().packets_received + 5
        await eventually(lambda count=unheard: leg.statistics().packets_received >= count)
        bridge.resume()
        heard = len(headers) + 5
        await eventually(lambda count=heard: len(headers) >= count)
    assert len({ssrc for ssrc, _, _ in headers}) == 1
    sequences = [sequence for _, sequence, _ in headers]
    assert all((b - a) & 0xFFFF == 1 for a, b in pairwise(sequences))
    timestamps = [timestamp for _, _, timestamp in headers]
    assert all(960 <= (b - a) & 0xFFFFFFFF < 48_000 for a, b in pairwise(timestamps))


async def test_loss_is_passed_on_as_loss_and_counted(studio) -> None:
    bridge, _, agent = await _bridge(studio, loss=0.1, seed=3)
    bridge.join()
    await agent.hears(440)
    leg = bridge.customer.leg
    assert leg is not None
    await eventually(lambda: leg.statistics().packets_received > 90 and agent.sequence_gaps > 3)
    statistics = leg.statistics()
    assert 0.02 < statistics.loss < 0.25
    assert statistics.mos < 4.2


async def test_hold_music_goes_on_where_it_was_when_the_agent_reattaches(studio) -> None:
    bridge, customer, _ = await _bridge(studio)
    bridge.join()
    bridge.hold()
    leg = bridge.customer.leg
    assert leg is not None
    playback = leg._playback
    _, newer = await studio.connect(900)
    bridge.attach(bridge.agent, newer)
    assert leg._playback is playback
    bridge.resume()
    await customer.hears(900)


async def test_a_set_up_that_nobody_completes_is_given_up_and_frees_its_port(studio) -> None:
    studio.plane.settings = replace(studio.plane.settings, setup_seconds=0.3)
    leg, _ = await studio.plane.answer(await studio.peer().offer(), "ten_1", "leg_1")
    assert not await asyncio.wait_for(leg.connected, 5)
    assert leg.closed
    assert leg not in studio.plane.legs


async def test_who_offers_again_and_again_takes_one_place(studio) -> None:
    offer = await studio.peer().offer()
    first, _ = await studio.plane.answer(offer, "ten_1", "leg_1")
    for _ in range(studio.plane.settings.tenant_setups * 2):
        await studio.plane.answer(offer, "ten_1", "leg_1")
    assert not await asyncio.wait_for(first.connected, 5)
    assert len(studio.plane.legs) <= 2


async def test_a_tenant_that_floods_set_ups_leaves_room_for_others(studio) -> None:
    offer = await studio.peer().offer()
    for number in range(studio.plane.settings.tenant_setups):
        await studio.plane.answer(offer, "ten_1", f"leg_{number}")
    with pytest.raises(TooManySetups):
        await studio.plane.answer(offer, "ten_1", "leg_more")
    peer = studio.peer(620)
    leg, answer = await studio.plane.answer(await peer.offer(), "ten_2", "leg_other")
    await peer.accept(answer)
    assert await leg.connected
