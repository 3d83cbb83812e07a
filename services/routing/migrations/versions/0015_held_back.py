"""Whom a tenant's board holds back, and for what."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.sql import Json, Time

revision = "routing_0015"
down_revision = "routing_0014"


def upgrade() -> None:
    """Nobody is, until a board says so."""
    create_tenant_table(
        op, "routing", "held_back",
        sa.Column("agents", Json, nullable=False),
        sa.Column("expire_time", Time, nullable=False),
    )  # fmt: skip
