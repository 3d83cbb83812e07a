"""The edge between carriers, phones and telephony's nodes, run for real: calls pass, a dead node's go to another,
floods and guessers are turned away, phones register through it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from testkit import eventually
from testkit.certificates import self_signed
from testkit.voice_peers import UAC, Baresip, Kamailio, Sipp, VoicePeers

pytestmark = pytest.mark.media
CONFIG = Path(__file__).parents[1] / "kamailio.cfg"
NODE = Path(__file__).parent / "node.xml"
# The node of the registration test: a registrar that keeps the path, as telephony does.
REGISTRAR = """\
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("registrar", "use_path", 1)
modparam("registrar", "path_mode", 0)
request_route {
    if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
    if (is_method("REGISTER")) { save("location"); exit; }
    if (has_totag()) { loose_route(); t_relay(); exit; }
    if (is_method("INVITE")) record_route();
    if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
    t_relay();
}
"""


@dataclass
class Edge:
    """The edge with its nodes, who live at addresses of their own: it knows them by these."""

    peers: VoicePeers
    kamailio: Kamailio
    nodes: list[Sipp]

    async def call(self, calls: int = 1, rate: float = 10.0) -> Sipp:
        """A caller that has ended."""
        name = f"caller-{len(self.peers.logs())}"
        caller = await self.peers.start(Sipp, name, UAC, target=self.kamailio.address, calls=calls, rate=rate)
        await caller.outcome()
        return caller


def site(edge: Kamailio, nodes: list[str], *more: str) -> dict[str, str]:
    """The files of this site."""
    return {
        "kamailio.cfg": CONFIG.read_text(),
        "site.cfg": "\n".join((
            f"listen=udp:{edge.address}", f"listen=tcp:{edge.address}",
            f'#!define NODES_LIST "{edge.folder}/nodes.list"', f'#!define CARRIERS_LIST "{edge.folder}/carriers.list"',
            "#!define PING_SECONDS 1", *more,
        )),
        "nodes.list": "".join(f"1 sip:{node};transport=udp 0 0\n" for node in nodes),
        "carriers.list": "",
    }  # fmt: skip


async def open_edge(voice_peers: VoicePeers, *more: str) -> Edge:
    nodes = [await voice_peers.at(f"127.0.0.{at}").start(Sipp, f"node-{at}", NODE, patience=60) for at in (2, 3)]
    edge = voice_peers.make(Kamailio, "edge", config=Path("kamailio.cfg"))
    edge.write(site(edge, [node.address for node in nodes], *more))
    await edge.start()
    # It takes nobody for alive that hasn't said so.
    await eventually(lambda: all(node.received("OPTIONS") for node in nodes))
    await eventually(lambda: asks(edge, "OPTIONS", "anybody").startswith("SIP/2.0 200"))
    return Edge(voice_peers, edge, nodes)


def asks(edge: Kamailio, method: str, user: str, *, source: str = "127.0.0.1", more: str = "", number: int = 1) -> str:
    """The first answer to one request out of nowhere, "" for silence. Each is a transaction of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((source, 0))
        stranger.settimeout(1.0)
        mark = f"{method}-{stranger.getsockname()[1]}-{number}"
        request = (
            f"{method} sip:{user}@{edge.address} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {source}:{stranger.getsockname()[1]};branch=z9hG4bK{mark}\r\n"
            f"From: <sip:stranger@{source}>;tag={mark}\r\nTo: <sip:{user}@{edge.address}>\r\n"
            f"Call-ID: {mark}@{source}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n"
            f"Contact: <sip:stranger@{source}:{stranger.getsockname()[1]}>\r\n{more}Content-Length: 0\r\n\r\n"
        )
        stranger.sendto(request.encode(), (edge.host, edge.port))
        with contextlib.suppress(TimeoutError):
            return stranger.recv(65_535).decode()
    return ""


async def test_its_configuration_is_one_kamailio_understands(voice_peers: VoicePeers) -> None:
    edge = voice_peers.make(Kamailio, "edge", config=Path("kamailio.cfg"))
    edge.write(site(edge, ["127.0.0.2:5070"]))
    assert "config file ok" in await edge.check()


async def test_the_example_of_a_site_is_one_kamailio_understands(voice_peers: VoicePeers) -> None:
    edge = voice_peers.make(Kamailio, "edge", config=Path("kamailio.cfg"))
    example = (CONFIG.parent / "site.example.cfg").read_text().replace("/etc/kamailio", str(edge.folder))
    edge.write(site(edge, []) | {
        "site.cfg": example,
        "nodes.list": (CONFIG.parent / "nodes.example.list").read_text(),
        "carriers.list": (CONFIG.parent / "carriers.example.list").read_text(),
    })  # fmt: skip
    assert "config file ok" in await edge.check()


async def test_calls_are_spread_over_the_nodes_and_their_dialogs_pass_the_edge(voice_peers: VoicePeers) -> None:
    edge = await open_edge(voice_peers)

    caller = await edge.call(calls=30, rate=50)

    assert caller.counted().successful == 30
    got = [node.received("INVITE") for node in edge.nodes]
    assert sum(got) == 30 and min(got) >= 3, "by a hash of the Call-ID"
    assert sum(node.received("BYE") for node in edge.nodes) == 30


