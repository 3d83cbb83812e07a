"""A leg, and a call's detail record, tell who answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("legs", "cdrs"):
        for column in (
            sa.Column("answered_by", sa.Text, nullable=False, server_default=""),
            sa.Column("detection", sa.Interval, nullable=False, server_default="0"),
        ):
            op.add_column(table, column, schema="telephony")
