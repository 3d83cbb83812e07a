"""When a desk phone said last where it is: which of its places is the likeliest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.tables import Time

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("register_time", Time, nullable=False, server_default=sa.func.now())
    op.add_column("device_bindings", column, schema="telephony")
