"""Contacts and callbacks ask for skills by an expression, too."""

import sqlalchemy as sa
from alembic import op

revision = "routing_0013"
down_revision = "routing_0012"


def upgrade() -> None:
    """What waits already asks for what it did."""
    for table in ("contacts", "callbacks"):
        op.add_column(table, sa.Column("requirement", sa.Text, nullable=False, server_default=""), schema="routing")
