"""Kamailio: a SIP proxy between the others, by a configuration the test gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from testkit.voice_peers.ports import Ports
from testkit.voice_peers.process import PeerFailed, PeerProcess

FORWARD = """\
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "pv.so"
request_route {
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (has_totag()) {
        if (!loose_route() && !is_method("ACK")) { sl_send_reply("404", "Not here"); exit; }
        t_relay();
        exit;
    }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (is_method("INVITE")) record_route();
    $du = "sip:FORWARD_TO";
    t_relay();
}
"""


class Kamailio(PeerProcess):
    """One Kamailio. `config` is the text of a configuration, which gets `listen` lines for UDP and TCP on its port
    before it; or the path of one, complete, which may lie in the peer's folder and be written there before the start.
    Without one it forwards everything to `forward_to` (`host:port`) and records its route.
    """

    program = "kamailio"

    def __init__(self, name: str, folder: Path, ports: Ports, *, config: str | Path = "", forward_to: str = "") -> None:
        super().__init__(name, folder)
        self.host = ports.host
        self.port, self.tls_port = ports.take(2)
        if isinstance(config, Path):
            self._config = folder / config
        else:
            head = f"#!KAMAILIO\nlisten=udp:{self.address}\nlisten=tcp:{self.address}\n"
            self._config = folder / "kamailio.cfg"
            self._config.write_text(head + (config or FORWARD.replace("FORWARD_TO", forward_to)))

    def write(self, files: Mapping[str, str]) -> None:
        """Write files into its folder, before the start."""
        for file, text in files.items():
            (self.folder / file).write_text(text)

    @property
    def address(self) -> str:
        """`host:port` of its signalling over UDP and TCP."""
        return f"{self.host}:{self.port}"

    async def check(self) -> str:
        """Have it read its configuration and say what it thinks of it. Raises `PeerFailed` when it's wrong."""
        self.spawn(["-c", *self._arguments()])
        code = await self.ended()
        if code != 0:
            raise PeerFailed(f"{self.name}'s configuration is wrong\n{self.tail()}")
        return self.tail()

    async def start(self) -> None:
        """Start it and wait until it listens."""
        self.spawn(["-DD", "-E", "-m", "32", "-M", "4", *self._arguments()])
        await self.ready(lambda: self.listens(self.port) and self.listens(self.port, tcp=True))

    def _arguments(self) -> list[str]:
        # Few workers: it serves a test. Its own folder for sockets: /run is the system's.
        return ["-f", str(self._config), "-n", "2", "-N", "2", "-w", str(self.folder), "-Y", str(self.folder)]
