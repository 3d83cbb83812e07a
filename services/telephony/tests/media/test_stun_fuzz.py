"""STUN of every kind, from strangers and from a browser that means harm: a live call is not disturbed by it, nor one
being set up, and nothing grows."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import struct
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aioice import stun
from telephony.media.aioice_private import VoiceConnection, VoiceProtocol
from telephony.media.leg import WebRtcLeg
from testkit import eventually
from testkit.webrtc import Peer

pytestmark = [pytest.mark.media, pytest.mark.parametrize("studio", ["lanes"], indirect=True)]
SEEDS = (1, 2, 3, 5, 8, 13)
"""Kept, so that whatever they once found stays found."""
_BOUND = 32
"""What a leg may keep of whatever it is sent: addresses, checks of them, each with a task."""


# -- messages --------------------------------------------------------------------------------------------------------


def _attribute(kind: int, value: bytes, length: int | None = None) -> bytes:
    head = struct.pack("!HH", kind, len(value) if length is None else length)
    return head + value + bytes(-len(value) % 4)


def _message(rng: random.Random, name: bytes, key: bytes, *, harm: float = 0.5) -> bytes:
    """A Binding request to `name` signed with `key`, made worse in a few ways: by chance `harm` in each."""

    def worse() -> bool:
        return rng.random() < harm

    parts = [
        _attribute(0x0006, rng.choice([b"", b"\xff\xfe", b"x" * 513, b":", name[:3], name * 9]) if worse() else name),
        _attribute(0x0024, rng.randbytes(rng.choice([0, 1, 3, 5, 8])) if worse() else rng.randbytes(4)),
        _attribute(rng.choice([0x8029, 0x802A]), rng.randbytes(rng.choice([8, 8, 8, 0, 7, 16]))),
    ]
    if rng.random() < 0.5:
        parts.append(_attribute(0x0025, b"" if not worse() else rng.randbytes(9)))
    while worse():
        known = rng.choice([0x0001, 0x0009, 0x0014, 0x0020, 0x8022, 0x8028, 0x7777, 0xC057, 0x0008, 0xFFFF])
        value = rng.randbytes(rng.choice([0, 1, 4, 7, 8, 20, 256, 700]))
        parts.append(_attribute(known, value, rng.choice([None, 0, 0xFFFF, len(value) + 1])))
    if worse():
        rng.shuffle(parts)
    kind = rng.choice([0x0000, 0x0003, 0x0008, 0x0011, 0x0101, 0x0111, 0x3EEF, 0x03FF]) if worse() else 0x0001
    head = struct.pack("!HHI", kind, 0, 0 if rng.random() < harm / 4 else stun.COOKIE) + rng.randbytes(12)
    data = head + b"".join(parts)
    if rng.random() < 0.9:
        tag = stun.message_integrity(data, key)
        data += _attribute(0x0008, tag[: rng.choice([0, 19])] if rng.random() < harm / 4 else tag)
    if rng.random() < 0.5:
        data = stun.set_body_length(data, len(data) - 20 + 8)
        data += _attribute(0x8028, struct.pack("!I", stun.message_fingerprint(data)))
    said = rng.choice([0, 1, 4, 0x7FFF, 0xFFFF]) if rng.random() < harm / 4 else len(data) - 20
    data = bytearray(stun.set_body_length(data, said & 0xFFFF))
    while rng.random() < harm / 3:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data[: rng.randrange(len(data))] if rng.random() < harm / 8 else data)


def _name(connection: VoiceConnection) -> str:
    return f"{connection.local_username}:{connection.remote_username}"


def _check(connection: VoiceConnection, **more: Any) -> bytes:
    """What the browser itself could send; `more` replaces attributes, None leaves one out."""
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    attributes = {"USERNAME": _name(connection), "PRIORITY": 1, "ICE-CONTROLLING": 1 << 63} | more
    message.attributes = {name: value for name, value in attributes.items() if value is not ...}
    message.add_message_integrity(connection.local_password.encode())
    return bytes(message)


# -- senders ---------------------------------------------------------------------------------------------------------


@contextmanager
def _sockets(count: int) -> Iterator[list[socket.socket]]:
    made = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for each in made:
        each.bind(("127.0.0.1", 0))
        each.setblocking(False)
    yield made
    for each in made:
        each.close()


def _heard(each: socket.socket) -> list[bytes]:
    found: list[bytes] = []
    while True:
        try:
            found.append(each.recv(2048))
        except BlockingIOError:
            return found


def _port(connection: VoiceConnection) -> tuple[str, int]:
    return connection.local_candidates[0].host, connection.local_candidates[0].port


def _of(leg: WebRtcLeg) -> VoiceConnection:
    return leg._transport.connection


def _known(connection: VoiceConnection) -> Collection[tuple[str, int]]:
    """Addresses that proved to know the password."""
    (protocol,) = connection._protocols
    assert isinstance(protocol, VoiceProtocol)
    return protocol.validated


def _kept(connection: VoiceConnection) -> int:
    """How much a leg has taken down of who wrote to it."""
    asked = sum(len(protocol.transactions) for protocol in connection._protocols)
    return max(len(connection._remote_candidates), len(connection._check_list), asked, connection._queue.qsize())


async def _more(listener: Peer, packets: int) -> None:
    before = listener.packets_heard
    await eventually(lambda: listener.packets_heard > before + packets)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that anybody sends is worth a line in the log, or an exception that nobody took."""
    with caplog.at_level(logging.WARNING):
        yield
    assert not caplog.records


# -- strangers -------------------------------------------------------------------------------------------------------


