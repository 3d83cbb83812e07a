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
from testkit import eventually
from testkit.certificates import self_signed
from testkit.rtp_peer import RtpPeer
from testkit.voice_peers import VoicePeers

from .carriers import Carrier, a_trunk
from .conftest import Exchange, an_id
from .test_edge import NUMBER, OURS, a_site

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