async def test_a_node_learns_where_a_call_really_came_from(voice_peers: VoicePeers) -> None:
    edge = await open_edge(voice_peers)

    caller = await edge.call()
    forged = "X-Merkez-Source: udp:203.0.113.10:5060\r\n"
    asks(edge.kamailio, "REGISTER", "anna", more=forged)

    await eventually(lambda: sum(node.received("REGISTER") for node in edge.nodes))
    said = [source for node in edge.nodes for source in re.findall(r"X-Merkez-Source: (\S+)", node.messages())]
    assert f"udp:{caller.address}" in said
    assert not any("203.0.113.10" in source for source in said)


async def test_when_a_node_dies_the_next_call_goes_to_the_other(voice_peers: VoicePeers) -> None:
    edge = await open_edge(voice_peers)
    dead, alive = edge.nodes
    dead.stop(deadline=0.0)

    caller = await edge.call(calls=4, rate=10)

    assert caller.counted().successful == 4
    assert alive.received("INVITE") == 4


async def test_a_call_whose_node_died_is_ended_at_another(voice_peers: VoicePeers) -> None:
    edge = await open_edge(voice_peers)
    caller = await voice_peers.start(Sipp, "caller", UAC, target=edge.kamailio.address, calls=1, lasts=1.0)
    dead = await eventually(lambda: next((node for node in edge.nodes if node.received("ACK")), None))
    alive = next(node for node in edge.nodes if node is not dead)
    dead.stop(deadline=0.0)

    assert (await caller.outcome()).successful == 1
    assert alive.received("BYE") == 1


async def test_with_no_node_alive_a_caller_is_asked_to_try_again(voice_peers: VoicePeers) -> None:
    edge = await open_edge(voice_peers)
    for node in edge.nodes:
        node.stop(deadline=0.0)
    await eventually(lambda: asks(edge.kamailio, "OPTIONS", "anybody").startswith("SIP/2.0 503"), every=0.3)

    caller = await edge.call()
    assert caller.counted().failed == 1 and caller.received("SIP/2.0 503") == 1
    assert "Retry-After: 5" in caller.messages()


async def test_who_asks_for_names_gets_the_same_answer_for_all(voice_peers: VoicePeers) -> None:
    edge = await open_edge(voice_peers)

    answers = {asks(edge.kamailio, "OPTIONS", name).splitlines()[0] for name in ("anna", "nobody", "100")}

    assert answers == {"SIP/2.0 200 OK"}
    assert all("sip:anna" not in node.messages() for node in edge.nodes)


async def test_who_guesses_passwords_is_banned_and_others_are_not(voice_peers: VoicePeers) -> None:
    edge = await open_edge(
        voice_peers, "#!define FAILURES_TO_BAN 3", "#!define ADDRESS_FAILURES_TO_BAN 6"
    )  # fmt: skip

    def guesses(name: str, number: int) -> str:
        guess = f'Authorization: Digest username="{name}", realm="m", nonce="n", uri="sip:m", response="0"\r\n'
        return asks(edge.kamailio, "REGISTER", name, more=guess, number=number)

    for number in range(3):
        assert guesses("anna", number).startswith("SIP/2.0 401")
    assert guesses("anna", 9) == ""
    assert guesses("phone.beside", 10).startswith("SIP/2.0 401"), "one wrong phone doesn't silence its office"
    assert asks(edge.kamailio, "OPTIONS", "anna").startswith("SIP/2.0 200")
    assert guesses("b", 11).startswith("SIP/2.0 401") and guesses("c", 12).startswith("SIP/2.0 401")
    assert asks(edge.kamailio, "OPTIONS", "anna") == "", "who tries name after name is heard no more"
    assert asks(edge.kamailio, "OPTIONS", "anna", source="127.0.0.9").startswith("SIP/2.0 200")
    assert sum(node.received("REGISTER") for node in edge.nodes) == 6


async def test_a_flood_is_cut_off_and_does_not_reach_the_nodes(voice_peers: VoicePeers) -> None:
    edge = await open_edge(voice_peers, "#!define REQUESTS_EACH_2_SECONDS 10")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        flood.bind(("127.0.0.8", 0))
        for number in range(200):
            mark = f"flood-{number}"
            flood.sendto(
                f"REGISTER sip:{edge.kamailio.address} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.8;branch=z9hG4bK{mark}\r\n"
                f"From: <sip:a@b>;tag={mark}\r\nTo: <sip:a@b>\r\nCall-ID: {mark}\r\nCSeq: 1 REGISTER\r\n"
                f"Max-Forwards: 70\r\nContact: <sip:a@127.0.0.8>\r\nContent-Length: 0\r\n\r\n".encode(),
                (edge.kamailio.host, edge.kamailio.port),
            )

    await eventually(lambda: "banned 127.0.0.8: floods" in edge.kamailio.tail())
    assert asks(edge.kamailio, "OPTIONS", "anna", source="127.0.0.8") == ""
    assert sum(node.received("REGISTER") for node in edge.nodes) <= 20
    assert (await edge.call()).counted().successful == 1


