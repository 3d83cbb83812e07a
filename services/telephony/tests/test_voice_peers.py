"""Calls with phones, callers and an edge that we didn't write: baresip, sipp and Kamailio against a node of ours."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.domain.trunks import Gateway
from telephony.ops import devices as device_ops
from telephony.ops import trunks as trunk_ops
from testkit import eventually
from testkit.certificates import self_signed
from testkit.rtp_peer import RtpPeer
from testkit.voice_peers import Baresip, Kamailio, PeerFailed, VoicePeers

from .carriers import Carrier, a_trunk
from .conftest import MUSIC_HZ, Exchange, an_id

pytestmark = pytest.mark.media

CUSTOMER_HZ, PHONE_HZ, AGENT_HZ, CARRIER_HZ = 440, 880, 660, 1200
NUMBER, OURS = "+905321234567", "+902125550100"
EDGE_CONFIG = Path(__file__).parents[3] / "infra/kamailio/kamailio.cfg"


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    # Debian's baresip stops at a challenge it doesn't know, so it is given none.
    return await make_exchange(sip_listen="udp:127.0.0.1:0", sip_digests="MD5")


def sip_address(exchange: Exchange) -> str:
    assert exchange.edge is not None
    return f"127.0.0.1:{exchange.edge.agent.points[0].port}"


async def a_trunk_to(exchange: Exchange, gateway: Gateway, **fields: Any) -> str:
    """A trunk of the tenant over this gateway, and its number."""
    house, draft = exchange.house, a_trunk(gateway, **fields)
    made = await house.db.run(exchange.tenant_id, lambda tx: trunk_ops.create_trunk(tx, draft, house.now()))
    assert exchange.edge is not None
    await exchange.edge.roster.refresh()
    exchange.tenancy.number(exchange.tenant_id, OURS)
    exchange.tenancy.caller_numbers.numbers[:] = [OURS]
    exchange.tenancy.caller_numbers.default_number = OURS
    return made.trunk_id


async def secret_of_a_phone(exchange: Exchange, agent_id: str) -> tuple[str, str]:
    """(user name, secret) of a new desk phone of the agent."""
    house = exchange.house
    device, secret = await house.db.run(
        exchange.tenant_id, lambda tx: device_ops.create_device(tx, agent_id, "Desk", house.now())
    )
    return device.user_name, secret


async def desk_phone(exchange: Exchange, peers: VoicePeers, agent_id: str, **options: Any) -> Baresip:
    """The agent's desk phone, signed in."""
    user, secret = await secret_of_a_phone(exchange, agent_id)
    settings = {"registrar": sip_address(exchange), "answers": "manual", "tone": PHONE_HZ} | options
    phone = await peers.start(Baresip, "desk", user=user, password=secret, **settings)
    await phone.registered()
    return phone


async def talking(exchange: Exchange, phone: Baresip, agent_id: str) -> tuple[Any, str]:
    """A customer in a browser talks to the agent at the phone."""
    customer = exchange.peer(CUSTOMER_HZ)
    call = await exchange.call(customer)
    await exchange.accept(call.call_id, agent_id)
    await phone.rings()
    await phone.answer()
    await asyncio.gather(phone.hears(CUSTOMER_HZ), customer.hears(PHONE_HZ))
    return customer, call.call_id


async def cdrs(exchange: Exchange, **which: Any) -> list[call_pb2.Cdr]:
    with exchange.as_owner():
        return list((await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest(**which))).cdrs)


@pytest.mark.parametrize(("transport", "media"), [("udp", ""), ("tcp", "srtp"), ("tls", "srtp-mand")])
async def test_a_desk_phone_rings_for_its_agent_talks_sends_digits_holds_and_hangs_up(
    make_exchange: Any, voice_peers: VoicePeers, tmp_path: Path, transport: str, media: str
) -> None:
    certificate, key = self_signed(tmp_path, "127.0.0.1")
    exchange = await make_exchange(
        sip_listen=f"{transport}:127.0.0.1:0", sip_digests="MD5",
        sip_tls_certificate=str(certificate), sip_tls_key=str(key),
    )  # fmt: skip
    agent_id = an_id("usr")
    phone = await desk_phone(exchange, voice_peers, agent_id, transport=transport, media=media, trusts=certificate)
    customer, call_id = await talking(exchange, phone, agent_id)
    assert exchange.edge is not None
    (dialog,) = exchange.edge.agent.dialogs
    assert ("a=crypto" in dialog.state()["remote_sdp"]) == bool(media)

    await phone.press("42#")
    await eventually(lambda: customer.digits == "42#")
    await phone.hold()
    await customer.hears(MUSIC_HZ)
    await phone.resume()
    await asyncio.gather(customer.hears(PHONE_HZ), phone.hears(CUSTOMER_HZ))

    await phone.hang_up()
    await eventually(lambda: not exchange.switchboard.calls)
    (found,) = await cdrs(exchange, call_id=call_id)
    assert (found.end_party, found.end_cause, found.agent_id) == (call_pb2.END_PARTY_AGENT, "NORMAL", agent_id)


