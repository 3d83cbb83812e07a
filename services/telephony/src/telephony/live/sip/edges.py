"""The proxies in front of the nodes (infra/kamailio): which they are, which of them live, and the way out by them."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from chassis.telemetry import log

from telephony.domain.trunks import Gateway
from telephony.live.sip.gateways import address_of, uri_of
from telephony.settings import EDGE
from telephony.sip import Destination, SipAgent, SipParseError, SipUri, parse_address, place_of

PING_SECONDS = 5.0
_PING_WAIT = 2.0


@dataclass(frozen=True)
class Edge:
    """One proxy: where nodes reach it, and what the world calls it."""

    host: str
    port: int
    face: str
    face_port: int

    @property
    def hop(self) -> Destination:
        return Destination("UDP", self.host, self.port)

    @property
    def route(self) -> str:
        """The Route value that brings a request to it and on (RFC 3261 16.4)."""
        return f"<{SipUri.of('', self.host, self.port, lr=None)}>"

    def contact(self, user: str) -> str:
        """The URI by which the world reaches `user` of ours through it."""
        return str(SipUri.of(user, self.face, self.face_port))


@dataclass(frozen=True)
class Way:
    """How a request gets to a gateway at `address`: the first hop, and Route values to begin with."""

    address: str
    hop: Destination
    routes: tuple[str, ...] = ()
    edge: Edge | None = None


def edges_of(text: str) -> tuple[Edge, ...]:
    """Read the setting."""
    found: list[Edge] = []
    for item in filter(None, text.replace(" ", "").split(",")):
        parts = EDGE.fullmatch(item)
        if parts is None:
            raise ValueError(f"no edge: {item}")
        host, port = parts["host"].strip("[]"), int(parts["port"])
        found.append(Edge(host, port, (parts["face"] or host).strip("[]"), int(parts["face_port"] or port)))
    return tuple(found)


class Edges:
    """All of them. `ping` is a loop of main."""

    def __init__(self, text: str) -> None:
        self._edges = edges_of(text)
        self._living: tuple[Edge, ...] = self._edges
        self._hosts = frozenset(each.host for each in self._edges)

    def __bool__(self) -> bool:
        return bool(self._edges)

    def believes(self, host: str) -> bool:
        """Whether what comes from this address may say where it began."""
        return host in self._hosts

    def way_to(self, place: Destination) -> Way:
        """The way to a carrier: by an edge that lives, or straight where there are none. When none answers, by one of
        them all the same: carriers know no other address of ours. The edge is told the address, so that it goes to the
        one that was judged here; it takes the route marked `next` out again."""
        if not self._edges:
            return Way(place.host, place)
        edge = random.choice(self._living or self._edges)
        there = SipUri.of("", place.host, place.port, transport=place.transport.lower(), lr=None, next=None)
        return Way(place.host, edge.hop, (edge.route, f"<{there}>"), edge)

    def registrar_of(self, gateway: Gateway) -> str:
        """The Request-URI to register with a gateway: behind an edge it must say the way from there."""
        return address_of("", gateway) if not self._edges else uri_of("", gateway)

    def hop_of(self, path: str) -> Destination:
        """Where calls along a Path value begin: at the edge it names, over UDP whatever the phone speaks.

        SipParseError when it names no place.
        """
        place = place_of(parse_address(path).sip)
        named = (each for each in self._edges if place.host in (each.host, each.face))
        return next((each.hop for each in named), place)

    async def ping(self, agent: SipAgent) -> None:
        """Ask each whether it is there. A proxy that knows no living node says 503 and still brings calls out."""
        answered = await asyncio.gather(*(self._answers(agent, each) for each in self._edges))
        living = tuple(edge for edge, there in zip(self._edges, answered, strict=True) if there)
        for edge in set(living) ^ set(self._living):
            log.warning("an edge is there again" if edge in living else "an edge does not answer", edge=edge.host)
        self._living = living

    async def _answers(self, agent: SipAgent, edge: Edge) -> bool:
        try:
            response = await agent.options(str(SipUri.of("", edge.host, edge.port)), edge.hop, seconds=_PING_WAIT)
        except SipParseError:
            return False
        return not response.local
