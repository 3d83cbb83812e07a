"""The voice peers do what tests count on, among each other: no part of Merkez takes part here."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import time
from pathlib import Path

import pytest
from testkit import eventually
from testkit.voice_peers import (
    UAC,
    UAS,
    Baresip,
    Kamailio,
    PeerFailed,
    PeerMissing,
    Ports,
    Rtpengine,
    Sipp,
    Turnserver,
    VoicePeers,
)
from testkit.voice_peers.rtpengine import decoded, encoded

pytestmark = pytest.mark.media
REGISTRAR = """\
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
request_route {
    if (is_method("REGISTER")) { save("location"); exit; }
    if (has_totag()) { loose_route(); t_relay(); exit; }
    if (is_method("INVITE")) record_route();
    if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
    t_relay();
}
"""
REFUSES = 'loadmodule "sl.so"\nrequest_route {{ sl_send_reply("{}", "No"); }}'


async def test_sipp_calls_sipp_through_kamailio(voice_peers: VoicePeers) -> None:
    callee = await voice_peers.start(Sipp, "callee", UAS)
    proxy = await voice_peers.start(Kamailio, "proxy", forward_to=callee.address)
    caller = await voice_peers.start(Sipp, "caller", UAC, target=proxy.address, calls=5, rate=20)

    outcome = await caller.outcome()

    assert (outcome.successful, outcome.failed) == (5, 0)
    assert callee.received("INVITE") == 5
    assert f"Record-Route: <sip:{proxy.address}" in callee.messages()


async def test_sipp_says_how_many_calls_were_refused(voice_peers: VoicePeers) -> None:
    nowhere = await voice_peers.start(
        Kamailio, "proxy", config='loadmodule "sl.so"\nrequest_route { sl_send_reply("486", "Busy"); }'
    )
    caller = await voice_peers.start(Sipp, "caller", UAC, target=nowhere.address, calls=2)

    outcome = await caller.outcome()

    assert (outcome.successful, outcome.failed, outcome.unexpected) == (0, 2, 2)
    assert caller.received("SIP/2.0 486") == 2


async def test_a_call_over_tcp_reaches_a_callee_over_udp(voice_peers: VoicePeers) -> None:
    callee = await voice_peers.start(Sipp, "callee", UAS)
    proxy = await voice_peers.start(Kamailio, "proxy", forward_to=callee.address)
    caller = await voice_peers.start(Sipp, "caller", UAC, target=proxy.address, transport="t1", calls=1)

    assert (await caller.outcome()).successful == 1


async def test_baresip_calls_sipp_and_hears_its_echo(voice_peers: VoicePeers) -> None:
    carrier = await voice_peers.start(Sipp, "carrier", UAS, rtp_echo=True)
    phone = await voice_peers.start(Baresip, "anna", tone=880)

    call = await phone.dial(carrier.uri("anyone"))
    await phone.hears(880)
    await phone.hang_up()

    closed = await phone.sees("CALL_CLOSED")
    assert closed.call_id == call.call_id
    await eventually(lambda: carrier.received("BYE") == 1)


@pytest.mark.parametrize("codecs", [("PCMA",), ("opus",)])
async def test_two_phones_hear_each_other_and_each_others_digits(
    voice_peers: VoicePeers, codecs: tuple[str, ...]
) -> None:
    anna = await voice_peers.start(Baresip, "anna", tone=880, codecs=codecs, answers="manual")
    emre = await voice_peers.start(Baresip, "emre", tone=440, codecs=codecs)

    dialling = asyncio.get_running_loop().create_task(emre.dial(anna.uri))
    await anna.rings()
    await anna.answer()
    await dialling
    await asyncio.gather(anna.hears(440), emre.hears(880))
    await emre.press("1#")

    await eventually(lambda: anna.digits == "1#")


async def test_a_phone_put_on_hold_hears_nothing_until_it_is_taken_back(voice_peers: VoicePeers) -> None:
    anna = await voice_peers.start(Baresip, "anna", tone=880)
    emre = await voice_peers.start(Baresip, "emre", tone=440)
    await emre.dial(anna.uri)
    await emre.hears(880)

    await anna.hold()
    await emre.hears_nothing()
    emre.forget()
    await anna.resume()

    await emre.hears(880)


async def test_a_phone_transfers_a_call_to_another(voice_peers: VoicePeers) -> None:
    anna = await voice_peers.start(Baresip, "anna", tone=880)
    emre = await voice_peers.start(Baresip, "emre", tone=440)
    leyla = await voice_peers.start(Baresip, "leyla", tone=660)
    await emre.dial(anna.uri)
    await emre.hears(880)

    await anna.transfer(leyla.uri)

    await leyla.hears(440)
    await emre.hears(660)


async def test_a_phone_registers_and_is_called_by_its_name(voice_peers: VoicePeers) -> None:
    registrar = await voice_peers.start(Kamailio, "registrar", config=REGISTRAR)
    anna = await voice_peers.start(Baresip, "anna", tone=880, registrar=registrar.address)
    emre = await voice_peers.start(Baresip, "emre", tone=440, registrar=registrar.address, transport="tcp")
    await asyncio.gather(anna.registered(), emre.registered())

    await emre.dial(f"sip:anna@{registrar.address}")

    await asyncio.gather(anna.hears(440), emre.hears(880))


async def test_a_phone_that_is_refused_says_why(voice_peers: VoicePeers) -> None:
    proxy = await voice_peers.start(
        Kamailio, "proxy", config='loadmodule "sl.so"\nrequest_route { sl_send_reply("403", "Forbidden"); }'
    )
    phone = await voice_peers.start(Baresip, "anna", registrar=proxy.address, password="wrong")

    with pytest.raises(PeerFailed, match="403"):
        await phone.registered()
    with pytest.raises(PeerFailed, match="403"):
        await phone.dial(f"sip:anyone@{proxy.address}")


async def test_rtpengine_puts_itself_between_two_ends(voice_peers: VoicePeers) -> None:
    relay = await voice_peers.start(Rtpengine, "relay")
    offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"

    answer = await relay.ask({"command": "offer", "call-id": "a", "from-tag": "b", "sdp": offer})

    assert answer["result"] == "ok"
    media = next(line for line in answer["sdp"].splitlines() if line.startswith("m=audio"))
    assert int(media.split()[1]) in relay.media_ports


def test_bencoding_is_read_as_it_was_written() -> None:
    said = {"command": "offer", "flags": ["trust-address", "é"], "n": -3, "d": {"x": []}}
    assert decoded(encoded(said)) == said


async def test_a_turn_relay_takes_its_own_credentials_and_no_others(voice_peers: VoicePeers) -> None:
    relay = await voice_peers.start(Turnserver, "relay", secret="open sesame")
    good = relay.credentials("somebody", int(time.time()) + 60)

    assert await relay.allocates(*good)
    assert not await relay.allocates(good[0], "wrong")
    assert not await relay.allocates(*relay.credentials("somebody", int(time.time()) - 60))


async def test_a_configuration_kamailio_cannot_read_is_refused_with_its_words(voice_peers: VoicePeers) -> None:
    proxy = voice_peers.make(Kamailio, "proxy", config="request_route { nonsense(); }")
    with pytest.raises(PeerFailed, match="nonsense"):
        await proxy.check()


async def test_a_peer_that_ends_early_fails_with_its_log(voice_peers: VoicePeers) -> None:
    with pytest.raises(PeerFailed, match=r"parse error|syntax error"):
        await voice_peers.start(Kamailio, "proxy", config="request_route {")


async def test_a_missing_peer_fails_the_test_and_says_what_to_run(
    voice_peers: VoicePeers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sipp, "program", "sipp-of-another-machine")
    with pytest.raises(PeerMissing, match=r"infra/local/peers\.sh"):
        await voice_peers.start(Sipp, "caller", UAS)


async def test_a_frozen_peer_still_ends_with_its_test(tmp_path: Path) -> None:
    peers = VoicePeers(tmp_path)
    frozen = await peers.start(Sipp, "frozen", UAS)
    frozen.send(signal.SIGSTOP)

    await peers.close()

    assert not frozen.running


def _group(leader: int) -> list[int]:
    """Who of a process group still runs."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(group) == leader and state != "Z":
                found.append(int(stat.parent.name))
    return found


async def test_a_peer_that_was_killed_leaves_no_workers_behind(voice_peers: VoicePeers) -> None:
    proxy = await voice_peers.start(Kamailio, "proxy", forward_to="127.0.0.1:9")
    await eventually(lambda: len(_group(proxy.pid)) > 2)
    proxy.send(signal.SIGKILL)
    await eventually(lambda: not proxy.running)
    proxy.stop()
    await eventually(lambda: not _group(proxy.pid))


def test_ports_of_two_tests_are_apart_and_free() -> None:
    first, second = Ports(), Ports()
    try:
        mine, theirs = first.take(20), second.take(20)
        assert not set(mine) & set(theirs)
        assert mine == list(range(mine[0], mine[0] + 20)) and mine[0] % 2 == 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", mine[-1] + 1))
            assert mine[-1] + 1 not in first.take(2)
    finally:
        first.close()
        second.close()
