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
from functools import partial
from time import monotonic

from chassis.sealing import Seal
from chassis.telemetry import log
from kernel.errors import DomainError, Unavailable

from telephony.domain.trunks import Gateway, GatewayHealth, HealthState, Transport, Trunk
from telephony.live.house import House
from telephony.live.sip.edges import Edges, Way
from telephony.live.sip.gateways import address_of, registrar_of, uri_of
from telephony.live.sip.networks import Sources
from telephony.live.sip.reach import Reach
from telephony.ops import trunks as ops
from telephony.sip import Credentials, Registrant, Registration, SipAgent, SipDialog

REFRESH_SECONDS = 5.0
PING_SECONDS = 30.0
_PING_WAIT = 4.0
SILENT = frozenset({408, 477, 478, 503})
"""What means that a gateway isn't there; 477 and 478 are an edge's words for no connection and no such name."""
_GOODBYE_SECONDS = 2.0


class Roster:
    """Every enabled trunk. `refresh` and `ping` are loops of main."""

    def __init__(
        self, house: House, seal: Seal, living: Callable[[], Sequence[str]], edges: Edges, reach: Reach
    ) -> None:
        self._house = house
        self.edges = edges
        self.reach = reach
        self._seal = seal
        self._living = living
        """Names of the nodes that live, this one among them."""
        self._trunks: dict[str, Trunk] = {}
        self._sources = Sources()
        self._registrants: dict[str, tuple[int, str, Registrant]] = {}
        """Of trunks that are registered from here: the version that was, and the registrar's address."""
        self._registered: dict[str, HealthState] = {}

    def trunk(self, trunk_id: str) -> Trunk | None:
        return self._trunks.get(trunk_id)

    async def trunk_of_call(self, tenant_id: str, trunk_id: str) -> Trunk | None:
        """The trunk a call is on already, of its owner: one that was switched off since keeps its calls."""
        known = self._trunks.get(trunk_id)
        if known is not None or not trunk_id or not tenant_id:
            return known
        find = partial(ops.find_trunk, tenant_id=tenant_id, trunk_id=trunk_id)
        return await self._house.db.system(find, read_only=True)

    def of_source(self, host: str) -> list[Trunk]:
        """Trunks whose carrier calls from this address; several companies may have the same carrier."""
        found = self._sources.of(host)
        return [trunk for trunk_id in found if (trunk := self._trunks.get(trunk_id)) is not None]

    def trusts(self, host: str) -> bool:
        """Whether calls from this address need no digest."""
        return bool(self.of_source(host))

    def owners(self, host: str) -> str:
        """Whose trunks call from this address, in one word: empty for nobody's."""
        return " ".join(sorted({trunk.tenant_id for trunk in self.of_source(host)}))

    def credentials(self, trunk: Trunk) -> Credentials | None:
        """What the trunk shows a carrier that challenges; None when it has none."""
        if not trunk.user_name or trunk.password is None:
            return None
        password = self._seal.open(trunk.password, trunk.trunk_id)
        if password is None:
            log.error("a trunk's password can't be opened: set it again", trunk_id=trunk.trunk_id)
            return None
        return Credentials(trunk.user_name, password.decode())

    async def introduce(self, dialog: SipDialog, trunk: Trunk, source: str) -> None:
        """What a dialog that the carrier began at the address `source` needs for requests of ours: credentials, where
        it wants to know who ends a call, and the name of its certificate, where its Contact is only an address."""
        if (credentials := self.credentials(trunk)) is not None:
            dialog.authenticate(credentials)
        for gateway in trunk.gateways:
            if gateway.transport is Transport.TLS and source in (await self.reach.look_up(trunk, gateway.host)).allowed:
                dialog.certified_as(gateway.host.strip("[]"))
                return

    # -- loops -------------------------------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Read the trunks, and keep those registered that are this node's to keep."""
        try:
            found = await self._house.db.system(ops.every_trunk, read_only=True)
        except Unavailable as error:
            log.warning("the trunks can't be read", exc_info=error)
            return
        self._trunks = {trunk.trunk_id: trunk for trunk in found}
        places = [(trunk, gateway.host) for trunk in found for gateway in trunk.gateways]
        stand_for = await asyncio.gather(*(self.reach.look_up(*each) for each in places))
        self.reach.forget_all_but({host for _, host in places})
        said = [(trunk, each) for trunk in found for each in trunk.source_networks]
        looked_up = [
            (trunk, each) for (trunk, _), known in zip(places, stand_for, strict=True) for each in known.allowed
        ]
        self._sources = Sources(
            (ipaddress.ip_network(each, strict=False), trunk.trunk_id) for trunk, each in (*said, *looked_up)
        )

    async def register(self, agent: SipAgent) -> None:
        """Registrations that are this node's: begun, or begun anew after a change of the trunk, or taken back."""
        wanted = {
            trunk_id: trunk
            for trunk_id, trunk in self._trunks.items()
            if trunk.registers and self._mine(trunk_id, self._living())
        }
        over: list[Registrant] = []
        for trunk_id, (version, address, registrant) in list(self._registrants.items()):
            trunk = wanted.get(trunk_id)
            moved = trunk is not None and not registrant.registered and not await self._still_at(trunk, address)
            if trunk is None or trunk.version != version or moved:
                del self._registrants[trunk_id]
                self._registered.pop(trunk_id, None)
                over.append(registrant)
        # Before any begins: what is taken back later would take the new one with it.
        await _goodbye(over)
        for trunk_id, trunk in wanted.items():
            if trunk_id not in self._registrants:
                try:
                    await self._begin(agent, trunk)
                except Exception as error:  # one company's mistake must not keep the others' trunks from registering
                    self._registered[trunk_id] = HealthState.DOWN
                    log.error("a trunk can't be registered", trunk_id=trunk_id, exc_info=error)

    async def _still_at(self, trunk: Trunk, address: str) -> bool:
        """Whether the registrar's name still stands for the address that was asked, or is known no more. While it takes
        our registration there nobody looks: some names stand for another of many addresses each minute."""
        found = await self.reach.look_up(trunk, registrar_of(trunk).host)
        return address in found.allowed or not (found.allowed or found.forbidden)

    async def _begin(self, agent: SipAgent, trunk: Trunk) -> None:
        def changed(registered: bool, status: int) -> None:
            self._registered[trunk.trunk_id] = HealthState.UP if registered else HealthState.DOWN
            log.info("trunk registration", trunk_id=trunk.trunk_id, registered=registered, status=status)

        try:
            way = await self.reach.way_to(trunk, registrar_of(trunk))
        except DomainError as error:
            self._registered[trunk.trunk_id] = HealthState.DOWN
            log.info("a trunk can't be registered", trunk_id=trunk.trunk_id, reason=error.reason)
            return
        registrant = agent.register(self.registration(trunk, way), changed)
        self._registrants[trunk.trunk_id] = (trunk.version, way.address, registrant)

    def registration(self, trunk: Trunk, way: Way) -> Registration:
        """What is registered for a trunk at its registrar, to be called back by the way it went."""
        gateway = registrar_of(trunk)
        return Registration(
            registrar=self.edges.registrar_of(gateway), address=address_of(trunk.user_name, gateway),
            credentials=self.credentials(trunk), hop=way.hop, routes=way.routes,
            contact=way.edge.contact(trunk.user_name) if way.edge is not None else "",
        )  # fmt: skip

    async def ping(self, agent: SipAgent) -> None:
        """Ask every gateway by OPTIONS whether it is there, and write what came of it."""
        await asyncio.gather(*(self._ping_trunk(agent, trunk) for trunk in list(self._trunks.values())))

    async def _ping_trunk(self, agent: SipAgent, trunk: Trunk) -> None:
        seen = await asyncio.gather(*(self._ping_gateway(agent, trunk, each) for each in trunk.gateways))
        node = self._house.settings.node_id
        try:
            await self._house.db.system(lambda tx: ops.record_health(tx, trunk.tenant_id, trunk.trunk_id, node, seen))
        except Unavailable as error:
            log.warning("a trunk's health can't be written", trunk_id=trunk.trunk_id, exc_info=error)

    async def _ping_gateway(self, agent: SipAgent, trunk: Trunk, gateway: Gateway) -> GatewayHealth:
        registration = self._registered.get(trunk.trunk_id, HealthState.UNKNOWN)
        if not gateway.ping:
            return GatewayHealth(gateway.gateway_id, registration=registration, check_time=self._house.now())
        began, problem = monotonic(), ""
        try:
            way = await self.reach.way_to(trunk, gateway)
            answer = await agent.options(
                uri_of("", gateway), way.hop, self.credentials(trunk), _PING_WAIT, routes=way.routes
            )
            status = answer.status
        except DomainError as error:
            status, problem = 503, error.reason
        except Exception as error:
            log.info("a gateway can't be asked", trunk_id=trunk.trunk_id, exc_info=error)
            status = 503
        # Whatever it says to OPTIONS, it is there: only silence and an overload mean that it isn't (RFC 3261 11).
        up = status not in SILENT
        if not up:
            problem = problem or ("TIMEOUT" if status == 408 else "UNREACHABLE")
        if status in (401, 407) and trunk.user_name:
            problem = "AUTHENTICATION_FAILED"
        return GatewayHealth(
            gateway.gateway_id, HealthState.UP if up else HealthState.DOWN, registration, status, problem,
            timedelta(seconds=monotonic() - began), self._house.now(),
        )  # fmt: skip

    async def close(self) -> None:
        """Take the registrations back, and look no more names up."""
        taken, self._registrants = self._registrants, {}
        await _goodbye([registrant for *_, registrant in taken.values()])
        self.reach.close()

    # -- inside ------------------------------------------------------------------------------------------------

    def _mine(self, trunk_id: str, nodes: Sequence[str]) -> bool:
        """Rendezvous hashing: when a node dies only its trunks move."""
        me = self._house.settings.node_id
        return max({*nodes, me}, key=lambda node: hashlib.sha256(f"{node}/{trunk_id}".encode()).digest()) == me


async def _goodbye(registrants: Sequence[Registrant]) -> None:
    """Take registrations back; a registrar that doesn't answer soon forgets them by itself."""
    goodbyes = asyncio.gather(*(each.stop() for each in registrants), return_exceptions=True)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(goodbyes, _GOODBYE_SECONDS)
