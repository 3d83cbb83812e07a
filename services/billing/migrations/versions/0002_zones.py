"""The time zone a tenant changed to."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_tenant_table

revision = "billing_0002"
down_revision = "billing_0001"
SCHEMA = "billing"


def upgrade() -> None:
    create_tenant_table(
        op, SCHEMA, "zones",
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("tenant_version", sa.BigInteger, nullable=False),
    )  # fmt: skip
