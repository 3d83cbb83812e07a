"""Callbacks, and what came of them by the interval they were asked for in."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.sql import Time

revision = "analytics_0004"
down_revision = "analytics_0003"
SCHEMA = "analytics"


def upgrade() -> None:
    """Callbacks of before are counted from their next fact on."""
    create_tenant_table(
        op, SCHEMA, "callbacks",
        sa.Column("callback_id", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("queue_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("request_time", Time, nullable=False),
        sa.Index("callbacks_by_time", "tenant_id", "request_time"),
    )  # fmt: skip
    for name in ("requested", "reached", "given_up", "cancelled"):
        counter = sa.Column(f"callbacks_{name}", sa.BigInteger, nullable=False, server_default="0")
        op.add_column("queue_intervals", counter, schema=SCHEMA)
