"""A stranger's packets never disturb a call, neither while it is set up nor later."""

from __future__ import annotations

import asyncio
import os
import re
import socket

import pytest
from testkit import eventually
from testkit.webrtc import Peer

pytestmark = pytest.mark.media


def _target(answer: str) -> tuple[str, int]:
    found = re.search(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", answer)
    assert found is not None
    return found[1], int(found[2])


def _noise() -> list[bytes]:
    """A DTLS alert, a DTLS ClientHello that lies, RTP, RTCP, malformed STUN, junk of every first byte."""
    alert = bytes.fromhex("15feff000000000000000000020228")
    hello = bytes.fromhex("16fefd0000000000000000ffff01") + os.urandom(200)
    stun = bytes.fromhex("000100082112a442") + os.urandom(12) + bytes.fromhex("00240004ffffffff")
    return [alert, hello, b"\x80\x6f" + os.urandom(60), b"\x80\xc8" + os.urandom(60), stun, b"", b"\x00"] + [
        bytes([first]) + os.urandom(40) for first in range(0, 256, 5)
    ]


async def test_strangers_packets_during_set_up_do_not_break_the_call(studio) -> None:
    peer = Peer(440)
    studio.peers.append(peer)
    leg, answer = await studio.plane.answer(await peer.offer(), "ten_1", "leg_1")
    target = _target(answer)
    stop = asyncio.Event()

    async def attack() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.setblocking(False)
            while not stop.is_set():
                for datagram in _noise():
                    stranger.sendto(datagram, target)
                await asyncio.sleep(0.001)

    attacking = asyncio.get_running_loop().create_task(attack())
    await eventually(lambda: leg.statistics().strangers > 50)
    await peer.accept(answer)
    assert await leg.connected
    before = leg.statistics().strangers
    await eventually(lambda: leg.statistics().packets_received > 5 and leg.statistics().strangers > before)
    stop.set()
    await attacking
    statistics = leg.statistics()
    assert statistics.forged == 0
    assert not leg.closed


async def test_a_stranger_who_forges_media_of_a_running_call_is_not_heard(studio) -> None:
    _, leg = await studio.connect(440)
    listener, other = await studio.connect(None)
    leg.forward_to = other.outbound
    await listener.hears(440)
    selected = leg._transport.connection.selected
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for _ in range(10):
            for datagram in _noise():
                stranger.sendto(datagram, selected[0].transport.name)
            before = leg.statistics().strangers
            await eventually(lambda count=before: leg.statistics().strangers > count)
    listener.forget()
    await listener.hears(440)
    assert listener.sequence_gaps == 0
    assert leg.statistics().strangers > 0
