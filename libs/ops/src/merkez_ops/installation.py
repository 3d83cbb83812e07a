"""The installation from outside its services: their rpcs, as one of them, and NATS."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from chassis.bus import Bus
from chassis.grpc import Peers
from kernel.errors import Unavailable

from merkez_ops.settings import OpsSettings


class NotTold(Unavailable):
    """A setting is missing without which this can't be looked at."""

    reason = "NOT_TOLD"


class NatsAway(Unavailable):
    """NATS can't be reached."""

    reason = "NATS_AWAY"


@dataclass
class Installation:
    """What commands ask. The bus connects when it is first asked for."""

    settings: OpsSettings
    _bus: Bus | None = None
    _peers: Peers | None = None

    @property
    def peers(self) -> Peers:
        """Channels to the services. NotTold."""
        if not self.settings.internal_key:
            raise NotTold("MERKEZ_INTERNAL_KEY is missing: the key file that services know each other by")
        if self._peers is None:
            self._peers = Peers(self.settings, "ops")
        return self._peers

    def stub(self, stub_class: Any, service: str) -> Any:
        """A service's stub. NotTold."""
        if service not in self.settings.peers:
            raise NotTold(f"MERKEZ_{service.upper()}_ADDRESS is missing: where {service} answers")
        return self.peers.stub(stub_class, service)

    async def bus(self) -> Bus:
        """The connected bus. NatsAway."""
        if self._bus is None:
            self._bus = await Bus.connect(self.settings)
        if not self._bus.connected:
            raise NatsAway(f"no NATS server answers at {self.settings.nats_url}")
        return self._bus

    async def ask_jetstream(self, subject: str) -> dict[str, Any]:
        """JetStream's own answer, which holds more than the client's classes do. NatsAway."""
        bus = await self.bus()
        answer = await bus.nats.request(f"$JS.API.{subject}", b"", timeout=5)
        found: dict[str, Any] = json.loads(answer.data)
        return found

    async def close(self) -> None:
        """Close what was opened."""
        if self._peers is not None:
            await self._peers.close()
        if self._bus is not None:
            await self._bus.close()


@asynccontextmanager
async def opened(settings: OpsSettings) -> AsyncIterator[Installation]:
    """An installation that is closed at the end."""
    found = Installation(settings)
    try:
        yield found
    finally:
        await found.close()


def addresses_of(address: str) -> Sequence[str]:
    """Each host:port of a service's address; a name of DNS stays one."""
    several = address.removeprefix("ipv4:").removeprefix("ipv6:")
    return [each.removeprefix("dns:///").removeprefix("dns:") for each in several.split(",") if each]