async def test_a_desk_phones_transfer_key_sends_the_customer_to_a_carrier(
    exchange: Exchange, voice_peers: VoicePeers
) -> None:
    carrier = await voice_peers.start(Baresip, "carrier", user=NUMBER, tone=CARRIER_HZ)
    await a_trunk_to(exchange, Gateway("", carrier.host, carrier.port))
    agent_id = an_id("usr")
    phone = await desk_phone(exchange, voice_peers.at("127.0.0.5"), agent_id)
    customer, call_id = await talking(exchange, phone, agent_id)

    before = len(phone.events)
    await phone.transfer(f"sip:{NUMBER}@{sip_address(exchange)}")
    await phone.sees("CALL_CLOSED", since=before)
    await asyncio.gather(customer.hears(CARRIER_HZ), carrier.hears(CUSTOMER_HZ))
    await carrier.hang_up()
    await eventually(lambda: not exchange.switchboard.calls)
    (found,) = await cdrs(exchange, call_id=call_id)
    assert (found.end_party, found.end_cause) == (call_pb2.END_PARTY_PARTICIPANT, "NORMAL")
    assert (await exchange.facts()).count("CallTransferred") == 1


async def test_a_desk_phones_second_call_asks_a_carrier_while_the_customer_hears_music(
    exchange: Exchange, voice_peers: VoicePeers
) -> None:
    carrier = await voice_peers.start(Baresip, "carrier", user=NUMBER, tone=CARRIER_HZ)
    await a_trunk_to(exchange, Gateway("", carrier.host, carrier.port))
    agent_id = an_id("usr")
    phone = await desk_phone(exchange, voice_peers.at("127.0.0.5"), agent_id)
    customer, call_id = await talking(exchange, phone, agent_id)

    await phone.hold()
    await customer.hears(MUSIC_HZ)
    await phone.dial(f"sip:{NUMBER}@{sip_address(exchange)}")
    await asyncio.gather(carrier.hears(PHONE_HZ), phone.hears(CARRIER_HZ), customer.hears(MUSIC_HZ))

    await carrier.hang_up()
    await phone.sees("CALL_CLOSED")
    await phone.resume()
    await asyncio.gather(customer.hears(PHONE_HZ), phone.hears(CUSTOMER_HZ))
    await phone.hang_up()
    await eventually(lambda: not exchange.switchboard.calls)
    assert len(await cdrs(exchange)) == len(await cdrs(exchange, call_id=call_id)) == 1


async def test_a_wrong_secret_and_an_unknown_phone_get_the_same_answers(
    exchange: Exchange, voice_peers: VoicePeers
) -> None:
    user, secret = await secret_of_a_phone(exchange, an_id("usr"))
    heard: list[list[str]] = []
    for at, who, what in (("127.0.0.6", user, secret[::-1]), ("127.0.0.7", "nobody2345", secret)):
        phone = await voice_peers.at(at).start(
            Baresip, "stranger", user=who, password=what, registrar=sip_address(exchange)
        )
        await eventually(lambda: "401 Unauthorized ()" in phone.tail())  # noqa: B023 - waited for here
        heard.append(answers(phone.tail(), who, at))
        phone.stop(signal.SIGKILL)
    assert heard[0] == heard[1] and "SIP/2.0 401 Unauthorized" in heard[0]


def answers(log: str, *own: str) -> list[str]:
    """The last answer in a phone's log, without what is its own or another each time."""
    answer = log[log.rindex("SIP/2.0 401") :].split("\n\n")[0].replace("\r", "").split("\n[")[0]
    answer = re.sub(r'(branch=|tag=|nonce=|rport=|Call-ID: |CSeq: |:)[\w"-]+', r"\1", answer)
    for each in own:
        answer = answer.replace(each, "")
    return answer.splitlines()


async def test_an_agent_calls_out_to_a_carrier_that_hears_the_agent_then_music_and_hangs_up(
    exchange: Exchange, voice_peers: VoicePeers
) -> None:
    carrier = await voice_peers.start(Baresip, "carrier", user=NUMBER, tone=CUSTOMER_HZ, answers="manual")
    await a_trunk_to(exchange, Gateway("", carrier.host, carrier.port))
    agent, agent_id = exchange.peer(AGENT_HZ), an_id("usr")
    await exchange.attach(agent, agent_id)

    with exchange.as_agent(agent_id):
        call = await exchange.calls.DialCall(call_service_pb2.DialCallRequest(request_id=an_id("req"), number=NUMBER))
    assert OURS in (await carrier.rings()).peer
    await carrier.answer()
    await asyncio.gather(carrier.hears(AGENT_HZ), agent.hears(CUSTOMER_HZ))
    with exchange.as_agent(agent_id):
        await exchange.calls.HoldCall(call_service_pb2.HoldCallRequest(call_id=call.call_id))
    await carrier.hears(MUSIC_HZ)

    await carrier.hang_up()
    await eventually(lambda: not exchange.switchboard.calls)
    (found,) = await cdrs(exchange, call_id=call.call_id)
    assert (found.direction, found.end_party) == (call_pb2.DIRECTION_OUTBOUND, call_pb2.END_PARTY_CUSTOMER)


