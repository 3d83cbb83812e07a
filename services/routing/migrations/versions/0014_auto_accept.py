"""Offers that are accepted by themselves: whose, and of which queues."""

import sqlalchemy as sa
from alembic import op

revision = "routing_0014"
down_revision = "routing_0013"


def upgrade() -> None:
    """Agents answer as they did."""
    for table in ("queues", "agents", "offers"):
        column = sa.Column("auto_accept", sa.Boolean, nullable=False, server_default=sa.false())
        op.add_column(table, column, schema="routing")
