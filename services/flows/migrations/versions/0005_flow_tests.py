"""Runs that are kept as tests of a flow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.tables import Json, Time

revision = "flows_0005"
down_revision = "flows_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_tenant_table(
        op, "flows", "flow_tests",
        sa.Column("test_id", sa.Text, primary_key=True),
        sa.Column("flow_id", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("case", Json, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("update_time", Time, nullable=False),
        sa.UniqueConstraint("tenant_id", "flow_id", "display_name", name="flow_tests_name"),
    )  # fmt: skip
