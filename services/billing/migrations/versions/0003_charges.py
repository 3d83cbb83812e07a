"""Usage events beside calls, what is kept of them by day, subscriptions, meters, coupons and taxes."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_platform_table, create_tenant_table
from chassis.sql import Json, Time

revision = "billing_0003"
down_revision = "billing_0002"
SCHEMA = "billing"
LONG_AGO = sa.text("'1970-01-01 00:00:00+00'")


def _heard(table: str) -> None:
    op.add_column(table, sa.Column("record_time", Time, nullable=False, server_default=LONG_AGO), schema=SCHEMA)


def upgrade() -> None:
    for table in ("plans_held", "level_changes", "usage_records"):
        _heard(table)
    op.add_column("plans_held", sa.Column("fee", sa.Numeric, nullable=False, server_default="0"), schema=SCHEMA)
    op.add_column("plans_held", sa.Column("interval", sa.Text, nullable=False, server_default="month"), schema=SCHEMA)
    op.add_column("plans_held", sa.Column("minimum", sa.Numeric), schema=SCHEMA)
    op.add_column("usage_records", sa.Column("quantity", sa.Numeric, nullable=False, server_default="0"), schema=SCHEMA)
    op.add_column("usage_records", sa.Column("properties", Json, nullable=False, server_default="{}"), schema=SCHEMA)
    # Whatever it counts for, an id of a source is there once, for ever.
    key = "PRIMARY KEY (tenant_id, source, source_id)"
    named = "CONSTRAINT usage_records_pkey"
    op.execute(f"ALTER TABLE {SCHEMA}.usage_records DROP {named}, ADD {named} {key}")
    create_tenant_table(
        op, SCHEMA, "usage_days",
        sa.Column("meter", sa.Text, primary_key=True),
        sa.Column("day", Time, primary_key=True),
        sa.Column("properties", sa.Text, primary_key=True),
        sa.Column("record_count", sa.BigInteger, nullable=False),
        sa.Column("total", sa.Numeric, nullable=False),
        sa.Column("most", sa.Numeric, nullable=False),
        sa.Column("latest_time", Time, nullable=False),
        sa.Column("latest_key", sa.Text, nullable=False),
        sa.Column("latest", sa.Numeric, nullable=False),
        sa.Column("moment", sa.Numeric, nullable=False),
        sa.Column("used_seconds", sa.BigInteger, nullable=False),
        sa.Column("billed_seconds", sa.BigInteger, nullable=False),
        sa.Column("record_time", Time, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "usage_values",
        sa.Column("meter", sa.Text, primary_key=True),
        sa.Column("day", Time, primary_key=True),
        sa.Column("properties", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "subscription_versions",
        sa.Column("version", sa.BigInteger, primary_key=True),
        sa.Column("change_time", Time, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("anchor_time", Time, nullable=False),
        sa.Column("trial_end_time", Time),
        sa.Column("stop_time", Time),
        sa.Column("add_ons", Json, nullable=False),
        sa.Column("record_time", Time, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "redemptions",
        sa.Column("coupon_id", sa.Text, primary_key=True),
        sa.Column("redeem_time", Time, nullable=False),
        sa.Column("record_time", Time, nullable=False),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "tax_data",
        sa.Column("version", sa.BigInteger, primary_key=True),
        sa.Column("region", sa.Text, nullable=False),
        sa.Column("treatment", sa.Text, nullable=False),
        sa.Column("tax_id", sa.Text, nullable=False),
        sa.Column("record_time", Time, nullable=False),
    )  # fmt: skip
    create_platform_table(
        op, SCHEMA, "meters",
        sa.Column("meter", sa.Text, primary_key=True),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("aggregation", sa.Text, nullable=False),
        sa.Column("recurring", sa.Boolean, nullable=False),
        sa.Column("unique_property", sa.Text, nullable=False),
        sa.Column("group_by", Json, nullable=False),
        sa.Column("tax_code", sa.Text, nullable=False),
        sa.Column("names", Json, nullable=False),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )  # fmt: skip
    create_platform_table(
        op, SCHEMA, "coupons",
        sa.Column("coupon_id", sa.Text, primary_key=True),
        sa.Column("code", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("frequency", sa.Text, nullable=False),
        sa.Column("percent", sa.Numeric, nullable=False),
        sa.Column("amount", sa.Numeric, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("periods", sa.BigInteger, nullable=False),
        sa.Column("rates", Json, nullable=False),
        sa.Column("redeem_until", Time),
        sa.Column("max_redemptions", sa.BigInteger, nullable=False),
        sa.Column("redemption_count", sa.BigInteger, nullable=False),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("create_time", Time, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )  # fmt: skip
    create_platform_table(
        op, SCHEMA, "tax_rates",
        sa.Column("tax_rate_id", sa.Text, primary_key=True),
        sa.Column("tax_code", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("region", sa.Text, nullable=False),
        sa.Column("percent", sa.Numeric, nullable=False),
        sa.Column("included", sa.Boolean, nullable=False),
        sa.Column("start_time", Time, nullable=False),
        sa.Column("end_time", Time),
        sa.Column("line_codes", Json, nullable=False),
        sa.Column("create_time", Time, nullable=False),
    )  # fmt: skip
