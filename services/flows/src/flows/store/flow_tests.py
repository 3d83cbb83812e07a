"""Tests of flows."""

from __future__ import annotations

from typing import Any

from chassis.sql import Tx
from sqlalchemy import RowMapping, delete, insert, select, update

from flows.domain.expectations import Case, FlowTest, FlowTestNotFound
from flows.store.documents import from_document, to_document
from flows.store.tables import flow_tests

_FIELDS = ("test_id", "flow_id", "create_time", "update_time", "version")


def _row(test: FlowTest) -> dict[str, Any]:
    return {name: getattr(test, name) for name in _FIELDS} | {
        "display_name": test.case.display_name,
        "case": to_document(test.case),
    }


def _test(row: RowMapping) -> FlowTest:
    return FlowTest(**{name: row[name] for name in _FIELDS}, case=from_document(Case, row["case"]))


async def add(tx: Tx, test: FlowTest) -> None:
    """Store a new test."""
    await tx.execute(insert(flow_tests), {"tenant_id": tx.tenant_id, **_row(test)})


async def get(tx: Tx, test_id: str) -> FlowTest:
    """The test; FlowTestNotFound for another tenant's as well."""
    row = await tx.one_or_none(
        select(flow_tests).where(flow_tests.c.tenant_id == tx.tenant_id, flow_tests.c.test_id == test_id)
    )
    if row is None:
        raise FlowTestNotFound("there is no such test")
    return _test(row)


async def of_flow(tx: Tx, flow_id: str) -> list[FlowTest]:
    """All tests of a flow, by name."""
    rows = await tx.all(
        select(flow_tests).where(flow_tests.c.tenant_id == tx.tenant_id, flow_tests.c.flow_id == flow_id)
    )
    # Sorted here: databases disagree about the order of letters, and a file must not.
    return sorted((_test(row) for row in rows), key=lambda test: test.case.display_name)


async def save(tx: Tx, test: FlowTest) -> None:
    """Store a changed test."""
    await tx.execute(
        update(flow_tests)
        .where(flow_tests.c.tenant_id == tx.tenant_id, flow_tests.c.test_id == test.test_id)
        .values(**_row(test))
    )


async def remove(tx: Tx, test_id: str) -> None:
    """Delete a test."""
    await tx.execute(delete(flow_tests).where(flow_tests.c.tenant_id == tx.tenant_id, flow_tests.c.test_id == test_id))
