"""A call, and its detail record, remember how long no node vouched for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("calls", "cdrs"):
        column = sa.Column("unheard", sa.Interval, nullable=False, server_default="0")
        op.add_column(table, column, schema="telephony")
