"""Callers and phones that sipp plays, by the rules and against them, against a node of ours: whatever they do, what is
left is one CDR for each call that began, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from merkez.flows.v1 import run_service_pb2
from merkez.telephony.v1 import call_pb2
from telephony.domain.trunks import Gateway, Limits
from testkit import eventually
from testkit.rtp_peer import RtpPeer
from testkit.voice_peers import UAC, Sipp, VoicePeers

from .carriers import Carrier
from .conftest import MUSIC_HZ, Exchange, an_id
from .test_voice_peers import NUMBER, OURS, a_trunk_to, cdrs, secret_of_a_phone, sip_address

pytestmark = pytest.mark.media

CARRIER_HZ, OTHER_HZ = 440.0, 880.0
CALLERS, PHONES = Path(__file__).parent / "sip/scenarios", Path(__file__).parent / "scenarios"


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0,tcp:127.0.0.1:0", sip_digests="MD5")


async def nothing_is_left(exchange: Exchange) -> None:
    edge, house = exchange.edge, exchange.house
    assert edge is not None
    await eventually(
        lambda: not exchange.switchboard.calls and not edge.agent.dialogs and not house.plane.legs, deadline=40
    )


@pytest.mark.parametrize(
    ("scenario", "transport"),
    [
        ("uac_call", "t1"),
        ("uac_hold", "u1"),
        ("uac_digits", "u1"),
        ("uac_late_ack", "u1"),
        ("uac_repeats", "u1"),
        ("uac_session_timer", "t1"),
        ("uac_prack", "u1"),
        ("uac_wrong_in_call", "u1"),
        ("uac_bye_without_ack", "u1"),
    ],
)
async def test_a_call_from_a_trunk_is_one_call_however_it_is_led(
    exchange: Exchange, voice_peers: VoicePeers, scenario: str, transport: str
) -> None:
    assert exchange.edge is not None
    port = exchange.edge.agent.points[1 if transport == "t1" else 0].port
    await a_trunk_to(exchange, Gateway("", "127.0.0.1", port, ping=False))
    caller = await voice_peers.start(
        Sipp, "caller", CALLERS / f"{scenario}.xml", target=f"127.0.0.1:{port}", transport=transport, service=OURS,
        calls=1, more=("-default_behaviors", "none"),
    )  # fmt: skip
    outcome = await caller.outcome()
    assert (outcome.successful, outcome.failed) == (1, 0), caller.tail()
    await nothing_is_left(exchange)
    (found,) = await cdrs(exchange)
    assert (found.end_party, found.end_cause) == (call_pb2.END_PARTY_CUSTOMER, "NORMAL")


@pytest.mark.parametrize("scenario", ["uac_called_hangs_up", "uac_bye_crossing"])
async def test_a_call_that_its_flow_ends_is_one_call_also_when_both_hang_up_at_once(
    exchange: Exchange, voice_peers: VoicePeers, scenario: str
) -> None:
    target = sip_address(exchange)
    await a_trunk_to(exchange, Gateway("", "127.0.0.1", int(target.split(":")[1]), ping=False))
    over = run_service_pb2.Instruction(step_id="over")
    over.hang_up.cause = "CLOSED"
    exchange.flows.steps = [over]
    caller = await voice_peers.start(
        Sipp, "caller", CALLERS / f"{scenario}.xml", target=target, service=OURS, calls=3,
        more=("-default_behaviors", "none"),
    )  # fmt: skip
    outcome = await caller.outcome()
    assert (outcome.successful, outcome.failed) == (3, 0), caller.tail()
    await nothing_is_left(exchange)
    found = await cdrs(exchange)
    assert [(each.end_party, each.end_cause) for each in found] == [(call_pb2.END_PARTY_FLOW, "CLOSED")] * 3


async def test_a_caller_who_sends_what_no_caller_may_begins_no_call(
    exchange: Exchange, voice_peers: VoicePeers
) -> None:
    target = sip_address(exchange)
    await a_trunk_to(exchange, Gateway("", "127.0.0.1", int(target.split(":")[1]), ping=False))
    caller = await voice_peers.start(
        Sipp, "caller", CALLERS / "uac_malformed.xml", target=target, service=OURS, calls=1
    )
    assert (await caller.outcome()).successful == 1, caller.tail()
    await nothing_is_left(exchange)
    assert await cdrs(exchange) == []


async def test_callers_who_give_up_at_any_moment_leave_nothing_behind(exchange: Exchange) -> None:
    carrier = Carrier(await RtpPeer.start(None))
    await carrier.start()
    await a_trunk_to(exchange, carrier.gateway(ping=False), limits=Limits(calls=100, calls_per_second=100))
    assert exchange.edge is not None
    for number in range(12):
        # From before the first response to after the answer.
        await carrier.give_up(exchange.edge.agent.points[0].port, OURS, after=number * 0.008)
    await nothing_is_left(exchange)
    found = await cdrs(exchange, page_size=100)
    assert len({each.call_id for each in found}) == len(found) <= 12
    assert {each.end_party for each in found} <= {call_pb2.END_PARTY_CUSTOMER}
    assert carrier.agent.dialogs == []
    await carrier.close()


async def test_more_calls_than_a_trunk_may_have_are_refused_and_the_others_are_whole(
    exchange: Exchange, voice_peers: VoicePeers
) -> None:
    target = sip_address(exchange)
    await a_trunk_to(
        exchange, Gateway("", "127.0.0.1", int(target.split(":")[1]), ping=False),
        limits=Limits(calls=4, calls_per_second=50),
    )  # fmt: skip
    exchange.tenancy.routes[OURS].entitlements.limits.max_concurrent_calls = 100
    caller = await voice_peers.start(
        Sipp, "caller", UAC, target=target, service=OURS, calls=10, rate=10, lasts=4.0, at_once=100
    )
    outcome = await caller.outcome()
    assert outcome.successful + outcome.failed == 10
    assert caller.received("SIP/2.0 503") == outcome.failed > 0 < outcome.successful
    await nothing_is_left(exchange)
    found = await cdrs(exchange, page_size=100)
    assert len({each.call_id for each in found}) == len(found) == outcome.successful


async def test_a_phone_asks_on_a_second_line_and_joins_the_two_by_refer_with_replaces(
    exchange: Exchange, voice_peers: VoicePeers
) -> None:
    customer = Carrier(await RtpPeer.start(CARRIER_HZ), host="127.0.0.3")
    other = Carrier(await RtpPeer.start(OTHER_HZ), host="127.0.0.3")
    for each in (customer, other):
        await each.start()

    async def in_turn(invitation: Any) -> None:
        await (customer if invitation is customer.invitations[0] else other).answer(invitation)

    customer.behave = in_turn
    await a_trunk_to(exchange, customer.gateway(ping=False))
    user, secret = await secret_of_a_phone(exchange, an_id("usr"))
    # From an address that is no trunk's: who calls from one is the trunk.
    phone = await voice_peers.at("127.0.0.5").start(
        Sipp, "phone", PHONES / "phone_attended.xml", target=sip_address(exchange), calls=1, service=NUMBER,
        user=user, password=secret, keys={"username": user},
        more=("-cid_str", "%u-%p", "-auth_uri", f"{NUMBER}@{sip_address(exchange)}"),
    )  # fmt: skip
    await eventually(lambda: customer.peer.digits == "42")
    await customer.peer.hears(MUSIC_HZ)

    outcome = await phone.outcome()
    assert (outcome.successful, outcome.failed) == (1, 0), phone.tail()
    assert "484 number must be a telephone number" in phone.messages()
    for each in (customer.peer, other.peer):
        each.forget()
    await customer.peer.hears(OTHER_HZ)
    await other.peer.hears(CARRIER_HZ)
    assert (await exchange.facts()).count("CallTransferred") == 1
    await customer.dialogs[0].bye()
    await nothing_is_left(exchange)
    assert len(await cdrs(exchange)) == 1
    for each in (customer, other):
        await each.close()
