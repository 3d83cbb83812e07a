"""Trunks over TLS with SRTP: encrypted to whom the certificate names, and to nobody else."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.domain.trunks import Gateway, Srtp, Transport
from telephony.ops import trunks as trunk_ops
from telephony.sip import SipDialog
from testkit import eventually
from testkit.certificates import self_signed
from testkit.rtp_peer import RtpPeer
from testkit.voice_peers import VoicePeers

from .carriers import Carrier, a_trunk
from .conftest import Exchange, an_id
from .sip.test_transports import certificate
from .test_edge import NUMBER, OURS, a_site

__all__ = ["certificate"]
pytestmark = pytest.mark.media
CARRIER_HZ, AGENT_HZ = 440.0, 880.0
SUITE = "AES_CM_128_HMAC_SHA1_80"


async def a_tls_carrier(folder: Path) -> tuple[Carrier, Path]:
    """A carrier whose certificate names 127.0.0.1, and that certificate."""
    certificate, key = self_signed(folder, "127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    carrier = Carrier(await RtpPeer.start(CARRIER_HZ, suite=SUITE), "TLS", tls=tls)
    await carrier.start()
    return carrier, certificate


async def a_trunk_to(exchange: Exchange, host: str, port: int) -> None:
    house = exchange.house
    draft = a_trunk(Gateway("", host, port, Transport.TLS), srtp=Srtp.REQUIRE)
    await house.db.run(exchange.tenant_id, lambda tx: trunk_ops.create_trunk(tx, draft, house.now()))
    assert exchange.edge is not None
    await exchange.edge.roster.refresh()
    exchange.tenancy.caller_numbers.numbers[:] = [OURS]
    exchange.tenancy.caller_numbers.default_number = OURS


async def dial(exchange: Exchange, agent_id: str) -> call_pb2.Call:
    with exchange.as_agent(agent_id):
        return await exchange.calls.DialCall(call_service_pb2.DialCallRequest(request_id=an_id("req"), number=NUMBER))


async def test_a_call_over_a_tls_trunk_is_encrypted_from_the_invite_to_the_last_word(
    make_exchange: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carrier, certificate = await a_tls_carrier(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    exchange = await make_exchange(sip_listen="udp:127.0.0.1:0")
    await a_trunk_to(exchange, "127.0.0.1", carrier.port)
    agent, agent_id = exchange.peer(AGENT_HZ), an_id("usr")
    await exchange.attach(agent, agent_id)

    call = await dial(exchange, agent_id)
    await asyncio.gather(agent.hears(CARRIER_HZ), carrier.peer.hears(AGENT_HZ))
    (invitation,) = carrier.invitations
    assert "RTP/SAVP" in (invitation.sdp_offer or "") and carrier.peer.forged == 0
    with exchange.as_agent(agent_id):
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=call.call_id))
    await eventually(lambda: carrier.ended)
    await carrier.close()


@pytest.mark.parametrize("trusted", [True, False], ids=["a known authority", "an unknown one"])
async def test_the_edge_tells_a_carrier_nothing_before_it_has_shown_a_certificate_of_a_known_authority(
    make_exchange: Any, voice_peers: VoicePeers, tmp_path: Path, trusted: bool
) -> None:
    (tmp_path / "carrier").mkdir()
    carrier, certificate = await a_tls_carrier(tmp_path / "carrier")
    site = await a_site(make_exchange, voice_peers, tmp_path, trusts=certificate if trusted else None)
    await a_trunk_to(site.node, "127.0.0.1", carrier.port)
    agent, agent_id = site.node.peer(AGENT_HZ), an_id("usr")
    await site.node.attach(agent, agent_id)

    call = await dial(site.node, agent_id)
    if trusted:
        await asyncio.gather(agent.hears(CARRIER_HZ), carrier.peer.hears(AGENT_HZ))
        with site.node.as_agent(agent_id):
            await site.node.calls.HangUp(call_service_pb2.HangUpRequest(call_id=call.call_id))
        await eventually(lambda: carrier.ended)
    else:
        await eventually(lambda: not site.node.switchboard.calls)
        assert not carrier.invitations
    await carrier.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["a wrong name", "an unknown authority"])
async def test_a_carrier_that_is_not_who_it_should_be_is_told_nothing_and_nobody_talks(
    make_exchange: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    carrier, certificate = await a_tls_carrier(tmp_path)
    if host == "localhost":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    exchange = await make_exchange(sip_listen="udp:127.0.0.1:0")
    await a_trunk_to(exchange, host, carrier.port)
    agent, agent_id = exchange.peer(AGENT_HZ), an_id("usr")
    await exchange.attach(agent, agent_id)

    call = await dial(exchange, agent_id)
    await eventually(lambda: not exchange.switchboard.calls)
    assert not carrier.invitations
    with exchange.as_owner():
        (cdr,) = (await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest(call_id=call.call_id))).cdrs
    assert (cdr.end_cause, cdr.sip_status) == ("UNREACHABLE", 503)
    await carrier.close()


async def test_a_carrier_that_called_over_tls_hears_of_the_end_after_its_connection_was_given_up(
    make_exchange: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certificate: Any
) -> None:
    """A connection without a word is closed after a quarter of an hour, calls are longer. The carrier's Contact is an
    address, its certificate names it as the trunk's gateway does."""
    tls, _ = certificate("localhost")
    ours, our_key = self_signed(tmp_path, "127.0.0.1")
    known = tmp_path / "authorities.pem"
    known.write_text((tmp_path / "localhost.pem").read_text() + ours.read_text())
    monkeypatch.setenv("SSL_CERT_FILE", str(known))
    carrier = Carrier(await RtpPeer.start(CARRIER_HZ, suite=SUITE), "TLS", tls=tls)
    await carrier.start()
    exchange = await make_exchange(
        sip_listen="tls:127.0.0.1:0", sip_tls_certificate=str(ours), sip_tls_key=str(our_key), fresh=True
    )
    await a_trunk_to(exchange, "localhost", carrier.port)
    exchange.tenancy.number(exchange.tenant_id, OURS)
    agent, agent_id = exchange.peer(AGENT_HZ), an_id("usr")
    await exchange.attach(agent, agent_id)
    assert exchange.edge is not None
    assert isinstance(await carrier.call(exchange.edge.agent.points[0].port, OURS), SipDialog)
    (live,) = exchange.switchboard.calls
    await exchange.accept(live.call_id, agent_id)
    await carrier.peer.hears(AGENT_HZ)
    for connection in list(exchange.edge.agent.stack.transports._connections.values()):
        connection.abort()
    await eventually(lambda: not carrier.agent.stack.transports._connections)
    with exchange.as_agent(agent_id):
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=live.call_id))
    await eventually(lambda: carrier.ended, deadline=15)
    await carrier.close()
