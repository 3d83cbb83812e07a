"""A call keeps its brand's rules, and a parked one who parked it and until when it waits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.tables import Json, Time

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SCHEMA = "telephony"


def upgrade() -> None:
    op.add_column("calls", sa.Column("rules", Json, nullable=False, server_default="{}"), schema=SCHEMA)
    op.add_column("park_codes", sa.Column("agent_id", sa.Text, nullable=False, server_default=""), schema=SCHEMA)
    # Calls that are parked already wait without end, as they did.
    op.add_column("park_codes", sa.Column("deadline_time", Time), schema=SCHEMA)
