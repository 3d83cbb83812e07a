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
    """One Kamailio. `config` is the text of a configuration, or the path of one; without one it forwards everything to
    `forward_to` (`host:port`) and records its route. `defines` are `#!define`s given from outside; `files` are written
    into its folder first.

    It gets its port for UDP and TCP as `listen` lines of its own unless `listens` is False: then the configuration has
    to do that, on `port` (and `tls_port`), which it may take from the defines.
    """

    program = "kamailio"

    def __init__(
        self,
        name: str,
        folder: Path,
        ports: Ports,
        *,
        config: str | Path = "",
        forward_to: str = "",
        defines: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        listens: bool = True,
    ) -> None:
        super().__init__(name, folder)
        self.host = ports.host
        self.port, self.tls_port = ports.take(2)
        self._defines = dict(defines or {})
        for file, text in (files or {}).items():
            (folder / file).write_text(text)
        if isinstance(config, Path):
            self._config = config.resolve()
        else:
            head = f"#!KAMAILIO\nlisten=udp:{self.address}\nlisten=tcp:{self.address}\n" if listens else "#!KAMAILIO\n"
            self._config = folder / "kamailio.cfg"
            self._config.write_text(head + (config or FORWARD.replace("FORWARD_TO", forward_to)))

    @property
    def address(self) -> str:
        """`host:port` of its signalling over UDP and TCP."""
        return f"{self.host}:{self.port}"

    def define(self, name: str, value: str) -> None:
        """One more define, before the start."""
        self._defines[name] = value

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
        defines = [part for name, value in self._defines.items() for part in ("-A", f"{name}={value}")]
        # Few workers: it serves a test. Its own folder for sockets: /run is the system's.
        return ["-f", str(self._config), "-n", "2", "-N", "2", "-w", str(self.folder), "-Y", str(self.folder), *defines]
