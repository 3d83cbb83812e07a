"""The trunks as this node knows them: who may call in from where, their passwords, how their gateways do.

Read from the rows every few seconds. Of the nodes that live, one keeps a trunk registered; every node pings the
gateways, since each has its own way to them.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ipaddress
from collections.abc import Callable, Sequence
from datetime import timedelta
from time import monotonic

from chassis.sealing import Seal
from chassis.telemetry import log
from kernel.errors import Unavailable

from telephony.domain.trunks import Gateway, GatewayHealth, HealthState, Trunk
from telephony.live.house import House
from telephony.live.sip.edges import Edges
from telephony.live.sip.gateways import given_address, look_up, uri_of
from telephony.ops import trunks as ops
from telephony.sip import Credentials, Registrant, Registration, SipAgent

REFRESH_SECONDS = 5.0
PING_SECONDS = 30.0
_PING_WAIT = 4.0
SILENT = frozenset({408, 477, 478, 503})
"""What means that a gateway isn't there; 477 and 478 are an edge's words for no connection and no such name."""
_NAMES_SECONDS = 300.0
_GOODBYE_SECONDS = 2.0

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Roster:
    """Every enabled trunk. `refresh` and `ping` are loops of main."""

    def __init__(self, house: House, seal: Seal, living: Callable[[], Sequence[str]], edges: Edges) -> None:
        self._house = house
        self.edges = edges
        self._seal = seal
        self._living = living
        """Names of the nodes that live, this one among them."""
        self._trunks: dict[str, Trunk] = {}
        self._sources: list[tuple[Network, str]] = []
        self._names: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._registrants: dict[str, tuple[int, Registrant]] = {}
        self._registered: dict[str, HealthState] = {}

    def trunk(self, trunk_id: str) -> Trunk | None:
        return self._trunks.get(trunk_id)

    def of_source(self, host: str) -> list[Trunk]:
        """Trunks whose carrier calls from this address; several companies may have the same carrier."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return []
        found = {trunk_id for network, trunk_id in self._sources if address in network}
        return [trunk for trunk_id in found if (trunk := self._trunks.get(trunk_id)) is not None]

    def trusts(self, host: str) -> bool:
        """Whether calls from this address need no digest."""
        return bool(self.of_source(host))

    def address_of(self, host: str) -> str:
        """An address that a gateway's name stands for, as it was last looked up; empty when none is known."""
        if given := given_address(host):
            return given
        known = self._names.get(host)
        return known[1][0] if known is not None and known[1] else ""

    def credentials(self, trunk: Trunk) -> Credentials | None:
        """What the trunk shows a carrier that challenges; None when it has none."""
        if not trunk.user_name or trunk.password is None:
            return None
        password = self._seal.open(trunk.password, trunk.trunk_id)
        if password is None:
            log.error("a trunk's password can't be opened: set it again", trunk_id=trunk.trunk_id)
            return None
        return Credentials(trunk.user_name, password.decode())

    # -- loops -------------------------------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Read the trunks, and keep those registered that are this node's to keep."""
        try:
            found = await self._house.db.system(ops.every_trunk, read_only=True)
        except Unavailable as error:
            log.warning("the trunks can't be read", exc_info=error)
            return
        self._trunks = {trunk.trunk_id: trunk for trunk in found}
        sources: list[tuple[Network, str]] = []
        for trunk in found:
            networks = [ipaddress.ip_network(each, strict=False) for each in trunk.source_networks]
            for gateway in trunk.gateways:
                networks += [ipaddress.ip_network(each) for each in await self._addresses(gateway.host)]
            sources += [(network, trunk.trunk_id) for network in networks]
        self._sources = sources

    async def register(self, agent: SipAgent) -> None:
        """Registrations that are this node's: begun, or begun anew after a change of the trunk, or taken back."""
        wanted = {
            trunk_id: trunk
            for trunk_id, trunk in self._trunks.items()
            if trunk.registers and self._mine(trunk_id, self._living())
        }
        for trunk_id, (version, registrant) in list(self._registrants.items()):
            if trunk_id not in wanted or wanted[trunk_id].version != version:
                del self._registrants[trunk_id]
                self._registered.pop(trunk_id, None)
                await registrant.stop()
        for trunk_id, trunk in wanted.items():
            if trunk_id not in self._registrants:
                self._registrants[trunk_id] = (trunk.version, self._begin(agent, trunk))

    def _begin(self, agent: SipAgent, trunk: Trunk) -> Registrant:

        def changed(registered: bool, status: int) -> None:
            self._registered[trunk.trunk_id] = HealthState.UP if registered else HealthState.DOWN
            log.info("trunk registration", trunk_id=trunk.trunk_id, registered=registered, status=status)

        return agent.register(self.registration(trunk), changed)

    def registration(self, trunk: Trunk) -> Registration:
        """What is registered where for a trunk: with its first gateway, to be called back by the way it went."""
        gateway = min(trunk.gateways, key=lambda each: each.priority)
        way = self.edges.way_to(gateway)
        return Registration(
            registrar=self.edges.registrar_of(gateway), address=f"sip:{trunk.user_name}@{gateway.host}",
            credentials=self.credentials(trunk), hop=way.hop, routes=way.routes,
            contact=way.edge.contact(trunk.user_name) if way.edge is not None else "",
        )  # fmt: skip

    async def ping(self, agent: SipAgent) -> None:
        """Ask every gateway by OPTIONS whether it is there, and write what came of it."""
        await asyncio.gather(*(self._ping_trunk(agent, trunk) for trunk in list(self._trunks.values())))

    async def _ping_trunk(self, agent: SipAgent, trunk: Trunk) -> None:
        seen = [await self._ping_gateway(agent, trunk, gateway) for gateway in trunk.gateways]
        node = self._house.settings.node_id
        try:
            await self._house.db.system(lambda tx: ops.record_health(tx, trunk.tenant_id, trunk.trunk_id, node, seen))
        except Unavailable as error:
            log.warning("a trunk's health can't be written", trunk_id=trunk.trunk_id, exc_info=error)

    async def _ping_gateway(self, agent: SipAgent, trunk: Trunk, gateway: Gateway) -> GatewayHealth:
        registration = self._registered.get(trunk.trunk_id, HealthState.UNKNOWN)
        if not gateway.ping:
            return GatewayHealth(gateway.gateway_id, registration=registration, check_time=self._house.now())
        began = monotonic()
        way = self.edges.way_to(gateway)
        try:
            answer = await agent.options(
                uri_of("", gateway), way.hop, self.credentials(trunk), _PING_WAIT, routes=way.routes
            )
            status = answer.status
        except Exception as error:
            log.info("a gateway can't be asked", trunk_id=trunk.trunk_id, exc_info=error)
            status = 503
        # Whatever it says to OPTIONS, it is there: only silence and an overload mean that it isn't (RFC 3261 11).
        up = status not in SILENT
        problem = "" if up else "TIMEOUT" if status == 408 else "UNREACHABLE"
        if status in (401, 407) and trunk.user_name:
            problem = "AUTHENTICATION_FAILED"
        return GatewayHealth(
            gateway.gateway_id, HealthState.UP if up else HealthState.DOWN, registration, status, problem,
            timedelta(seconds=monotonic() - began), self._house.now(),
        )  # fmt: skip

    async def close(self) -> None:
        """Take the registrations back; a registrar that doesn't answer forgets them by itself."""
        taken, self._registrants = self._registrants, {}
        goodbyes = asyncio.gather(*(registrant.stop() for _, registrant in taken.values()), return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(goodbyes, _GOODBYE_SECONDS)

    # -- inside ------------------------------------------------------------------------------------------------

    def _mine(self, trunk_id: str, nodes: Sequence[str]) -> bool:
        """Rendezvous hashing: when a node dies only its trunks move."""
        me = self._house.settings.node_id
        return max({*nodes, me}, key=lambda node: hashlib.sha256(f"{node}/{trunk_id}".encode()).digest()) == me

    async def _addresses(self, host: str) -> tuple[str, ...]:
        """What a gateway's name stands for; an address is itself."""
        known = self._names.get(host)
        if known is not None and monotonic() - known[0] < _NAMES_SECONDS:
            return known[1]
        addresses = await look_up(host) or (known[1] if known is not None else ())
        if not given_address(host):
            self._names[host] = (monotonic(), addresses)
        return addresses
