"""Where a system is on this machine: which address it listens on, in which network, and in which region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Place:
    """A region's own address, and its network namespace where it has one."""

    region: str = ""
    regions: tuple[str, ...] = ()
    """All of them, this one among them; empty where there is only one."""
    host: str = "127.0.0.1"
    namespace: str = ""
    leaf_port: int = 0
    """Where other regions' NATS join this one's; 0 for nowhere."""
    remotes: tuple[str, ...] = ()
    """URLs of the leaf ports of other regions that this one's NATS joins."""

    def command(self, words: Sequence[str]) -> list[str]:
        """A command as it is run here. Its process id is the command's own."""
        return ["ip", "netns", "exec", self.namespace, *words] if self.namespace else list(words)


HERE = Place()
"""All of this machine, one region."""
