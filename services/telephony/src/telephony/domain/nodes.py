"""Nodes: the processes that hold calls' media."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kernel.errors import InvalidInput, NotFound


class NodeNotFound(NotFound):
    """No node of this name has been seen."""

    reason = "NODE_NOT_FOUND"


@dataclass(frozen=True)
class Node:
    """One process as stored. `start_time` tells one process of a node from its next."""

    node_id: str
    address: str
    start_time: datetime
    heartbeat_time: datetime
    draining: bool = False
    live_calls: int = 0
    drain_deadline_time: datetime | None = None
    """When a drain's wait is over: what can't be moved by then ends. None while it doesn't drain."""
    sip_address: str = ""
    """Where it speaks SIP over UDP, host:port; empty without SIP."""
    region: str = ""
    """Where it stands."""


def neighbours_of(dead: Node, known: Iterable[Node]) -> Sequence[Node]:
    """Who adopts the calls of a dead node while one of them lives: voice stays in its region."""
    return [node for node in known if node.region == dead.region and node.node_id != dead.node_id]


MOST_DRAINED = timedelta(hours=24)


def until(node: Node, bound: timedelta | None, default: timedelta, now: datetime) -> datetime:
    """When the wait of a drain that is asked for now is over. Asked again without a `bound` it stays as it was.
    InvalidInput."""
    if bound is not None and not timedelta(0) < bound <= MOST_DRAINED:
        hours = int(MOST_DRAINED.total_seconds()) // 3600
        raise InvalidInput.of("drain_duration", f"must be more than nothing and at most {hours} hours")
    if bound is None and node.draining and node.drain_deadline_time is not None:
        return node.drain_deadline_time
    return now + (bound or default)
