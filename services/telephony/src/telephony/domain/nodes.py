"""Nodes: the processes that hold calls' media."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kernel.errors import NotFound


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
