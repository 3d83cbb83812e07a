"""The trial service's tables."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_platform_table, create_standard_tables, create_tenant_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    create_standard_tables(op, "trial")
    create_tenant_table(
        op, "trial", "queues",
        sa.Column("queue_id", sa.Text, primary_key=True),
        sa.Column("waiting", sa.BigInteger, nullable=False),
        sa.Index("queues_by_waiting", "tenant_id", "waiting"),
    )  # fmt: skip
    create_platform_table(op, "trial", "plans", sa.Column("plan_id", sa.Text, primary_key=True))
