"""Contacts know how they came about, what they go on from, and the one agent they may be for."""

import sqlalchemy as sa
from alembic import op

revision = "routing_0004"
down_revision = "routing_0003"


def upgrade() -> None:
    """Contacts of before came in, each for whoever serves its queue."""
    for name, default in (
        ("kind", "INBOUND"),
        ("previous_contact_id", ""),
        ("target_agent_id", ""),
        ("consulting_agent_id", ""),
    ):
        column = sa.Column(name, sa.Text, nullable=False, server_default=default)
        op.add_column("contacts", column, schema="routing")
