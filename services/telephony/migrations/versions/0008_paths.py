"""A desk phone's binding keeps the way back through an edge."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.tables import Json

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("path", Json, nullable=False, server_default="[]")
    op.add_column("device_bindings", column, schema="telephony")
