"""The plan a tenant holds: what it has."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.sql import Json, Time

revision = "routing_0002"
down_revision = "0001"
SCHEMA = "routing"


def upgrade() -> None:
    create_tenant_table(
        op, SCHEMA, "plans",
        sa.Column("plan_id", sa.Text, nullable=False),
        sa.Column("features", Json, nullable=False),
        sa.Column("lowest_plan_ids", Json, nullable=False),
        sa.Column("effective_time", Time, nullable=False),
    )  # fmt: skip
