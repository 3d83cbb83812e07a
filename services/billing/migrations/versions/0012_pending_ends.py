"""When a subscription will end, as was asked for: nothing is charged in advance for what comes after. And when each
zone was heard of."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table
from chassis.sql import Time

revision = "billing_0012"
down_revision = "billing_0011"
SCHEMA = "billing"


def upgrade() -> None:
    op.add_column("subscription_versions", sa.Column("ends_time", Time), schema=SCHEMA)
    create_tenant_table(
        op, SCHEMA, "zone_changes",
        sa.Column("tenant_version", sa.BigInteger, primary_key=True),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("record_time", Time, nullable=False),
    )  # fmt: skip
