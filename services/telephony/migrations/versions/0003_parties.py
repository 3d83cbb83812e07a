"""A call has any number of legs, is dialed or parked, and is led by one run of flows after another."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.tables import Time

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "telephony"
TEXT, FLAG = (sa.Text, ""), (sa.Boolean, sa.false())


def upgrade() -> None:
    _add("calls", direction=(sa.Text, "INBOUND"), turn=(sa.Integer, "0"), trunk_id=TEXT, park_code=TEXT)
    _add("calls", talk=(sa.Interval, "0"), sent_to=TEXT, sent_by=TEXT)
    _add("legs", contact_id=TEXT, address=TEXT, held=FLAG, consulted=FLAG, invited_by=TEXT, mode=TEXT)
    _add("legs", supervised_agent_id=TEXT, q850_cause=(sa.Integer, "0"), sip_status=(sa.Integer, "0"))
    _add("cdrs", direction=(sa.Text, "INBOUND"), trunk_id=TEXT)
    _add("cdrs", q850_cause=(sa.Integer, "0"), sip_status=(sa.Integer, "0"))
    create_tenant_table(
        op, SCHEMA, "park_codes",
        sa.Column("park_code", sa.Text, primary_key=True),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
    )  # fmt: skip


def _add(table: str, **columns: tuple[Any, Any]) -> None:
    for name, (kind, default) in columns.items():
        op.add_column(table, sa.Column(name, kind, nullable=False, server_default=default), schema=SCHEMA)
