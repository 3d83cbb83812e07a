"""Port orders with their channels, documents and time line. Details and documents are sealed before they come here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from chassis.paging import Page, encode_token, keyset, page_size
from chassis.sql import Tx
from kernel.ids import new_id
from sqlalchemy import select, update

from tenancy.domain.port_orders import Document, PortNumber, PortOrder
from tenancy.domain.porting import Lane, PortEvent, PortState
from tenancy.store import rows
from tenancy.store.tables import (
    emergency_addresses,
    port_documents,
    port_events,
    port_lanes,
    port_orders,
    port_outs,
)

_LANE = tuple(name for name in Lane.__dataclass_fields__ if name not in ("channel", "state"))
_SHOWN = [each for each in port_documents.c if each.name != "content"]


@dataclass(frozen=True)
class Stored:
    """An order with what only the key opens."""

    order: PortOrder
    sealed: bytes | None


async def add(tx: Tx, order: PortOrder) -> None:
    """Writes a new order."""
    await rows.add(tx, port_orders, **_row(order), details=None, create_time=order.create_time)
    await rows.add_all(tx, port_lanes, [_lane_row(order, lane) for lane in order.lanes])


async def save(tx: Tx, order: PortOrder, **sealed: bytes) -> None:
    """Writes an order as it has become; `details` when they are new."""
    values = {name: value for name, value in _row(order).items() if name != "port_order_id"}
    await rows.change(tx, port_orders, {"port_order_id": order.port_order_id}, **values, **sealed)
    for lane in order.lanes:
        row = _lane_row(order, lane)
        key = {"port_order_id": row.pop("port_order_id"), "channel": row.pop("channel")}
        await rows.change(tx, port_lanes, key, **row)


async def find(tx: Tx, port_order_id: str) -> Stored | None:
    """An order of the tenant."""
    row = await rows.get(tx, port_orders, port_order_id=port_order_id)
    return (await _orders(tx, [row]))[0] if row is not None else None


async def page(tx: Tx, asked: Page) -> tuple[list[Stored], str]:
    """Orders, newest first."""
    wanted = page_size(asked.size)
    statement = select(port_orders).where(port_orders.c.tenant_id == tx.tenant_id)
    found = await tx.all(keyset(statement, port_orders.c.create_time, port_orders.c.port_order_id, asked.token, wanted))
    last = found[wanted - 1] if len(found) > wanted else None
    token = encode_token(last["create_time"], last["port_order_id"]) if last is not None else ""
    return await _orders(tx, found[:wanted]), token


async def add_document(tx: Tx, order_id: str, document: Document, content: bytes) -> None:
    """Keeps a sealed document."""
    await rows.add(tx, port_documents, port_order_id=order_id, content=content, **vars(document))


async def document(tx: Tx, order_id: str, document_id: str) -> tuple[Document, bytes] | None:
    """A document with its sealed content."""
    row = await rows.get(tx, port_documents, port_order_id=order_id, port_document_id=document_id)
    return (rows.value_of(Document, row), row["content"]) if row is not None else None


async def remove_document(tx: Tx, order_id: str, document_id: str) -> None:
    """Forgets a document."""
    await rows.remove(tx, port_documents, port_order_id=order_id, port_document_id=document_id)


async def note(
    tx: Tx, order_id: str, kind: str, now: datetime, *, channel: str = "", state: str = "", note: str = "", by: str = ""
) -> None:
    """Writes a line into the time line."""
    await rows.add(
        tx, port_events, port_order_id=order_id, port_event_id=new_id("pev", now), event_time=now, channel=channel,
        kind=kind, state=state, note=note, user_id=by,
    )  # fmt: skip


async def events(tx: Tx, order_id: str, asked: Page) -> tuple[list[PortEvent], str]:
    """The time line, newest first."""
    wanted = page_size(asked.size)
    table = port_events
    mine = select(table).where(table.c.tenant_id == tx.tenant_id, table.c.port_order_id == order_id)
    found = await tx.all(keyset(mine, table.c.event_time, table.c.port_event_id, asked.token, wanted))
    last = found[wanted - 1] if len(found) > wanted else None
    token = encode_token(last["event_time"], last["port_event_id"]) if last is not None else ""
    names = PortEvent.__dataclass_fields__
    return [PortEvent(**{name: row[name] for name in names}) for row in found[:wanted]], token


async def due(tx: Tx, now: datetime, limit: int) -> list[tuple[str, str]]:
    """(tenant, order) whose carrier is to be asked something, the longest waiting first. System transaction."""
    table = port_lanes
    statement = select(table.c.tenant_id, table.c.port_order_id, table.c.next_time).where(table.c.next_time <= now)
    found = await tx.all(statement.order_by(table.c.next_time).limit(limit))
    return list(dict.fromkeys((row["tenant_id"], row["port_order_id"]) for row in found))


async def hurry(tx: Tx, carrier_ref: str, now: datetime) -> bool:
    """Lets the carrier be asked at once about what it calls so; whether there is such a thing. System transaction."""
    going = (port_lanes.c.carrier_ref == carrier_ref, port_lanes.c.next_time.is_not(None))
    return (await tx.execute(update(port_lanes).where(*going).values(next_time=now))).rowcount > 0


async def due_addresses(tx: Tx, now: datetime, limit: int) -> list[tuple[str, str]]:
    """(tenant, address) that the carrier is to judge. System transaction."""
    table = emergency_addresses
    found = await tx.all(
        select(table.c.tenant_id, table.c.emergency_address_id).where(table.c.next_time <= now).limit(limit)
    )
    return [(row["tenant_id"], row["emergency_address_id"]) for row in found]


async def untold_outs(tx: Tx, now: datetime, limit: int) -> list[tuple[str, str]]:
    """(tenant, port-out) whose answer the carrier doesn't know, or whose time has passed. System transaction."""
    table = port_outs
    late = (table.c.state == "REQUESTED") & (table.c.answer_until <= now)
    found = await tx.all(
        select(table.c.tenant_id, table.c.port_out_id).where(table.c.told.is_(False) | late).limit(limit)
    )
    return [(row["tenant_id"], row["port_out_id"]) for row in found]


