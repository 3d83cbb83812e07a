"""Recordings, their segments and keys, and how long each tenant keeps them."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_standard_tables, create_tenant_table
from chassis.sql import Json, Time

revision = "recording_0001"
down_revision = None
SCHEMA = "recording"


def _deadline(name: str, column: str) -> sa.Index:
    # Few rows are due at any time: the sweeps read these small indexes whole, over all tenants.
    return sa.Index(name, "tenant_id", column, postgresql_where=sa.text(f"{column} IS NOT NULL"))


def upgrade() -> None:
    create_standard_tables(op, SCHEMA)
    create_tenant_table(
        op, SCHEMA, "recordings",
        sa.Column("recording_id", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("contact_id", sa.Text, nullable=False),
        sa.Column("brand_id", sa.Text, nullable=False),
        sa.Column("queue_id", sa.Text, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("start_time", Time, nullable=False),
        sa.Column("duration_micros", sa.BigInteger, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("gaps", Json, nullable=False),
        sa.Column("expire_time", Time),
        sa.Column("segment_counts", Json, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("file_version", sa.BigInteger, nullable=False),
        sa.Column("mux_due_time", Time),
        sa.Column("purge_due_time", Time),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("update_time", Time, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("tenant_id", "call_id", "request_id"),
        sa.Index("recordings_by_create_time", "tenant_id", "create_time", "recording_id"),
        sa.Index("recordings_by_agent", "tenant_id", "agent_id", "create_time", "recording_id"),
        _deadline("recordings_to_mux", "mux_due_time"),
        _deadline("recordings_to_purge", "purge_due_time"),
        _deadline("recordings_to_expire", "expire_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "segments",
        sa.Column("recording_id", sa.Text, primary_key=True),
        sa.Column("track", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("create_time", Time, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "tenant_keys",
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
        sa.Column("create_time", Time, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "recording_keys",
        sa.Column("recording_id", sa.Text, primary_key=True),
        sa.Column("wrapped_segments_key", sa.LargeBinary, nullable=False),
        sa.Column("wrapped_file_key", sa.LargeBinary, nullable=False),
        sa.Column("create_time", Time, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "retention",
        sa.Column("effective_time", Time, primary_key=True),
        sa.Column("fact_time", Time, primary_key=True),
        sa.Column("retention_days", sa.BigInteger, nullable=False),
        sa.Column("create_time", Time, nullable=False),
    )  # fmt: skip
