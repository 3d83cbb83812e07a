"""Flows, releases, runs with their instructions and steps, prompts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_standard_tables, create_tenant_table
from chassis.tables import Json, Time

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "flows"


def _text(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _json(*names: str) -> list[sa.Column]:
    return [sa.Column(name, Json, nullable=False) for name in names]


def _times(*names: str, nullable: bool = False) -> list[sa.Column]:
    return [sa.Column(name, Time, nullable=nullable) for name in names]


def _key(name: str) -> sa.Column:
    return sa.Column(name, sa.Text, primary_key=True)


def upgrade() -> None:
    create_standard_tables(op, SCHEMA)
    create_tenant_table(
        op, SCHEMA, "flows",
        _key("flow_id"),
        *_text("display_name", "release_id"),
        *_json("draft", "prompt_ids"),
        *_numbers("release_number", "version"),
        *_times("create_time", "update_time"),
        *_times("delete_time", nullable=True),
        sa.Index("flows_by_time", "tenant_id", "create_time", "flow_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "releases",
        _key("release_id"),
        *_text("flow_id", "publisher", "comment"),
        *_json("definition", "prompt_ids"),
        *_numbers("number"),
        *_times("create_time"),
        sa.UniqueConstraint("tenant_id", "flow_id", "number", name="releases_number"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "runs",
        _key("run_id"),
        *_text("call_id", "flow_id", "release_id", "brand_id"),
        *_json("state"),
        sa.Column("secrets", sa.LargeBinary, nullable=True),
        *_numbers("sequence", "version"),
        *_times("create_time", "update_time"),
        *_times("end_time", nullable=True),
        sa.UniqueConstraint("tenant_id", "call_id", name="runs_call"),
        sa.Index("runs_by_flow", "tenant_id", "flow_id", "end_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "instructions",
        _key("run_id"),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        *_text("step_id"),
        *_json("instruction"),
        *_times("create_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "run_steps",
        _key("run_id"),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
        *_text("step_id", "outcome"),
        *_times("create_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "prompts",
        _key("prompt_id"),
        *_text("display_name", "language", "content_type", "digest"),
        sa.Column("audio", sa.LargeBinary, nullable=False),
        sa.Column("duration", sa.Interval, nullable=False),
        *_numbers("size_bytes"),
        *_times("create_time"),
        sa.Index("prompts_by_time", "tenant_id", "create_time", "prompt_id"),
    )  # fmt: skip
