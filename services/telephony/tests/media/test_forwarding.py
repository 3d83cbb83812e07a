"""Joined legs hear each other, by frequency, over real connections."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest
from telephony.media.clips import Clip
from telephony.media.codecs import PCMA, PCMU
from telephony.media.plane import MediaPlane, MediaSettings, TooManySetups, host_addresses
from telephony.media.room import Ear, Room
from testkit import eventually
from testkit.webrtc import tone_packets

from .parties import Party

pytestmark = pytest.mark.media


_JOINED = {"customer": Ear(frozenset({"agent"})), "agent": Ear(frozenset({"customer"}))}


async def _room(studio, **more):
    customer, customer_leg = await studio.connect(440, **more)
    agent, agent_leg = await studio.connect(880)
    room = Room(studio.plane.ticker)
    room.attach("customer", customer_leg)
    room.attach("agent", agent_leg)
    return room, customer, agent


async def test_joined_legs_hear_each_other_and_unjoined_ones_do_not(studio) -> None:
    room, customer, agent = await _room(studio)
    room.arrange(_JOINED)
    await customer.hears(880)
    await agent.hears(440)
    room.arrange({})
    await customer.hears_nothing()
    await agent.hears_nothing()


async def test_packets_are_passed_on_whole_and_in_one_sequence(studio) -> None:
    room, _, agent = await _room(studio)
    headers: list[tuple[int, int, int]] = []
    agent.on_packet = lambda p: headers.append((p.ssrc, p.sequence_number, p.timestamp))
    room.arrange(_JOINED)
    await agent.hears(440)
    leg = room.members["customer"].leg
    assert leg is not None
    music = Clip(tuple(tone_packets(600)))
    for _ in range(3):
        room.arrange({"customer": Ear(sound=(music,))})
        unheard = leg.statistics().packets_received + 5
        await eventually(lambda count=unheard: leg.statistics().packets_received >= count)
        room.arrange(_JOINED)
        heard = len(headers) + 5
        await eventually(lambda count=heard: len(headers) >= count)
    assert len({ssrc for ssrc, _, _ in headers}) == 1
    sequences = [sequence for _, sequence, _ in headers]
    assert all((b - a) & 0xFFFF == 1 for a, b in pairwise(sequences))
    timestamps = [timestamp for _, _, timestamp in headers]
    assert all(960 <= (b - a) & 0xFFFFFFFF < 48_000 for a, b in pairwise(timestamps))


async def test_loss_is_passed_on_as_loss_and_counted(studio) -> None:
    room, _, agent = await _room(studio, loss=0.1, seed=3)
    room.arrange(_JOINED)
    await agent.hears(440)
    leg = room.members["customer"].leg
    assert leg is not None
    await eventually(lambda: leg.statistics().packets_received > 90 and agent.sequence_gaps > 3)
    statistics = leg.statistics()
    assert 0.02 < statistics.loss < 0.25
    assert statistics.mos < 4.2


async def test_hold_music_goes_on_where_it_was_when_the_agent_reattaches(studio) -> None:
    room, customer, _ = await _room(studio)
    room.arrange(_JOINED)
    await customer.hears(880)
    heard: list[bytes] = []
    customer.on_packet = lambda packet: heard.append(packet.payload)
    music = Clip(tuple(tone_packets(600)))
    room.arrange({"customer": Ear(sound=(music,))})
    await eventually(lambda: len(heard) > 20)
    _, newer = await studio.connect(900)
    room.attach("agent", newer)
    await eventually(lambda: len(heard) > 60)
    first = heard.index(music.packets[0])
    assert heard[first:] == [music.packets[at % 50] for at in range(len(heard) - first)]
    room.arrange(_JOINED)
    await customer.hears(900)


async def test_three_browsers_hear_each_other(studio) -> None:
    room, customer, agent = await _room(studio)
    supervisor, leg = await studio.connect(1320)
    room.attach("supervisor", leg)
    everybody = frozenset({"customer", "agent", "supervisor"})
    room.arrange({name: Ear(everybody - {name}) for name in everybody})

    def heard(peer) -> list[int]:
        return sorted(round(frequency / 20) * 20 for frequency in peer.frequencies(seconds=0.4, count=2))

    await eventually(lambda: heard(customer) == [880, 1320] and heard(agent) == [440, 1320])
    await eventually(lambda: heard(supervisor) == [440, 880])


@pytest.mark.parametrize("others", [(PCMU,), (PCMA, PCMU)])
async def test_a_browser_and_telephones_hear_each_other(studio, others) -> None:
    browser, leg = await studio.connect(440)
    room, loop = Room(studio.plane.ticker), asyncio.get_running_loop()
    telephones = [Party(studio.plane.ticker, codec, 880 + 440 * number) for number, codec in enumerate(others)]
    for name, member in enumerate([leg, *telephones]):
        room.attach(str(name), member)
    everybody = frozenset(room.members)
    room.arrange({name: Ear(everybody - {name}) for name in everybody})
    spoken, began = 0, loop.time()

    def heard_each_other() -> bool:
        nonlocal spoken
        while spoken < (loop.time() - began) * 50:
            spoken += 1
            for telephone in telephones:
                telephone.speak()
        found = sorted(round(tone / 20) * 20 for tone in browser.frequencies(seconds=0.4, count=len(telephones)))
        return found == [telephone.tone for telephone in telephones] and all(
            440 in telephone.tones(skip=max(0, len(telephone.sent) - 30)) for telephone in telephones
        )

    await eventually(heard_each_other)
    room.close()


async def test_a_set_up_that_nobody_completes_is_given_up_and_frees_its_port(studio) -> None:
    studio.plane.settings = replace(studio.plane.settings, setup_seconds=0.3)
    leg, _ = await studio.plane.answer(await studio.peer().offer(), "ten_1", "leg_1")
    assert not await asyncio.wait_for(leg.connected, 30)
    assert leg.closed
    assert leg not in studio.plane.legs


async def test_who_offers_again_and_again_takes_one_place(studio) -> None:
    offer = await studio.peer().offer()
    first, _ = await studio.plane.answer(offer, "ten_1", "leg_1")
    for _ in range(studio.plane.settings.tenant_setups * 2):
        await studio.plane.answer(offer, "ten_1", "leg_1")
    assert not await asyncio.wait_for(first.connected, 30)
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


async def test_who_comes_back_to_a_live_call_waits_for_no_place_and_takes_none(studio) -> None:
    offer = await studio.peer().offer()
    for number in range(studio.plane.settings.waiting_setups + 1):
        await studio.plane.answer(offer, "ten_1", f"leg_{number}", returns=True)
    for number in range(studio.plane.settings.tenant_setups):
        await studio.plane.answer(offer, "ten_1", f"new_{number}")
    with pytest.raises(TooManySetups):
        await studio.plane.answer(offer, "ten_1", "new_more")
    peer = studio.peer(620)
    leg, answer = await studio.plane.answer(await peer.offer(), "ten_1", "leg_back", returns=True)
    await peer.accept(answer)
    assert await leg.connected


async def test_the_parties_of_a_dead_nodes_calls_are_given_their_handshakes_within_seconds(monkeypatch) -> None:
    plane = MediaPlane(MediaSettings(host_addresses("127.0.0.1")), lambda work: work.close())
    spacing = plane.settings.return_spacing
    waited: list[float] = []

    async def waits(seconds: float) -> None:
        waited.append(seconds)

    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "sleep", waits)
        await asyncio.gather(*(plane._turn(spacing) for _ in range(800)))
    assert max(waited) < 3
    assert plane.settings.setup_spacing > spacing, "who calls anew keeps a distance"
