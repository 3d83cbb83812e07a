"""The edge of infra/kamailio in front of real nodes: phones over UDP, TCP and TLS are rung through it, trunks call in
and out through it, what it says of a source is believed and nobody else's word, a dead node's calls go to the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from merkez.telephony.v1 import call_service_pb2
from telephony.domain.trunks import Gateway, HealthState, Transport
from telephony.live.sip.bars import PER_ADDRESS
from telephony.ops import devices as device_ops
from telephony.ops import trunks as trunk_ops
from telephony.sip import Destination, SipDialog
from testkit import eventually
from testkit.certificates import self_signed
from testkit.rtp_peer import RtpPeer
from testkit.voice_peers import Baresip, Kamailio, PeerFailed, VoicePeers

from .carriers import Carrier, a_trunk
from .conftest import MUSIC_HZ, Exchange, an_id
from .two_nodes import adopted, back, kill, known_to_each_other

pytestmark = pytest.mark.media

CUSTOMER_HZ, PHONE_HZ, AGENT_HZ = 440, 880, 660
NUMBER, OURS = "+905321234567", "+902125550100"
CONFIG = Path(__file__).parents[3] / "infra/kamailio/kamailio.cfg"


@dataclass
class Site:
    """An edge, and the nodes behind it at addresses of their own."""

    edge: Kamailio
    nodes: Sequence[Exchange]
    certificate: Path
    peers: VoicePeers

    @property
    def node(self) -> Exchange:
        return self.nodes[0]

    def address(self, transport: str = "udp") -> str:
        return f"{self.edge.host}:{self.edge.tls_port}" if transport == "tls" else self.edge.address

    async def phone(self, agent_id: str, transport: str = "udp", **options: Any) -> tuple[Baresip, str]:
        """An agent's desk phone that signed in through the edge, and its user name."""
        house = self.node.house
        device, secret = await house.db.run(
            self.node.tenant_id, lambda tx: device_ops.create_device(tx, agent_id, "Desk", house.now())
        )
        settings = {"answers": "manual", "tone": PHONE_HZ, "registrar": self.address(transport), "password": secret}
        phone = await self.peers.at("127.0.0.5").start(
            Baresip, "desk", user=device.user_name, transport=transport, trusts=self.certificate, **settings | options
        )
        return phone, device.user_name

    async def trunk(self, gateway: Gateway, **fields: Any) -> str:
        """A trunk of the tenant over this gateway, known to all nodes, and its number."""
        house = self.node.house
        draft = a_trunk(gateway, **fields)
        made = await house.db.run(self.node.tenant_id, lambda tx: trunk_ops.create_trunk(tx, draft, house.now()))
        for each in self.nodes:
            assert each.edge is not None
            await each.edge.roster.refresh()
        self.node.tenancy.number(self.node.tenant_id, OURS)
        self.node.tenancy.caller_numbers.numbers[:] = [OURS]
        self.node.tenancy.caller_numbers.default_number = OURS
        return made.trunk_id

    async def takes_calls(self) -> None:
        """Wait until the edge has heard of a node that lives."""
        await eventually(lambda: asks(self.edge).startswith("SIP/2.0 200"), every=0.2)


async def a_site(
    make_exchange: Any, peers: VoicePeers, folder: Path, nodes: int = 1, fresh: bool = False, trusts: Path | None = None
) -> Site:
    """An edge before so many nodes. `trusts`: authorities of carriers' certificates, none but itself when None."""
    edge = peers.make(Kamailio, "edge", config=Path("kamailio.cfg"))
    certificate, key = self_signed(folder, edge.host)
    made: list[Exchange] = []
    for at in range(2, 2 + nodes):
        beside = {"beside": made[0]} if made else {"fresh": fresh or nodes > 1}
        made.append(
            await make_exchange(
                sip_listen=f"udp:127.0.0.{at}:0", sip_digests="MD5", sip_edges=edge.address, **beside
            )
        )  # fmt: skip
    edge.write({
        "kamailio.cfg": CONFIG.read_text(),
        "site.cfg": "\n".join((
            f"listen=udp:{edge.address}", f"listen=tcp:{edge.address}", f"listen=tls:{edge.host}:{edge.tls_port}",
            "#!define WITH_TLS", f'#!define TLS_CONFIG "{edge.folder}/tls.cfg"', "#!define PING_SECONDS 1",
            f'#!define NODES_LIST "{edge.folder}/nodes.list"', f'#!define CARRIERS_LIST "{edge.folder}/carriers.list"',
        )),
        "tls.cfg": _tls(certificate, key, trusts or certificate),
        "nodes.list": "".join(f"1 sip:{sip_address(each)};transport=udp 0 0\n" for each in made),
        "carriers.list": "",
    })  # fmt: skip
    await edge.start()
    site = Site(edge, made, certificate, peers)
    await site.takes_calls()
    return site