async def test_no_strangers_stun_disturbs_a_call_while_it_is_set_up_or_later(studio) -> None:
    listener, other = await studio.connect(None)
    for seed in SEEDS:
        rng, peer = random.Random(seed), studio.peer(440)
        leg, answer = await studio.plane.answer(await peer.offer(), "ten_1", f"leg_{seed}")
        connection, stop = _of(leg), asyncio.Event()
        await eventually(lambda connection=connection: connection.remote_username is not None)
        with _sockets(4) as strangers:

            async def flood(rng=rng, connection=connection, stop=stop, strangers=strangers) -> None:
                name = _name(connection).encode()
                while not stop.is_set():
                    for each in strangers:
                        named = name if rng.random() < 0.3 else rng.randbytes(9)
                        harm = rng.choice([0.0, 0.3, 0.7])
                        each.sendto(_message(rng, named, b"guessed", harm=harm), _port(connection))
                    await asyncio.sleep(0.0005)

            flooding = asyncio.get_running_loop().create_task(flood())
            await eventually(lambda connection=connection: connection.strangers > 100)
            await peer.accept(answer)
            assert await leg.connected
            leg.forward_to = other.outbound
            await _more(listener, 3)
            gaps, tasks, before = listener.sequence_gaps, len(asyncio.all_tasks()), connection.strangers
            await _more(listener, 15)
            stop.set()
            await flooding
            assert connection.strangers > before + 100
            assert listener.sequence_gaps == gaps and leg.statistics().forged == 0
            assert _kept(connection) <= 2 and len(asyncio.all_tasks()) <= tasks
            assert not any(map(_heard, strangers)), "whoever has no password learns not even that a call is here"
        leg.forward_to = None


async def test_whoever_repeats_a_browsers_own_check_gets_none_of_its_call(studio) -> None:
    speaker, leg = await studio.connect(440)
    listener, other = await studio.connect(None)
    leg.forward_to = other.outbound
    connection = _of(leg)
    selected = connection.selected
    with _sockets(1) as (thief,):
        for _ in range(20):
            thief.sendto(_check(connection, **{"USE-CANDIDATE": None}), _port(connection))
        await eventually(lambda: thief.getsockname() in _known(connection))
        await _more(listener, 20)
        assert connection.selected == selected
        assert not [packet for packet in _heard(thief) if 127 < packet[0] < 192], "it can't answer what it is asked"
    assert speaker.connection.connectionState == "connected"


# -- a browser that means harm ---------------------------------------------------------------------------------------


async def test_whatever_a_browser_sends_about_itself_the_calls_of_others_go_on_and_nothing_grows(studio) -> None:
    speaker, leg = await studio.connect(440)
    listener, other = await studio.connect(None)
    leg.forward_to = other.outbound
    await _more(listener, 3)
    gaps = listener.sequence_gaps
    for seed in SEEDS:
        rng = random.Random(seed)
        _, harmful = await studio.connect(660)
        connection, tasks = _of(harmful), len(asyncio.all_tasks())
        name, key = _name(connection).encode(), connection.local_password.encode()
        with _sockets(60) as addresses:
            for number in range(600):
                each = addresses[number % len(addresses)]
                each.sendto(_message(rng, name, key, harm=rng.choice([0.0, 0.1, 0.5])), _port(connection))
                if number % 10 == 0:
                    await asyncio.sleep(0.001)
            await _more(listener, 3)
            assert _kept(connection) <= _BOUND and len(asyncio.all_tasks()) <= tasks + _BOUND
        await studio.plane.close_leg(harmful)
        await eventually(lambda tasks=tasks: len(asyncio.all_tasks()) <= tasks)
    assert listener.sequence_gaps == gaps and speaker.connection.connectionState == "connected"


async def test_a_browser_that_has_had_many_addresses_is_still_found_at_its_next_one(studio) -> None:
    _, leg = await studio.connect(440)
    connection = _of(leg)
    with _sockets(40) as addresses:
        for each in addresses:
            each.sendto(_check(connection), _port(connection))
            await eventually(lambda each=each: each.getsockname() in _known(connection))
        assert _kept(connection) <= _BOUND
        answers = _heard(addresses[-1])
        assert any(answer[:2] == b"\x01\x01" for answer in answers), "its check is answered"
        assert any(answer[:2] == b"\x00\x01" for answer in answers), "and it is asked in turn"


async def test_a_check_without_a_priority_is_none_and_one_in_the_wrong_role_is_told_so(studio) -> None:
    _, leg = await studio.connect(440)
    connection = _of(leg)
    tasks = len(asyncio.all_tasks())
    with _sockets(2) as (nameless, rival):
        nameless.sendto(_check(connection, PRIORITY=...), _port(connection))
        highest = {"ICE-CONTROLLING": ..., "ICE-CONTROLLED": (1 << 64) - 1}
        rival.sendto(_check(connection, **highest), _port(connection))
        told = []
        await eventually(lambda: told.extend(_heard(rival)) or told)
        assert stun.parse_message(told[0]).attributes["ERROR-CODE"][0] == 487
        assert not {nameless.getsockname(), rival.getsockname()} & set(_known(connection))
    assert len(asyncio.all_tasks()) <= tasks


async def test_a_flood_of_checks_is_answered_no_faster_than_a_browser_asks(studio) -> None:
    _, leg = await studio.connect(440)
    connection = _of(leg)
    with _sockets(1) as (each,):
        answers = 0
        for number in range(1500):
            each.sendto(_check(connection), _port(connection))
            if number % 20 == 0:
                await asyncio.sleep(0.001)
                answers += len(_heard(each))
        assert answers < 1000

        async def more() -> bool:
            each.sendto(_check(connection), _port(connection))
            await asyncio.sleep(0.02)
            return bool(_heard(each))

        await eventually(more)
