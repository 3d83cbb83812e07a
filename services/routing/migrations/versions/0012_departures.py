"""How a contact stood when it left its queue unanswered."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.sql import Json, Time

revision = "routing_0012"
down_revision = "routing_0011"


def upgrade() -> None:
    """Of contacts that left before nobody knows."""
    create_tenant_table(
        op, "routing", "departures",
        sa.Column("contact_id", sa.Text, primary_key=True),
        sa.Column("seen", Json, nullable=False),
        sa.Column("create_time", Time, nullable=False),
    )  # fmt: skip
