"""Starts peers for one test and ends them with it; `testkit.plugin` has the fixture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from testkit.voice_peers.ports import Ports
from testkit.voice_peers.process import PeerProcess

Peer = TypeVar("Peer", bound=PeerProcess)
Options = ParamSpec("Options")


class VoicePeers:
    """Starts peers. Each gets a folder of its own under `folder`, named as the peer is; names are used once."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self.folder = folder
        self.ports = Ports(host)
        self._made: list[PeerProcess] = []
        self._elsewhere: list[VoicePeers] = []

    def at(self, host: str) -> VoicePeers:
        """The same on another address: Linux has all of 127.0.0.0/8, and some peers know others by their address."""
        there = VoicePeers(self.folder / host, host)
        self._elsewhere.append(there)
        return there

    async def start(
        self,
        kind: Callable[Concatenate[str, Path, Ports, Options], Peer],
        name: str,
        /,
        *arguments: Options.args,
        **options: Options.kwargs,
    ) -> Peer:
        """A running peer: `await voice_peers.start(Baresip, "anna", tone=880)`."""
        peer = self.make(kind, name, *arguments, **options)
        await peer.start()
        return peer

    def make(
        self,
        kind: Callable[Concatenate[str, Path, Ports, Options], Peer],
        name: str,
        /,
        *arguments: Options.args,
        **options: Options.kwargs,
    ) -> Peer:
        """A peer that has its ports and its configuration and isn't started yet: others can be told of it first."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        peer = kind(name, folder, self.ports, *arguments, **options)
        self._made.append(peer)
        return peer

    async def close(self) -> None:
        """End all of them, the last one first; before, those elsewhere, who may wait for answers of these."""
        for there in self._elsewhere:
            await there.close()
        for peer in reversed(self._made):
            await peer.close()
        self.ports.close()

    def logs(self) -> dict[str, str]:
        """The end of each one's log, by its program and name."""
        here = {f"{peer.program} {peer.name}": peer.tail() for peer in self._made}
        return here | {name: log for there in self._elsewhere for name, log in there.logs().items()}
