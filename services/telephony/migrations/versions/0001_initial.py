"""Calls with the node's lease on each, legs, stations, call detail records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_standard_tables, create_tenant_table
from chassis.tables import Json, Time

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "telephony"


def _text(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _times(*names: str, nullable: bool = False) -> list[sa.Column]:
    return [sa.Column(name, Time, nullable=nullable) for name in names]


def upgrade() -> None:
    create_standard_tables(op, SCHEMA)
    create_tenant_table(
        op, SCHEMA, "calls",
        sa.Column("call_id", sa.Text, primary_key=True),
        *_text(
            "state", "brand_id", "brand_name", "language", "flow_id", "caller_number", "caller_name",
            "dialed_number", "contact_id", "agent_id", "run_id", "release_id", "trace_id", "recording_id", "node_id",
        ),
        sa.Column("attributes", Json, nullable=False),
        sa.Column("recorded", sa.Boolean, nullable=False),
        sa.Column("hold", sa.Interval, nullable=False),
        *_times("state_time", "start_time"),
        *_times("answer_time", "end_time", nullable=True),
        *_times("create_time", "update_time"),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Index("calls_by_start", "tenant_id", "start_time", "call_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "live_calls",
        sa.Column("call_id", sa.Text, primary_key=True),
        *_text("node_id"),
        sa.Column("counted", sa.Boolean, nullable=False),
        *_times("heartbeat_time", "create_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "legs",
        sa.Column("leg_id", sa.Text, primary_key=True),
        *_text("call_id", "party", "agent_id", "state", "token_hash"),
        sa.Column("muted", sa.Boolean, nullable=False),
        *_times("join_time", "leave_time", nullable=True),
        sa.Column("mos", sa.Numeric(4, 2), nullable=False),
        *_times("create_time", "update_time"),
        sa.Index("legs_by_call", "tenant_id", "call_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "stations",
        sa.Column("agent_id", sa.Text, primary_key=True),
        *_text("station_id", "client_id", "state", "call_id", "node_id", "detach_reason"),
        *_times("attach_time", "heartbeat_time", "create_time", "update_time"),
        *_times("detach_time", nullable=True),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "cdrs",
        sa.Column("cdr_id", sa.Text, primary_key=True),
        *_text(
            "call_id", "contact_id", "brand_id", "caller_number", "dialed_number", "agent_id", "end_party",
            "end_cause", "release_id",
        ),
        *_times("start_time", "end_time", "create_time"),
        *_times("answer_time", nullable=True),
        *(sa.Column(name, sa.Interval, nullable=False) for name in ("duration", "talk", "hold")),
        *(sa.Column(name, sa.Numeric(4, 2), nullable=False) for name in ("customer_mos", "agent_mos")),
        sa.Index("cdrs_by_call", "tenant_id", "call_id", unique=True),
        sa.Index("cdrs_by_start", "tenant_id", "start_time", "cdr_id"),
    )  # fmt: skip
