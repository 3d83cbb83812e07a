"""A call remembers the flow that goes on after its last agent, after whom it did, and for how long."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.tables import Json

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

SCHEMA = "telephony"


def upgrade() -> None:
    op.add_column("calls", sa.Column("kept_run_id", sa.Text, nullable=False, server_default=""), schema=SCHEMA)
    op.add_column("calls", sa.Column("served", Json, nullable=False, server_default="{}"), schema=SCHEMA)
    for table in ("calls", "cdrs"):
        column = sa.Column("after_agent", sa.Interval, nullable=False, server_default="0")
        op.add_column(table, column, schema=SCHEMA)
