"""Until when a node that drains waits for its calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.tables import Time

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("nodes", sa.Column("drain_deadline_time", Time), schema="telephony")
