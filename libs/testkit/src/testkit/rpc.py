"""gRPC servers and stubs inside one test process, over real sockets and with real tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import grpc
from chassis.grpc import DEADLINE_SECONDS, Peers, Server, serve
from chassis.permissions import PERMISSIONS_BY_ROLE
from chassis.settings import ProcessSettings
from kernel.tenant import Principal

from testkit.waiting import PATIENCE

S = TypeVar("S")


class RpcHouse:
    """Serve some services, call them as anybody. Also serves fakes of neighbours: any servicer will do."""

    def __init__(self, internal_key: str):
        self.internal_key = internal_key
        self.addresses: dict[str, str] = {}
        self._servers: list[Server] = []
        self._peers: list[Peers] = []

    async def serve(self, service: str, servicers: Sequence[tuple[Callable[[Any, Any], None], Any]]) -> Server:
        """Start a server for `service`; it is the peer of that name from now on."""
        server = serve(servicers, ProcessSettings(service=service, internal_key=self.internal_key))
        await server.start()
        self.addresses[service] = server.address
        self._servers.append(server)
        return server

    def peers(self, caller: str = "gateway", *, deadline_seconds: float = DEADLINE_SECONDS) -> Peers:
        """Channels from the service `caller` to everything served so far, and later."""
        settings = ProcessSettings(service=caller, internal_key=self.internal_key, peers=self.addresses)
        made = Peers(settings, caller, deadline_seconds=deadline_seconds)
        self._peers.append(made)
        return made

    def stub(self, stub_class: Callable[[grpc.aio.Channel], S], service: str, *, caller: str = "gateway") -> S:
        """A stub of a served service. Call it within `acting_as(someone("agent", tenant))` or `acting_for(tenant)`.
        A test waits longer for its answers than services do for each other's: how fast they come isn't what it asks.
        """
        return self.peers(caller, deadline_seconds=PATIENCE).stub(stub_class, service)

    async def close(self) -> None:
        """Close every channel and server."""
        for peers in self._peers:
            await peers.close()
        for server in self._servers:
            await server.close()


def someone(role: str, tenant_id: str, subject: str = "", **more: Any) -> Principal:
    """A principal of this role with the role's permissions."""
    permissions = more.pop("permissions", PERMISSIONS_BY_ROLE[role])
    return Principal(tenant_id, subject or f"usr_{role}", role, frozenset(permissions), **more)
