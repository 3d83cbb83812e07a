"""TCP and TLS: framing, keep-alive, reuse, and bounds on those who hold connections."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import example, given
from hypothesis import strategies as st
from kernel.clock import SystemClock
from telephony.sip import Ended, Limits, ListenPoint
from telephony.sip.dialogs import DialogState
from telephony.sip.errors import SipParseError, TransportFailed
from telephony.sip.framing import Frames
from testkit.waiting import eventually

from .peers import Line, a_line, a_stranger, sdp, wire

TCP = [ListenPoint("TCP", "127.0.0.1", 0)]
MESSAGE = wire("OPTIONS sip:a SIP/2.0\nContent-Length: 4\n\nabcd")
BARE = wire("OPTIONS sip:b SIP/2.0\nX: y\n\n")
COMPACT = wire("OPTIONS sip:c SIP/2.0\nl : 2\n\nhi")


@given(st.lists(st.sampled_from([MESSAGE, BARE, COMPACT, b"\r\n\r\n", b"\r\n"]), max_size=8), st.data())
def test_however_a_stream_is_cut_the_same_messages_come_out(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    frames, found = Frames(), []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += frames.feed(stream[begin:end])
    assert found == [part for part in parts if part.strip()]
    assert frames.waiting == 0


@given(st.binary(max_size=300))
@example(b"a\r\nContent-Length: 99999\r\n\r\n")
@example(b"a\r\nl: 1\r\nContent-Length: 1\r\n\r\n")
@example(b"a\r\nContent-Length: -1\r\n\r\n")
def test_any_stream_gives_messages_or_an_end(data: bytes) -> None:
    frames = Frames()
    try:
        frames.feed(data)
    except SipParseError:
        return
    assert frames.waiting <= len(data)


def test_header_fields_without_end_are_the_end() -> None:
    frames = Frames()
    with pytest.raises(SipParseError):
        for _ in range(100):
            frames.feed(b"X: " + b"y" * 1000)


async def raw(line: Line) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", line.port("TCP"))


async def test_a_call_over_tcp_uses_one_connection_both_ways() -> None:
    async with a_line(points=TCP) as alice, a_line(points=TCP) as bob:
        mine, theirs = await alice.connect(bob, "TCP")
        ended: list[Ended] = []
        mine.on_bye = ended.append
        await theirs.bye()
        assert [each.why for each in ended] == ["bye"]
        assert len(bob.agent.stack.transports._connections) == 1


async def test_when_the_connection_is_gone_the_called_connects_back() -> None:
    async with a_line(points=TCP) as alice, a_line(points=TCP) as bob:
        mine, theirs = await alice.connect(bob, "TCP")
        ended: list[Ended] = []
        mine.on_bye = ended.append
        for connection in list(bob.agent.stack.transports._connections.values()):
            connection.abort()
        await eventually(lambda: not alice.agent.stack.transports._connections)
        await theirs.bye()
        assert [each.why for each in ended] == ["bye"]


async def test_a_connection_that_breaks_fails_what_waits_on_it(alice: Line) -> None:
    async def slam(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_server(slam, "127.0.0.1", 0)
    place = alice.place().__class__("TCP", "127.0.0.1", server.sockets[0].getsockname()[1])
    assert (await alice.agent.options("sip:127.0.0.1", place)).status == 503
    server.close()


async def test_a_keep_alive_is_answered_between_messages() -> None:
    async with a_line(points=TCP) as bob, a_stranger() as stranger:
        reader, writer = await raw(bob)
        stranger.to = bob.port("TCP")
        writer.write(b"\r\n\r\n")
        assert await asyncio.wait_for(reader.readexactly(2), 30) == b"\r\n"
        text = stranger.message("OPTIONS", "z9hG4bKone").replace("UDP", "TCP")
        writer.write(b"\r\n" + wire(text))
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n"), 30)).startswith(b"SIP/2.0 200 OK")
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)).endswith(b"Content-Length: 0\r\n\r\n")
        writer.write(b"\r\n\r\n")
        assert await asyncio.wait_for(reader.readexactly(2), 30) == b"\r\n"
        writer.close()


@pytest.mark.parametrize(
    "junk",
    [b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"a\r\nContent-Length: -5\r\n\r\n", b"\x16\x03\x01" * 20_000],
)
async def test_a_stream_that_lost_its_place_is_closed(junk: bytes) -> None:
    async with a_line(points=TCP) as bob:
        reader, writer = await raw(bob)
        writer.write(junk)
        assert await asyncio.wait_for(closed(reader), 30)
        await eventually(lambda: not bob.agent.stack.transports._connections)


async def closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


async def test_one_source_gets_so_many_connections_and_no_more() -> None:
    async with a_line(points=TCP, limits=Limits(connections_per_source=3)) as bob:
        held = [await raw(bob) for _ in range(3)]
        await eventually(lambda: len(bob.agent.stack.transports._connections) == 3)
        reader, _ = await raw(bob)
        assert await asyncio.wait_for(closed(reader), 30)
        held[0][1].close()
        await eventually(lambda: len(bob.agent.stack.transports._connections) == 2)
        again = await raw(bob)
        await eventually(lambda: len(bob.agent.stack.transports._connections) == 3)
        for _, writer in (*held[1:], again):
            writer.close()


async def test_who_sends_half_a_message_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    import telephony.sip.connections as connections

    monkeypatch.setattr(connections, "_LOOK_SECONDS", 0.1)
    async with a_line(points=TCP, limits=Limits(half_message_seconds=0.1)) as bob:
        reader, writer = await raw(bob)
        writer.write(b"OPTIONS sip:a SIP/2.0\r\n")
        assert await asyncio.wait_for(closed(reader), 30)
        silent, _ = await raw(bob)
        assert await asyncio.wait_for(closed(silent), 30)


async def test_our_own_connections_say_that_they_live(monkeypatch: pytest.MonkeyPatch, alice: Line) -> None:
    import telephony.sip.connections as connections

    monkeypatch.setattr(connections, "_LOOK_SECONDS", 0.1)
    pinged = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(4) == b"\r\n\r\n"
        pinged.set()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with a_line(limits=Limits(ping_seconds=0.1)) as line:
        place = line.place().__class__("TCP", "127.0.0.1", server.sockets[0].getsockname()[1])
        asking = line.agent.options("sip:127.0.0.1", place, seconds=5)
        line.agent.stack.spawn(asking, "options")
        await asyncio.wait_for(pinged.wait(), 30)
    server.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Callable[[str], tuple[ssl.SSLContext, ssl.SSLContext]]:
    """A server's context for a name, and a client's that trusts it and nobody else."""

    def make(name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = SystemClock().now()
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        file = tmp_path / f"{name}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + made.public_bytes(serialization.Encoding.PEM)
        )
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(file)
        return server, ssl.create_default_context(cafile=str(file))

    return make


async def test_a_call_over_tls_checks_the_name(
    certificate: Callable[[str], tuple[ssl.SSLContext, ssl.SSLContext]],
) -> None:
    server, client = certificate("sip.carrier.example")
    points = [ListenPoint("TLS", "127.0.0.1", 0, tls=server)]
    async with a_line(points=points) as carrier, a_line(points=points, tls_client=client) as ours:
        attempt = await ours.call(carrier, "TLS", hop=carrier.place("TLS", "sip.carrier.example"))
        theirs = await (await carrier.invitation()).answer(sdp("carrier"))
        mine, _ = await attempt.answered
        assert ";transport=tls" in mine.contact
        ended: list[Ended] = []
        mine.on_bye = ended.append
        await theirs.bye()
        assert [each.why for each in ended] == ["bye"]
        wrong = await ours.call(carrier, "TLS", hop=carrier.place("TLS", "sip.other.example"))
        failure = await wrong.failed
        assert (failure.status, failure.local) == (503, True)


async def test_handshakes_that_are_never_finished_count_and_others_are_served_meanwhile(certificate) -> None:
    server, client = certificate("sip.carrier.example")
    points = [ListenPoint("TLS", "127.0.0.1", 0, tls=server)]
    async with a_line(points=points, limits=Limits(connections_per_source=3)) as carrier:
        port = carrier.port("TLS")
        idle = [await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.66", 0)) for _ in range(10)]
        ended = [asyncio.get_running_loop().create_task(closed(reader)) for reader, _ in idle]
        await eventually(lambda: sum(task.done() for task in ended) == 7)
        async with a_line(points=points, tls_client=client) as ours:
            attempt = await ours.call(carrier, "TLS", hop=carrier.place("TLS", "sip.carrier.example"))
            await (await carrier.invitation()).answer(sdp("carrier"))
            await attempt.answered
        for _, writer in idle:
            writer.close()
        transports = carrier.agent.stack.transports
        await eventually(lambda: transports._incoming == {} and transports._connections == {})
        for task in ended:
            task.cancel()


async def test_a_name_that_is_none_is_a_failure_of_ours(alice: Line) -> None:
    place = alice.place().__class__("UDP", "no-such-host.invalid", 5060)
    assert (await alice.agent.options("sip:x", place)).status == 503


async def test_a_name_is_looked_up(alice: Line, bob: Line) -> None:
    place = alice.place().__class__("UDP", "localhost", bob.port())
    assert (await alice.agent.options("sip:localhost", place)).status == 200


@pytest.mark.parametrize("said", ["10.0.0.5", "localhost"])
async def test_who_was_met_in_public_leads_no_request_into_our_network(alice: Line, said: str) -> None:
    met = DialogState("c", "a", "b", "<sip:a@x>", "<sip:b@x>", f"sip:b@{said}", "sip:a@x", heard_at="8.8.8.8")
    transports = alice.agent.stack.transports
    for hops in (met.next_hops(), replace(met, routes=[f"<sip:{said};lr>"]).next_hops()):
        with pytest.raises(TransportFailed, match="private"):
            await alice.agent.stack.flow_to(hops)
    inside = replace(met, heard_at="10.0.0.9").next_hops()
    assert (await transports.flow_to(inside[0])).remote[0] in {"10.0.0.5", "127.0.0.1"}
    older = DialogState.of({name: value for name, value in met.as_dict().items() if name != "heard_at"})
    assert not older.next_hops()[0].public, "a dialog that an older node kept goes on"
