"""Packets of the nominated pair take a socket of their own, and nothing else changes by it."""

from __future__ import annotations

import asyncio
import resource
import socket

import pytest
import pytest_asyncio
from telephony.media.rtp import PACKET
from telephony.media.voice_socket import SocketPoll, VoiceSocket, allow_many_sockets
from testkit import eventually

pytestmark = pytest.mark.media


class Ear:
    """Takes down what a voice socket hears, and from which port."""

    def __init__(self, voice: VoiceSocket) -> None:
        self.heard: list[tuple[bytes, int]] = []
        self._voice = voice

    def readable(self) -> None:
        length, address = self._voice.receive_into(PACKET)
        self.heard.append((bytes(PACKET[:length]), address[1]))

    def connection_lost(self, exc: Exception | None) -> None:
        self.heard.append((b"closed", 0))


@pytest_asyncio.fixture
async def poll():
    made = SocketPoll()
    yield made
    made.close()


def _browser() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(5)
    return made


async def test_a_direct_socket_hears_its_browser_alone_and_the_first_one_everybody_else(poll) -> None:
    voice = VoiceSocket(poll, "127.0.0.1", None)
    ear = Ear(voice)
    voice.start(ear)
    with _browser() as browser, _browser() as stranger:
        direct = voice.direct(browser.getsockname())
        assert direct is not None
        heard: list[bytes] = []
        poll.add(direct.fileno(), lambda: heard.append(direct.recv(100)))
        stranger.sendto(b"stranger", voice.name)
        browser.sendto(b"browser", voice.name)
        await eventually(lambda: heard and ear.heard)
        assert heard == [b"browser"]
        assert ear.heard == [(b"stranger", stranger.getsockname()[1])]
        direct.send(b"answer")
        assert await asyncio.to_thread(browser.recvfrom, 100) == (b"answer", voice.name)
        poll.remove(direct.fileno())
        direct.close()
    voice.close()


async def test_a_port_with_a_direct_socket_is_shared_with_nobody_else(poll) -> None:
    voice = VoiceSocket(poll, "127.0.0.1", None)
    with _browser() as browser, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        direct = voice.direct(browser.getsockname())
        assert direct is not None
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            other.bind(voice.name)
        direct.close()
    voice.close()


def test_a_process_may_open_as_many_sockets_as_it_may_at_all() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, hard - 1), hard))
    allow_many_sockets()
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard


async def test_a_reader_that_fails_costs_the_others_nothing(poll) -> None:
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    heard: list[int] = []
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(3)]

    def reader(number: int, ours: socket.socket) -> None:
        ours.recv(100)
        if number == 1:
            raise RuntimeError("reader 1")
        heard.append(number)

    for number, (ours, _) in enumerate(pairs):
        poll.add(ours.fileno(), lambda number=number, ours=ours: reader(number, ours))
    for _, theirs in pairs:
        theirs.send(b"x")
    await eventually(lambda: len(heard) == 2 and failures)
    assert sorted(heard) == [0, 2]
    assert "reader 1" in str(failures[0]["exception"])
    for pair in pairs:
        poll.remove(pair[0].fileno())
        for each in pair:
            each.close()


async def test_a_socket_closed_by_another_one_of_the_same_wake_up_is_not_read(poll) -> None:
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
    read: list[int] = []

    def reader(number: int) -> None:
        read.append(number)
        for ours, _ in pairs:
            poll.remove(ours.fileno())

    for number, (ours, theirs) in enumerate(pairs):
        poll.add(ours.fileno(), lambda number=number: reader(number))
        theirs.send(b"x")
    await eventually(lambda: bool(read))
    await asyncio.sleep(0)
    assert len(read) == 1
    for pair in pairs:
        for each in pair:
            each.close()


async def test_media_goes_on_without_a_direct_socket(studio, monkeypatch) -> None:
    monkeypatch.setattr(VoiceSocket, "direct", lambda *_: None)
    speaker, leg = await studio.connect(440)
    listener, other = await studio.connect(880)
    leg.forward_to, other.forward_to = other.outbound, leg.outbound
    await listener.hears(440)
    await speaker.hears(880)


async def test_a_browser_whose_pair_changes_is_heard_and_answered_at_its_new_address(studio) -> None:
    speaker, leg = await studio.connect(440)
    listener, other = await studio.connect(880)
    leg.forward_to, other.forward_to = other.outbound, leg.outbound
    await listener.hears(440)
    connection = leg._transport.connection
    protocol, before = connection.selected
    with _browser() as moved:
        address = moved.getsockname()
        # What a check from the new address does once aioice has nominated it.
        protocol.validate(address)
        connection.selected = (protocol, address)
        connection.on_selected()
        packet = await asyncio.to_thread(moved.recv, 2000)
        assert 127 < packet[0] < 192
        # The old address still knows the password, so it is heard until the browser leaves it.
        received = leg.statistics().packets_received
        await eventually(lambda: leg.statistics().packets_received > received + 5)
        connection.selected = (protocol, before)
        connection.on_selected()
    speaker.forget()
    await speaker.hears(880)


async def test_a_closed_leg_gives_its_keys_memory_back_at_once(studio) -> None:
    _, leg = await studio.connect(440)
    dtls = leg._transport._dtls
    files = studio.plane.poll._readers
    watched = sum(reader is not None for reader in files)
    await studio.plane.close_leg(leg)
    assert dtls._ssl is None
    assert dtls._rx_srtp is None
    assert sum(reader is not None for reader in studio.plane.poll._readers) < watched
