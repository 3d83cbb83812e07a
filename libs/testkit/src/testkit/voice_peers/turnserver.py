"""coturn's turnserver: a TURN relay whose peers may be on loopback, as only a test may have it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any

import aioice.stun
import aioice.turn

from testkit.voice_peers.ports import Ports
from testkit.voice_peers.process import PeerProcess

_RELAYS = 40
_OVERLAY = """
# What only a test may: everything is on this machine, without encryption.
listening-ip={host}
relay-ip={host}
listening-port={port}
min-port={low}
max-port={high}
static-auth-secret={secret}
realm=merkez.test
allow-loopback-peers
allowed-peer-ip={host}
no-tls
no-dtls
log-file=stdout
simple-log
verbose
pidfile={folder}/turnserver.pid
userdb={folder}/turndb
"""
_MINIMAL = "use-auth-secret\nfingerprint\nno-cli\n"


class Turnserver(PeerProcess):
    """One turnserver with credentials by a shared secret (coturn's REST API). `config` is a file to start from; what a
    test needs otherwise is laid over it.
    """

    program = "turnserver"

    def __init__(
        self,
        name: str,
        folder: Path,
        ports: Ports,
        *,
        secret: str,
        realm: str = "merkez.test",
        config: Path | None = None,
    ) -> None:
        super().__init__(name, folder)
        self.host, self.secret = ports.host, secret
        self.port = ports.one()
        relays = ports.take(_RELAYS)
        base = config.read_text() if config else _MINIMAL
        self._config = folder / "turnserver.conf"
        self._config.write_text(
            base + _OVERLAY.format(
                host=self.host, port=self.port, low=relays[0], high=relays[-1], secret=secret, folder=folder
            )
        )  # fmt: skip

    @property
    def url(self) -> str:
        """What a browser is told (RFC 7065), over UDP."""
        return f"turn:{self.host}:{self.port}?transport=udp"

    def credentials(self, name: str, expires: int) -> tuple[str, str]:
        """User name and password good until `expires` (Unix seconds), worked out here and not by what is tested."""
        user = f"{expires}:{name}"
        digest = hmac.new(self.secret.encode(), user.encode(), hashlib.sha1).digest()
        return user, base64.b64encode(digest).decode()

    async def allocates(self, user: str, password: str) -> bool:
        """Whether it gives somebody with these credentials a relay."""
        try:
            relay = await self._relay(user, password)
        except aioice.stun.TransactionFailed:
            return False
        relay.close()
        return True

    async def reaches(self, user: str, password: str, address: str) -> bool:
        """Whether a relay of theirs may lead to a peer there (RFC 8656 9: else 403)."""
        relay: Any = await self._relay(user, password)
        try:
            await relay._TurnTransport__inner_protocol.channel_bind(0x4000, (address, 9))
        except aioice.stun.TransactionFailed:
            return False
        finally:
            relay.close()
        return True

    async def _relay(self, user: str, password: str) -> aioice.turn.TurnTransport:
        relay, _ = await aioice.turn.create_turn_endpoint(
            asyncio.DatagramProtocol, (self.host, self.port), username=user, password=password
        )
        return relay

    async def start(self) -> None:
        """Start it and wait until it listens on UDP and TCP."""
        self.spawn(["-c", str(self._config)])
        await self.ready(lambda: self.listens(self.port) and self.listens(self.port, tcp=True))
