"""The edge where nodes come and go: it follows a name, as it does on Kubernetes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from testkit import eventually
from testkit.certificates import self_signed
from testkit.voice_peers import UAC, Sipp, VoicePeers
from testkit.voice_peers.ports import Ports
from testkit.voice_peers.process import PeerProcess

pytestmark = pytest.mark.media
HERE = Path(__file__).parents[1]
NODE = Path(__file__).parent / "node.xml"
# Answers for the name server: what a file says, nothing while there is none.
GETENT = '#!/bin/sh\n[ "$1 $2" = "ahostsv4 telephony" ] && sed "s/$/ STREAM/" "{file}" 2>/dev/null\n'


class Script(PeerProcess):
    """edge.sh."""

    program = "sh"

    def __init__(self, name: str, folder: Path, _ports: Ports) -> None:
        super().__init__(name, folder)

    def begin(self, what: str, told: Mapping[str, str]) -> None:
        """Start it."""
        self.spawn([str(HERE / "edge.sh"), what], **told)


class Kamcmd(PeerProcess):
    """Kamailio's own tool, asked once."""

    program = "kamcmd"

    def __init__(self, name: str, folder: Path, _ports: Ports) -> None:
        super().__init__(name, folder)

    async def ask(self, socket: Path, *words: str) -> str:
        """What it says."""
        self.log.unlink(missing_ok=True)
        self.spawn(["-s", f"unix:{socket}", *words])
        await self.ended()
        return self.tail()


class Same(Ports):
    """On another address the ports that were taken already on one: nodes of a name have one port."""

    def __init__(self, host: str, taken: list[int]) -> None:
        super().__init__(host)
        self._taken = taken

    def take(self, count: int = 1) -> list[int]:
        """The next ones of them."""
        given, self._taken = self._taken[:count], self._taken[count:]
        return given


class Site:
    """An edge at 127.0.0.1 and what it is told."""

    def __init__(self, peers: VoicePeers) -> None:
        self.peers = peers
        self.folder = peers.folder / "site"
        self.run = self.folder / "run"
        self.names = self.folder / "names"
        self.run.mkdir(parents=True)
        (self.folder / "bin").mkdir()
        shim = self.folder / "bin" / "getent"
        shim.write_text(GETENT.format(file=self.names))
        shim.chmod(0o755)
        self.port, self.node_ports = peers.ports.take(2)[0], peers.ports.take(20)
        for file, text in {
            "kamailio.cfg": (HERE / "kamailio.cfg").read_text(),
            "site.cfg": f'#!define NODES_LIST "{self.run}/nodes.list"\n'
            f'#!define CARRIERS_LIST "{self.folder}/carriers.list"\n#!define PING_SECONDS 1\n',
            "carriers.list": "",
        }.items():
            (self.folder / file).write_text(text)
        self.told = {
            "PATH": f"{self.folder}/bin:/usr/sbin:/usr/bin:/bin", "EDGE_ADDRESS": "127.0.0.1",
            "EDGES": "127.0.0.8,127.0.0.1=203.0.113.5", "EDGE_PORT": str(self.port), "EDGE_NODES": "telephony",
            "EDGE_NODES_PORT": str(self.node_ports[0]), "EDGE_KEEP": "2", "EDGE_LOOK": "0.3",
            "EDGE_RUN": str(self.run), "EDGE_CONFIG": str(self.folder / "kamailio.cfg"),
        }  # fmt: skip
        self._control = peers.make(Kamcmd, "kamcmd")

    async def node(self, host: str) -> Sipp:
        """One of telephony's nodes."""
        there = self.peers.at(host)
        there.ports = Same(host, self.node_ports[:])
        return await there.start(Sipp, f"node-{host}", NODE, patience=60)

    def resolves_to(self, *hosts: str) -> None:
        """What the name server says from now on; nothing is a name server that is away."""
        (self.folder / "next").write_text("".join(f"{host}\n" for host in hosts))
        (self.folder / "next").rename(self.names)

    async def known(self) -> dict[str, str]:
        """Kamailio's nodes and how it holds them: A is called, I isn't."""
        told = await self._control.ask(self.run / "kamailio_ctl", "dispatcher.list")
        return dict(re.findall(r"URI: sip:([\d.]+):\d+;transport=udp\s+FLAGS: (\w)", told))

    async def begin(self, what: str, **more: str) -> Script:
        """Start one half of it."""
        script = self.peers.make(Script, what)
        script.begin(what, self.told | more)
        return script


async def test_nodes_come_and_go_with_a_name_and_calls_with_them(voice_peers: VoicePeers) -> None:
    site = Site(voice_peers)
    first = await site.node("127.0.0.2")
    site.resolves_to("127.0.0.2")
    await site.begin("nodes")
    await eventually(lambda: (site.run / "nodes.list").exists())
    await site.begin("run")
    await eventually(lambda: _called(site, {"127.0.0.2"}))

    second = await site.node("127.0.0.3")
    site.resolves_to("127.0.0.2", "127.0.0.3", "127.0.0.4")
    await eventually(lambda: _called(site, {"127.0.0.2", "127.0.0.3"}))
    assert (await site.known())["127.0.0.4"] == "I", "whoever never answered is called by nobody"
    caller = await voice_peers.start(Sipp, "caller", UAC, target=f"127.0.0.1:{site.port}", calls=20, rate=40)
    await caller.outcome()
    assert caller.counted().successful == 20 and second.received("INVITE") and first.received("INVITE")

    site.resolves_to()
    asked = first.received("OPTIONS")
    await eventually(lambda: first.received("OPTIONS") > asked + 4)  # longer than a name's address is kept for
    assert set(await site.known()) == {"127.0.0.2", "127.0.0.3", "127.0.0.4"}, "a name server is away, not the nodes"
    site.resolves_to("127.0.0.3")
    await eventually(lambda: _called(site, {"127.0.0.3"}))
    assert (site.run / "nodes.list").read_text().count("\n") == 1, "which is what it begins with the next time"


async def test_an_edge_that_telephony_does_not_know_says_so_and_does_not_run(voice_peers: VoicePeers) -> None:
    site = Site(voice_peers)
    script = await site.begin("run", EDGE_ADDRESS="127.0.0.7")
    assert await script.ended() == 1
    assert "127.0.0.7 is none of the edges (127.0.0.8,127.0.0.1=203.0.113.5)" in script.tail()


async def test_a_renewed_certificate_is_shown_without_a_restart(voice_peers: VoicePeers) -> None:
    site = Site(voice_peers)
    certificate, key = self_signed(site.folder, "127.0.0.1")
    (site.folder / "tls.cfg").write_text(f"[server:default]\nmethod = TLSv1.2+\ncertificate = {certificate}\n"
                                         f"private_key = {key}\n")  # fmt: skip
    with (site.folder / "site.cfg").open("a") as file:
        file.write(f'#!define WITH_TLS\n#!define TLS_CONFIG "{site.folder}/tls.cfg"\n')
    site.resolves_to("127.0.0.2")
    follower = await site.begin("nodes", EDGE_CERTIFICATE=str(certificate))
    await eventually(lambda: (site.run / "nodes.list").exists())
    edge = await site.begin("run", EDGE_CERTIFICATE=str(certificate))
    await eventually(lambda: _called_or_not(site))
    certificate.write_text(certificate.read_text() + "\n")
    await eventually(lambda: "the renewed certificate" in follower.tail())
    assert edge.running


async def _called(site: Site, hosts: set[str]) -> bool:
    known = await site.known()
    return {host for host, state in known.items() if state == "A"} == hosts


async def _called_or_not(site: Site) -> bool:
    return bool(await site.known())
