"""JetStream as it is: streams, who lags behind, dead letters, and what this region's NATS says of itself."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chassis import facts
from nats.js.api import ConsumerInfo, StreamInfo
from nats.js.errors import NotFoundError

from merkez_ops.installation import Installation


@dataclass(frozen=True)
class Stream:
    """One stream."""

    name: str
    messages: int
    bytes: int
    replicas: int
    leader: str
    """Empty on a single server, and while a cluster has none."""
    behind: tuple[str, ...]
    """Replicas that aren't current or aren't there."""
    sources: tuple[str, ...]
    """Streams of other regions it takes from, with their lag."""


@dataclass(frozen=True)
class Lag:
    """How far behind one listener is on one stream."""

    stream: str
    consumer: str
    waiting: int
    """Facts it wasn't given yet."""
    at_hand: int
    """Facts it was given and hasn't acknowledged."""
    again: int
    """Of those, given more than once."""


@dataclass(frozen=True)
class Region:
    """This region's NATS."""

    region: str
    servers: tuple[str, ...]
    connected: str
    cluster: str
    domain: str
    round_trip_ms: float
    streams: int
    sources: tuple[str, ...]


def expected_streams() -> Sequence[str]:
    """What the code wants to be there once every service has begun."""
    return (*sorted(facts.STREAMS.values()), facts.DEAD_STREAM)


def expected_consumers() -> Mapping[str, Sequence[str]]:
    """Stream -> who listens to it by the catalogue."""
    found: dict[str, set[str]] = {name: set() for name in facts.STREAMS.values()}
    for fact in facts.CATALOGUE.values():
        found[facts.STREAMS[fact.owner]] |= set(fact.consumers)
    return {name: sorted(consumers) for name, consumers in found.items()}


async def list_streams(here: Installation) -> list[Stream]:
    """Every stream of this JetStream, by name."""
    return sorted((_stream(info) for info in await _infos(here)), key=lambda stream: stream.name)


async def list_lag(here: Installation) -> list[Lag]:
    """Every listener of every stream, who is furthest behind first."""
    bus = await here.bus()
    found: list[Lag] = []
    for info in await _infos(here):
        name = info.config.name or ""
        try:
            consumers = await _consumers(bus.jetstream, name)
        except NotFoundError:  # gone in between
            continue
        found += [_lag(name, each) for each in consumers]
    return sorted(found, key=lambda lag: (-lag.waiting, -lag.at_hand, lag.stream, lag.consumer))


async def this_region(here: Installation) -> Region:
    """The region these settings lead to, as NATS tells it."""
    bus = await here.bus()
    told: dict[str, Any] = bus.nats._server_info  # the client keeps the rest of INFO to itself
    began = time.perf_counter()
    await bus.nats.flush(5)
    spent = (time.perf_counter() - began) * 1000
    streams = await list_streams(here)
    return Region(
        region=here.settings.region,
        servers=tuple(url.strip() for url in here.settings.nats_url.split(",")),
        connected=str(told.get("server_name", "")),
        cluster=str(told.get("cluster", "")),
        domain=str(told.get("domain", "")),
        round_trip_ms=round(spent, 2),
        streams=len(streams),
        sources=tuple(source for stream in streams for source in stream.sources),
    )


async def _infos(here: Installation) -> list[StreamInfo]:
    bus = await here.bus()
    found: list[StreamInfo] = []
    while page := await bus.jetstream.streams_info(offset=len(found)):
        found += page
    return found


async def _consumers(jetstream: Any, stream: str) -> list[ConsumerInfo]:
    found: list[ConsumerInfo] = []
    while page := await jetstream.consumers_info(stream, offset=len(found)):
        found += page
    return found


def _stream(info: StreamInfo) -> Stream:
    replicas = (info.cluster.replicas or ()) if info.cluster else ()
    return Stream(
        name=info.config.name or "",
        messages=info.state.messages,
        bytes=info.state.bytes,
        replicas=info.config.num_replicas or 1,
        leader=(info.cluster.leader or "") if info.cluster else "",
        behind=tuple(f"{each.name}" for each in replicas if each.offline or not each.current),
        sources=tuple(f"{each.name} lag {each.lag}" for each in info.sources or ()),
    )


def _lag(stream: str, info: ConsumerInfo) -> Lag:
    return Lag(stream, info.name, info.num_pending or 0, info.num_ack_pending or 0, info.num_redelivered or 0)
