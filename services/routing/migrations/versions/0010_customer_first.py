"""Callbacks that ring the customer first, and the offers their agents are kept for."""

import sqlalchemy as sa
from alembic import op
from chassis.sql import Time

revision = "routing_0010"
down_revision = "routing_0009"
SCHEMA = "routing"


def upgrade() -> None:
    """Offers of before ring, and callbacks of before ring the agent first."""
    for table, name in (("offers", "kept"), ("callbacks", "customer_first")):
        op.add_column(table, sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false()), schema=SCHEMA)
    op.add_column("callbacks", sa.Column("answer_time", Time), schema=SCHEMA)
