"""Nodes know each other: where each is, whether it lives, whether it drains."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_platform_table
from chassis.tables import Time

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_platform_table(
        op, "telephony", "nodes",
        sa.Column("node_id", sa.Text, primary_key=True),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("draining", sa.Boolean, nullable=False),
        sa.Column("start_time", Time, nullable=False),
        sa.Column("heartbeat_time", Time, nullable=False),
    )  # fmt: skip