@pytest.mark.parametrize(
    "junk", [b"\r\n", b"\0" * 40, b"INVITE sip: SIP/2.0\r\n\r\n", b"REGISTER sip:x SIP/2.0\r\nVia: \r\n\r\n"]
)
async def test_malformed_messages_leave_it_unharmed(voice_peers: VoicePeers, junk: bytes) -> None:
    edge = await open_edge(voice_peers)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for _ in range(20):
            stranger.sendto(junk, (edge.kamailio.host, edge.kamailio.port))

    assert (await edge.call()).counted().successful == 1


async def test_a_stranger_cannot_use_it_as_a_relay(voice_peers: VoicePeers) -> None:
    edge = await open_edge(voice_peers)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.bind(("127.0.0.7", 0))
        victim.settimeout(1.0)
        route = f"Route: <sip:127.0.0.7:{victim.getsockname()[1]};lr>\r\n"
        asks(edge.kamailio, "INVITE", "+902121234567", more=route)
        with pytest.raises(TimeoutError):
            victim.recv(65_535)


async def test_a_stranger_that_plays_a_dialog_reaches_nodes_alone_and_tells_them_nothing_of_its_source(
    voice_peers: VoicePeers,
) -> None:
    edge = await open_edge(voice_peers)
    node, forged = edge.nodes[0], "X-Merkez-Source: udp:203.0.113.10:5060\r\n"
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
    ):
        victim.bind(("127.0.0.7", 0))
        victim.settimeout(1.0)
        stranger.bind(("127.0.0.8", 0))
        stranger.settimeout(3.0)

        def bye(target: str) -> str:
            port = stranger.getsockname()[1]
            stranger.sendto(
                f"BYE sip:x@{target} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.8:{port};branch=z9hG4bK{target}\r\n"
                f"Route: <sip:{edge.kamailio.address};lr>\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n"
                f"Call-ID: {target}\r\nCSeq: 2 BYE\r\nMax-Forwards: 70\r\n{forged}Content-Length: 0\r\n\r\n".encode(),
                (edge.kamailio.host, edge.kamailio.port),
            )
            return stranger.recv(65_535).decode()

        assert bye(f"127.0.0.7:{victim.getsockname()[1]}").startswith("SIP/2.0 481")
        with pytest.raises(TimeoutError):
            victim.recv(65_535)
        assert bye(node.address).startswith("SIP/2.0 200")
    assert node.received("BYE") == 1 and "203.0.113.10" not in node.messages()


@pytest.fixture
def certificate(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A certificate for 127.0.0.1 and its key."""
    yield self_signed(tmp_path, "127.0.0.1")


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_phones_register_through_it_and_are_called_along_their_path(
    voice_peers: VoicePeers, certificate: tuple[Path, Path], transport: str
) -> None:
    node = await voice_peers.at("127.0.0.2").start(Kamailio, "node", config=REGISTRAR)
    edge = voice_peers.make(Kamailio, "edge", config=Path("kamailio.cfg"))
    tls = f"[server:default]\nmethod = TLSv1.2+\ncertificate = {certificate[0]}\nprivate_key = {certificate[1]}\n"
    edge.write(
        site(
            edge, [node.address], "#!define WITH_TLS", f'#!define TLS_CONFIG "{edge.folder}/tls.cfg"',
            f"listen=tls:{edge.host}:{edge.tls_port}",
        ) | {"tls.cfg": tls}
    )  # fmt: skip
    await edge.start()
    await eventually(lambda: asks(edge, "OPTIONS", "anybody").startswith("SIP/2.0 200"))
    registrar = edge.address if transport != "tls" else f"{edge.host}:{edge.tls_port}"
    anna = await voice_peers.start(
        Baresip, "anna", tone=880, registrar=registrar, transport=transport, trusts=certificate[0]
    )
    emre = await voice_peers.start(Baresip, "emre", tone=440, registrar=edge.address)
    await asyncio.gather(anna.registered(), emre.registered())

    await emre.dial(f"sip:anna@{edge.address}")
    await asyncio.gather(anna.hears(440), emre.hears(880))
    await anna.hang_up()

    await emre.sees("CALL_CLOSED")


async def test_an_office_whose_phones_start_at_once_signs_in_and_is_no_flood(voice_peers: VoicePeers) -> None:
    """Forty phones behind one address after a power cut: each asks, is challenged, and asks again."""
    edge = await open_edge(voice_peers)

    def sign_in(number: int) -> str:
        ask = [asks(edge.kamailio, "REGISTER", f"phone{number}", source="127.0.0.9", number=each) for each in (1, 2)]
        return ask[-1]

    said = await asyncio.gather(*(asyncio.to_thread(sign_in, number) for number in range(40)))

    assert "banned 127.0.0.9: floods" not in edge.kamailio.tail()
    assert all(said), f"{sum(map(bool, said))} of 40 phones were answered"
