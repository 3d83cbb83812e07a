"""What several tables' rows have alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chassis.sql import Tx
from sqlalchemy import ColumnElement


def own(tx: Tx, table: Any) -> ColumnElement[bool]:
    """The rows of the transaction's tenant."""
    return table.c.tenant_id == tx.tenant_id


def seconds(at: datetime) -> int:
    """An instant as JSON columns keep it."""
    return int(at.timestamp())


def instant(at: int) -> datetime:
    """One that a JSON column kept."""
    return datetime.fromtimestamp(at, UTC)