async def test_a_desk_phone_dials_a_number_over_a_trunk(exchange: Exchange, voice_peers: VoicePeers) -> None:
    carrier = Carrier(await RtpPeer.start(CUSTOMER_HZ), host="127.0.0.3")
    await carrier.start()
    await a_trunk_to(exchange, carrier.gateway())
    agent_id = an_id("usr")
    # From an address that is no trunk's: who calls from one is the trunk.
    phone = await desk_phone(exchange, voice_peers.at("127.0.0.5"), agent_id)

    await phone.dial(f"sip:{NUMBER}@{sip_address(exchange)}")
    await asyncio.gather(phone.hears(CUSTOMER_HZ), carrier.peer.hears(PHONE_HZ))
    (invitation,) = carrier.invitations
    assert invitation.called == NUMBER and invitation.asserted[0].sip.number == OURS

    await phone.hang_up()
    await eventually(lambda: not exchange.switchboard.calls and carrier.ended)
    (found,) = await cdrs(exchange)
    assert (found.agent_id, found.direction) == (agent_id, call_pb2.DIRECTION_OUTBOUND)
    await carrier.close()


async def behind_the_edge(make_exchange: Any, peers: VoicePeers) -> tuple[Exchange, Kamailio]:
    """A node, and the Kamailio of `infra/kamailio` in front of it, which knows it by its address."""
    node = await make_exchange(sip_listen="udp:127.0.0.2:0", sip_digests="MD5")
    edge = peers.make(Kamailio, "edge", config=Path("kamailio.cfg"))
    edge.write({
        "kamailio.cfg": EDGE_CONFIG.read_text(),
        "site.cfg": "\n".join((
            f"listen=udp:{edge.address}", f"listen=tcp:{edge.address}", "#!define PING_SECONDS 1",
            f'#!define NODES_LIST "{edge.folder}/nodes.list"', f'#!define CARRIERS_LIST "{edge.folder}/carriers.list"',
        )),
        "nodes.list": f"1 sip:127.0.0.2:{node.edge.agent.points[0].port};transport=udp 0 0\n",
        "carriers.list": "",
    })  # fmt: skip
    await edge.start()
    return node, edge


async def test_a_call_through_the_edge_hears_music_and_is_ended_through_it(
    make_exchange: Any, voice_peers: VoicePeers
) -> None:
    exchange, edge = await behind_the_edge(make_exchange, voice_peers)
    await a_trunk_to(exchange, Gateway("", edge.host, edge.port))
    caller = await voice_peers.start(Baresip, "caller", user="+15550100199", tone=CUSTOMER_HZ)

    await through(caller, f"sip:{OURS}@{edge.address}")
    await caller.hears(MUSIC_HZ)
    (live,) = exchange.switchboard.calls
    agent, agent_id = exchange.peer(AGENT_HZ), an_id("usr")
    await exchange.attach(agent, agent_id)
    await exchange.accept(live.call_id, agent_id)
    await asyncio.gather(caller.hears(AGENT_HZ), agent.hears(CUSTOMER_HZ))

    with exchange.as_agent(agent_id):
        await exchange.calls.HangUp(call_service_pb2.HangUpRequest(call_id=live.call_id))
    await caller.sees("CALL_CLOSED")
    await eventually(lambda: not exchange.switchboard.calls)


async def test_a_desk_phone_that_signed_in_through_the_edge_rings_through_it(
    make_exchange: Any, voice_peers: VoicePeers
) -> None:
    exchange, edge = await behind_the_edge(make_exchange, voice_peers)
    agent_id = an_id("usr")
    phone = await desk_phone(exchange, voice_peers, agent_id, registrar=edge.address)
    _, call_id = await talking(exchange, phone, agent_id)
    assert f"Record-Route: <sip:{edge.address}" in phone.tail()

    await phone.hang_up()
    await eventually(lambda: not exchange.switchboard.calls)
    assert len(await cdrs(exchange, call_id=call_id)) == 1


async def through(caller: Baresip, uri: str) -> None:
    """Call as soon as the edge has seen its node alive: it gives calls to no other."""

    async def taken() -> bool:
        with contextlib.suppress(PeerFailed):
            await caller.dial(uri)
            return True
        return False

    await eventually(taken, every=0.2)
