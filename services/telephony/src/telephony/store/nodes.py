"""Nodes, in system transactions: they belong to no tenant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chassis.sql import Tx
from sqlalchemy import RowMapping, func, insert, select, update

from telephony.domain.nodes import Node
from telephony.store.tables import live_calls, nodes

_COUNT = (
    select(func.count())
    .where(live_calls.c.node_id == nodes.c.node_id)
    .correlate(nodes)
    .scalar_subquery()
    .label("live_calls")
)


async def begin(tx: Tx, node: Node) -> None:
    """A process of this node has begun: it takes calls, whatever was asked of the one before."""
    values = {
        "address": node.address, "draining": False, "drain_deadline_time": None, "start_time": node.start_time,
        "heartbeat_time": node.heartbeat_time, "sip_address": node.sip_address,
        "region": node.region,
    }  # fmt: skip
    known = await tx.execute(update(nodes).where(nodes.c.node_id == node.node_id).values(**values))
    if not known.rowcount:
        await tx.execute(insert(nodes), {"node_id": node.node_id, **values})


async def beat(tx: Tx, node_id: str, now: datetime) -> None:
    await tx.execute(update(nodes).where(nodes.c.node_id == node_id).values(heartbeat_time=now))


async def set_draining(tx: Tx, node_id: str, deadline: datetime | None) -> None:
    """It drains until then; None when it takes calls."""
    values = {"draining": deadline is not None, "drain_deadline_time": deadline}
    await tx.execute(update(nodes).where(nodes.c.node_id == node_id).values(**values))


async def find_node(tx: Tx, node_id: str) -> Node | None:
    row = await tx.one_or_none(select(nodes, _COUNT).where(nodes.c.node_id == node_id))
    return None if row is None else _node(row)


async def list_nodes(tx: Tx) -> Sequence[Node]:
    """By name."""
    return [_node(row) for row in await tx.all(select(nodes, _COUNT).order_by(nodes.c.node_id))]


def _node(row: RowMapping) -> Node:
    return Node(
        row["node_id"], row["address"], row["start_time"], row["heartbeat_time"], row["draining"], row["live_calls"],
        row["drain_deadline_time"], row["sip_address"], row["region"],
    )  # fmt: skip
