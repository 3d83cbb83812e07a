"""The time zone of telephones' hours, when they begin or end next, and how often they did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.tables import Time

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("time_zone", sa.Text, nullable=False, server_default=""),
        sa.Column("turn_time", Time),
        sa.Column("turns", sa.BigInteger, nullable=False, server_default="0"),
    ):
        op.add_column("find_me", column, schema="telephony")
