"""SIP dialogs are kept, so that another node can go on with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.tables import Json, Time

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SCHEMA = "telephony"


def upgrade() -> None:
    create_tenant_table(
        op, SCHEMA, "dialogs",
        sa.Column("leg_id", sa.Text, primary_key=True),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("kept", Json, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("update_time", Time, nullable=False),
        sa.Index("dialogs_by_call", "tenant_id", "call_id"),
    )  # fmt: skip
