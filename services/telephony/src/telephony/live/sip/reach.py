"""Where a trunk's gateways are: names are looked up once, and the address that was judged is the one that is used.

A company says where its carrier is, and our node goes there from inside the operator's network: without this an admin
could look through that network by tests, calls and registrations. The operator's own trunks may lead anywhere in it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic

from chassis.telemetry import log
from kernel.errors import Unavailable
from kernel.networks import Network

from telephony.domain.trunks import Gateway, GatewayForbidden, Trunk, may_lead_to
from telephony.live.sip.edges import Edges, Way
from telephony.sip import Destination

_NAMES_SECONDS = 60.0
_LOOK_UP_SECONDS = 2.0
_LOOK_UPS = 4
"""Names looked up at the same time."""


class GatewayNameUnknown(Unavailable):
    """A gateway's name stands for no address now."""

    reason = "GATEWAY_NAME_UNKNOWN"


@dataclass(frozen=True)
class Found:
    """What a host stands for: addresses we may go to, and those we may not. Neither when nothing is known of it."""

    allowed: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()


class Reach:
    """The way to every gateway. `private` are the operator's networks that companies' trunks may lead into."""

    def __init__(self, edges: Edges, private: Sequence[Network], families: Set[int]) -> None:
        """`families` are the IP versions we speak SIP over."""
        self._edges = edges
        self._private = private
        self._families = families
        self._names: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._resolver = ThreadPoolExecutor(_LOOK_UPS, "names")
        """Its own: names that nobody answers for must hold up nothing but other names."""

    def close(self) -> None:
        """What is looked up now is left to its end."""
        self._resolver.shutdown(wait=False, cancel_futures=True)

    async def way_to(self, trunk: Trunk, gateway: Gateway) -> Way:
        """How requests get to a gateway now. GatewayNameUnknown, GatewayForbidden."""
        found = await self.look_up(trunk, gateway.host)
        if found.forbidden and not found.allowed:
            log.warning("a gateway leads into a private network", trunk_id=trunk.trunk_id, host=gateway.host)
            raise GatewayForbidden(gateway.host, found.forbidden)
        host = gateway.host.strip("[]")
        usable = [each for each in found.allowed if ipaddress.ip_address(each).version in self._families]
        if not usable:
            raise GatewayNameUnknown(f"the carrier's gateway {host} has no address now: check its name")
        name = "" if host == usable[0] else host
        return self._edges.way_to(Destination(gateway.transport.value, usable[0], gateway.port, name))

    async def look_up(self, trunk: Trunk, host: str, *, anew: bool = False) -> Found:
        """What a gateway's host stands for; what was found last while it can't be looked up. `anew` asks although it
        was asked lately."""
        addresses = await self._addresses(host.strip("[]"), anew)
        allowed = tuple(each for each in addresses if may_lead_to(trunk.shared, each, self._private))
        return Found(allowed, tuple(each for each in addresses if each not in allowed))

    async def _addresses(self, host: str, anew: bool) -> tuple[str, ...]:
        try:
            return (str(ipaddress.ip_address(host)),)
        except ValueError:
            pass
        known = self._names.get(host)
        if known is not None and not anew and monotonic() - known[0] < _NAMES_SECONDS:
            return known[1]
        try:
            async with asyncio.timeout(_LOOK_UP_SECONDS):
                found = await asyncio.get_running_loop().run_in_executor(self._resolver, socket.getaddrinfo, host, None)
            addresses = tuple(dict.fromkeys(str(each[4][0]) for each in found))
        except (OSError, TimeoutError, UnicodeError):
            addresses = known[1] if known is not None and not anew else ()
        self._names[host] = (monotonic(), addresses)
        return addresses

    def forget_all_but(self, hosts: Set[str]) -> None:
        """No gateway has the other names any more."""
        for host in self._names.keys() - hosts:
            del self._names[host]
