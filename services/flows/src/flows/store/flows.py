"""Flows and releases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from chassis.paging import keyset
from chassis.sql import Tx
from sqlalchemy import RowMapping, Text, cast, insert, or_, select, update

from flows.domain.definitions import Definition, prompt_ids
from flows.domain.flows import Flow, FlowNotFound, Place, Release, ReleaseNotFound
from flows.domain.list_uses import list_keys
from flows.store.documents import from_document, to_document
from flows.store.tables import flows, releases, runs

_FLOW = ("flow_id", "display_name", "release_id", "release_number", "create_time", "update_time", "version")
_RELEASE = ("release_id", "flow_id", "number", "publisher", "comment", "restored_number", "create_time")


def _row(flow: Flow) -> dict[str, Any]:
    return {name: getattr(flow, name) for name in _FLOW} | {
        "draft": to_document(flow.draft),
        "layout": {step_id: [place.x, place.y] for step_id, place in flow.layout.items()},
        "prompt_ids": prompt_ids(flow.draft),
        "list_keys": list_keys(flow.draft),
    }


def _flow(row: RowMapping) -> Flow:
    layout = {step_id: Place(x, y) for step_id, (x, y) in row["layout"].items()}
    return Flow(**{name: row[name] for name in _FLOW}, draft=from_document(Definition, row["draft"]), layout=layout)


def _release(row: RowMapping) -> Release:
    definition = from_document(Definition, row["definition"])
    return Release(**{name: row[name] for name in _RELEASE}, definition=definition)


async def add_flow(tx: Tx, flow: Flow) -> None:
    """Store a new flow."""
    await tx.execute(insert(flows), {"tenant_id": tx.tenant_id, **_row(flow), "delete_time": None})


async def get_flow(tx: Tx, flow_id: str) -> Flow:
    """The flow; FlowNotFound for a deleted or another tenant's as well."""
    row = await tx.one_or_none(
        select(flows).where(
            flows.c.tenant_id == tx.tenant_id, flows.c.flow_id == flow_id, flows.c.delete_time.is_(None)
        )
    )
    if row is None:
        raise FlowNotFound("there is no such flow")
    return _flow(row)


async def published(tx: Tx, flow_ids: Sequence[str]) -> set[str]:
    """Those of the flows that have a release."""
    rows = await tx.all(
        select(flows.c.flow_id).where(
            flows.c.tenant_id == tx.tenant_id,
            flows.c.flow_id.in_(flow_ids),
            flows.c.release_id != "",
            flows.c.delete_time.is_(None),
        )
    )
    return {row["flow_id"] for row in rows}


async def list_flows(tx: Tx, token: str, size: int) -> list[Flow]:
    """Newest first, one more than `size` when there is a next page."""
    statement = select(flows).where(flows.c.tenant_id == tx.tenant_id, flows.c.delete_time.is_(None))
    return [_flow(row) for row in await tx.all(keyset(statement, flows.c.create_time, flows.c.flow_id, token, size))]


async def save_flow(tx: Tx, flow: Flow) -> None:
    """Store a changed flow."""
    await tx.execute(
        update(flows).where(flows.c.tenant_id == tx.tenant_id, flows.c.flow_id == flow.flow_id).values(**_row(flow))
    )


async def delete_flow(tx: Tx, flow_id: str, now: datetime) -> None:
    """Hide a flow. Its releases stay: runs of the past were pinned to them."""
    await tx.execute(
        update(flows).where(flows.c.tenant_id == tx.tenant_id, flows.c.flow_id == flow_id).values(delete_time=now)
    )


async def has_live_runs(tx: Tx, flow_id: str, now: datetime) -> bool:
    """Whether a call is in the flow now. A run without a sign of life for a day is that of a call that was lost."""
    statement = select(runs.c.run_id).where(
        runs.c.tenant_id == tx.tenant_id,
        runs.c.flow_id == flow_id,
        runs.c.end_time.is_(None),
        runs.c.update_time > now - timedelta(days=1),
    )
    return bool(await tx.all(statement.limit(1)))


async def add_release(tx: Tx, release: Release) -> None:
    """Store a release; nothing ever changes one."""
    row = {name: getattr(release, name) for name in _RELEASE} | {
        "tenant_id": tx.tenant_id,
        "definition": to_document(release.definition),
        "prompt_ids": prompt_ids(release.definition),
        "list_keys": list_keys(release.definition),
    }
    await tx.execute(insert(releases), row)


async def get_release(tx: Tx, release_id: str) -> Release:
    """The release; ReleaseNotFound for another tenant's as well."""
    row = await tx.one_or_none(
        select(releases).where(releases.c.tenant_id == tx.tenant_id, releases.c.release_id == release_id)
    )
    if row is None:
        raise ReleaseNotFound("there is no such release")
    return _release(row)


async def get_numbered_release(tx: Tx, flow_id: str, number: int) -> Release:
    """A flow's release by its number. Raises ReleaseNotFound."""
    row = await tx.one_or_none(
        select(releases).where(
            releases.c.tenant_id == tx.tenant_id, releases.c.flow_id == flow_id, releases.c.number == number
        )
    )
    if row is None:
        raise ReleaseNotFound(f"this flow has no release {number}")
    return _release(row)


async def every_name(tx: Tx) -> dict[str, str]:
    """Every flow's name by its id, those of deleted ones as well."""
    rows = await tx.all(select(flows.c.flow_id, flows.c.display_name).where(flows.c.tenant_id == tx.tenant_id))
    return {row["flow_id"]: row["display_name"] for row in rows}


async def names(tx: Tx) -> dict[str, str]:
    """Every flow's name by its id."""
    rows = await tx.all(
        select(flows.c.flow_id, flows.c.display_name).where(
            flows.c.tenant_id == tx.tenant_id, flows.c.delete_time.is_(None)
        )
    )
    return {row["flow_id"]: row["display_name"] for row in rows}


async def holding(tx: Tx, text: str) -> list[tuple[str, str, list[Definition]]]:
    """Flows in whose draft, or release that runs, a text stands somewhere: id, name, draft and release."""
    joined = (releases.c.tenant_id == flows.c.tenant_id) & (releases.c.release_id == flows.c.release_id)
    statement = (
        select(flows.c.flow_id, flows.c.display_name, flows.c.draft, releases.c.definition)
        .outerjoin(releases, joined)
        .where(
            flows.c.tenant_id == tx.tenant_id,
            flows.c.delete_time.is_(None),
            or_(cast(flows.c.draft, Text).contains(text), cast(releases.c.definition, Text).contains(text)),
        )
        .order_by(flows.c.display_name, flows.c.flow_id)
    )
    return [
        (
            row["flow_id"],
            row["display_name"],
            [from_document(Definition, each) for each in (row["draft"], row["definition"]) if each is not None],
        )
        for row in await tx.all(statement)
    ]


async def list_releases(tx: Tx, flow_id: str, token: str, size: int) -> list[Release]:
    """Newest first, one more than `size` when there is a next page."""
    statement = select(releases).where(releases.c.tenant_id == tx.tenant_id, releases.c.flow_id == flow_id)
    rows: Sequence[RowMapping] = await tx.all(
        keyset(statement, releases.c.create_time, releases.c.release_id, token, size)
    )
    return [_release(row) for row in rows]
