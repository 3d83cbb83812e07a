"""Queues say how they choose; contacts and agents know what that goes by; decisions say what was asked for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "routing_0006"
down_revision = "routing_0005"


def upgrade() -> None:
    """Queues of before choose as they did; what agents did in a shift under way isn't known."""
    added = (
        ("queues", "rules", JSONB, "{}"), ("queues", "watches_wait", sa.Boolean, "false"),
        ("agents", "shift_contacts", sa.Integer, "0"), ("agents", "shift_talk_ms", sa.BigInteger, "0"),
        ("agents", "cost", sa.Integer, "0"),
        ("contacts", "preferred_agent_id", sa.Text, ""), ("contacts", "preferred_wait_ms", sa.BigInteger, "0"),
        ("contacts", "fired_steps", sa.BigInteger, "0"),
        ("decisions", "requirement", sa.Text, ""), ("decisions", "steps", JSONB, "[]"),
    )  # fmt: skip
    for table, name, kind, default in added:
        op.add_column(table, sa.Column(name, kind, nullable=False, server_default=default), schema="routing")
    op.add_column("agents", sa.Column("last_offer_time", sa.DateTime(timezone=True)), schema="routing")