def _tls(certificate: Path, key: Path, trusts: Path) -> str:
    """infra/kamailio's example with these files in it."""
    text = CONFIG.with_name("tls.example.cfg").read_text()
    for line, path in (("certificate", certificate), ("private_key", key), ("ca_list", trusts)):
        text, count = re.subn(rf"(?m)^{line} = .*$", f"{line} = {path}", text)
        assert count == 1, line
    return text


def sip_address(exchange: Exchange) -> str:
    assert exchange.edge is not None
    point = exchange.edge.agent.points[0]
    return f"{point.host}:{point.port}"


def asks(edge: Kamailio) -> str:
    """What the edge answers to OPTIONS, "" for silence."""
    return _said("OPTIONS", "anybody", (edge.host, edge.port))


async def said(method: str, user: str, to: tuple[str, int], **more: Any) -> str:
    """`_said` of somebody who is no part of this process: a node of ours may have to answer."""
    return await asyncio.to_thread(_said, method, user, to, **more)


def _said(method: str, user: str, to: tuple[str, int], source: str = "127.0.0.9", more: str = "") -> str:
    """The first final answer to one request out of nowhere, "" for silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((source, 0))
        stranger.settimeout(1.0)
        port = stranger.getsockname()[1]
        stranger.sendto(
            f"{method} sip:{user}@{to[0]}:{to[1]} SIP/2.0\r\nVia: SIP/2.0/UDP {source}:{port};branch=z9hG4bK{port}\r\n"
            f"From: <sip:{user}@{source}>;tag={port}\r\nTo: <sip:{user}@{to[0]}>\r\nCall-ID: {port}@{source}\r\n"
            f"CSeq: 1 {method}\r\nMax-Forwards: 70\r\nContact: <sip:{user}@{source}:{port}>\r\n{more}"
            "Content-Length: 0\r\n\r\n".encode(),
            to,
        )
        with contextlib.suppress(TimeoutError):
            while (answer := stranger.recv(65_535).decode()).startswith("SIP/2.0 1"):
                pass
            return answer
    return ""


async def bindings(site: Site, agent_id: str) -> Sequence[Any]:
    house = site.node.house
    found = await house.db.run(site.node.tenant_id, lambda tx: device_ops.reachable(tx, agent_id, house.now()))
    return [each for _, places in found for each in places]


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_a_phone_that_signed_in_through_the_edge_rings_along_its_path_and_talks(
    make_exchange: Any, voice_peers: VoicePeers, tmp_path: Path, transport: str
) -> None:
    site, agent_id = await a_site(make_exchange, voice_peers, tmp_path), an_id("usr")
    phone, _ = await site.phone(agent_id, transport)
    await phone.registered()

    (binding,) = await bindings(site, agent_id)
    assert len(binding.path) >= 1 and site.edge.host in binding.path[0]
    assert binding.transport is Transport(transport.upper()) and binding.source != site.edge.address

    customer = site.node.peer(CUSTOMER_HZ)
    call = await site.node.call(customer)
    await site.node.accept(call.call_id, agent_id)
    await phone.rings()
    await phone.answer()
    await asyncio.gather(phone.hears(CUSTOMER_HZ), customer.hears(PHONE_HZ))
    await phone.hold()
    await customer.hears(MUSIC_HZ)
    await phone.resume()
    await customer.hears(PHONE_HZ)
    with site.node.as_agent(agent_id):
        await site.node.calls.HangUp(call_service_pb2.HangUpRequest(call_id=call.call_id))
    await phone.sees("CALL_CLOSED")
    await eventually(lambda: not site.node.switchboard.calls)


async def a_carrier(host: str, transport: str = "UDP") -> Carrier:
    carrier = Carrier(await RtpPeer.start(CUSTOMER_HZ), transport, host)
    await carrier.start()
    return carrier


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_a_carrier_calls_in_and_is_called_through_the_edge_and_hears_of_it_alone(
    make_exchange: Any, voice_peers: VoicePeers, tmp_path: Path, transport: str
) -> None:
    site = await a_site(make_exchange, voice_peers, tmp_path)
    carrier = await a_carrier("127.0.0.7", transport)
    # The edge's own address is a company's gateway too: calls are known by where they began, not by who passed them on.
    # (A connection of the test's carrier begins at that address as well, so that only datagrams can tell.)
    if transport == "UDP":
        await site.trunk(Gateway("", site.edge.host, site.edge.port, ping=False), priority=50)
    trunk_id = await site.trunk(
        carrier.gateway(transport=Transport(transport)), source_networks=("127.0.0.1",) if transport == "TCP" else ()
    )
    agent, agent_id = site.node.peer(AGENT_HZ), an_id("usr")
    await site.node.attach(agent, agent_id)

    dialog = await carrier.call(site.edge.port, OURS)
    assert isinstance(dialog, SipDialog)
    await carrier.peer.hears(MUSIC_HZ)
    (live,) = site.node.switchboard.calls
    assert live.call.trunk_id == trunk_id
    await dialog.bye()
    await eventually(lambda: not site.node.switchboard.calls)
    carrier.dialogs.clear()
    carrier.peer.forget()

    edge = site.node.edge
    assert edge is not None
    await edge.roster.ping(edge.agent)
    health = await site.node.house.db.run(
        site.node.tenant_id, lambda tx: trunk_ops.health_of(tx, trunk_id, site.node.house.now())
    )
    assert health[1].state is HealthState.UP

    with site.node.as_agent(agent_id):
        call = await site.node.calls.DialCall(call_service_pb2.DialCallRequest(request_id=an_id("req"), number=NUMBER))
    await asyncio.gather(agent.hears(CUSTOMER_HZ), carrier.peer.hears(AGENT_HZ))
    (invitation,) = carrier.invitations
    assert invitation.source == (site.edge.host, site.edge.port) or transport == "TCP"
    assert invitation.request.headers.get("record-route") and "x-merkez-source" not in invitation.request.headers
    assert "route" not in invitation.request.headers, "the way to the carrier is the edge's to know"
    assert invitation.called == NUMBER and invitation.asserted[0].sip.number == OURS
    with site.node.as_agent(agent_id):
        await site.node.calls.HangUp(call_service_pb2.HangUpRequest(call_id=call.call_id))
    await eventually(lambda: carrier.ended)
    await carrier.close()


async def test_a_trunk_registers_through_the_edge_to_be_called_back_there(
    make_exchange: Any, voice_peers: VoicePeers, tmp_path: Path
) -> None:
    site = await a_site(make_exchange, voice_peers, tmp_path, fresh=True)
    carrier = await a_carrier("127.0.0.7")
    heard: list[Any] = []

    async def registered(wish: Any) -> list[Any]:
        heard.append(wish)
        return list(wish.bindings)

    carrier.agent.on_register = registered
    carrier.agent._gate.identify = lambda transaction: _user("merkez")  # type: ignore[union-attr, method-assign]
    await site.trunk(carrier.gateway(), registers=True, user_name="merkez")
    edge = site.node.edge
    assert edge is not None
    await edge.roster.register(edge.agent)

    await eventually(lambda: heard)
    assert heard[0].bindings[0].uri == f"sip:merkez@{site.edge.address}"
    await carrier.close()


async def _user(name: str) -> str:
    return name


async def test_what_a_stranger_says_of_its_source_counts_for_nothing(
    make_exchange: Any, voice_peers: VoicePeers, tmp_path: Path
) -> None:
    site, carrier = await a_site(make_exchange, voice_peers, tmp_path), await a_carrier("127.0.0.7")
    await site.trunk(carrier.gateway())
    forged = f"X-Merkez-Source: udp:127.0.0.7:{carrier.port}\r\n"
    edge, node = (site.edge.host, site.edge.port), sip_address(site.node).split(":")

    assert (await said("INVITE", OURS, edge, more=forged)).startswith("SIP/2.0 401")
    assert (await said("INVITE", OURS, (node[0], int(node[1])), more=forged)).startswith("SIP/2.0 401")
    assert site.node.switchboard.calls == []
    await carrier.close()


async def test_a_phone_that_signs_in_past_the_edge_is_rung_where_it_is_whatever_path_it_claims(
    make_exchange: Any, voice_peers: VoicePeers, tmp_path: Path
) -> None:
    site, agent_id = await a_site(make_exchange, voice_peers, tmp_path), an_id("usr")
    phone, _ = await site.phone(agent_id, registrar=sip_address(site.node))
    await phone.registered()
    (binding,) = await bindings(site, agent_id)
    assert binding.path == () and binding.source == phone.address


async def test_who_guesses_passwords_through_the_edge_is_barred_and_the_phones_beside_are_not(
    make_exchange: Any, voice_peers: VoicePeers, tmp_path: Path
) -> None:
    site, agent_id = await a_site(make_exchange, voice_peers, tmp_path), an_id("usr")
    edge = site.node.edge
    assert edge is not None
    to = (site.edge.host, site.edge.port)
    for number in range(PER_ADDRESS):
        edge.agent._settings.on_failure("127.0.0.9", "credentials", f"{number % 100}")

    assert (await said("INVITE", OURS, to)).startswith("SIP/2.0 403")
    assert (await said("INVITE", OURS, to, source="127.0.0.8")).startswith("SIP/2.0 401")
    assert asks(site.edge).startswith("SIP/2.0 200"), "the node was not taken for dead"
    phone, _ = await site.phone(agent_id)
    await phone.registered()


async def test_wrong_credentials_through_the_edge_are_counted_to_who_showed_them(
    make_exchange: Any, voice_peers: VoicePeers, tmp_path: Path
) -> None:
    site = await a_site(make_exchange, voice_peers, tmp_path)
    edge = site.node.edge
    assert edge is not None
    failed: list[str] = []
    edge.agent._gate._on_failure = lambda address, what, name: failed.append(address)  # type: ignore[union-attr]
    phone, _ = await site.phone(an_id("usr"), password="wrong")

    await eventually(lambda: failed)
    assert set(failed) == {phone.host}


async def test_a_call_whose_node_died_before_it_began_is_taken_by_the_other(
    make_exchange: Any, voice_peers: VoicePeers, tmp_path: Path
) -> None:
    site = await a_site(make_exchange, voice_peers, tmp_path, nodes=2)
    await known_to_each_other(*site.nodes)
    carrier = await a_carrier("127.0.0.7")
    await site.trunk(carrier.gateway())
    agent_id = an_id("usr")
    phone, _ = await site.phone(agent_id)
    await phone.registered()
    dead, alive = site.nodes
    assert dead.edge is not None
    await kill(dead)
    await dead.edge.agent.close()

    # As soon as two pings were missed, and before that after a second and a half of silence.
    for _ in range(2):
        dialog = await carrier.call(site.edge.port, OURS)
        assert isinstance(dialog, SipDialog)
        await carrier.peer.hears(MUSIC_HZ)
        assert alive.switchboard.calls
        await dialog.bye()
        await eventually(lambda: not alive.switchboard.calls)

    # A phone that signed in at the dead node is rung by the living one: the way to it is the edge's.
    customer = alive.peer(CUSTOMER_HZ)
    call = await alive.call(customer)
    await alive.accept(call.call_id, agent_id)
    await phone.rings()
    await phone.answer()
    await asyncio.gather(phone.hears(CUSTOMER_HZ), customer.hears(PHONE_HZ))
    await phone.hang_up()
    await carrier.close()


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_a_phone_that_talks_over_a_connection_of_the_edge_goes_on_when_its_node_dies(
    make_exchange: Any, voice_peers: VoicePeers, tmp_path: Path, transport: str
) -> None:
    site = await a_site(make_exchange, voice_peers, tmp_path, nodes=2)
    await known_to_each_other(*site.nodes)
    dead, alive = site.nodes
    agent_id = an_id("usr")
    phone, _ = await site.phone(agent_id, transport)
    await phone.registered()
    call = await dead.call(dead.peer(CUSTOMER_HZ))
    await dead.accept(call.call_id, agent_id)
    await phone.rings()
    await phone.answer()
    await phone.hears(CUSTOMER_HZ)
    (live,) = dead.switchboard.calls
    await eventually(lambda: all(each.kept() for each in live.outside.values()))
    await live.journal.write(lambda tx: asyncio.sleep(0))
    await kill(dead)
    assert dead.edge is not None
    await dead.edge.agent.close()

    await adopted(alive, call.call_id)
    customer, _ = await back(alive, call, CUSTOMER_HZ)
    await asyncio.gather(customer.hears(PHONE_HZ), phone.hears(CUSTOMER_HZ))
    await phone.hang_up()
    await eventually(lambda: not alive.switchboard.calls)


async def test_a_phone_that_dials_answers_its_challenge_where_it_was_asked(
    make_exchange: Any, voice_peers: VoicePeers, tmp_path: Path
) -> None:
    site = await a_site(make_exchange, voice_peers, tmp_path, nodes=2)
    await known_to_each_other(*site.nodes)
    phone, _ = await site.phone(an_id("usr"))
    await phone.registered()
    for node in site.nodes:
        node.tenancy.caller_numbers.brand_id = ""
    for number in range(4):
        # No brand is set: who hears so was known for who they are, and with a nonce of the wrong node nobody is.
        with pytest.raises(PeerFailed, match="403"):
            await phone.dial(f"sip:+90532123456{number}@{site.edge.address}")


async def test_with_every_edge_silent_calls_out_still_go_by_one_since_carriers_know_no_other_address(
    make_exchange: Any,
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        silent = f"127.0.0.1:{deaf.getsockname()[1]}"
        node = await make_exchange(sip_listen="udp:127.0.0.2:0", sip_edges=silent)
        await node.edge.edges.ping(node.edge.agent)
        way = node.edge.edges.way_to(Destination("TCP", "203.0.113.9", 5070))
    assert way.routes == (f"<sip:{silent};lr>", "<sip:203.0.113.9:5070;transport=tcp;lr;next>")
