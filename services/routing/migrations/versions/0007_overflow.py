"""Hours know a country's holidays; queues go by hours and say where contacts go that they can't serve."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "routing_0007"
down_revision = "routing_0006"


def upgrade() -> None:
    """Queues of before are always open, and keep what waits in them."""
    added = (
        ("business_hours", "calendar", JSONB, "{}"),
        ("queues", "business_hours_id", sa.Text, ""), ("queues", "overflow", JSONB, "{}"),
        ("contacts", "overflows", JSONB, "[]"), ("contacts", "leave_reason", sa.Text, ""),
    )  # fmt: skip
    for table, name, kind, default in added:
        op.add_column(table, sa.Column(name, kind, nullable=False, server_default=default), schema="routing")
