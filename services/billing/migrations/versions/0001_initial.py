"""Plans held, what lasts, and usage records."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_standard_tables, create_tenant_table
from chassis.sql import Json, Time

revision = "billing_0001"
down_revision = None
SCHEMA = "billing"


def upgrade() -> None:
    create_standard_tables(op, SCHEMA)
    create_tenant_table(
        op, SCHEMA, "plans_held",
        sa.Column("effective_time", Time, primary_key=True),
        sa.Column("fact_time", Time, primary_key=True),
        sa.Column("plan_id", sa.Text, nullable=False),
        sa.Column("plan_version", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("rates", Json, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "level_changes",
        sa.Column("meter", sa.Text, primary_key=True),
        sa.Column("item_id", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("change_time", Time, nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.Index("level_changes_by_time", "tenant_id", "change_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "usage_records",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("source_id", sa.Text, primary_key=True),
        sa.Column("meter", sa.Text, primary_key=True),
        sa.Column("usage_record_id", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("usage_time", Time, nullable=False),
        sa.Column("used_seconds", sa.BigInteger, nullable=False),
        sa.Column("billed_seconds", sa.BigInteger, nullable=False),
        sa.Column("plan_id", sa.Text, nullable=False),
        sa.Column("plan_version", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("price", sa.Numeric, nullable=False),
        sa.Column("brand_id", sa.Text, nullable=False),
        sa.Index("usage_by_time", "tenant_id", "usage_time", "usage_record_id"),
    )  # fmt: skip