async def tenant_of_out(tx: Tx, carrier_ref: str) -> str:
    """Whose request a carrier calls so; empty for nobody's. System transaction."""
    table = port_outs
    found = await tx.all(select(table.c.tenant_id).where(table.c.carrier_ref == carrier_ref).limit(1))
    return found[0]["tenant_id"] if found else ""


async def _orders(tx: Tx, found: Sequence[Mapping[Any, Any]]) -> list[Stored]:
    ids = [row["port_order_id"] for row in found]
    lanes = await rows.every(tx, port_lanes, port_lanes.c.port_order_id.in_(ids))
    shown = select(*_SHOWN).where(port_documents.c.tenant_id == tx.tenant_id, port_documents.c.port_order_id.in_(ids))
    files = await tx.all(shown.order_by(port_documents.c.create_time, port_documents.c.port_document_id))
    return [
        Stored(
            PortOrder(
                port_order_id=row["port_order_id"],
                brand_id=row["brand_id"],
                flow_id=row["flow_id"],
                country=row["country"],
                numbers=tuple(PortNumber(**each) for each in row["numbers"]),
                # Calls before text messages.
                lanes=tuple(
                    _lane(each)
                    for each in sorted(lanes, key=lambda lane: lane["channel"], reverse=True)
                    if each["port_order_id"] == row["port_order_id"]
                ),
                create_time=row["create_time"],
                update_time=row["update_time"],
                wanted_date=date.fromisoformat(row["wanted_date"]) if row["wanted_date"] else None,
                documents=tuple(
                    rows.value_of(Document, each) for each in files if each["port_order_id"] == row["port_order_id"]
                ),
                version=row["version"],
            ),
            row["details"],
        )
        for row in found
    ]


def _row(order: PortOrder) -> dict[str, Any]:
    return {
        "port_order_id": order.port_order_id, "brand_id": order.brand_id, "flow_id": order.flow_id,
        "country": order.country, "numbers": [asdict(each) for each in order.numbers],
        "wanted_date": order.wanted_date.isoformat() if order.wanted_date else "", "update_time": order.update_time,
        "version": order.version,
    }  # fmt: skip


def _lane_row(order: PortOrder, lane: Lane) -> dict[str, Any]:
    said = {name: getattr(lane, name) for name in _LANE}
    return {"port_order_id": order.port_order_id, "channel": lane.channel, "state": lane.state.value, **said}


def _lane(row: Mapping[Any, Any]) -> Lane:
    said = {name: row[name] for name in _LANE}
    return Lane(channel=row["channel"], state=PortState(row["state"]), **said)
