"""What happened in a call is kept with it: holds, transfers, parks, moves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.tables import Time

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_tenant_table(
        op, "telephony", "call_moments",
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("moment_id", sa.Text, primary_key=True),
        sa.Column("happening", sa.Text, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("target_kind", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("create_time", Time, nullable=False),
    )  # fmt: skip
